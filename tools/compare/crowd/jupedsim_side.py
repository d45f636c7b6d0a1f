"""JuPedSim 1.4.2 on the corridor and bottleneck of engine/sim_crowd/examples/compare.rs, one line per case.

    python3 -m venv venv && venv/bin/pip install jupedsim==1.4.2
    venv/bin/python tools/compare/crowd/jupedsim_side.py corridor 0.5 1.5 3.0
    venv/bin/python tools/compare/crowd/jupedsim_side.py bottleneck 0.9 1.2 1.6 2.5 --tuned

Model: CollisionFreeSpeedModel with its defaults (radius 0.2 m, time gap 1 s), --tuned: 0.15 m and 0.7 s. Time step 0.01 s.
CPU seconds are those of the iterations alone (process_time), start-up not counted. Best of --repeat runs.
"""
import argparse, math, time
import jupedsim as jps
import shapely

DT = 0.01


def agents_on_lattice(rho, length, width):
    step = 1.0 / math.sqrt(rho)
    rows = max(1, int((width - 0.4) / step) + 1)
    gap = (width - 0.4) / rows
    columns = int(rho * length * width / rows)
    return [((i + 0.5) * length / columns, 0.2 + (j + 0.5) * gap) for i in range(columns) for j in range(rows)]


def corridor(rho, a):
    length, width = 60.0, 4.0
    sim = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=[(0, 0), (70, 0), (70, width), (0, width)], dt=DT)
    exit_id = sim.add_exit_stage([(69, 0), (70, 0), (70, width), (69, width)])
    journey = sim.add_journey(jps.JourneyDescription([exit_id]))
    for p in agents_on_lattice(rho, length, width):
        sim.add_agent(jps.CollisionFreeSpeedModelAgentParameters(
            journey_id=journey, stage_id=exit_id, position=p, desired_speed=1.34, radius=a.radius, time_gap=a.gap))
    cpu, steps, before, rhos, speeds = 0.0, 0, {}, [], []
    every = int(0.5 / DT)
    for k in range(int(20.0 / DT)):
        steps += sim.agent_count()
        t = time.process_time()
        sim.iterate()
        cpu += time.process_time() - t
        if (k + 1) % every == 0:
            now = {g.id: g.position for g in sim.agents()}
            if (k + 1) * DT > 8.0:
                inside = [i for i, p in now.items() if 27 <= p[0] <= 33 and i in before]
                rhos.append(len(inside) / (6 * width))
                speeds += [math.dist(now[i], before[i]) / 0.5 for i in inside]
            before = now
    v = sum(speeds) / max(1, len(speeds))
    return f"corridor rho {rho}: measured rho {sum(rhos)/len(rhos):.3f} v {v:.3f} m/s", steps, cpu


def bottleneck(b, a, people=150):
    h = b / 2
    ring = [(-8, -4), (0, -4), (0, -h), (2, -h), (2, -4), (8, -4), (8, 4), (2, 4), (2, h), (0, h), (0, 4), (-8, 4)]
    sim = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=ring, dt=DT)
    exit_id = sim.add_exit_stage([(7.5, -4), (8, -4), (8, 4), (7.5, 4)])
    journey = sim.add_journey(jps.JourneyDescription([exit_id]))
    places = jps.distribute_by_number(polygon=shapely.Polygon([(-8, -4), (0, -4), (0, 4), (-8, 4)]), number_of_agents=people,
                                      distance_to_agents=0.4, distance_to_polygon=0.2, seed=a.seed)
    for p in places:
        sim.add_agent(jps.CollisionFreeSpeedModelAgentParameters(
            journey_id=journey, stage_id=exit_id, position=p, desired_speed=1.34, radius=a.radius, time_gap=a.gap))
    cpu, steps, through, times = 0.0, 0, set(), []
    while len(times) < people and sim.elapsed_time() < 400 and cpu < 60:
        steps += sim.agent_count()
        t = time.process_time()
        sim.iterate()
        cpu += time.process_time() - t
        for g in sim.agents():
            if g.position[0] > 0 and g.id not in through:
                through.add(g.id)
                times.append(sim.elapsed_time())
    lo, hi = people // 5, people * 4 // 5
    flow = (hi - lo) / (times[hi] - times[lo]) if len(times) > hi else math.nan
    return f"bottleneck {b} m: J {flow:.2f}/s, {len(times)} of {people} through at {sim.elapsed_time():.0f} s", steps, cpu


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("case", choices=["corridor", "bottleneck"])
    p.add_argument("values", nargs="+", type=float)
    p.add_argument("--tuned", action="store_true")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    a.radius, a.gap = (0.15, 0.7) if a.tuned else (0.2, 1.0)
    for value in a.values:
        run = corridor if a.case == "corridor" else bottleneck
        results = [run(value, a) for _ in range(a.repeat)]
        text, steps, cpu = min(results, key=lambda r: r[2])
        print(f"JuPedSim {jps.__version__} {text}: {steps} agent-steps in {cpu:.3f} CPU s = {steps / cpu:.3g} per CPU s", flush=True)


if __name__ == "__main__":
    main()
