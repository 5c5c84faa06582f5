"""scikit-learn's displays take the view of one task, and show its numbers."""

import numpy as np
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
    confusion_matrix,
    roc_auc_score,
    roc_curve,
)

from mtlearn import Classification, Regression, SeedEnsemble, Tasks
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module", params=["estimator", "ensemble"])
def problem(request):
    """Return rows, labels by task, and something fitted with a binary task."""
    X, y = make_table(120)
    labels = {
        "kind": y[:, 0],
        "size": y[:, 1],
        "side": (X[:, 3] > 0).astype(float),
    }
    tasks = Tasks(kind=Classification(), size=Regression(), side=Classification(2))
    model = table_estimator(tasks)
    if request.param == "ensemble":
        model = SeedEnsemble(model, 2, random_state=0)
    return X, labels, model.fit(X, np.column_stack(list(labels.values())))


@pytest.fixture
def outputs(problem):
    """Return what the whole predicts, by task."""
    X, labels, model = problem
    predicted = dict(zip(labels, model.predict(X).T, strict=True))
    return predicted, dict(zip(labels, model.predict_proba(X), strict=True))


@pytest.mark.parametrize("task", ["kind", "side"])
def test_confusion_matrix(problem, outputs, task):
    X, labels, model = problem
    display = ConfusionMatrixDisplay.from_estimator(model.task(task), X, labels[task])
    expected = confusion_matrix(labels[task], outputs[0][task])
    np.testing.assert_array_equal(display.confusion_matrix, expected)
    shown = [int(text.get_text()) for text in display.text_.flat]
    assert shown == expected.ravel().tolist()
    names = [float(label.get_text()) for label in display.ax_.get_xticklabels()]
    assert names == model.tasks_[task].classes_.tolist()


def test_roc_curve(problem, outputs):
    X, labels, model = problem
    display = RocCurveDisplay.from_estimator(model.task("side"), X, labels["side"])
    score = outputs[1]["side"][:, 1]
    false, true, _ = roc_curve(labels["side"], score)
    np.testing.assert_allclose(display.line_.get_xdata(), false)
    np.testing.assert_allclose(display.line_.get_ydata(), true)
    area = roc_auc_score(labels["side"], score)
    assert f"AUC = {area:.2f}" in display.line_.get_label()


def test_prediction_error(problem, outputs):
    X, labels, model = problem
    display = PredictionErrorDisplay.from_estimator(
        model.task("size"), X, labels["size"], subsample=None
    )
    np.testing.assert_array_equal(display.y_true, labels["size"])
    np.testing.assert_array_equal(display.y_pred, outputs[0]["size"])
    points = display.scatter_.get_offsets()
    np.testing.assert_allclose(points[:, 1], display.y_true - display.y_pred)


def test_calibration(problem, outputs):
    X, labels, model = problem
    view = model.task("side")
    display = CalibrationDisplay.from_estimator(view, X, labels["side"], n_bins=4)
    expected = CalibrationDisplay.from_predictions(
        labels["side"], outputs[1]["side"][:, 1], n_bins=4
    )
    np.testing.assert_array_equal(display.prob_true, expected.prob_true)
    np.testing.assert_array_equal(display.prob_pred, expected.prob_pred)
    np.testing.assert_array_equal(display.line_.get_ydata(), expected.prob_true)
