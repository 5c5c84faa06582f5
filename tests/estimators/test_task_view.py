"""task(name): one task as a classifier or regressor of its own."""

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
    accuracy_score,
    get_scorer,
    r2_score,
    roc_auc_score,
)

from mtlearn import Classification
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    UnknownTaskError,
)
from tiny_problems import image_estimator, make_images, make_table, table_estimator


@pytest.fixture(scope="module")
def table():
    X, y = make_table(60)
    return table_estimator(max_epochs=20).fit(X, y), X, y


@pytest.fixture(scope="module")
def images():
    X, y = make_images(30)
    return image_estimator().fit(X, y), X, y


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_kinds(table):
    estimator, X, _ = table
    kind, size = estimator.task("kind"), estimator.task("size")
    assert is_classifier(kind)
    assert is_regressor(size)
    assert not hasattr(size, "predict_proba")
    np.testing.assert_array_equal(kind.classes_, [0, 1, 2])
    predicted = estimator.predict(X)
    np.testing.assert_array_equal(kind.predict(X), predicted[:, 0])
    np.testing.assert_array_equal(size.predict(X), predicted[:, 1])
    np.testing.assert_array_equal(kind.predict_proba(X), estimator.predict_proba(X)[0])
    assert kind.n_features_in_ == 4


@pytest.mark.parametrize("name", ["table", "images"])
def test_a_view_runs_its_own_head_alone(request, name):
    estimator, X, _ = request.getfixturevalue(name)
    outputs = estimator.predict_proba(X)
    heads, runs = estimator.net_.inference_[1].heads, []
    hooks = [
        head.register_forward_hook(lambda *_, number=number: runs.append(number))
        for number, head in enumerate(heads)
    ]
    np.testing.assert_array_equal(estimator.task("kind").predict_proba(X), outputs[0])
    assert set(runs) == {0}
    runs.clear()
    size = estimator.task("size").predict(X)
    np.testing.assert_array_equal(size, outputs[1][:, 0])
    assert set(runs) == {1}
    for hook in hooks:
        hook.remove()


def test_scores(table):
    estimator, X, y = table
    kind, size = estimator.task("kind"), estimator.task("size")
    predicted = estimator.predict(X)
    assert kind.score(X, y[:, 0]) == accuracy_score(y[:, 0], predicted[:, 0])
    assert size.score(X, y[:, 1]) == r2_score(y[:, 1], predicted[:, 1])


def test_scores_leave_missing_labels_out(table):
    estimator, X, y = table
    y = y.copy()
    y[::3] = np.nan
    there = ~np.isnan(y[:, 0])
    for i, name in enumerate(("kind", "size")):
        view, weights = estimator.task(name), np.arange(len(y))
        expected = view.score(X[there], y[there, i], weights[there])
        assert view.score(X, y[:, i], weights) == expected
    with pytest.raises(InvalidDataError, match="y has no label to score"):
        estimator.task("size").score(X[:1], y[:1, 1])


def test_unknown_task(table):
    message = r"no task 'kinds'. The tasks are: kind, size\."
    with pytest.raises(UnknownTaskError, match=message) as raised:
        table[0].task("kinds")
    # As a parameter that is wrong, and as a key that is not there.
    assert isinstance(raised.value, InvalidParameterError)
    assert isinstance(raised.value, KeyError)


def test_a_view_cannot_be_fitted(table):
    estimator, X, y = table
    with pytest.raises(InvalidDataError, match="'kind' is fitted already"):
        estimator.task("kind").fit(X, y[:, 0])


@pytest.mark.parametrize("problem", ["table", "images"])
def test_displays(problem, request):
    estimator, X, y = request.getfixturevalue(problem)
    shown = ConfusionMatrixDisplay.from_estimator(estimator.task("kind"), X, y[:, 0])
    assert shown.confusion_matrix.sum() == len(X)
    error = PredictionErrorDisplay.from_estimator(estimator.task("size"), X, y[:, 1])
    # In float32, as y is.
    np.testing.assert_allclose(error.y_pred, estimator.predict(X)[:, 1], rtol=1e-6)


def test_roc_curve(images):
    estimator, X, y = images
    shown = RocCurveDisplay.from_estimator(estimator.task("kind"), X, y[:, 0])
    proba = estimator.predict_proba(X)[0][:, 1]
    assert np.ravel(shown.roc_auc)[0] == pytest.approx(roc_auc_score(y[:, 0], proba))


@pytest.mark.parametrize("name", ["accuracy", "neg_log_loss", "roc_auc_ovr"])
def test_scorers(table, name):
    estimator, X, y = table
    value = get_scorer(name)(estimator.task("kind"), X, y[:, 0])
    assert np.isfinite(value)
    if name == "roc_auc_ovr":
        expected = roc_auc_score(
            y[:, 0], estimator.predict_proba(X)[0], multi_class="ovr"
        )
        assert value == pytest.approx(expected)


@pytest.mark.parametrize("problem", ["table", "images"])
def test_calibration(problem, request):
    estimator, X, y = request.getfixturevalue(problem)
    view = FrozenEstimator(estimator.task("kind"))
    calibrated = CalibratedClassifierCV(view, method="temperature").fit(X, y[:, 0])
    proba = calibrated.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(calibrated.predict(X), view.predict(X))


def test_a_view_survives_a_pickle(table):
    estimator, X, _ = table
    view = pickle.loads(pickle.dumps(estimator.task("size")))
    np.testing.assert_array_equal(view.predict(X), estimator.predict(X)[:, 1])


def test_the_view_of_a_one_dimensional_y():
    X, y = make_table()
    estimator = table_estimator(Classification()).fit(X, y[:, 0])
    view = estimator.task("task_0")
    np.testing.assert_array_equal(view.predict_proba(X), estimator.predict_proba(X))
