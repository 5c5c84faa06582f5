"""Predictions that are written to arrays and files, batch by batch."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from skorch.helper import SliceDataset

from mtlearn import Classification, MultiLabel, Regression, Tasks
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import _inference
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import image_estimator, make_images, make_table, table_estimator

N_ROWS = 30


@pytest.fixture(autouse=True)
def _few_rows_at_a_time(monkeypatch):
    """Let a prediction of thirty rows take several batches."""
    monkeypatch.setattr(_inference, "_MOST_ROWS", 8)


@pytest.fixture(scope="module")
def table():
    X, y = make_table(N_ROWS)
    return table_estimator(max_epochs=1).fit(X, y), X


@pytest.fixture(scope="module")
def images():
    X, y = make_images(N_ROWS)
    return image_estimator(max_epochs=1).fit(X, y), X


def open_map(path, shape, dtype):
    return np.lib.format.open_memmap(path, "w+", dtype, shape)


def test_a_new_file(images, tmp_path):
    estimator, X = images
    expected = estimator.predict(X)
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)
    assert_array_equal(np.load(str(tmp_path / "labels.npy")), expected)
    assert [each.name for each in tmp_path.iterdir()] == ["labels.npy"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array(table, order):
    estimator, X = table
    out = np.full((N_ROWS, 2), -1.0, order=order)
    assert estimator.predict(X, out=out) is out
    assert_array_equal(out, estimator.predict(X))


def test_a_part_of_a_memory_map(images, tmp_path):
    estimator, X = images
    path = tmp_path / "all.npy"
    whole = open_map(path, (N_ROWS + 4, 5), np.float64)
    part = whole[2:-2, 1:3]
    assert estimator.predict(X, out=part) is part
    read = np.load(path)
    assert_array_equal(read[2:-2, 1:3], estimator.predict(X))
    read[2:-2, 1:3] = 0
    assert not read.any()


def test_probabilities_and_features(images, tmp_path):
    estimator, X = images
    expected = estimator.predict_proba(X)
    kind = np.zeros_like(expected[0])
    found = estimator.predict_proba(X, out=[kind, str(tmp_path / "size.npy")])
    assert found[0] is kind
    for each, own in zip(found, expected, strict=True):
        assert each.dtype == own.dtype
        assert_array_equal(each, own)
    features = estimator.embed(X, out=tmp_path / "features.npy")
    assert_array_equal(features, estimator.embed(X))
    assert features.dtype == np.float32


def test_views_of_a_task(table, tmp_path):
    estimator, X = table
    for name in ("kind", "size"):
        view = estimator.task(name)
        found = view.predict(X, out=tmp_path / f"{name}.npy")
        assert found.dtype == view.predict(X).dtype
        assert_array_equal(found, view.predict(X))
    labels = np.zeros(N_ROWS, np.uint8)
    view = estimator.task("kind")
    assert_array_equal(view.predict(X, out=labels), view.predict(X))
    chances = view.predict_proba(X, out=tmp_path / "chances.npy")
    assert_array_equal(chances, view.predict_proba(X))


@pytest.mark.parametrize("labels", [[3, 7], [False, True], ["no", "certainly"]])
def test_one_task(labels, tmp_path):
    X, y = make_table(N_ROWS)
    y = np.array(labels)[(y[:, 0] > 0).astype(int)]
    estimator = table_estimator(Classification(), max_epochs=1).fit(X, y)
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert found.dtype == y.dtype
    assert_array_equal(found, estimator.predict(X))
    chances = estimator.predict_proba(X, out=tmp_path / "chances.npy")
    assert_array_equal(chances, estimator.predict_proba(X))


def test_columns_of_a_frame(tmp_path):
    X, y = make_table(N_ROWS)
    y = pd.DataFrame({"kind": pd.array(y[:, 0].astype(int), dtype="Int64")}).assign(
        size=y[:, 1].astype(np.float32)
    )
    estimator = table_estimator(max_epochs=1).fit(X, y)
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert_array_equal(found, estimator.predict(X).to_numpy(float))


def test_datasets_and_wide_tables(table, tmp_path):
    estimator, X = table
    dataset = SliceDataset(list(zip(X, range(N_ROWS), strict=True)))
    found = estimator.predict(dataset, out=tmp_path / "labels.npy")
    assert_array_equal(found, estimator.predict(X))


def test_several_labels(tmp_path):
    X, _ = make_table(N_ROWS)
    tasks = Tasks(tags=MultiLabel(columns=[0, 1]), size=Regression(column=2))
    y = np.column_stack([X[:, :2] > 0, X[:, 2]])
    estimator = table_estimator(tasks, max_epochs=1).fit(X, y)
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert_array_equal(found, estimator.predict(X))
    view = estimator.task("tags")
    assert_array_equal(view.predict(X, out=tmp_path / "tags.npy"), view.predict(X))


def test_tasks_that_are_not_asked(tmp_path):
    X, y = make_table(N_ROWS)
    grade = (X[:, 3] > 0).astype(int)
    y = np.column_stack([y[:, 0], grade]).astype(int)
    when = Classification(when="kind == 1")
    estimator = table_estimator(Tasks(kind=Classification(), grade=when))
    estimator.set_params(max_epochs=20).fit(X, y)
    expected = estimator.predict(X)
    assert 0 < np.isnan(expected).sum() < N_ROWS
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert_array_equal(found, expected)
    small = np.zeros((N_ROWS, 2), np.float16)
    assert_array_equal(estimator.predict(X, out=small), expected)
    with pytest.raises(InvalidParameterError, match="the dtype int64, which does not"):
        estimator.predict(X, out=np.zeros((N_ROWS, 2), int))
    # All of them asked for in the rows of this batch: others may not be.
    alike = X[expected[:, 0] == 1][:3]
    found = estimator.predict(alike, out=tmp_path / "asked.npy")
    assert found.dtype == np.float64


@pytest.mark.filterwarnings("ignore:.*cannot be read")
@pytest.mark.parametrize("broken", [[0, 9, 10], []])
def test_images_that_are_skipped(broken, tmp_path):
    pictures = smooth_pictures(20, height=8, width=8)
    names = [tmp_path / name for name in write_pictures(tmp_path, pictures)]
    light = pictures.mean(axis=(1, 2, 3))
    y = (np.median(light) < light).astype(int)
    tasks = Tasks(kind=Classification())
    estimator = image_estimator(tasks, max_epochs=1, batch_size=4).fit(pictures, y)
    for each in broken:
        names[each].write_bytes(b"")
    X = ImageFiles(names, size=8, on_error="skip")
    found = estimator.predict(X, out=tmp_path / "labels.npy")
    assert found.dtype == np.float64
    assert_array_equal(np.flatnonzero(np.isnan(found)), broken)
    assert_array_equal(found, estimator.predict(X))
    chances = estimator.predict_proba(X, out=tmp_path / "chances.npy")
    assert_array_equal(chances, estimator.predict_proba(X))
    view = estimator.task("kind").predict(X, out=tmp_path / "view.npy")
    assert_array_equal(view, found)
    assert view.dtype == np.float64
    features = estimator.embed(X, out=tmp_path / "features.npy")
    assert_array_equal(features, estimator.embed(X))
    with pytest.raises(InvalidParameterError, match="uint8, which does not hold"):
        estimator.predict(X, out=np.zeros(20, np.uint8))


REFUSED = {
    "a list": (lambda: [0], ParameterTypeError, "an array or memory map of NumPy"),
    "a mask": (
        lambda: np.ma.zeros((N_ROWS, 2)),
        ParameterTypeError,
        "must be an array or memory map of NumPy, or the name of a file",
    ),
    "rows": (
        lambda: np.zeros((N_ROWS + 1, 2)),
        InvalidParameterError,
        r"the shape \(31, 2\), and X has 30 rows",
    ),
    "columns": (
        lambda: np.zeros((N_ROWS, 3)),
        InvalidParameterError,
        r"the shape \(30, 3\), and what is predicted has \(30, 2\)",
    ),
    "whole numbers": (
        lambda: np.zeros((N_ROWS, 2), int),
        InvalidParameterError,
        "has the dtype int64, which does not hold all .* Make it float64",
    ),
    "fewer digits": (
        lambda: np.zeros((N_ROWS, 2), np.float32),
        InvalidParameterError,
        "has the dtype float32, which does not hold",
    ),
    "times": (
        lambda: np.zeros((N_ROWS, 2), "m8[s]"),
        InvalidParameterError,
        "which does not hold",
    ),
    "a scalar": (lambda: np.zeros(()), InvalidParameterError, r"the shape \(\)"),
    "a suffix": (lambda: "labels.csv", InvalidParameterError, "ends in '.npy'"),
}


@pytest.mark.parametrize(("make", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(table, make, error, message):
    estimator, X = table
    out = make()
    before = None if isinstance(out, str | list) else out.copy()
    with pytest.raises(error, match=f"'out' parameter of predict .*{message}"):
        estimator.predict(X, out=out)
    if before is not None:
        assert_array_equal(out, before)


def test_read_only_arrays_and_files_that_are_there(table, tmp_path):
    estimator, X = table
    path = tmp_path / "labels.npy"
    estimator.predict(X, out=path)
    read_only = np.load(path, mmap_mode="r")
    with pytest.raises(InvalidParameterError, match=r"is read-only\. Open the memory"):
        estimator.predict(X, out=read_only)
    with pytest.raises(InvalidParameterError, match=r"which is there already\. Remove"):
        estimator.predict(X, out=path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        estimator.predict(X, out=tmp_path / "nowhere" / "labels.npy")


def test_small_types_that_hold_all_classes():
    X, y = make_table(N_ROWS)
    labels = 100 * y[:, 0].astype(int)
    estimator = table_estimator(Classification(), max_epochs=1).fit(X, labels)
    out = np.zeros(N_ROWS, np.uint8)
    assert_array_equal(estimator.predict(X, out=out), estimator.predict(X))
    with pytest.raises(InvalidParameterError, match="the dtype int8, which does not"):
        estimator.predict(X, out=np.zeros(N_ROWS, np.int8))
    with pytest.raises(InvalidParameterError, match="dtype <U5, which does not"):
        estimator.predict(X, out=np.zeros(N_ROWS, "U5"))


def test_text_beside_numbers(tmp_path):
    X, y = make_table(N_ROWS)
    frame = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y[:, 0].astype(int)]})
    frame["size"] = y[:, 1]
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks, max_epochs=1).fit(X, frame)
    with pytest.raises(InvalidParameterError, match="and here are objects, such as te"):
        estimator.predict(X, out=tmp_path / "labels.npy")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InvalidParameterError, match="in the order of classes_"):
        estimator.task("kind").predict(X, out=tmp_path / "kind.npy")
    found = estimator.task("size").predict(X, out=tmp_path / "size.npy")
    assert_array_equal(found, estimator.predict(X)["size"])


def test_large_whole_numbers_beside_real_ones(tmp_path):
    X, y = make_table(N_ROWS)
    ids = np.array([1, 2**53, 2**53 + 1])[y[:, 0].astype(int)]
    frame = pd.DataFrame({"kind": ids, "size": y[:, 1]})
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks, max_epochs=1).fit(X, frame)
    with pytest.raises(InvalidParameterError, match="and here are objects"):
        estimator.predict(X, out=tmp_path / "labels.npy")
    with pytest.raises(InvalidParameterError, match="float64, which does not hold"):
        estimator.task("kind").predict(X, out=np.zeros(N_ROWS))


def test_each_task_has_a_place_of_its_own(table, tmp_path):
    estimator, X = table
    both = np.zeros((N_ROWS, 4))
    # Side by side they may lie.
    estimator.predict_proba(X, out=[both[:, :3], both[:, 3:]])
    assert_array_equal(both, np.column_stack(estimator.predict_proba(X)))
    with pytest.raises(InvalidParameterError, match="two entries that share their mem"):
        estimator.predict_proba(X, out=[both[:, :3], both[:, 2:3]])
    same = tmp_path / "a.npy", tmp_path / "." / "a.npy"
    with pytest.raises(InvalidParameterError, match="or name one file"):
        estimator.predict_proba(X, out=same)
    with pytest.raises(ParameterTypeError, match="a list of 2 arrays or names"):
        estimator.predict_proba(X, out=tmp_path / "a.npy")
    with pytest.raises(InvalidParameterError, match="shares its memory with X"):
        estimator.predict(X, out=X[:, 1:3])


class Interrupts(list):
    """Rows of which one cannot be had."""

    def __getitem__(self, index):
        if index == 20:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_what_an_interruption_leaves(table, tmp_path):
    estimator, X = table
    rows = SliceDataset(Interrupts((x, 0) for x in X))
    with pytest.raises(KeyboardInterrupt):
        estimator.predict(rows, out=tmp_path / "labels.npy")
    assert not list(tmp_path.iterdir())
    out = np.full((N_ROWS, 2), -1.0)
    with pytest.raises(KeyboardInterrupt):
        estimator.predict(rows, out=out)
    # Two batches of eight; the third one has the row.
    assert_array_equal(out[:16], estimator.predict(X)[:16])
    assert (out[16:] == -1).all()


def test_memory_does_not_grow_with_the_rows(monkeypatch, tmp_path):
    monkeypatch.setattr(_inference, "_MOST_ROWS", 1024)
    n_rows = 50_000
    X = open_map(tmp_path / "X.npy", (n_rows, 4), np.float64)
    X[:] = np.random.default_rng(0).normal(size=X.shape)
    estimator = table_estimator(max_epochs=1).fit(*make_table(N_ROWS))
    estimator.predict_proba(X[:N_ROWS])  # loads what a first one loads
    tracemalloc.start()
    try:
        out = [tmp_path / "kind.npy", tmp_path / "size.npy"]
        found = estimator.predict_proba(X, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The numbers of all rows, and batches: no whole X, and no whole result.
    results = sum(each.nbytes for each in found)
    assert results == 4 * 8 * n_rows
    assert peak < 8 * n_rows + results / 4
    assert_array_equal(found[0], estimator.predict_proba(X)[0])


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_bar_counts_rows(table, capsys, verbose, tmp_path):
    estimator, X = table
    estimator.set_params(verbose=verbose)
    try:
        estimator.predict(X)
        assert not capsys.readouterr().err
        estimator.predict(X, out=tmp_path / "labels.npy")
    finally:
        estimator.set_params(verbose=0)
    printed = capsys.readouterr().err
    assert ("predict: 100%" in printed) == bool(verbose)
    assert ("30/30" in printed) == bool(verbose)
