"""Training on a GPU: images a second, and how much of the time it waits for launches.

The reference network in batches of several sizes: loops by hand, one of which is a
whole step captured as a CUDA graph, beside whole calls of mtlearn's `fit`. What
torch.compile makes comes last, for as long as there is time: it takes half a minute and
more by itself. GPU time is that of the profiler, of a few steps, over the seconds of a
step without it. `--device cpu` shows that the command runs, and measures no GPU.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np
import torch

from benchmarks._gpu_loops import Loop, by_graph, by_hand, by_mtlearn
from benchmarks._launches import Work, work_a_step
from benchmarks._options import Option, names
from benchmarks._problem import Problem, choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread

OPTIONS = (
    Option("device", "cuda", "cuda", "where to train", str),
    Option("sizes", ("32", "256", "1024"), ("8", "16"), "batch sizes", names),
    Option("rows", 8192, 64, "to train on; some come twice"),
    Option("repeats", 3, 1, "rounds, after one to warm up"),
    Option("seconds", 3600, 3600, "after which no other contender is begun"),
    Option("only", (), (), "contenders by parts of their names", names),
)
GRAPHS = {"mode": "reduce-overhead", "dynamic": False}
REFERENCE = "hand bfloat16"
Make = Callable[[np.ndarray, np.ndarray, Problem, str], Loop]
PLAIN: dict[str, Make] = {
    "hand float32": partial(by_hand, channels_last=False),
    "hand float32 channels-last": by_hand,
    REFERENCE: partial(by_hand, bfloat16=True),
    "hand bfloat16, waits for each loss": partial(by_hand, bfloat16=True, waits=True),
    "hand bfloat16 CUDA graph": partial(by_graph, bfloat16=True),
    "mtlearn float32": partial(by_mtlearn, precision="float32"),
    "mtlearn default": by_mtlearn,
}
COMPILED: dict[str, Make] = {
    REFERENCE: PLAIN[REFERENCE],
    "hand bfloat16 reduce-overhead": partial(
        by_hand, bfloat16=True, mode="reduce-overhead"
    ),
    "mtlearn reduce-overhead": partial(by_mtlearn, compile=GRAPHS),
    "hand bfloat16 compiled": partial(by_hand, bfloat16=True, mode="default"),
}
# About so many steps are timed at once; fewer of those that take long.
STEPS = {32: 256, 256: 128}
FEWEST_STEPS = 64
PROFILED_STEPS = 8
NO_GPU = (
    "There is no CUDA device. 'python -m benchmarks gpu --device cpu --quick' shows "
    "that the command runs."
)


def describe(device: str) -> str:
    """Say what the GPU is, and how torch multiplies float32 numbers there."""
    if device == "cpu":
        return "device    the processor: a rehearsal, and no figure of a GPU"
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    words = ["yes" if each else "no" for each in tf32]
    return (
        f"device    {torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, "
        f"cuDNN {torch.backends.cudnn.version()}; TF32 in matrix products {words[0]}, "
        f"in convolutions {words[1]}"
    )


def left_out(name: str, device: str) -> str | None:
    """Say why a contender is not measured; None if it is."""
    if device == "cpu" and "graph" in name:
        return "a processor has no CUDA graphs"
    if device == "cpu" and ("compiled" in name or "overhead" in name):
        return "compiling for a processor says nothing of a GPU"
    return None


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


class Part:
    """Contenders that take turns with batches of one size.

    Parameters
    ----------
    options : Namespace
        Of the command.
    problem : Problem
        With the size of the batches.
    data : tuple of (ndarray, ndarray)
        X and y.
    report : Report
        What is left out is said there.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        problem: Problem,
        data: tuple[np.ndarray, np.ndarray],
        report: Report,
    ) -> None:
        self.options, self.problem = options, problem
        self.data, self.report = data, report
        size, self.n_rows = problem.batch_size, len(data[0])
        steps = 1 if options.quick else STEPS.get(size, FEWEST_STEPS)
        self.epochs = max(1, steps * size // self.n_rows)
        self.n_images = self.epochs * self.n_rows

    def begin(self, makers: Mapping[str, Make], until: float) -> dict[str, Loop]:
        """Make contenders and let each run once, as long as there is time."""
        loops: dict[str, Loop] = {}
        for name, make in makers.items():
            if self.options.only and not any(
                part in name for part in self.options.only
            ):
                continue
            reason = left_out(name, self.options.device)
            if reason is None and perf_counter() > until:
                reason = "the time was up"
            if reason is None:
                self.report.progress(f"{self.problem.batch_size}: {name}")
                reason = self._try(loops, name, make)
            if reason is not None:
                self.report.line(f"{name}: left out, {reason}")
        return loops

    def _try(self, loops: dict[str, Loop], name: str, make: Make) -> str | None:
        """Add a contender; return what is wrong with it, which ends no other one."""
        try:
            loop = make(*self.data, self.problem, self.options.device)
            loop.run(self.n_rows, self.epochs)
            loop.run(self.problem.batch_size, 1)  # not all fail at the first run
        except Exception as error:
            return _in_short(error)
        loops[name] = loop
        return None

    def measure(self, makers: Mapping[str, Make], until: float) -> None:
        """Measure contenders in turn, and print a table."""
        loops = self.begin(makers, until)
        losses: dict[str, float] = {}

        def timed(name: str) -> Callable[[], float]:
            def act() -> None:
                losses[name] = loops[name].run(self.n_rows, self.epochs)

            return clock(act)

        seconds = interleave(
            {name: timed(name) for name in loops}, self.options.repeats
        )
        header = [
            f"batches of {self.problem.batch_size}",
            "images a second",
            "ms a step",
            "GPU waits, %",
            "launches a step",
            f"/ {REFERENCE}",
            "loss",
        ]
        self.report.table(
            header,
            [self._row(name, loops[name], seconds, losses[name]) for name in loops],
        )

    def _row(
        self, name: str, loop: Loop, seconds: Mapping[str, Sequence[float]], loss: float
    ) -> list[str]:
        found = spread(seconds[name])
        step = found.median * self.problem.batch_size / self.n_images
        both = ratios(seconds, name, REFERENCE)
        work = self._work(loop)
        return [
            name,
            f"{self.n_images / found.median:,.0f}",
            f"{1e3 * step:.3f}",
            "-" if work is None else f"{100 * (1 - work.busy / step):.1f}",
            "-" if work is None else f"{work.launches}",
            "-" if both is None else f"{both.median:.3f}",
            f"{loss:.3f}",
        ]

    def _work(self, loop: Loop) -> Work | None:
        if self.options.device == "cpu":
            return None
        steps = min(PROFILED_STEPS, self.n_rows // self.problem.batch_size)
        try:
            return work_a_step(loop.run, steps * self.problem.batch_size, steps)
        except Exception as error:  # what was timed is not lost by it
            self.report.line(f"not profiled: {_in_short(error)}")
            return None


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure all contenders with every size of batches."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.device != "cpu" and not torch.cuda.is_available():
        raise SystemExit(NO_GPU)
    sizes = [int(size) for size in options.sizes]
    if any(options.rows % size for size in sizes):
        raise SystemExit(f"--rows must be a multiple of each of {sizes}.")
    until = perf_counter() + options.seconds
    report.line(describe(options.device))
    problem = choose(options.quick)
    X, y = make_data(problem)
    rows = np.arange(options.rows) % len(X)
    data = X[rows], y[rows]
    report.line(f"{options.rows:,} images {X.shape[1:]}\n")
    for makers in (PLAIN, COMPILED):
        for size in sizes:
            part = Part(options, replace(problem, batch_size=size), data, report)
            part.measure(makers, until)
