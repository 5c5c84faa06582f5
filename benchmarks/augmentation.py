"""Augmentation: what one batch costs, for each change and for mixing.

First 32 images (32, 32) with one channel, then 32 images (64, 64) and (224, 224) with
three, all in float32. The last size has a tenth of the rounds, and kornia beside it
where that is installed. Colours do nothing to one channel. Nothing is trained.
"""

import argparse
from collections.abc import Callable

import torch

from benchmarks import _kornia
from benchmarks._options import Option
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, spread
from mtlearn.augmentation import (
    Augmentation,
    CutMix,
    MixUp,
    RandAugment,
    TrivialAugment,
    get_augmentation,
)

OPTIONS = (Option("repeats", 300, 2, "rounds, of a batch each"),)
PHOTOGRAPHS = (32, 3, 224, 224)
SHAPES = ((32, 1, 32, 32), (32, 3, 64, 64), PHOTOGRAPHS)
CHANGES: dict[str, Callable[[torch.Tensor, torch.Generator], object]] = {
    "flip and affine": Augmentation(flip="horizontal", translate=0.05, rotate=18.0),
    "standard": get_augmentation("standard"),
    "light": get_augmentation("light"),
    "flip": Augmentation(flip="horizontal"),
    "crop": Augmentation(crop=4),
    "resized crop": Augmentation(resized_crop=(0.08, 1.0)),
    "blur": Augmentation(blur=1.0),
    "brightness": Augmentation(brightness=0.2),
    "contrast": Augmentation(contrast=0.2),
    "gamma": Augmentation(gamma=0.2),
    "saturation": Augmentation(saturation=0.3),
    "hue": Augmentation(hue=0.1),
    "greyscale": Augmentation(greyscale=0.2),
    "colours": Augmentation(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    "TrivialAugment": TrivialAugment(),
    "RandAugment": RandAugment(),
    "noise": Augmentation(noise=0.1),
    "cutout": Augmentation(cutout=0.25),
    "MixUp": MixUp(),
    "CutMix": CutMix(),
}


def measure(shape: tuple[int, ...], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each change of a batch, in each round."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=generator)
    clocks = {
        name: clock(lambda change=change: change(x, generator))
        for name, change in CHANGES.items()
    }
    if shape == PHOTOGRAPHS and _kornia.is_installed():
        for name, other in _kornia.changes(*shape[2:]).items():
            clocks[f"kornia: {name}"] = clock(lambda other=other: other(x))
    interleave(clocks, min(repeats, 10))  # to warm up
    return interleave(clocks, repeats)


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure all changes and print a table for each size of images."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    for shape in SHAPES:
        repeats = options.repeats
        if shape == PHOTOGRAPHS:
            repeats = max(1, repeats // 10)
        measured = measure(shape, repeats)
        rows = []
        for name, seconds in measured.items():
            found = spread(seconds)
            cells = (found.median, found.low, found.high)
            rows.append([name, *(f"{1e3 * cell:.3f}" for cell in cells)])
        report.line(f"A batch {shape}, {repeats} rounds\n")
        report.table(["", "median ms", "min ms", "max ms"], rows)
        for name in CHANGES:
            if (other := f"kornia: {name}") in measured:
                report.ratio(measured, other, name)
    if not _kornia.is_installed():
        report.line(_kornia.MISSING)
