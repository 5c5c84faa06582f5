"""The memory of training and prediction is that of batches, not of X."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.helper import SliceDataset
from torch.utils.data import Dataset

from mtlearn import SeedEnsemble
from tiny_problems import image_estimator, table_estimator

SHAPE = (2500, 128, 128)  # 41 MB
BATCH = 16
# One batch computes, the one before is about to go, the next is prepared: as float32,
# and there are the bytes that it is cast from. So four batches of float32 are enough,
# with half a megabyte for labels and all else.
BOUND = 4 * BATCH * 4 * SHAPE[1] * SHAPE[2] + 2**19
CHUNK = 500


class Brightness(torch.nn.Module):
    """The mean of all pixels, and a layer: nearly no work."""

    def __init__(self, in_channels):
        super().__init__()
        self.linear = torch.nn.Linear(in_channels, 4)

    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3)) / 128 - 1)


class Files(Dataset):
    """Images of a file, with labels; each item is read when it is asked for."""

    def __init__(self, path, y):
        self.images = np.load(path, mmap_mode="r")
        self.y = y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, number):
        return np.array(self.images[number]), self.y[number]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Write light and dark images to a file."""
    path = tmp_path_factory.mktemp("images") / "X.npy"
    X = np.lib.format.open_memmap(path, "w+", np.uint8, SHAPE)
    light = np.random.default_rng(0).integers(60, 200, len(X))
    X[:] = light[:, None, None]
    X[:, ::2] -= 20
    X.flush()
    make().fit(X[:BATCH], np.zeros((BATCH, 2)))  # loads what a first fit loads
    return path


@pytest.fixture(scope="module")
def y(path):
    light = np.load(path, mmap_mode="r")[:, 1, 0].astype(float)
    return np.column_stack([light > 130, light])


def make(**params):
    # Fewer steps and a higher rate: it is so small a problem.
    defaults = {"backbone": Brightness, "max_epochs": 1, "batch_size": BATCH}
    return image_estimator(**{**defaults, "lr": 0.02, "device": "cpu", **params})


@contextmanager
def little_memory(bound=BOUND):
    """Fail where numpy takes more, which is a small part of X."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bound


def test_the_bound_is_a_small_part_of_X(path, y):
    assert np.prod(SHAPE) > 8 * BOUND
    with pytest.raises(AssertionError, match="assert"), little_memory():
        make().fit(np.load(path), y)


OPENERS = {
    "a file": lambda path, y: (np.load(path, mmap_mode="r"), y),
    "a dataset": lambda path, y: (Files(path, y), None),
    "slices": lambda path, y: (SliceDataset(Files(path, y)), y),
}


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}], ids=str)
def test_fit_predict_and_score(path, y, opener, options):
    X, labels = opener(path, y)
    with little_memory():
        estimator = make(**options).fit(X, labels)
    with little_memory():
        predicted = estimator.predict(X)
    with little_memory():
        score = estimator.score(X, labels)
    whole = np.load(path)
    assert score == estimator.score(whole, y)
    np.testing.assert_array_equal(predicted, estimator.predict(whole))


def test_a_search_and_an_ensemble(path, y):
    dataset = SliceDataset(Files(path, y))
    with little_memory():
        GridSearchCV(make(), {"lr": [0.02]}, cv=2, error_score="raise").fit(dataset, y)
    with little_memory():
        SeedEnsemble(make(), 2, bootstrap=True, random_state=0).fit(dataset, y)


def test_chunks_of_a_file(path, y):
    X = np.load(path, mmap_mode="r")
    estimator = make()
    with little_memory():
        for _ in range(2):
            for start in range(0, len(X), CHUNK):
                rows = slice(start, start + CHUNK)
                estimator.partial_fit(X[rows], y[rows])
    assert estimator.n_iter_ == 2 * len(X) // CHUNK
    assert estimator.score(X, y) > 0.8  # 0.25 would be chance


def test_chunks_in_files(path, y, tmp_path):
    X = np.load(path, mmap_mode="r")
    for start in range(0, len(X), CHUNK):
        rows = slice(start, start + CHUNK)
        np.savez(tmp_path / f"{start:05}.npz", X=X[rows], y=y[rows])
    estimator = make()
    # One chunk in memory, as bytes, and batches of it.
    with little_memory(CHUNK * SHAPE[1] * SHAPE[2] + BOUND):
        for _ in range(2):
            for file in sorted(tmp_path.glob("*.npz")):
                with np.load(file) as chunk:
                    estimator.partial_fit(chunk["X"], chunk["y"])
    assert estimator.score(X, y) > 0.8


def test_rows_of_a_table(tmp_path):
    shape, batch = (4000, 1000), 20
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, shape)
    X[:] = np.random.default_rng(0).normal(size=shape)
    X.flush()
    y = np.column_stack([X[:, 0] > 0, X[:, 1]]).astype(float)
    dataset = Files(tmp_path / "X.npy", y)
    estimator = table_estimator(batch_size=batch, max_epochs=1)
    # As float64, which an array of a table becomes as a whole: 32 MB.
    with little_memory(4 * batch * shape[1] * 8 + 2**19):
        estimator.fit(dataset)
    with little_memory():  # 65 rows at a time
        predicted = estimator.predict(dataset)
    np.testing.assert_array_equal(predicted, estimator.predict(X))
