"""y, weights and predictions of one layout are never read as another."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from skorch.helper import SliceDict

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.model_selection import cross_val_predict

TASKS = Tasks(a=Regression(), b=Classification(2))


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    index = np.arange(30)[::-1]
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["p", "q"], index=index)
    y = pd.DataFrame({"b": (X["p"] > 0) * 1, "a": X["q"]}, index=index)
    return X, y


def estimator():
    return MultiTaskEstimator(TASKS, max_epochs=2, random_state=0)


@pytest.mark.parametrize("named", [pd.DataFrame, lambda y: SliceDict(**y)])
@pytest.mark.parametrize("method", ["score", "partial_fit"])
def test_an_array_after_names(frames, method, named):
    X, y = frames
    fitted = estimator().fit(X, named({name: y[name].to_numpy() for name in y}))

    with pytest.raises(InvalidDataError, match=r"y is an array, and .* named columns"):
        getattr(fitted, method)(X, y.to_numpy())


def test_an_array_to_validate_on(frames):
    X, y = frames
    with pytest.raises(InvalidDataError, match="Pass a DataFrame with these columns"):
        estimator().fit(X, y, X_val=X, y_val=y.to_numpy())


def test_weights_in_a_frame_are_found_by_name(frames):
    X, y = frames
    rng = np.random.default_rng(1)
    in_order = rng.uniform(size=(30, 2))
    weights = pd.DataFrame(in_order, columns=["b", "a"])[["a", "b"]]

    by_name = estimator().fit(X, y, sample_weight=weights).predict(X)

    expected = estimator().fit(X, y, sample_weight=in_order).predict(X)
    pd.testing.assert_frame_equal(by_name, expected)
    with pytest.raises(InvalidDataError, match=r"columns \['a', 'x'\]; expected one"):
        estimator().fit(X, y, sample_weight=weights.set_axis(["a", "x"], axis=1))


def test_predicted_frames_have_the_index_of_the_rows(frames):
    X, y = frames

    assert estimator().fit(X, y).predict(X).index.equals(X.index)
    assert cross_val_predict(estimator(), X, y, cv=2).index.equals(y.index)


def test_one_real_label_does_not_undo_the_score(frames):
    X, y = frames
    fitted = estimator().fit(X, y)
    sparse = y.copy()
    sparse.iloc[1:, 1] = np.nan

    with pytest.warns(UndefinedMetricWarning, match="R\\^2 score is not well-defined"):
        score = fitted.score(X, sparse)

    assert score == np.mean(fitted.predict(X)["b"] == y["b"])
