"""y and weights in frames: every column is found by its name."""

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    load,
    save,
)
from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.metrics import task_report, task_scorers
from mtlearn.model_selection import cross_val_predict, multitask_train_test_split

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
COLUMNS = {"b": X[:, 1] + 10, "a": X[:, 0] - 100}
HALF = np.repeat([1.0, 0.0], 20)


def polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


def wrapped(columns):
    """A frame that is known by none of the attributes of pandas."""
    return nw.from_native(pd.DataFrame(columns))


FRAMES = [pd.DataFrame, wrapped, polars, arrow]
OTHERS = [polars, arrow]


def estimator(tasks=None):
    tasks = Tasks(a=Regression(), b=Regression()) if tasks is None else tasks
    return MultiTaskEstimator(tasks, max_epochs=2, random_state=0)


@pytest.mark.parametrize("make", FRAMES)
def test_y_is_read_by_name(make):
    fitted = estimator().fit(X, make(COLUMNS), X_val=X, y_val=make(COLUMNS))
    plain = estimator().fit(X, pd.DataFrame(COLUMNS))

    assert fitted.tasks_["a"].mean_ == pytest.approx(COLUMNS["a"].mean())
    assert fitted.tasks_["b"].mean_ == pytest.approx(COLUMNS["b"].mean())
    backwards = make({"a": COLUMNS["a"], "b": COLUMNS["b"]})
    expected = plain.score(X, pd.DataFrame(COLUMNS))
    assert fitted.score(X, backwards) == pytest.approx(expected)
    assert task_scorers(fitted.tasks_)["mean_score"](
        fitted, X, backwards
    ) == pytest.approx(expected)
    rows = task_report(fitted, X, backwards).rows
    assert rows == task_report(plain, X, pd.DataFrame(COLUMNS)).rows
    partial = estimator().partial_fit(X, make(COLUMNS))
    assert partial.tasks_["a"].mean_ == pytest.approx(COLUMNS["a"].mean())


@pytest.mark.parametrize("make", OTHERS)
def test_predictions_are_frames_of_the_same_library(make, tmp_path):
    columns = {
        "kind": np.array(["x", "y"] * 20, object).tolist(),
        "size": np.arange(40, dtype=np.float32) / 3,
        "n": np.arange(40, dtype=np.int16) % 3,
        "yes": [True, None, False, True] * 10,
    }
    y = make(columns)
    fitted = MultiTaskEstimator(max_epochs=1, random_state=0).fit(X, y)

    predicted = fitted.predict(X)

    assert type(predicted) is type(y)
    schema = nw.from_native(predicted).schema
    assert schema == nw.from_native(y).schema
    save(fitted, tmp_path / "model")
    again = load(tmp_path / "model").predict(X)
    assert again.equals(predicted)
    assert nw.from_native(predicted)["kind"].to_list() == (
        fitted.task("kind").predict(X).tolist()
    )


@pytest.mark.parametrize("make", OTHERS)
def test_tools_take_rows_of_them(make):
    y = make(COLUMNS)

    predicted = cross_val_predict(estimator(), X, y, cv=2)
    expected = cross_val_predict(estimator(), X, pd.DataFrame(COLUMNS), cv=2)

    assert type(predicted) is type(y)
    found = nw.from_native(predicted)
    for name in COLUMNS:
        np.testing.assert_array_equal(found[name].to_numpy(), expected[name])
    *_, y_test = multitask_train_test_split(X, y, stratify=y, random_state=0)
    assert nw.from_native(y_test).shape == (10, 2)
    weights = make({"a": HALF, "b": np.ones(40)})
    ensemble = SeedEnsemble(estimator(), 2, bootstrap=True, random_state=0)
    ensemble.fit(X, y, sample_weight=weights)
    drawn = [each.tasks_["a"].mean_ for each in ensemble.estimators_]
    assert max(drawn) < -99  # rows of y went with rows of the weights
    scaled = TemperatureScaled(estimator(), random_state=0).fit(X, y)
    assert type(scaled.predict(X)) is type(y)


@pytest.mark.parametrize("make", OTHERS)
def test_nulls_and_categories(make):
    columns = {
        "whole": [1, None, 3, 1],
        "text": ["x", None, "y", "x"],
        "real": [0.5, None, float("nan"), 2.5],
        "large": np.array([2**64 - 1, 1, 2, 1], np.uint64),
    }
    frame = nw.from_native(make(columns))
    kind = nw.col("text").cast(nw.Categorical).alias("kind")
    y = frame.with_columns(kind).to_native()

    tasks = MultiTaskEstimator(max_epochs=1).fit(X[:4], y).tasks_

    assert tasks["whole"].classes_.tolist() == [1, 3]
    assert tasks["text"].classes_.tolist() == ["x", "y"]
    assert tasks["kind"].classes_.tolist() == ["x", "y"]
    assert tasks["real"].mean_ == 1.5
    assert tasks["large"].classes_.tolist() == [1, 2, 2**64 - 1]


@pytest.mark.parametrize("make", OTHERS)
def test_what_is_no_label(make):
    when = nw.from_native(make({"day": ["2020-01-01", "2021-01-01"]}))
    dates = when.with_columns(nw.col("day").str.to_datetime(format="%Y-%m-%d"))
    for y in (dates.to_native(), make({"day": [[1, 2], [3, 4]]})):
        with pytest.raises(
            DataTypeError, match=r"Column .day. of y has dtype .*, which"
        ):
            MultiTaskEstimator(max_epochs=1).fit(X[:2], y)


@pytest.mark.parametrize("make", OTHERS)
def test_a_series_of_one_task(make):
    y = make({"digit": [1, 2, None, 1]})
    column = nw.from_native(y)["digit"].to_native()
    fitted = MultiTaskEstimator(max_epochs=1, random_state=0).fit(X[:4], column)
    assert fitted.classes_.tolist() == [1, 2]
    assert fitted.predict(X).shape == (40,)


@pytest.mark.parametrize("make", [*FRAMES, lambda columns: SliceDict(**columns)])
def test_weights_are_read_by_name(make):
    weights = {"b": np.ones(40), "a": HALF}
    for y in (pd.DataFrame(COLUMNS), SliceDict(**COLUMNS)):
        tasks = estimator().fit(X, y, sample_weight=make(weights)).tasks_
        assert tasks["a"].mean_ == pytest.approx(COLUMNS["a"][:20].mean())
        assert tasks["b"].mean_ == pytest.approx(COLUMNS["b"].mean())


NAMES = {
    "text": str,
    "numbers": int,
    "reals": float,
    "dates": lambda i: pd.Timestamp(2020 + i, 1, 1),
    "levels": lambda i: ("x", i),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_of_every_type_are_matched(name):
    y = pd.DataFrame({name(1): COLUMNS["a"], name(0): COLUMNS["b"]})
    weights = pd.DataFrame({name(0): HALF, name(1): np.ones(40)})

    first, second = (
        MultiTaskEstimator(Regression(), max_epochs=1)
        .fit(X, y, sample_weight=weights)
        .tasks_
    )

    assert first.mean_ == pytest.approx(COLUMNS["a"].mean())
    assert second.mean_ == pytest.approx(COLUMNS["b"][:20].mean())


def test_numbered_weights_are_in_the_order_of_y():
    y = pd.DataFrame(COLUMNS)
    weights = pd.DataFrame(np.column_stack([np.ones(40), HALF]))
    tasks = estimator().fit(X, y, sample_weight=weights).tasks_
    assert tasks["a"].mean_ == pytest.approx(COLUMNS["a"][:20].mean())
    array = y.to_numpy()
    numbered = Tasks(a=Regression(column=1), b=Regression(column=0))
    tasks = estimator(tasks=numbered).fit(X, array, sample_weight=weights).tasks_
    assert tasks["a"].mean_ == pytest.approx(COLUMNS["a"][:20].mean())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "x"], r"has the columns \['a', 'x'\]; expected one .*: \['b', 'a'\]"),
        ([1, 2], r"has the columns \[1, 2\]; expected one for each task"),
        ([1, 0], r"has the columns \[1, 0\]; expected one for each task"),
        (["a", "a"], r"has the columns \['a', 'a'\]; expected one for each task"),
    ],
)
def test_weights_of_other_names(names, message):
    weights = pd.DataFrame(np.ones((40, 2)), columns=names)
    with pytest.raises(InvalidDataError, match=message):
        estimator().fit(X, pd.DataFrame(COLUMNS), sample_weight=weights)


@pytest.mark.parametrize("names", [[5, 0], ["a", "b", "c"]])
def test_some_names_of_y_are_no_numbers(names):
    """Weights named 0, 1, ... are not taken by position where y has such a name."""
    y = pd.DataFrame(RNG.normal(size=(40, len(names))), columns=names)
    numbers = pd.DataFrame(np.ones((40, 2)))
    with pytest.raises(InvalidDataError, match="expected one for each task"):
        MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y, sample_weight=numbers)


def test_weights_that_are_missing_or_no_numbers():
    y = pd.DataFrame(COLUMNS)
    missing = pd.DataFrame({"a": pd.array([None] * 40, "Float64"), "b": 1.0})
    with pytest.raises(ValueError, match="Input sample_weight contains NaN"):
        estimator().fit(X, y, sample_weight=missing)
    with pytest.raises(DataTypeError, match="sample_weight is a dict, which cannot be"):
        estimator().fit(X, y, sample_weight={"a": HALF, "b": HALF})
    masked = SliceDict(a=np.ma.array(HALF, mask=HALF == 0), b=HALF)
    with pytest.raises(DataTypeError, match="sample_weight holds a masked array"):
        estimator().fit(X, y, sample_weight=masked)


def test_names_of_levels_come_back():
    keys = pd.MultiIndex.from_tuples([("s", "a"), ("s", "b")], names=["set", "task"])
    y = pd.DataFrame(np.column_stack([*COLUMNS.values()]), columns=keys)
    predicted = MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y).predict(X)
    pd.testing.assert_index_equal(predicted.columns, keys)
    named = pd.DataFrame(COLUMNS).rename_axis(columns="target")
    assert estimator().fit(X, named).predict(X).columns.name == "target"


UNCLAIMED = {
    "text": "x",
    "date": pd.Timestamp(2024, 1, 1),
    "infinity": np.inf,
    "tuples": [(0, 1)] * 40,
    "complex": 1j,
}


@pytest.mark.parametrize("extra", UNCLAIMED.values(), ids=UNCLAIMED.keys())
def test_columns_that_no_task_reads_may_hold_anything(extra):
    y = pd.DataFrame(COLUMNS)
    more = y.assign(extra=extra)

    fitted = estimator().fit(X, more)

    assert fitted.predict(X).columns.tolist() == ["b", "a"]
    assert fitted.score(X, more) == fitted.score(X, y)
    twice = pd.concat([more, more[["extra"]]], axis=1)
    assert fitted.score(X, twice) == estimator().fit(X, twice).score(X, y)
    values = {name: np.asarray(more[name]) for name in more}
    assert estimator().fit(X, SliceDict(**values)).score(X, y) == fitted.score(X, y)
    array = more.to_numpy(dtype=object)
    numbered = Tasks(b=Regression(column=0), a=Regression(column=1))
    assert estimator(tasks=numbered).fit(X, array).score(X, array) == pytest.approx(
        fitted.score(X, y)
    )


def test_a_column_that_a_task_reads_must_be_the_only_one_of_its_name():
    y = pd.DataFrame(np.zeros((40, 3)), columns=["a", "b", "a"])
    with pytest.raises(InvalidDataError, match=r"duplicate column names: a\. Rename"):
        estimator().fit(X, y)


def test_classes_in_a_slice_dict_of_series():
    y = SliceDict(a=pd.Series(["x", "y"] * 20), b=pd.Series([1, None] * 20))
    tasks = Tasks(a=Classification(), b=Regression())
    fitted = estimator(tasks=tasks).fit(X, y)
    assert fitted.classes_[0].tolist() == ["x", "y"]
    assert fitted.tasks_["b"].mean_ == 1.0


def test_categories_that_nearly_all_differ_leave_no_doubt():
    library = pytest.importorskip("polars")
    users = [f"u{i % 25}" for i in range(40)]
    with pytest.warns(UserWarning, match="25 distinct strings"):
        MultiTaskEstimator(max_epochs=1).fit(X, polars({"user": users}))
    categories = library.Series(users, dtype=library.Categorical)
    model = MultiTaskEstimator(max_epochs=1).fit(X, polars({"user": categories}))
    assert len(model.classes_) == 25
