#!/usr/bin/env python3
"""Compares sim_fire with CFAST's expected results and quotes CFAST's speeds.

CFAST is Fortran and in no package registry, so it is not built here: its verification suite comes as expected values (NIST, public
domain; the bars of `sim_fire::verification`), and its speeds were measured once, see SPEEDS.

    SANDTABLE_SHARED=<folder with data/fire> python3 tools/compare/fire/compare.py

Needs cargo. Steckler's rooms are scored when the data are there.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
CARGO = ["cargo", "--quiet"]

# CFAST 8 (git, August 2026), gfortran 12.2, processor seconds for 600 s, 2-core EPYC (Zen 4) VM, one run, +-30 %.
# (growth, peak kW, rooms) -> (seconds, compiler flags)
SPEEDS = {
    ("medium", 300, 5): (0.85, "-O1, static locals"),
    ("medium", 300, 10): (6.6, "-O1, static locals"),
    ("medium", 300, 20): (11.5, "-O1, static locals"),
    ("fast", 1000, 5): (9.2, "official, -O0"),
    ("fast", 1000, 10): (28.7, "official, -O0"),
    ("fast", 1000, 20): (108.7, "official, -O0"),
}
# The same CFAST on NIST's 55 inputs: bias and scatter of the hot layer's rise, of the interface height.
STECKLER = {"hot layer's rise": (0.90, 0.14), "interface height": (1.25, 0.19)}

ROW = re.compile(r"^(pass|FAIL)  (\S+)\s+(.+?)\s+(-?[\d.]+e-?\d+|NaN) (<=|>=) (\S+)  \[(.*)\]$")


def rows():
    """Rows of the verification suite as (verdict, case, measure, value, sign, bound)."""
    test = CARGO + ["test", "--release", "-p", "sim_fire", "--test", "suite", "--", "--nocapture"]
    done = subprocess.run(test, cwd=ROOT, capture_output=True, text=True, check=False)
    found = [m.groups()[:6] for m in map(ROW.match, done.stdout.splitlines()) if m]
    if not found:
        sys.exit(done.stderr)
    return found


def chains():
    """Processor seconds of our chains of rooms."""
    run = CARGO + ["run", "--release", "-p", "sim_fire", "--example", "chains"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    if "SANDTABLE_SHARED" not in os.environ:
        print("SANDTABLE_SHARED is not set: Steckler's rooms are left out", file=sys.stderr)
    print("| verdict | case | measure | value | bound |\n|---|---|---|---|---|")
    for verdict, case, measure, value, sign, bound in rows():
        print(f"| {verdict} | {case} | {measure} | {float(value):.3g} | {sign} {float(bound):g} |")
    print("\nCFAST on Steckler's rooms (bias, σ of ln):", STECKLER)
    print("\n| fire | rooms | sim_fire, s | CFAST, s (flags) | ratio |\n|---|---|---|---|---|")
    for c in chains():
        theirs = SPEEDS.get((c["growth"], int(c["peak_kw"]), c["rooms"]))
        text = f"{theirs[0]} ({theirs[1]})" if theirs else "not run (cap 100 rooms)"
        ratio = f"{theirs[0] / c['cpu_s']:.0f}" if theirs and c["cpu_s"] > 0 else "-"
        print(f"| {c['growth']} to {c['peak_kw']:g} kW | {c['rooms']} | {c['cpu_s']:.3f} | {text} | {ratio} |")


if __name__ == "__main__":
    main()
