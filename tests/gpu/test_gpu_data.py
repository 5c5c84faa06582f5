"""Rows that are kept on a GPU, and rows that are read batch by batch."""

import numpy as np
import pytest
import torch
from on_devices import SMALL, assert_alike, fit_on
from torch.utils.data import Dataset

from mtlearn.data import _inputs
from tiny_problems import image_estimator, make_images


def make(**params):
    return image_estimator(backbone=SMALL, precision="float64", **params)


class Items(Dataset):
    """Images one by one."""

    def __init__(self, X):
        self.X = X

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        return self.X[row]


@pytest.fixture
def kept(monkeypatch):
    """Note the copies of rows that are made on a device, by type."""
    copies = []
    load = _inputs.ResidentInputs._load

    def noting(inputs):
        copies.append(load(inputs))
        return copies[-1]

    monkeypatch.setattr(_inputs.ResidentInputs, "_load", noting)
    return copies


@pytest.fixture
def no_room(monkeypatch):
    """Let there be no free memory on a GPU."""
    return lambda: monkeypatch.setattr(_inputs, "free_memory", lambda device: 0)


def test_rows_that_fit_are_kept(device, keeps_rows, kept):
    X, y = make_images()
    fit_on(device, make(), X, y)
    assert [copy.device.type for copy in kept] == [device] * keeps_rows
    assert [tuple(copy.shape) for copy in kept] == [X.shape] * keeps_rows


def test_rows_that_do_not_fit_are_read_in_batches(device, kept, no_room):
    X, y = make_images()
    expected = fit_on(device, make(), X, y)
    kept.clear()
    no_room()
    found = fit_on(device, make(), X, y)
    assert kept == []
    assert_alike(found, expected, X, rtol=1e-9)


def test_bytes_stay_bytes(device, keeps_rows, kept):
    X, y = make_images()
    X = (255 * X).astype(np.uint8)
    found = fit_on(device, make(), X, y)
    assert [copy.dtype for copy in kept] == [torch.uint8] * keeps_rows
    expected = fit_on("cpu", make(), X, y)
    assert_alike(found, expected, X)


def test_validation_rows_are_kept_too(device, keeps_rows, kept):
    X, y = make_images()
    more = make_images(10, seed=1)
    found = fit_on(device, make(), X, y, X_val=more[0], y_val=more[1])
    assert sorted(map(len, kept)) == [10, 24] * keeps_rows
    expected = fit_on("cpu", make(), X, y, X_val=more[0], y_val=more[1])
    assert_alike(found, expected, X)


@pytest.mark.parametrize("room", [True, False])
def test_a_memory_map(device, tmp_path, no_room, room):
    X, y = make_images()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    if not room:
        no_room()
    found = fit_on(device, make(), mapped, y)
    assert_alike(found, fit_on("cpu", make(), X, y), mapped)


def test_a_dataset(device, kept):
    X, y = make_images()
    found = fit_on(device, make(), Items(X), y)
    assert kept == []
    assert_alike(found, fit_on("cpu", make(), X, y), Items(X))


def test_what_it_is_not_told_stays_where_it_is(device):
    X, y = make_images()
    before = X.copy(), y.copy()
    fit_on(device, make(augmentation="light"), torch.from_numpy(X), y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
