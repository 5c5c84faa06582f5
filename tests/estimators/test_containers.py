"""Layouts of y: what holds it at fit, predictions come back in."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

WORDS = np.array(["low", "middling", "high"])


def test_one_dimensional_classes():
    X, y = make_table()
    estimator = table_estimator(Classification()).fit(X, WORDS[y[:, 0].astype(int)])
    predicted = estimator.predict(X)
    assert predicted.shape == (40,)
    assert set(predicted) <= set(WORDS)
    np.testing.assert_array_equal(estimator.classes_, sorted(WORDS))
    proba = estimator.predict_proba(X)
    assert proba.shape == (40, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(estimator.classes_[proba.argmax(1)], predicted)


def test_one_dimensional_values():
    X, y = make_table()
    estimator = table_estimator(Regression()).fit(X, y[:, 1])
    assert estimator.predict(X).shape == (40,)
    assert estimator.predict(X).dtype == np.float64
    assert not hasattr(estimator, "classes_")


def test_one_column_of_two_dimensions_stays_one():
    X, y = make_table()
    estimator = table_estimator(Classification()).fit(X, y[:, :1])
    assert estimator.predict(X).shape == (40, 1)
    assert estimator.predict_proba(X).shape == (40, 3)


def test_two_dimensional_float32():
    X, y = make_images()
    estimator = image_estimator().fit(X, y.astype(np.float32))
    predicted = estimator.predict(X)
    assert predicted.shape == (24, 2)
    assert predicted.dtype == np.float32
    assert set(predicted[:, 0]) <= {0.0, 1.0}


def test_probabilities_of_mixed_tasks():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    proba = estimator.predict_proba(X)
    assert [output.shape for output in proba] == [(40, 3), (40, 1)]
    np.testing.assert_allclose(proba[0].sum(axis=1), 1)
    np.testing.assert_array_equal(proba[1][:, 0], estimator.predict(X)[:, 1])


def test_objects():
    X, y = make_table()
    objects = y.astype(object)
    objects[:, 0] = WORDS[y[:, 0].astype(int)]
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks).fit(X, objects)
    predicted = estimator.predict(X)
    assert predicted.dtype == object
    assert set(predicted[:, 0]) <= set(WORDS)
    assert all(isinstance(value, float) for value in predicted[:, 1])


@pytest.fixture
def frame():
    y = make_table()[1]
    return pd.DataFrame(
        {
            "kind": pd.Categorical(WORDS[y[:, 0].astype(int)]),
            "big": y[:, 1] > 10,
            "count": pd.array(y[:, 0].astype(int), dtype="Int64"),
            "size": y[:, 1].astype(np.float32),
        }
    )


def test_frames_keep_columns_and_dtypes(frame):
    X, _ = make_table()
    estimator = table_estimator().set_params(tasks=None).fit(X, frame)
    assert estimator.task_names_ == ("kind", "big", "count", "size")
    predicted = estimator.predict(X)
    pd.testing.assert_series_equal(predicted.dtypes, frame.dtypes)
    assert estimator.score(X, frame) <= 1


def test_frames_are_read_by_name(frame):
    X, _ = make_table()
    tasks = Tasks(size=Regression(), kind=Classification())
    estimator = table_estimator(tasks).fit(X, frame[["kind", "size"]])
    predicted = estimator.predict(X)
    assert list(predicted.columns) == ["kind", "size"]
    swapped = table_estimator(tasks).fit(X, frame[["size", "kind"]])
    assert swapped.tasks_["size"].mean_ == estimator.tasks_["size"].mean_
    assert list(swapped.predict(X).columns) == ["size", "kind"]
    for each in (estimator, swapped):
        expected = each.score(X, frame[["kind", "size"]])
        assert each.score(X, frame[["size", "kind"]]) == expected


def test_a_frame_equals_its_values():
    X, y = make_table()
    named = pd.DataFrame(y, columns=["kind", "size"])
    assert_same_bits(table_estimator().fit(X, y), table_estimator().fit(X, named))


def test_rows_of_a_frame_are_found_by_position():
    X, y = make_table()
    named = pd.DataFrame(y, columns=["kind", "size"], index=np.arange(40)[::-1])
    assert_same_bits(table_estimator().fit(X, y), table_estimator().fit(X, named))


def test_slice_dict():
    X, y = make_table()
    columns = SliceDict(size=y[:, 1], kind=WORDS[y[:, 0].astype(int)])
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks).fit(X, columns)
    predicted = estimator.predict(X)
    assert predicted.shape == (40, 2)
    assert set(predicted[:, 1]) <= set(WORDS)
    assert 0 <= estimator.task("kind").score(X, columns["kind"]) <= 1


def test_a_series_names_its_task():
    X, y = make_table()
    series = pd.Series(y[:, 1], name="size")
    estimator = table_estimator().set_params(tasks=None).fit(X, series)
    assert estimator.task_names_ == ("size",)
    assert estimator.predict(X).shape == (40,)


def test_two_binary_tasks():
    X, _ = make_table()
    both = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    tasks = Tasks(left=Classification(2), right=Classification(2))
    estimator = table_estimator(tasks, max_epochs=60).fit(X, both)
    assert estimator.score(X, both) > 0.8
    assert [proba.shape for proba in estimator.predict_proba(X)] == [(40, 2)] * 2
    assert estimator.predict(X).shape == (40, 2)
    assert [classes.tolist() for classes in estimator.classes_] == [[0, 1]] * 2


@pytest.mark.parametrize("classes", [4, [0, 1, 2, 3]])
def test_declared_classes_that_are_absent_keep_their_column(classes):
    X, y = make_table()
    tasks = Tasks(kind=Classification(classes), size=Regression())
    present = y[:, 0] != 1
    estimator = table_estimator(tasks).fit(X[present], y[present])
    assert estimator.predict_proba(X)[0].shape == (40, 4)
    np.testing.assert_array_equal(estimator.classes_[0], [0, 1, 2, 3])


def test_a_task_reads_the_column_it_names():
    X, y = make_table()
    tasks = Tasks(
        size=Regression(column=1), kind=Classification(3, column=0), also=Regression()
    )
    tasks.set_params(also__column=2)
    three = np.column_stack([y, -y[:, 1]])
    estimator = table_estimator(tasks, max_epochs=60).fit(X, three)
    np.testing.assert_allclose(
        estimator.predict(X).mean(axis=0), three.mean(axis=0), atol=0.5
    )


def test_columns_named_by_numbers():
    X, y = make_table()
    frame = pd.DataFrame(y + 0.5)
    estimator = table_estimator().set_params(tasks=None).fit(X, frame)
    assert estimator.task_names_ == ("0", "1")
    assert list(estimator.predict(X).columns) == [0, 1]
