"""Images on disk: how fast they are read, and what an epoch and a fit take.

Reads: JPEGs of 500 x 375 pixels, the middle of which becomes 224 x 224, by ImageFiles,
by decoders that two threads call by hand, and by torch's DataLoader with two processes
over Pillow. Epochs: one of a small network on these images in an array, in a warm
cache, and decoded as it goes. Memory: a fit from files of 224 x 224, in a process of
its own, above what it had before torch and mtlearn were imported; the network keeps
next to nothing, so that what is read shows. Beside it, what one step by hand takes, of
the same network on a batch of zeros, with scikit-learn and torch's optimiser.
"""

import argparse
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks._options import Option, names
from benchmarks._process import call_in_process
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread

SIZE = 224
FEW = 64
FIT_BATCH = 8  # each batch of these, in float32, takes 4.8 MB
PARTS = ("reads", "epochs", "memory")
OPTIONS = (
    Option("parts", (), (), "of reads, epochs and memory", names),
    Option("files", 2000, 24, "how many are read"),
    Option("fitted", 5000, 40, "how many the fit of the memory is from"),
    Option("rounds", 5, 1, "of each comparison"),
    Option("workers", 2, 2, "threads, or processes of the DataLoader"),
)


def read_clocks(files: list[str], workers: int) -> dict:
    """Return each way of reading all files."""
    from benchmarks import _photographs as by_hand
    from mtlearn.data import ImageFiles

    X = ImageFiles(files, size=SIZE, n_workers=workers)
    decoders = {
        "Pillow, resized by torch": by_hand.with_pillow,
        "Pillow alone": by_hand.with_pillow_alone,
    }
    if find_spec("cv2") is not None:
        decoders["OpenCV, resized by torch"] = by_hand.with_opencv

    def in_batches() -> None:
        for start in range(0, len(X), by_hand.BATCH):
            X.read(slice(start, start + by_hand.BATCH))

    ways = {
        "simplejpeg, resized by torch": partial(
            by_hand.in_threads, by_hand.with_simplejpeg, files, SIZE, workers
        ),
        "ImageFiles": X.read,
        "ImageFiles, batches of 32": in_batches,
        "DataLoader over Pillow": partial(by_hand.by_data_loader, files, SIZE, workers),
        **{
            name: partial(by_hand.in_threads, read, files, SIZE, workers)
            for name, read in decoders.items()
        },
    }
    return {name: clock(act) for name, act in ways.items()}


def measure_reads(
    files: list[str], options: argparse.Namespace, report: Report
) -> None:
    """Print how long all files take by each way."""
    clocks = read_clocks(files, options.workers)
    if options.rounds > 1:
        interleave(clocks, 1)  # to warm up
    seconds = interleave(clocks, options.rounds)
    report.line(
        f"Reads of {len(files):,} JPEGs, {options.workers} workers, {options.rounds} "
        "rounds\n"
    )
    _compare(
        seconds, ("simplejpeg, resized by torch", "DataLoader over Pillow"), report
    )


def _compare(seconds: dict, references: tuple[str, ...], report: Report) -> None:
    rows = []
    for name, each in seconds.items():
        found = [ratios(seconds, name, reference) for reference in references]
        cells = [
            f"{each.median:.3f} ({each.low:.3f}-{each.high:.3f})" for each in found
        ]
        rows.append([name, f"{spread(each).median:.2f}", *cells])
    report.table(["", "median s", *(f"of {name}" for name in references)], rows)


def make_estimator(backbone):
    """Return an estimator with a network that has little to compute."""
    from mtlearn import Classification, MultiTaskImageEstimator

    return MultiTaskImageEstimator(
        Classification(4),
        backbone=backbone,
        max_epochs=1,
        device="cpu",
        random_state=0,
    )


def measure_epochs(
    files: list[str], folder: Path, options: argparse.Namespace, report: Report
) -> None:
    """Print how long an epoch takes from an array, a cache and the files."""
    from mtlearn import Partial
    from mtlearn.data import ImageFiles
    from mtlearn.networks import ResNet

    small = Partial(ResNet, widths=(4, 8), n_blocks=1, n_features=8)
    make = partial(ImageFiles, files, size=SIZE, n_workers=options.workers)
    cached = make(cache=folder / "cache")
    contents = {"an array": make().read(), "a warm cache": cached, "files": make()}
    cached.read([0])
    y = np.arange(len(files)) % 4
    clocks = {}
    for name, X in contents.items():
        estimator = make_estimator(small).fit(X[:FEW], y[:FEW])
        clocks[name] = clock(partial(estimator.partial_fit, X, y))
    seconds = interleave(clocks, options.rounds)
    report.line(f"An epoch over {len(files):,} images, {options.rounds} rounds\n")
    _compare(seconds, ("an array",), report)


def fit_memory(files: list[str], workers: int, threads: int | None) -> dict[str, int]:
    """Return the bytes of this process at most, and before, in a fit from files."""
    from benchmarks.memory import PeakWatch, anonymous_bytes

    start = anonymous_bytes()
    import torch

    from benchmarks._photographs import Glance
    from mtlearn.data import ImageFiles

    if threads is not None:
        torch.set_num_threads(threads)
    X, y = ImageFiles(files, size=SIZE, n_workers=workers), np.arange(len(files)) % 4
    estimator = make_estimator(Glance).set_params(batch_size=FIT_BATCH)
    imported = anonymous_bytes()
    with PeakWatch() as watch:
        estimator.fit(X, y)
    return {"imports": imported - start, "fit": watch.peak - start}


def step_memory(threads: int | None) -> dict[str, int]:
    """Return the same of a step that torch takes by hand, without a file."""
    from benchmarks.memory import PeakWatch, anonymous_bytes

    start = anonymous_bytes()
    import torch

    from benchmarks._photographs import Glance

    if threads is not None:
        torch.set_num_threads(threads)
    imported = anonymous_bytes()
    with PeakWatch() as watch:
        network = Glance(in_channels=3)
        optimizer = torch.optim.AdamW(network.parameters(), fused=True)
        network(torch.zeros(FIT_BATCH, 3, SIZE, SIZE)).sum().backward()
        optimizer.step()
    return {"imports": imported - start, "fit": watch.peak - start}


def measure_memory(
    files: list[str], options: argparse.Namespace, report: Report
) -> None:
    """Print what a fit takes, with and without the imports."""
    found = {
        "a step by hand": call_in_process(
            "benchmarks.files:step_memory", options.threads
        )
    }
    for each in (files[:FEW], files):
        found[f"{len(each):,} files"] = call_in_process(
            "benchmarks.files:fit_memory", each, options.workers, options.threads
        )
    report.line(
        f"A fit from files in batches of {FIT_BATCH}, MB above the start of the "
        "interpreter\n"
    )
    report.table(
        ["", "after the imports", "at most in the fit"],
        [
            [name, *(f"{each / 1e6:.0f}" for each in sizes.values())]
            for name, sizes in found.items()
        ],
    )


def run(options: argparse.Namespace, report: Report) -> None:
    """Write the files, and measure the parts."""
    import torch

    from benchmarks._photographs import write_jpegs
    from benchmarks.memory import NO_PROC, STATUS

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    parts = options.parts or PARTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report.progress("writing files")
        files = write_jpegs(folder, options.files)
        if "reads" in parts:
            report.progress("reads")
            measure_reads(files, options, report)
        if "epochs" in parts:
            report.progress("epochs")
            measure_epochs(files, folder, options, report)
        if "memory" in parts and STATUS.exists():
            repeated = -(-options.fitted // len(files)) * files
            measure_memory(repeated[: options.fitted], options, report)
        elif "memory" in parts:
            report.line(NO_PROC)
