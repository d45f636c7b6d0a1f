"""Runs sim_drainage and EPA SWMM 5.2 on the same .inp files and compares them.

    python3 -m venv venv && venv/bin/pip install swmm-toolkit numpy
    cargo build --release -p sim_drainage --example inp
    venv/bin/python tools/compare/drainage/compare.py [FILE.inp ...] [--ours PATH_OF_EXAMPLE] [--keep DIR]

Without files it takes every case of the folder `cases`. Per file it prints the least and the flow-weighted Nash-Sutcliffe
efficiency (NSE) of node depths, and what left the network by either side, relative to the inflow.

NSE of a node whose depth varies by less than a centimetre says nothing and is left out (counted as `still`).
"""

import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FOOT = 0.3048
US = {"CFS": FOOT**3, "GPM": 3.785411784e-3 / 60, "MGD": 3785.411784 / 86400}
SI = {"CMS": 1.0, "LPS": 1e-3, "MLD": 1000 / 86400}


def ours(binary, inp, out, step):
    done = subprocess.run([binary, inp, out, str(step)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip())
    account = {k: float(v) for k, v in (line.split() for line in done.stdout.splitlines())}
    return account, table(out / "nodes.csv"), table(out / "links.csv")


def table(path):
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    return rows[0][1:], np.array(rows[1:], float)


def swmm(inp, folder):
    """Depths (m), flows (m3/s), account (m3) and times (s) of SWMM's own binary output."""
    from swmm.toolkit import output, shared_enum as e, solver

    rpt, out = str(folder / "swmm.rpt"), str(folder / "swmm.out")
    account = run_quietly(solver, str(inp), rpt, out)
    h = output.init()
    output.open(h, out)
    counts = output.get_proj_size(h)
    n_nodes, n_links = counts[1], counts[2]
    units = output.get_units(h)
    flow = {0: US["CFS"], 1: US["GPM"], 2: US["MGD"], 3: SI["CMS"], 4: SI["LPS"], 5: SI["MLD"]}[units[1]]
    length = FOOT if units[1] < 3 else 1.0
    step = output.get_times(h, e.Time.REPORT_STEP)
    periods = output.get_times(h, e.Time.NUM_PERIODS)
    name = lambda kind, k: output.get_elem_name(h, kind, k)
    depth = {
        name(e.ElementType.NODE, k): np.array(
            output.get_node_series(h, k, e.NodeAttribute.INVERT_DEPTH, 0, periods - 1)) * length
        for k in range(n_nodes)
    }
    rate = {
        name(e.ElementType.LINK, k): np.array(
            output.get_link_series(h, k, e.LinkAttribute.FLOW_RATE, 0, periods - 1)) * flow
        for k in range(n_links)
    }
    output.close(h)
    cubic = FOOT**3 if units[1] < 3 else 1.0
    for key in ("in", "out", "flood"):
        account[key] *= cubic
    return step, periods, depth, rate, account


def run_quietly(solver, *paths):
    """Runs SWMM and returns its account in its own cubic unit. SWMM prints its progress from C; that is sent away."""
    sys.stdout.flush()
    saved, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        solver.swmm_open(*paths)
        solver.swmm_start(True)
        while solver.swmm_step() > 0:
            pass
        t = solver.system_get_routing_totals()
        account = {
            "in": t.dwInflow + t.wwInflow + t.exInflow, "out": t.outflow, "flood": t.flooding, "error_percent": t.pctError,
        }
        solver.swmm_end()
        solver.swmm_close()
        return account
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)


def nse(a, b):
    return 1.0 - np.sum((a - b) ** 2) / np.sum((b - b.mean()) ** 2)


def compare(binary, inp, keep):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(keep) / inp.stem if keep else pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        step, periods, depth, rate, theirs = swmm(inp, folder)
        account, (names, nodes), (link_names, links) = ours(binary, inp, folder, step)
    # SWMM's first record lies one report step after the start.
    n = min(periods, len(nodes) - 1)
    scores, still = {}, 0
    for k, name in enumerate(names):
        a, b = nodes[1 : n + 1, k + 1], depth[name][:n]
        if b.max() - b.min() < 0.01:
            still += 1
        else:
            scores[name] = nse(a, b)
    flows = {m: nse(links[1 : n + 1, k + 1], rate[m][:n]) for k, m in enumerate(link_names)
             if np.ptp(rate[m][:n]) > 1e-3}
    inflow = account["lateral_in_m3"] + account["outfall_in_m3"]
    left = account["outfall_out_m3"] + account["flooded_m3"]
    left_swmm = theirs["out"] + theirs["flood"]
    print(f"{inp.stem:<14} nodes {len(scores):>3} (still {still})  NSE depth: least {min(scores.values()):8.5f} "
          f"({min(scores, key=scores.get)}) mean {np.mean(list(scores.values())):8.5f}  flow least "
          f"{min(flows.values()):8.5f} ({min(flows, key=flows.get)})")
    print(f"{'':<14} volume that left, ours {left:12.2f}  SWMM {left_swmm:12.2f} m3, difference "
          f"{100 * (left - left_swmm) / max(inflow, 1e-9):+.4f} % of the inflow; spilt {account['flooded_m3']:.2f} / "
          f"{theirs['flood']:.2f}; SWMM continuity {theirs['error_percent']:+.3f} %, ours {account['relative_error']:.1e}; "
          f"steps {account['steps']:.0f}, {account['wall_s']:.3f} s")
    return scores, flows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--ours", default=target / "release" / "examples" / "inp")
    parser.add_argument("--keep", help="folder that keeps the outputs of both")
    parser.add_argument("--verbose", action="store_true", help="NSE of every node and link")
    args = parser.parse_args()
    for inp in args.files or sorted((HERE / "cases").glob("*.inp")):
        scores, flows = compare(args.ours, inp.resolve(), args.keep)
        if args.verbose:
            for name, value in sorted((scores | flows).items(), key=lambda x: x[1]):
                print(f"    {name:<16} {value:.5f}")


if __name__ == "__main__":
    main()
