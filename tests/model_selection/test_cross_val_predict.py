"""cross_val_predict: each fold against a fit by hand, and y handed on intact."""

import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.model_selection import cross_val_predict as sklearn_cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from skorch.helper import SliceDict

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.model_selection import MultiTaskStratifiedKFold, cross_val_predict
from mtlearn.networks import MLP, ResNet


def small(tasks=None, **params):
    settings = {"lr": 0.05, "lr_schedule": None, "max_epochs": 3, "random_state": 0}
    backbone = Partial(MLP, hidden=(8,))
    return MultiTaskEstimator(tasks, backbone=backbone, **{**settings, **params})


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 4))


@pytest.fixture
def y(X):
    """Give a class (0, 1, 2) and a real value, with labels missing in both."""
    y = np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), X[:, 1] * 2])
    y[3, 0] = y[4, 1] = np.nan
    return y


def mixed():
    return Tasks(digit=Classification(3), shade=Regression())


def by_hand(estimator, X, y, cv, method="predict"):
    """Predict each fold with a fit of its own; rows in order, as array or list."""
    parts = []
    for train, test in cv.split(X):
        fitted = estimator.fit(X[train], y[train])
        parts.append(getattr(fitted, method)(X[test]))
    if method == "predict":
        return np.concatenate(parts)
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_each_fold_is_a_fit_on_the_others(X, y, method):
    found = cross_val_predict(small(mixed()), X, y, cv=KFold(4), method=method)
    expected = by_hand(small(mixed()), X, y, KFold(4), method)

    assert type(found) is type(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_come_back_in_their_order(X, y):
    cv = KFold(4, shuffle=True, random_state=0)
    found = cross_val_predict(small(mixed()), X, y, cv=cv)
    splits = list(cv.split(X))
    for train, test in splits:
        expected = small(mixed()).fit(X[train], y[train]).predict(X[test])
        np.testing.assert_array_equal(found[test], expected)
    again = cross_val_predict(small(mixed()), X, y, cv=splits)
    np.testing.assert_array_equal(again, found)


def test_real_values_are_not_encoded(X, y):
    """scikit-learn's function turns them into ranks; this one must not."""
    seen = []

    class Spy(BaseEstimator):
        def __init__(self, tasks=None):
            self.tasks = tasks

        def fit(self, X, y):
            seen.append(y)
            return self

        def predict_proba(self, X):
            return [np.zeros((len(X), 3)), np.zeros((len(X), 1))]

        @property
        def classes_(self):
            return [np.arange(3), None]

    cross_val_predict(Spy(mixed()), X, y, cv=KFold(2), method="predict_proba")

    np.testing.assert_array_equal(seen[0], y[20:])


def test_a_frame_comes_back_as_the_same_frame(X, y):
    shade = y[:, 1]
    digit = pd.Series(y[:, 0]).map({0.0: "a", 1.0: "b", 2.0: "c"}).astype("category")
    item = pd.Series(X[:, 2] > 0, dtype="boolean")
    frame = pd.DataFrame({"shade": shade, "digit": digit, "item": item})
    frame.index = range(100, 140)
    tasks = Tasks(
        item=Classification(), digit=Classification(["a", "b", "c"]), shade=Regression()
    )

    found = cross_val_predict(small(tasks), X, frame, cv=3)

    like = small(tasks).fit(X, frame).predict(X)
    assert found.dtypes.equals(like.dtypes)
    assert found.columns.equals(like.columns)
    assert found.index.equals(frame.index)
    assert not found.isna().any().any()


def test_a_slice_dict_and_object_labels(X, y):
    y_dict = SliceDict(
        shade=y[:, 1], digit=np.where(X[:, 0] > 0, "up", "down").astype(object)
    )
    tasks = Tasks(digit=Classification(["up", "down"]), shade=Regression())
    found = cross_val_predict(small(tasks), X, y_dict, cv=KFold(2))
    train, test = np.arange(20), np.arange(20, 40)
    last = small(tasks).fit(X[train], y_dict[train]).predict(X[test])

    assert found.dtype == object
    np.testing.assert_array_equal(found[test], last)


def test_kinds_are_inferred_once(X):
    y = np.column_stack([X[:, 0] > 0, np.arange(40) / 1.0])
    y[30:, 1] += 0.25  # whole numbers only in the training rows of the last folds
    y = y.astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label, real = cross_val_predict(
            small(), X, y, cv=KFold(4), method="predict_proba"
        )
        model = make_pipeline(StandardScaler(), small())
        piped = cross_val_predict(model, X, y, cv=KFold(4))

    assert (label.shape, real.shape) == ((40, 2), (40, 1))
    assert len(np.unique(piped[:, 1])) == 40


def test_one_inferred_column_keeps_its_layout(X):
    y = np.arange(40) % 2
    flat = cross_val_predict(small(), X, y, cv=2)
    column = cross_val_predict(small(), X, y[:, np.newaxis], cv=2)
    assert (flat.shape, column.shape) == ((40,), (40, 1))
    assert (flat.dtype, column.dtype) == (y.dtype, y.dtype)


def test_a_class_absent_from_a_fold_has_probability_zero(X):
    y = np.column_stack([np.repeat([2, 0, 1, 1], 10), X[:, 1]])
    tasks = Tasks(digit=Classification(), shade=Regression())
    digit, _ = cross_val_predict(
        small(tasks), X, y, cv=KFold(4), method="predict_proba"
    )
    flat = cross_val_predict(
        small(Classification()), X, y[:, 0], cv=KFold(4), method="predict_proba"
    )
    for found in (digit, flat):
        np.testing.assert_allclose(found.sum(axis=1), 1)
        absent = found == 0
        assert absent[:10].tolist() == [[False, False, True]] * 10
        assert absent[10:20].tolist() == [[True, False, False]] * 10
        assert not absent[20:].any()


def test_scikit_learns_own_where_both_apply(X):
    y = np.where(X[:, 0] > 0, 7, 5)
    for method in ("predict", "predict_proba"):
        args = {"cv": KFold(3), "method": method}
        np.testing.assert_allclose(
            cross_val_predict(LogisticRegression(), X, y, **args),
            sklearn_cross_val_predict(LogisticRegression(), X, y, **args),
        )


def test_sample_weights_are_split_with_the_rows(X, y):
    weights = np.random.default_rng(1).uniform(0, 2, size=(40, 2))
    found = cross_val_predict(
        small(mixed()), X, y, cv=KFold(2), params={"sample_weight": weights}
    )
    fitted = small(mixed()).fit(X[20:], y[20:], weights[20:])
    np.testing.assert_array_equal(found[:20], fitted.predict(X[:20]))


def test_params_of_another_length_are_handed_on(X, y):
    params = {"X_val": X[:5], "y_val": y[:5]}
    found = cross_val_predict(small(mixed()), X, y, cv=KFold(2), params=params)
    fitted = small(mixed()).fit(X[20:], y[20:], **params)
    np.testing.assert_array_equal(found[:20], fitted.predict(X[:20]))


@pytest.mark.parametrize("cv", [None, 4, np.int64(4)])
def test_default_folds_are_stratified_and_fixed(X, y, cv):
    found = cross_val_predict(small(mixed()), X, y, cv=cv)
    folds = MultiTaskStratifiedKFold(
        5 if cv is None else int(cv), tasks=mixed(), shuffle=False
    )
    again = cross_val_predict(small(mixed()), X, y, cv=folds)
    np.testing.assert_array_equal(found, again)


def test_groups_reach_the_splitter(X, y):
    groups = np.arange(40) % 2
    found = cross_val_predict(small(mixed()), X, y, cv=GroupKFold(2), groups=groups)
    fitted = small(mixed()).fit(X[groups == 1], y[groups == 1])
    np.testing.assert_array_equal(found[groups == 0], fitted.predict(X[groups == 0]))


def test_jobs_give_the_same(X, y):
    one = cross_val_predict(small(mixed()), X, y, cv=KFold(3))
    with parallel_config(backend="threading"):
        two = cross_val_predict(small(mixed()), X, y, cv=KFold(3), n_jobs=2)
    np.testing.assert_array_equal(one, two)


def test_images_and_embed(y):
    images = np.random.default_rng(2).integers(0, 255, (40, 6, 6), dtype=np.uint8)
    estimator = MultiTaskImageEstimator(
        mixed(),
        backbone=Partial(ResNet, widths=(4,), n_blocks=1, n_features=8),
        max_epochs=1,
        random_state=0,
    )
    found = cross_val_predict(estimator, images, y, cv=KFold(2), method="embed")
    assert found.shape == (40, 8)


def test_the_estimator_is_not_changed(X, y):
    estimator = small()
    cross_val_predict(estimator, X, np.nan_to_num(y), cv=2)
    assert estimator.tasks is None
    assert not hasattr(estimator, "net_")


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(2, random_state=0), [(np.arange(20), np.arange(20, 40))]]
)
def test_folds_must_be_a_partition(X, y, cv):
    with pytest.raises(InvalidParameterError, match="only works for partitions"):
        cross_val_predict(small(mixed()), X, y, cv=cv)


def test_a_column_vector_is_warned_of_once_a_fold(X):
    with pytest.warns(DataConversionWarning) as caught:
        cross_val_predict(small(Tasks(a=Regression())), X, X[:, :1], cv=2)
    assert len(caught) == 2


def test_a_method_that_is_not_there(X):
    with pytest.raises(InvalidParameterError, match="'predict_proba', which Multi"):
        cross_val_predict(small(), X, X[:, 0], method="predict_proba")


def test_lengths_and_missing_y(X, y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_val_predict(small(mixed()), X, y[:30])
    with pytest.raises(InvalidDataError, match="needs y"):
        cross_val_predict(small(mixed()), X, None, cv=KFold(2))


class Recorder(BaseEstimator):
    """Notes how many rows of each argument get to `fit`."""

    def __init__(self, seen=None):
        self.seen = seen

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y, **params):
        self.seen.append({name: len(value) for name, value in params.items()})
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_validation_rows_stay_whole_whatever_their_number():
    X, y = np.zeros((12, 2)), np.arange(12) % 2
    estimator = Recorder([])
    params = {"X_val": X, "model__y_val": y, "classes": y, "sample_weight": y + 1.0}
    cross_val_predict(estimator, X, y, cv=KFold(3), params=params)
    whole = {"X_val": 12, "model__y_val": 12, "classes": 12}
    assert estimator.seen == [{**whole, "sample_weight": 8}] * 3


def test_labels_that_something_around_changes(X):
    tasks = Tasks(shade=Regression(bounds=(0, 1)))
    y = 100 + 7 * X[:, 0]
    model = TransformedTargetRegressor(small(tasks), transformer=MinMaxScaler())
    found = cross_val_predict(model, X, y, cv=KFold(2))
    expected = sklearn_cross_val_predict(model, X, y, cv=KFold(2))
    np.testing.assert_array_equal(found, expected)
