"""RejectionDisplay: its numbers for each task, and what is drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score

from mtlearn import (
    Classification,
    ConformalPredictor,
    MultiLabel,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection import RejectionDisplay
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def problem():
    """Return a frame of labels, some of them missing, and a fitted ensemble."""
    X, y = make_table(120)
    words = np.array(["low", "middle", "high"])[y[:, 0].astype(int)]
    y = pd.DataFrame({"kind": words, "size": y[:, 1], "side": X[:, 3] > 0})
    y.loc[::7, "kind"] = None
    y.loc[::5, "size"] = np.nan
    tasks = Tasks(side=Classification(), kind=Classification(), size=Regression())
    ensemble = SeedEnsemble(table_estimator(tasks, max_epochs=8), 3, random_state=0)
    return X, y, ensemble.fit(X, y)


def test_classes_and_values_of_an_ensemble(problem):
    X, y, ensemble = problem
    display = RejectionDisplay.from_estimator(ensemble, X, y)
    assert list(display.curves) == ["kind", "size", "side"]
    assert repr(display).startswith("<RejectionDisplay of kind, size, side")
    known = y["kind"].notna().to_numpy()
    prob = ensemble.predict_proba(X)[0][known]
    predicted = ensemble.predict(X)["kind"][known]
    curve = display.curves["kind"]
    assert curve.kind == "accuracy"
    assert len(curve.kept) > 90
    for place in (0, 20, 60, -1):
        kept = prob.max(axis=1) >= curve.threshold[place]
        assert curve.coverage[place] == pytest.approx(kept.mean())
        expected = accuracy_score(y["kind"][known][kept], predicted[kept])
        assert curve.kept[place] == pytest.approx(expected)
    known = y["size"].notna().to_numpy()
    spread = ensemble.spread(X)[1][known, 0]
    errors = np.abs(ensemble.predict(X)["size"] - y["size"])[known]
    curve = display.curves["size"]
    assert curve.kind == "error"
    for place in (0, 20, 60, -1):
        kept = spread <= curve.threshold[place]
        assert curve.coverage[place] == pytest.approx(kept.mean())
        assert curve.kept[place] == pytest.approx(errors[kept].mean())
    assert (np.diff(curve.threshold) > 0).all()


def test_weights_and_labels_that_are_missing_or_unknown(problem):
    X, y, ensemble = problem
    weight = np.where(np.arange(120) < 60, 2.0, 0.0)
    found = RejectionDisplay.from_estimator(ensemble, X, y, sample_weight=weight)
    expected = RejectionDisplay.from_estimator(ensemble, X[:60], y[:60])
    for name, curve in expected.curves.items():
        np.testing.assert_allclose(found.curves[name].kept, curve.kept, rtol=1e-6)
    y = y.copy()
    y["kind"] = "huge"
    y["side"] = None
    found = RejectionDisplay.from_estimator(ensemble, X, y)
    assert found.aurc["kind"] == 1
    assert np.isnan(found.aurc["side"])
    found.plot().figure_.canvas.draw()


def test_from_predictions():
    y_prob = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]
    display = RejectionDisplay.from_predictions(
        ["a", "b", "b", "a"], y_prob, labels=["a", "b"], task="sign"
    )
    np.testing.assert_allclose(display.curves["sign"].kept, [1, 1, 2 / 3, 3 / 4])
    frame = display.frame()
    assert frame.columns.tolist() == [
        "task",
        "kind",
        "coverage",
        "threshold",
        "kept",
        "risk",
    ]
    np.testing.assert_allclose(frame["risk"], 1 - frame["kept"])
    np.testing.assert_allclose(frame["coverage"], [0.25, 0.5, 0.75, 1])
    with pytest.raises(InvalidDataError, match="3 columns for 2 labels"):
        RejectionDisplay.from_predictions([0, 1], np.eye(3)[:2])


def test_answers_for_several_labels():
    X, _ = make_table(40)
    y = (X[:, :2] > 0).astype(float)
    y[::3, 1] = np.nan
    estimator = table_estimator(MultiLabel(2)).fit(X, y)
    curve = RejectionDisplay.from_estimator(estimator, X, y).curves["task_0"]
    chances, known = estimator.predict_proba(X), ~np.isnan(y)
    right = ((chances >= 0.5) == (y == 1))[known]
    assert curve.kept[-1] == pytest.approx(right.mean())
    sure = np.unique(np.maximum(chances, 1 - chances)[known])
    np.testing.assert_array_equal(curve.threshold, sure[::-1])
    assert len(sure) > 40


def test_without_a_spread_values_are_not_shown(problem):
    X, y = make_table(60)
    single = table_estimator().fit(X, y)
    assert list(RejectionDisplay.from_estimator(single, X, y).curves) == ["kind"]
    with pytest.raises(InvalidParameterError, match="two members or more: pass a"):
        RejectionDisplay.from_estimator(single, X, y, tasks=["size"])
    with pytest.raises(NotFittedError):
        RejectionDisplay.from_estimator(table_estimator(), X, y)
    frames, labels, ensemble = problem
    sets = ConformalPredictor(FrozenEstimator(ensemble), 0.8).fit(frames, labels)
    found = RejectionDisplay.from_estimator(sets, frames, labels)
    expected = RejectionDisplay.from_estimator(ensemble, frames, labels)
    assert found.aurc == expected.aurc


def test_a_panel_for_each_task(problem):
    X, y, ensemble = problem
    display = RejectionDisplay.from_estimator(ensemble, X, y).plot()
    assert list(display.axes_) == ["kind", "size", "side"]
    ax, curve = display.axes_["kind"], display.curves["kind"]
    line, whole = ax.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), curve.coverage)
    np.testing.assert_array_equal(line.get_ydata(), curve.kept)
    assert set(whole.get_ydata()) == {curve.kept[-1]}
    assert ax.get_title() == f"kind: AURC={display.aurc['kind']:.3g}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coverage", "accuracy")
    assert display.axes_["size"].get_ylabel() == "mean absolute error"
    figure, own = pyplot.subplots()
    one = RejectionDisplay.from_estimator(ensemble, X, y, tasks=["side"]).plot(ax=own)
    assert one.axes_ == {"side": own}
    assert one.figure_ is figure
    with pytest.raises(InvalidParameterError, match="'ax' parameter of RejectionDisp"):
        display.plot(ax=own)
