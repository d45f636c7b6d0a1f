"""RVO2 (ORCA) through pyrvo 0.4.3 on the open corridor of engine/sim_crowd/examples/compare.rs, one line per case.

    venv/bin/pip install pyrvo==0.4.3
    venv/bin/python tools/compare/crowd/pyrvo_side.py 0.5 1.5 3.0

Radius 0.2 m, 1.34 m/s, at most ten neighbours within 1.75 m, time horizons 1 s (others) and 0.5 s (walls), dt 0.05 s. People
walk along the corridor and are parked far away when they pass its end at 70 m. CPU seconds are those of `do_step` and of
setting the wanted velocities (process_time). Speed, density and least distance beside the speed: ORCA keeps no spacing law.
"""
import argparse, math, time
from importlib.metadata import version
import pyrvo

DT, V0, RADIUS, WIDTH, LENGTH = 0.05, 1.34, 0.2, 4.0, 60.0


def lattice(rho):
    rows = max(1, int((WIDTH - 0.4) * math.sqrt(rho)) + 1)
    gap = (WIDTH - 0.4) / rows
    columns = int(rho * LENGTH * WIDTH / rows)
    return [((i + 0.5) * LENGTH / columns, 0.2 + (j + 0.5) * gap) for i in range(columns) for j in range(rows)]


def corridor(rho):
    sim = pyrvo.RVOSimulator(DT, 1.75, 10, 1.0, 0.5, RADIUS, V0)
    for a, b in [((-5, 0), (80, 0)), ((80, WIDTH), (-5, WIDTH))]:
        sim.add_obstacle([a, b])
    sim.process_obstacles()
    inside = {sim.add_agent(p) for p in lattice(rho)}
    cpu, steps, before, rhos, speeds, nearest = 0.0, 0, {}, [], [], math.inf
    along = (V0, 0.0)
    for k in range(int(20.0 / DT)):
        steps += len(inside)
        t = time.process_time()
        for i in inside:
            sim.set_agent_pref_velocity(i, along)
        sim.do_step()
        cpu += time.process_time() - t
        at = {i: sim.get_agent_position(i) for i in inside}
        at = {i: (p.x, p.y) if not callable(p.x) else (p.x(), p.y()) for i, p in at.items()}
        for i in [i for i, p in at.items() if p[0] > 70.0]:
            inside.discard(i)
            sim.set_agent_position(i, (1e4 + 10 * i, 1e4))
            sim.set_agent_pref_velocity(i, (0.0, 0.0))
        if (k + 1) % 10 == 0:
            if (k + 1) * DT > 8.0:
                window = [i for i, p in at.items() if 27 <= p[0] <= 33 and i in before]
                rhos.append(len(window) / (6 * WIDTH))
                speeds += [math.dist(at[i], before[i]) / 0.5 for i in window]
                near = sorted(at[i] for i in window)
                nearest = min([nearest] + [math.dist(p, q) for a, p in enumerate(near) for q in near[a + 1:a + 30]])
            before = at
    v = sum(speeds) / max(1, len(speeds))
    return f"corridor rho {rho}: measured rho {sum(rhos) / len(rhos):.3f} v {v:.3f} m/s, nearest centres {nearest:.3f} m", steps, cpu


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("values", nargs="+", type=float)
    p.add_argument("--repeat", type=int, default=3)
    a = p.parse_args()
    for value in a.values:
        text, steps, cpu = min((corridor(value) for _ in range(a.repeat)), key=lambda r: r[2])
        print(f"pyrvo {version('pyrvo')} {text}: {steps} agent-steps in {cpu:.3f} CPU s = {steps / cpu:.3g} per CPU s", flush=True)


if __name__ == "__main__":
    main()
