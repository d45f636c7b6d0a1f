#!/usr/bin/env python3
"""Error against CPU time on Stoker's wet dam break (10 m to 1 m, 1000 m, frictionless, 25 s): sim_flood and ANUGA.

    python3 -m venv v && v/bin/pip install anuga==4.1.0
    cargo build --release -p sim_flood --example stoker
    v/bin/python tools/compare/flood/stoker.py [path to the example binary]

Both run on one thread; CPU seconds are user + system time of the child process (sim_flood, start-up included) or of the
time loop (ANUGA, start-up and imports excluded). relL1(h) is over all cells or triangles, against the exact solution
with the code's own gravity. Without ANUGA only sim_flood's rows are printed.
"""
import math
import os
import resource
import subprocess
import sys
import time

HL, HR, T_S = 10.0, 1.0, 25.0


def exact_depth(x, t, g):
    """Stoker 1957, Water waves, section 10.8."""
    low, high = HR, HL
    for _ in range(200):
        h = 0.5 * (low + high)
        fan = 2 * (math.sqrt(g * HL) - math.sqrt(g * h))
        shock = (h - HR) * math.sqrt(0.5 * g * (1 / h + 1 / HR))
        low, high = (h, high) if shock < fan else (low, h)
    u = 2 * (math.sqrt(g * HL) - math.sqrt(g * h))
    cl, c, s = math.sqrt(g * HL), math.sqrt(g * h), x / t
    if s < -cl:
        return HL
    if s < u - c:
        return (2 * cl - s) ** 2 / (9 * g)
    return h if s < h * u / (h - HR) else HR


def ours(binary):
    for dx in (4, 2, 1, 0.5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([binary, str(dx), "32", str(T_S)], check=True, capture_output=True, text=True,
                             env={**os.environ, "RAYON_NUM_THREADS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        row("sim_flood f32", f"{int(1000 / dx)} x 32 cells of {dx} m", float(out.stdout), cpu, 32 * dx)


def anuga_rows():
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        import anuga
    except ImportError:
        print("# ANUGA is not installed: skipped")
        return
    for n in (250, 500, 1000):
        width = 5000.0 / n
        domain = anuga.rectangular_cross_domain(n, 5, len1=1000.0, len2=width, origin=(-500.0, 0.0))
        domain.set_flow_algorithm("DE1")
        domain.set_store(False)
        domain.set_quantity("elevation", 0.0)
        domain.set_quantity("friction", 0.0)
        domain.set_quantity("stage", lambda x, y: (x < 0) * HL + (x >= 0) * HR, location="centroids")
        still = anuga.Reflective_boundary(domain)
        through = anuga.Transmissive_boundary(domain)
        domain.set_boundary({"left": through, "right": through, "top": still, "bottom": still})
        start = time.process_time()
        for _ in domain.evolve(yieldstep=T_S, finaltime=T_S):
            pass
        cpu = time.process_time() - start
        xs = domain.get_centroid_coordinates(absolute=True)[:, 0]
        hs = domain.quantities["stage"].centroid_values
        truth = [exact_depth(x, T_S, anuga.g) for x in xs]
        err = sum(abs(h - e) for h, e in zip(hs, truth)) / sum(truth)
        row("ANUGA 4.1.0 DE1", f"{4 * n * 5} triangles, {1000 / n:g} m", err, cpu, width)


def row(code, mesh, err, cpu, width_m):
    print(f"{code:<16} {mesh:<26} relL1(h) {err:.5f}   CPU {cpu:8.3f} s   per metre of width {cpu / width_m:8.4f} s", flush=True)


if __name__ == "__main__":
    ours(sys.argv[1] if len(sys.argv) > 1 else "target/release/examples/stoker")
    anuga_rows()
