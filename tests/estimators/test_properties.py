"""What holds for any problem: of batches, types of X, columns and copies."""

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from property_problems import few, problems, seeds
from sklearn.base import clone

from mtlearn import Tasks, load, save
from tiny_problems import assert_same_bits


def outputs(estimator, X):
    """Return the features and every task's probabilities or values."""
    found = [estimator.embed(X)]
    for name in estimator.task_names_:
        view = estimator.task(name)
        if hasattr(view, "predict_proba"):
            found.append(view.predict_proba(X))
        else:
            found.append(view.predict(X)[:, np.newaxis])
    return np.hstack(found)


def assert_close(estimator, expected, found):
    # A matrix product adds up in another order where it has another number of rows:
    # rounding errors, of sums that are less than a hundred.
    epsilon = {"float32": np.float32, "float64": np.float64}[estimator.precision_]
    tolerance = 100 * np.finfo(epsilon).eps
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@few
@given(problems, seeds)
def test_predictions_do_not_depend_on_the_order_of_rows(problem, seed):
    estimator, X, y = problem
    estimator.fit(X, y)
    order = np.random.default_rng(seed).permutation(len(X))
    assert_close(estimator, outputs(estimator, X)[order], outputs(estimator, X[order]))


@few
@given(problems, st.data())
def test_predictions_do_not_depend_on_the_batch(problem, data):
    estimator, X, y = problem
    estimator.fit(X, y)
    cut = data.draw(st.integers(1, len(X) - 1))
    parts = [outputs(estimator, X[:cut]), outputs(estimator, X[cut:])]
    assert_close(estimator, outputs(estimator, X), np.concatenate(parts))


@few
@given(problems, st.sampled_from(["float16", "float32", "float64", "int64", ">f4"]))
def test_the_type_of_X_does_not_matter(problem, dtype):
    estimator, X, y = problem
    estimator.fit(X, y)
    other = clone(estimator).fit(X.astype(dtype), y)
    assert_same_bits(estimator, other)
    expected = outputs(estimator, X)
    np.testing.assert_array_equal(outputs(estimator, X.astype(dtype)), expected)


@few
@given(problems)
def test_copies_predict_the_same(problem):
    estimator, X, y = problem
    expected = outputs(estimator.fit(X, y), X)
    copies = [clone(estimator).fit(X, y), pickle.loads(pickle.dumps(estimator))]
    with TemporaryDirectory() as folder:
        save(estimator, Path(folder) / "model.mtlearn")
        copies.append(load(Path(folder) / "model.mtlearn"))
    for copy in copies:
        assert_same_bits(estimator, copy)
        np.testing.assert_array_equal(outputs(copy, X), expected)


@few
@given(problems, seeds)
def test_the_order_of_declaration_does_not_matter(problem, seed):
    estimator, X, y = problem
    names = list(estimator.tasks.names)
    frame = pd.DataFrame(np.reshape(y, (len(X), -1)), columns=names)
    order = np.random.default_rng(seed).permutation(names)
    tasks = Tasks.from_mapping({name: estimator.tasks[name] for name in order})
    expected = estimator.fit(X, frame).predict(X)
    mixed = clone(estimator).set_params(tasks=tasks).fit(X, frame)
    assert_same_bits(estimator, mixed)
    pd.testing.assert_frame_equal(mixed.predict(X), expected)
    assert mixed.score(X, frame[order]) == estimator.score(X, frame)
