#!/usr/bin/env bash
# The tests and the benchmark of a GPU, in less than ten minutes:
#
#     bash benchmarks/gpu.sh [folder of wheels]
#
# from the repository root. It writes gpu-tests.txt and gpu-training.txt to $OUT, else to
# benchmarks/results. Python is $PYTHON, else python3, and needs a torch that sees the
# GPU. mtlearn is taken from src and need not be installed.
#
# On a machine without a network, bring what is missing there as wheels, such as
#
#     python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 \
#         --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
#         --platform manylinux2014_x86_64 -d .whl skorch==1.4.0 scikit-learn==1.9.1
#
# and name the folder. They are installed into a folder of this run alone. mtlearn asks
# for torch 2.13; this script goes on with what there is, and prints it.
#
# DEVICE=cpu rehearses all of it where there is no GPU, and measures nothing of one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
device=${DEVICE:-cuda}
out=${OUT:-benchmarks/results}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
mkdir -p "$out"
# Seconds that each part may take.
tests=200
benchmark=360
compiled=240 # after which no other contender is begun

if [ $# -gt 0 ]; then
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --target "$site" "$1"/*.whl || exit 1
fi
# What says which version this is, as an installed package would.
"$python" - "$site" <<'END' || exit 1
import sys, tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
folder = Path(sys.argv[1], f"mtlearn-{project['version']}.dist-info")
folder.mkdir()
lines = ["Metadata-Version: 2.1", "Name: mtlearn", f"Version: {project['version']}", ""]
(folder / "METADATA").write_text("\n".join(lines), encoding="utf-8")
END
export PYTHONPATH="$PWD/src:$site${PYTHONPATH:+:$PYTHONPATH}"
export SCIPY_ARRAY_API=1 MPLBACKEND=Agg PYTHONUNBUFFERED=1

chosen=(-m gpu)
quick=()
if [ "$device" = cpu ]; then
    chosen=(-k "[cpu")
    quick=(--quick)
fi
# Warnings are no errors here: versions may be others than those that are tested.
timeout "$tests" "$python" -m pytest tests/gpu "${chosen[@]}" -q -W default \
    -p no:cacheprovider --durations=10 2>&1 | tee "$out/gpu-tests.txt"
passed=$?
timeout "$benchmark" "$python" -m benchmarks gpu --device "$device" \
    --seconds "$compiled" "${quick[@]}" | tee "$out/gpu-training.txt"
measured=$?
exit $((passed || measured))
