"""Batches by indexing whole arrays."""

import numpy as np
import pytest
import torch

from mtlearn.data import Batches, Labels, Samples, to_labels
from mtlearn.data._batches import batch_slices
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import EncodedTargets


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def labels_of(n_samples):
    numbers = torch.arange(n_samples)
    return Labels((numbers, numbers.double()), (numbers.double(), numbers.double()))


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "at_least", "sizes"),
    [
        (10, 5, 1, [5, 5]),
        (10, 4, 1, [4, 4, 2]),
        (3, 10, 1, [3]),
        (1, 10, 2, [1]),
        (9, 4, 1, [4, 4, 1]),
        (9, 4, 2, [4, 5]),
        (10, 4, 3, [4, 6]),
    ],
)
def test_slices(n_rows, batch_size, at_least, sizes):
    slices = batch_slices(n_rows, batch_size, at_least)
    assert [part.stop - part.start for part in slices] == sizes
    rows = [row for part in slices for row in range(n_rows)[part]]
    assert rows == list(range(n_rows))


def test_order_is_kept_without_a_generator():
    X = np.arange(14.0).reshape(7, 2)
    batches = Batches(Samples(X, labels_of(7)), 3, torch.float64)
    assert len(batches) == 3
    inputs, picked = zip(*batches, strict=True)
    np.testing.assert_array_equal(torch.cat(inputs), X)
    np.testing.assert_array_equal(torch.cat([p.values[0] for p in picked]), range(7))


def test_a_generator_draws_a_new_order_each_pass():
    X = np.arange(50.0)[:, None]
    batches = Batches(Samples(X, labels_of(50)), 20, torch.float64, generator())
    passes = []
    for _ in range(2):
        inputs, picked = zip(*batches, strict=True)
        rows = torch.cat(inputs)[:, 0]
        # Labels and weights belong to the row that they stand beside.
        assert rows.equal(torch.cat([p.values[0] for p in picked]).double())
        assert rows.equal(torch.cat([p.values[1] for p in picked]))
        assert rows.equal(torch.cat([p.weights[0] for p in picked]))
        np.testing.assert_array_equal(np.sort(rows), range(50))
        passes.append(rows)
    assert not passes[0].equal(passes[1])


def test_the_generator_alone_decides():
    X = np.arange(50.0)[:, None]
    samples = Samples(X, labels_of(50))
    first, second = (
        torch.cat([x for x, _ in Batches(samples, 20, torch.float64, generator(3))])
        for _ in range(2)
    )
    assert first.equal(second)


def test_selected_rows():
    X = np.arange(20.0).reshape(10, 2)
    rows = np.array([7, 2, 5])
    samples = Samples(X, labels_of(3), rows)
    assert len(samples) == 3
    inputs = torch.cat([x for x, _ in Batches(samples, 2, torch.float64)])
    np.testing.assert_array_equal(inputs, X[rows])


def test_images_come_channels_first_in_the_right_type():
    X = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3), dtype=np.uint8)
    ((inputs, none),) = Batches(Samples(X), 10, torch.float32)
    assert none is None
    assert inputs.shape == (4, 3, 5, 6)
    assert inputs.dtype == torch.float32
    np.testing.assert_array_equal(inputs, X.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_batch_is_a_copy(dtype):
    X = np.ones((4, 2), dtype=dtype)
    ((inputs, _),) = Batches(Samples(X), 10, getattr(torch, dtype))
    inputs.zero_()
    assert X.all()


def test_values_beyond_float32():
    X = np.array([[1.0], [1e300]])
    with pytest.raises(InvalidDataError, match=r"too large for torch\.float32"):
        list(Batches(Samples(X), 10, torch.float32))
    ((inputs, _),) = Batches(Samples(X), 10, torch.float64)
    assert inputs[1, 0] == 1e300


def test_labels_are_tensors_of_the_right_type():
    targets = EncodedTargets(
        (np.array([2, 0]), np.array([0.5, 0.0])),
        (np.array([1.0, 0.0]), np.array([1.0, 2.0])),
    )
    labels = to_labels(targets, torch.float32, torch.device("cpu"))
    assert [value.dtype for value in labels.values] == [torch.int64, torch.float32]
    assert labels.weights[0].dtype == torch.float32
    np.testing.assert_array_equal(labels.weights[0], targets.weights[0])
