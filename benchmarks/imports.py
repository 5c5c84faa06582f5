"""Time of `import mtlearn` beside the import of torch, skorch and scikit-learn.

Fresh interpreters in turn; the whole time of each process counts.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable

from benchmarks._options import Option
from benchmarks._report import Report
from benchmarks._timing import clock, interleave

OPTIONS = (Option("repeats", 11, 1, "rounds, of a process each"),)
STATEMENTS = ("import mtlearn", "import torch, skorch, sklearn")


def process(statement: str) -> Callable[[], object]:
    """Return what runs a statement in a fresh interpreter."""
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True)


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure both and print their ratio."""
    clocks = {statement: clock(process(statement)) for statement in STATEMENTS}
    for timed in clocks.values():
        timed()  # so that all files are in the system's cache
    seconds = interleave(clocks, options.repeats)
    mtlearn, others = STATEMENTS
    report.seconds(seconds, others)
    report.ratio(seconds, mtlearn, others)
