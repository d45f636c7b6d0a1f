#!/usr/bin/env python3
"""Cell-steps per CPU-second and accuracy of sim_flood and of peers that pip provides, on one piece of work.

    python3.11 -m venv v && v/bin/pip install anuga==4.1.0 landlab==2.11.0 "requireit<0.3" scipy
    python3.12 -m venv w && w/bin/pip install itzi-core==0.8.0
    cargo build --release -p sim_flood --example dambreak
    v/bin/python tools/compare/flood/speed.py BINARY [N]; w/bin/python tools/compare/flood/speed.py BINARY [N]

Work: a dam break in a flat frictionless basin of 1000 x 1000 m with closed edges, 2.0 m on the west half and 0.5 m on the
east, N x N cells (default 512; for ANUGA as many triangles), 20 s simulated, one thread. CPU-seconds are user + system
time of the time loop (sim_flood: of the whole process). Accuracy: relL1(h) against Stoker's exact solution with the
code's own gravity; the waves have not reached the walls. A peer that is not installed is skipped with a line.
"""
import math
import os
import resource
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
SIDE, HL, HR, T_S = 1000.0, 2.0, 0.5, 20.0


def exact_depth(x, g):
    """Stoker 1957, Water waves, section 10.8; x from the dam."""
    low, high = HR, HL
    for _ in range(200):
        h = 0.5 * (low + high)
        fan = 2 * (math.sqrt(g * HL) - math.sqrt(g * h))
        shock = (h - HR) * math.sqrt(0.5 * g * (1 / h + 1 / HR))
        low, high = (h, high) if shock < fan else (low, h)
    u = 2 * (math.sqrt(g * HL) - math.sqrt(g * h))
    cl, c, s = math.sqrt(g * HL), math.sqrt(g * h), x / T_S
    if s < -cl:
        return HL
    if s < u - c:
        return (2 * cl - s) ** 2 / (9 * g)
    return h if s < h * u / (h - HR) else HR


def rel_l1(xs, depths, g):
    truth = [exact_depth(x - SIDE / 2, g) for x in xs]
    return sum(abs(h - e) for h, e in zip(depths, truth)) / sum(truth)


def row(code, cells, steps, cpu, error):
    rate = cells * steps / cpu / 1e6
    print(f"{code:<34} {cells:>8} cells {steps:>6} steps {cpu:>8.2f} CPU-s {rate:>8.1f} M cell-steps/CPU-s   relL1(h) {error:.5f}",
          flush=True)


def ours(binary, n):
    for precision in ("f32", "f64"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([binary, precision, str(n), str(T_S)], check=True, capture_output=True, text=True,
                             env={**os.environ, "RAYON_NUM_THREADS": "1"}).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines = out.split("\n")
        steps, gravity = int(lines[0].split()[0]), float(lines[0].split()[1])
        profile = [tuple(map(float, line.split())) for line in lines[1:] if line]
        row(f"sim_flood {precision}, 2nd order", n * n, steps, cpu,
            rel_l1([p[0] for p in profile], [p[1] for p in profile], gravity))


def anuga_row(n, algorithm):
    try:
        import anuga
    except ImportError:
        print("# ANUGA is not installed: skipped")
        return
    domain = anuga.rectangular_cross_domain(n // 2, n // 2, len1=SIDE, len2=SIDE)
    domain.set_flow_algorithm(algorithm)
    domain.set_store(False)
    domain.set_quantity("elevation", 0.0)
    domain.set_quantity("friction", 0.0)
    domain.set_quantity("stage", lambda x, y: (x < SIDE / 2) * HL + (x >= SIDE / 2) * HR, location="centroids")
    wall = anuga.Reflective_boundary(domain)
    domain.set_boundary({side: wall for side in ("left", "right", "top", "bottom")})
    start, steps = time.process_time(), 0
    for _ in domain.evolve(yieldstep=T_S, finaltime=T_S):
        # Counted from the last yield on, the first of which is at time 0.
        steps += domain.number_of_steps
    cpu = time.process_time() - start
    xs = domain.get_centroid_coordinates(absolute=True)[:, 0]
    row(f"ANUGA {anuga.__version__} {algorithm}, triangles", len(xs), steps, cpu,
        rel_l1(xs, domain.quantities["stage"].centroid_values, anuga.g))


def landlab_row(n):
    try:
        import landlab
        from landlab import RasterModelGrid
        from landlab.components import OverlandFlow
    except ImportError as e:
        print(f"# landlab is not installed: skipped ({e})")
        return
    dx = SIDE / n
    grid = RasterModelGrid((n, n), xy_spacing=dx)
    grid.set_closed_boundaries_at_grid_edges(True, True, True, True)
    grid.add_zeros("topographic__elevation", at="node")
    depth = grid.add_zeros("surface_water__depth", at="node")
    depth[:] = HL * (grid.x_of_node + 0.5 * dx < SIDE / 2) + HR * (grid.x_of_node + 0.5 * dx >= SIDE / 2)
    flow = OverlandFlow(grid, mannings_n=1e-6, steep_slopes=False)
    start, t, steps = time.process_time(), 0.0, 0
    while t < T_S:
        dt = min(flow.calc_time_step(), T_S - t)
        flow.overland_flow(dt=dt)
        t, steps = t + dt, steps + 1
    cpu = time.process_time() - start
    middle = slice(n // 2 * n + 1, n // 2 * n + n - 1)
    row(f"landlab {landlab.__version__} OverlandFlow, inertial", n * n, steps, cpu,
        rel_l1(grid.x_of_node[middle] + 0.5 * dx, grid.at_node["surface_water__depth"][middle], 9.8))


def itzi_row(n):
    try:
        import numpy as np
        from datetime import datetime, timedelta
        from importlib.metadata import version
        import itzi_core as ic
    except ImportError:
        print("# itzi-core is not installed: skipped")
        return
    start, span = datetime(2000, 1, 1), timedelta(seconds=T_S)
    config = ic.SimulationConfig(
        start_time=start, end_time=start + span, record_step=span, temporal_type=ic.TemporalType.RELATIVE,
        input_map_names={}, output_map_names={}, surface_flow_parameters=ic.SurfaceFlowParameters())
    domain = ic.DomainData(north=SIDE, south=0.0, east=SIDE, west=0.0, rows=n, cols=n, crs_wkt="")
    mask = np.zeros((n, n), dtype=bool)
    sim = ic.SimulationBuilder(config, mask).with_domain_data(domain).build()
    x = (np.arange(n) + 0.5) * SIDE / n
    sim.set_array("ground_elevation", np.zeros((n, n), dtype=np.float32))
    sim.set_array("friction", np.full((n, n), 1e-4, dtype=np.float32))
    sim.set_array("water_depth", np.tile(np.where(x < SIDE / 2, HL, HR).astype(np.float32), (n, 1)))
    sim.initialize()
    begun, steps = time.process_time(), 0
    while sim.sim_time < start + span:
        sim.update()
        steps += 1
    cpu = time.process_time() - begun
    row(f"itzi-core {version('itzi-core')} f32, inertial", n * n, steps, cpu,
        rel_l1(x, sim.get_array("water_depth")[n // 2], 9.80665))


def main():
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    ours(sys.argv[1], n)
    anuga_row(n, "DE0")
    anuga_row(n, "DE1")
    landlab_row(n)
    itzi_row(n)


if __name__ == "__main__":
    main()
