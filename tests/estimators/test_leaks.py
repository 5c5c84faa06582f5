"""Hundreds of fits in one process leave nothing behind."""

import gc
import mmap
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from mtlearn import Partial
from mtlearn.exceptions import InvalidDataError
from mtlearn.networks import MLP
from tiny_problems import image_estimator, make_images, make_table, table_estimator

PROCESS = Path("/proc/self")
# Memory allocators keep a page here and there. X is so large that a hundred copies,
# or networks, would be far more than this.
FEW_MEGABYTES = 8 * 2**20


def fit_table(tmp_path):
    _, y = make_table()
    X = np.random.default_rng(0).normal(size=(40, 2000))
    backbone = Partial(MLP, hidden=(4,))
    estimator = table_estimator(backbone=backbone, max_epochs=2, early_stopping=True)
    estimator.fit(X, y).partial_fit(X, y).predict(X)


def fit_mapped_images(tmp_path):
    """Fit images in a file, which a thread reads ahead."""
    X, y = make_images(size=24, n_channels=3)
    path = tmp_path / "X.npy"
    if not path.exists():
        np.save(path, X)
    X = np.load(path, mmap_mode="r")
    image_estimator(max_epochs=1, averaging="ema").fit(X, y).predict(X)


def fail(tmp_path):
    """Fail in the second batch of the first epoch."""
    X, y = make_images(size=24, n_channels=3)
    X = X.astype(np.float64)
    X[-1] = 1e300
    with pytest.raises(InvalidDataError, match="values too large"):
        image_estimator(max_epochs=1, batch_size=12).fit(X, y)


def count():
    """Return what is alive: modules, threads, and on Linux files and memory."""
    gc.collect()
    # By type: isinstance would ask some objects for attributes that they make up.
    modules = sum(issubclass(type(each), nn.Module) for each in gc.get_objects())
    found = {"modules": modules, "threads": threading.active_count()}
    if PROCESS.exists():
        found["files"] = len(os.listdir(PROCESS / "fd"))
        pages = int((PROCESS / "statm").read_text().split()[1])
        found["memory"] = pages * os.sysconf("SC_PAGE_SIZE")
    return found


# Two hundred good fits and a hundred that fail: fewer could hide a small leak behind
# the allocator's pages. On a busy machine a hundred take more than five seconds.
@pytest.mark.parametrize("work", [fit_table, fit_mapped_images, fail])
def test_a_hundred_times(work, tmp_path):
    for _ in range(20):  # what is made once, such as caches of torch
        work(tmp_path)
    before = count()
    for _ in range(100):
        work(tmp_path)
    after = count()
    allowed = {**before, "memory": before.get("memory", 0) + FEW_MEGABYTES}
    assert {name: n for name, n in after.items() if n > allowed[name]} == {}


class Keeps:
    """Does nothing but what a leak does."""

    def __init__(self, make):
        self.make = make
        self.kept = []

    def __call__(self, tmp_path):
        self.kept.append(self.make(tmp_path))


def fresh_pages(tmp_path):
    """Return memory that no allocator had before."""
    pages = mmap.mmap(-1, 2**18)
    pages.write(b"1" * 2**18)
    return pages


LEAKS = {
    "modules": lambda tmp_path: nn.Linear(1, 1),
    "files": lambda tmp_path: (tmp_path / "file").open("w"),
    "memory": fresh_pages,
}


@pytest.mark.skipif(not PROCESS.exists(), reason="only Linux lists files and memory")
@pytest.mark.parametrize("name", LEAKS)
def test_the_measure_sees_a_leak(name, tmp_path):
    work = Keeps(LEAKS[name])
    with pytest.raises(AssertionError, match=name):
        test_a_hundred_times(work, tmp_path)
    for each in work.kept:
        getattr(each, "close", list)()
