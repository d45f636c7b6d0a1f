#!/bin/sh
# Prints every comparison of this folder. Needs a Python environment with jupedsim==1.4.2 and pyrvo==0.4.3:
#   python3 -m venv VENV && VENV/bin/pip install jupedsim==1.4.2 pyrvo==0.4.3
#   tools/compare/crowd/run.sh VENV
set -eu
venv=${1:?usage: run.sh VENV}
here=$(dirname "$0")
date -u
uptime
cargo build --quiet --release -p sim_crowd --example compare --example levels
ours="cargo run --quiet --release -p sim_crowd --example compare --"
for rho in 0.5 1.5 3.0; do
    # By turns, so that a busy machine troubles all alike; every line is the best of its runs.
    for round in 1 2 3; do
        "$venv/bin/python" "$here/jupedsim_side.py" corridor "$rho" --repeat 2
        $ours corridor "$rho" "$rho" "$rho" "$rho" --jupedsim
    done
    "$venv/bin/python" "$here/pyrvo_side.py" "$rho" --repeat 3
    $ours corridor "$rho"
done
"$venv/bin/python" "$here/jupedsim_side.py" bottleneck 0.9 1.2 1.6 2.5 --repeat 1
"$venv/bin/python" "$here/jupedsim_side.py" bottleneck 0.9 1.2 1.6 2.5 --repeat 1 --tuned
$ours bottleneck 0.8 0.9 1.0 1.2 1.4 1.6 2.0 2.5
$ours speed 100000 1.5 --threads=1
$ours speed 100000 1.5 --threads=2
$ours square --threads=2
$ours network
cargo run --quiet --release -p sim_crowd --example levels 3
uptime
