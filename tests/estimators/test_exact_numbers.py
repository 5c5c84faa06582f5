"""Numbers that a shorter type would round: kept exact, or refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import (
    DivergenceError,
    InvalidDataError,
    InvalidParameterError,
)
from tiny_problems import image_estimator, make_images, make_table, table_estimator


def whole_images(last, dtype):
    X = np.zeros((24, 6, 6), dtype=dtype)
    X[-1, 2, 3] = last
    return X


@pytest.mark.parametrize(
    ("last", "dtype", "precision"),
    [
        (2**16 - 1, "uint16", "float32"),
        (2**24, "uint32", "float32"),
        (-(2**24), "int32", "float32"),
        (2**24, "int64", "bfloat16"),
        (2**24 + 1, "int64", "float64"),
        (2**53, "uint64", "float64"),
    ],
)
def test_whole_pixels_that_are_exact(last, dtype, precision):
    X = whole_images(last, dtype)
    scaled = image_estimator(precision=precision, max_epochs=1).fit(X, make_images()[1])
    assert np.isfinite(scaled.predict(X)).all()


@pytest.mark.parametrize(
    ("last", "dtype", "precision", "message"),
    [
        (2**24 + 1, "int32", "float32", r"up to 2\*\*24 = 16777216 exactly. Scale X,"),
        (-(2**24) - 1, "int64", "float32", r"from -16777217 to 0, and torch\.float32"),
        (2**32 - 1, "uint32", "bfloat16", r"to 4294967295.* set precision='float64'"),
        (
            2**53 + 1,
            "uint64",
            "float64",
            r"up to 2\*\*53 .* or pass X\.astype\(float\)",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "embed", "score"])
def test_whole_pixels_that_would_be_rounded(method, last, dtype, precision, message):
    X, y = whole_images(last, dtype), make_images()[1]
    estimator = image_estimator(precision=precision, max_epochs=1)
    if method in ("predict", "embed", "score"):
        estimator.fit(np.zeros((24, 6, 6)), y)
    labels = () if method in ("predict", "embed") else (y,)
    with pytest.raises(InvalidDataError, match=message):
        getattr(estimator, method)(X, *labels)


def test_a_table_keeps_whole_numbers_beyond_float32():
    X = np.full((40, 1), 2**24)
    X[::2] += 1
    # float32 has no number between these two, and float64 has.
    estimator = table_estimator(Regression()).fit(X, X[:, 0])
    assert len(np.unique(estimator.predict(X))) == 2


IDS = {
    "int64": np.array([-(2**53) - 1, 2**53, 2**53 + 1]),
    "uint64": np.array([2**63, 2**63 + 1, 2**64 - 1], dtype=np.uint64),
}
NAMED = Tasks(id=Classification(), size=Regression())


def make_ids(dtype):
    return IDS[dtype][make_table()[1][:, 0].astype(int)]


def fit_ids(tasks, y):
    return table_estimator(tasks, max_epochs=100).fit(make_table()[0], y)


def assert_most_are_right(labels, ids):
    """Compare as Python's own numbers, which are exact."""
    found = [int(label) for label in labels]
    assert set(found) == set(ids.tolist())
    assert np.mean([a == b for a, b in zip(found, ids.tolist(), strict=True)]) > 0.9


@pytest.mark.parametrize("dtype", IDS)
def test_large_ids_come_back_exactly(dtype):
    X, table = make_table()
    ids, size = make_ids(dtype), table[:, 1]
    vector = fit_ids(Classification(), ids)
    assert vector.predict(X).dtype == dtype
    assert_most_are_right(vector.predict(X), ids)
    both = Tasks(id=Classification(), again=Classification())
    columns = fit_ids(both, np.column_stack([ids, ids]))
    assert columns.predict(X).dtype == dtype
    assert_most_are_right(columns.predict(X)[:, 1], ids)
    frame = fit_ids(NAMED, pd.DataFrame({"id": ids, "size": size}))
    assert frame.predict(X).dtypes.tolist() == [dtype, "float64"]
    assert_most_are_right(frame.predict(X)["id"], ids)


def test_large_ids_of_lists():
    ids = make_ids("int64")
    declared = fit_ids(Classification(IDS["int64"].tolist()), ids.tolist())
    assert_most_are_right(declared.predict(make_table()[0]), ids)


@pytest.mark.parametrize("contain", ["dict", "objects"])
def test_large_ids_beside_real_values(contain):
    # One array of numbers would make floats of both columns, and round the ids.
    X, table = make_table()
    ids, size = make_ids("int64"), table[:, 1]
    y = SliceDict(id=ids, size=size)
    if contain == "objects":
        y = np.column_stack([ids.astype(object), size])
    estimator = fit_ids(NAMED, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    predicted = loaded.predict(X)
    assert predicted.dtype == object
    assert_most_are_right(predicted[:, 0], ids)
    assert all(isinstance(value, float) for value in predicted[:, 1])
    np.testing.assert_array_equal(estimator.predict(X), predicted)
    assert estimator.score(X, y) > 0.7
    small = fit_ids(NAMED, SliceDict(id=ids // 2**40, size=size))
    assert small.predict(X).dtype == np.float64


def test_ids_of_another_type_at_score():
    X, _ = make_table()
    ids = make_ids("int64") % 2**62
    estimator = fit_ids(Classification(), ids)
    score = estimator.score(X, ids)
    assert score > 0.9
    assert estimator.score(X, ids.astype(np.uint64)) == score
    assert estimator.score(X, ids.astype(object)) == score
    unsigned = fit_ids(Classification(), ids.astype(np.uint64))
    assert unsigned.score(X, ids) == score
    # As a signed number this one would be the class -1.
    signs = fit_ids(Classification(), np.where(ids > 2**53, -1, 1))
    assert signs.score(X, np.full(40, 2**64 - 1, dtype=np.uint64)) == 0


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("make", ["table", "images"])
def test_small_differences_of_large_targets(make, precision):
    # float32 has no number between 1e9 and 1e9 + 32.
    tasks = Tasks(size=Regression())
    if make == "table":
        (X, y), estimator = make_table(), table_estimator(tasks, max_epochs=200)
    else:
        (X, y), estimator = make_images(), image_estimator(tasks, lr=0.01)
    estimator.set_params(precision=precision)
    spread = y[:, 1].astype(np.float64)
    shifted = spread + 1e9
    near = estimator.fit(X, spread - spread.mean()).predict(X)
    far = estimator.fit(X, shifted).predict(X)
    assert len(np.unique(shifted.astype(np.float32))) == 1
    assert len(np.unique(far)) > 20
    np.testing.assert_allclose(far - shifted.mean(), near, atol=1e-3)
    if make == "table":
        assert estimator.score(X, shifted) > 0.95


@pytest.mark.parametrize("factor", [1e30, 1e150])
def test_large_targets_are_standardised_before_they_are_cast(factor):
    X, y = make_table()
    options = {"tasks": Regression(), "precision": "float32"}
    plain = table_estimator(**options).fit(X, y[:, 1])
    large = table_estimator(**options).fit(X, y[:, 1] * factor)
    np.testing.assert_allclose(large.predict(X), plain.predict(X) * factor, rtol=1e-4)


@pytest.mark.parametrize(
    ("factor", "precision", "error", "message"),
    [
        (1e29, "float32", DivergenceError, "look for extreme values in y"),
        (
            1e150,
            "float32",
            InvalidDataError,
            r"up to 1\.\d+e\+151, and torch\.float32 e",
        ),
        (1e299, "float32", InvalidDataError, "squares are too large to compute with"),
        (1e299, "float64", InvalidDataError, "squares are too large to compute with"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_large_targets_as_they_are(method, factor, precision, error, message):
    X, y = make_table()
    tasks = Regression(standardize=False)
    estimator = table_estimator(tasks, precision=precision)
    with pytest.raises(error, match=message):
        getattr(estimator, method)(X, y[:, 1] * factor)


def test_large_validation_targets():
    X, y = make_images()
    tasks = Tasks(size=Regression())
    estimator = image_estimator(tasks, precision="float32")
    with pytest.raises(InvalidDataError, match="y, as the loss sees it, has values up"):
        estimator.fit(X, y[:, 1], X_val=X, y_val=np.full(24, 1e100))


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_a_common_factor_of_weights_in_range(precision, factor):
    X, y = make_table()
    weights = np.linspace(1, 2, 40) * factor
    estimator = table_estimator(precision=precision)
    expected = estimator.fit(X, y, weights / factor).predict(X)
    np.testing.assert_allclose(
        estimator.fit(X, y, weights).predict(X), expected, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("weight", "precision", "message"),
    [
        (
            1e300,
            "float32",
            r"has values up to 1e\+300, and torch\.float32 ends at 3\.4e",
        ),
        (1e35, "float32", r"of a task sum to 4e\+36, and torch\.float32 computes with"),
        (1e-40, "float32", r"sum to 4e-39, .* Divide the weights by their mean"),
        (
            5e-324,
            "float64",
            r"sum to 1\.98e-322, and torch\.float64 computes with sums",
        ),
        (1e300, "float64", r"of a task sum to 4e\+301, and torch\.float64"),
        (1e308, "float64", r"values up to 1e\+308, whose sum is too large"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_that_cannot_be_summed(method, weight, precision, message):
    X, y = make_table()
    estimator = table_estimator(precision=precision)
    with pytest.raises(InvalidDataError, match=message):
        getattr(estimator, method)(X, y, np.full(40, weight))


WHOLE = {
    "int64": 2**60 + np.arange(40),
    "uint64": 2**63 + np.arange(40).astype(np.uint64),
    "objects": (2**60 + np.arange(40)).astype(object),
    "list": (2**60 + np.arange(40)).tolist(),
    "one": np.where(np.arange(40) == 7, -(2**53) - 1, np.arange(40)),
    "frame": pd.DataFrame({"a": 2**60 + np.arange(40)}).astype("Int64"),
}


@pytest.mark.parametrize("y", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_whole_targets_that_a_float_would_round(y, method):
    estimator = table_estimator(Tasks(a=Regression()))
    message = r"Row [17] of y has the value .*for task 'a', which a float .* constant"
    with pytest.raises(InvalidDataError, match=message):
        getattr(estimator, method)(make_table()[0], y)


def test_whole_targets_that_a_float_holds():
    X, table = make_table()
    y = 2**60 + 2**10 * (table[:, 1] * 100).astype(np.int64)
    estimator = table_estimator(Regression(), max_epochs=100).fit(X, y)
    assert estimator.score(X, y) > 0.9
    assert estimator.fit(X, (y - 2**60) * 2**-9).score(X, (y - 2**60) * 2**-9) > 0.9


def test_whole_validation_targets_that_a_float_would_round():
    X, y = make_table()
    with pytest.raises(InvalidDataError, match="Row 1 of y has the value 1152921504"):
        table_estimator(Regression()).fit(X, y[:, 1], X_val=X, y_val=WHOLE["int64"])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no longer float")
def test_differences_that_only_a_longer_float_has():
    X, y = make_table()
    near = 1 + np.arange(40, dtype=np.longdouble) * np.finfo(np.longdouble).eps
    with pytest.raises(InvalidDataError, match="which a float of 64 bits would round"):
        table_estimator(Regression()).fit(X, near)
    # Digits beyond those of a float are lost, which changes nothing to speak of.
    third = y[:, 1].astype(np.longdouble) / 3
    assert third.astype(float).tolist() != third.tolist()
    table_estimator(Regression()).fit(X, third)


@pytest.mark.parametrize("bounds", [None, (0, 2e9)])
def test_targets_whose_differences_float32_would_round_away(bounds):
    X, y = make_table()
    size = y[:, 1] + 1e9
    tasks = Tasks(size=Regression(standardize=False, bounds=bounds))
    estimator = table_estimator(tasks, precision="float32")
    message = r"task 'size', as the loss sees them, are around 1e\+09.*standardize=True"
    with pytest.raises(InvalidDataError, match=message):
        estimator.fit(X, size)
    estimator.fit(X, np.full(40, 1e9 + 1))  # no differences
    estimator.fit(X, 1 / 3 * (1 + np.finfo(float).eps * (np.arange(40) % 2)))  # no more
    estimator.fit(X, y[:, 1] + 1e3)
    # Near the mean, differences are of no more size than its deviation.
    spread = Tasks(size=Regression(bounds=bounds))
    chunk = y[:, 1].mean() + y[:, 1].std() * (1 + 1e-9 * (np.arange(40) % 2))
    table_estimator(spread, precision="float32").fit(X, y[:, 1]).partial_fit(X, chunk)
    holes = np.where(np.arange(40) % 2, size, np.nan)
    with pytest.raises(InvalidDataError, match=message):
        estimator.fit(X, holes)


@pytest.mark.parametrize("large", [2**60 + 1, np.int64(2**60 + 1), 10**400])
@pytest.mark.parametrize("as_objects", [False, True])
def test_whole_numbers_among_real_ones_of_a_column(large, as_objects):
    y = [large, 0.5] * 20
    y = np.array(y, dtype=object) if as_objects else y
    for task in (Classification(), Regression()):
        with pytest.raises(InvalidDataError, match=r"whole number 1.*would round"):
            table_estimator(task).fit(make_table()[0], y)


def test_large_ids_of_rows_in_a_list():
    X, table = make_table()
    ids, size = make_ids("int64"), table[:, 1]
    y = list(zip(ids.tolist(), size.tolist(), strict=True))
    assert_most_are_right(fit_ids(NAMED, y).predict(X)[:, 0], ids)

    class Items:
        def __len__(self):
            return 40

        def __getitem__(self, number):
            return X[number], y[number]

    items = table_estimator(NAMED, max_epochs=100).fit(Items())
    assert_most_are_right(items.predict(X)[:, 0], ids)


def test_large_ids_passed_as_classes():
    X, _ = make_table()
    ids = make_ids("int64")
    estimator = table_estimator(Classification())
    estimator.partial_fit(X, ids, classes=[*IDS["int64"].tolist(), 5])
    assert estimator.classes_.tolist() == sorted([*IDS["int64"].tolist(), 5])
    with pytest.raises(
        InvalidParameterError, match=r"classes.* Got \[9007199254740993"
    ):
        table_estimator(Classification()).partial_fit(X, ids, classes=[2**53 + 1, 0.5])
