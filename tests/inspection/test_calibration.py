"""Calibration: bins by hand, coverage by scipy, for each task, and what is drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import CalibrationDisplay
from mtlearn.metrics import ensemble_report, expected_calibration_error
from tiny_problems import make_table, table_estimator

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]


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


def bins_by_hand(confidence, right, weight, n_bins):
    """Loop over bins as they are defined: open below, closed above."""
    for number in range(n_bins):
        low, high = number / n_bins, (number + 1) / n_bins
        rows = (confidence > low) & (confidence <= high)
        share = weight[rows].sum() / weight.sum()
        if not share:
            yield low, high, np.nan, np.nan, 0
            continue
        means = [np.average(v[rows], weights=weight[rows]) for v in (confidence, right)]
        yield low, high, *means, share


@pytest.mark.parametrize("n_bins", [15, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_bins_are_those_by_hand(n_bins, weighted):
    rng = np.random.default_rng(0)
    prob = rng.dirichlet([0.3] * 3, size=200)
    true = np.array(["a", "b", "c"])[rng.integers(3, size=200)]
    weight = rng.random(200) if weighted else np.ones(200)
    display = CalibrationDisplay.from_predictions(
        true, prob, sample_weight=weight if weighted else None, n_bins=n_bins
    )
    right = np.array(["a", "b", "c"])[prob.argmax(axis=1)] == true
    expected = list(bins_by_hand(prob.max(axis=1), right, weight, n_bins))
    columns = ["low", "high", "expected", "observed", "share"]
    found = display.frame()
    np.testing.assert_allclose(found[columns], expected)
    assert found["kind"].unique().tolist() == ["confidence"]
    error = expected_calibration_error(true, prob, n_bins=n_bins, sample_weight=weight)
    assert display.error() == error
    gaps = found["share"] * (found["expected"] - found["observed"]).abs()
    assert display.error() == pytest.approx(gaps.sum())


def test_an_edge_is_in_the_bin_below():
    display = CalibrationDisplay.from_predictions(
        [0, 0, 1], [[0.5, 0.5], [0.75, 0.25], [0, 1]], labels=[0, 1], n_bins=4
    )
    np.testing.assert_allclose(display.curves[""].share, [0, 1 / 3, 1 / 3, 1 / 3])


def test_classifications_of_an_estimator(problem):
    X, y, ensemble = problem
    weight = np.linspace(0, 2, len(X))
    display = CalibrationDisplay.from_estimator(
        ensemble, X, y, sample_weight=weight, n_bins=10
    )
    assert list(display.curves) == ["kind", "size", "side"]
    kind, _, side = ensemble.predict_proba(X)
    for name, prob in {"side": side, "kind": kind}.items():
        known = y[name].notna() & (weight > 0)
        classes = ensemble.tasks_[name].classes_
        true, rows = y[name][known].to_numpy(), known.to_numpy()
        right = classes[prob[rows].argmax(axis=1)] == true
        expected = bins_by_hand(prob[rows].max(axis=1), right, weight[rows], 10)
        found = display.frame().query("task == @name")
        columns = ["low", "high", "expected", "observed", "share"]
        np.testing.assert_allclose(found[columns], list(expected), rtol=1e-6)
    rows = ensemble_report(ensemble, X, y).rows
    errors = {r["task"]: r["ensemble"] for r in rows if r["metric"][0:3] == "cal"}
    display = CalibrationDisplay.from_estimator(ensemble, X, y)
    for name, error in errors.items():
        assert display.error(name) == pytest.approx(error)


def coverage(ensemble, X, true, weight):
    """Compute the share inside of scipy's intervals for one more member's value."""
    values = np.array([member.predict(X)["size"] for member in ensemble.estimators_])
    n, known = len(values), ~np.isnan(true)
    scale = values.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n)
    for level in LEVELS:
        low, high = stats.t.interval(level, n - 1, values.mean(axis=0), scale)
        inside = (low <= true) & (true <= high)
        yield np.average(inside[known], weights=weight[known])


@pytest.mark.parametrize("weighted", [False, True])
def test_the_coverage_of_an_ensemble(problem, weighted):
    X, y, ensemble = problem
    weight = np.linspace(0.1, 2, len(X)) if weighted else np.ones(len(X))
    display = CalibrationDisplay.from_estimator(
        ensemble, X, y, sample_weight=weight if weighted else None, tasks=["size"]
    )
    frame = display.frame()
    assert frame["expected"].tolist() == LEVELS
    expected = list(coverage(ensemble, X, y["size"].to_numpy(), weight))
    np.testing.assert_allclose(frame["observed"], expected)
    assert 0 < frame["observed"].max() < 1
    assert frame[["low", "high", "share"]].isna().all(axis=None)
    assert display.error() == pytest.approx(
        np.abs(np.subtract(expected, LEVELS)).mean()
    )


def voting(values, weights=None):
    """Return an ensemble whose members give these values, and X."""
    X, y = make_table(values.shape[1])
    pairs = [(str(each), table_estimator(Regression())) for each in range(len(values))]
    few = slice(30)
    ensemble = VotingEnsemble(pairs, weights=weights).fit(X[few], y[few, 1])
    for member, own in zip(ensemble.estimators_, values, strict=True):
        member._outputs = lambda X, own=own, **how: [own[:, np.newaxis]]
    return ensemble, X


def drawn(n_members, n_rows=3000):
    """Draw values of members and true ones, alike: of each row another normal."""
    rng = np.random.default_rng(n_members)
    middle, width = 5 * rng.normal(size=n_rows), rng.uniform(0.1, 3, size=n_rows)
    *members, true = middle + width * rng.normal(size=(n_members + 1, n_rows))
    return np.array(members), true


@pytest.mark.parametrize("n_members", [2, 3, 4, 10])
def test_a_perfect_ensemble_covers_what_it_says(n_members):
    members, true = drawn(n_members)
    ensemble, X = voting(members)
    curve = CalibrationDisplay.from_estimator(ensemble, X, true).curves["task_0"]
    errors = np.sqrt(curve.expected * (1 - curve.expected) / len(true))
    assert (np.abs(curve.observed - LEVELS) < 3 * errors).all()
    assert curve.error < 0.012
    # Members of half the width are surer than they may be.
    centre = members.mean(axis=0)
    sure, X = voting(centre + (members - centre) / 2)
    narrow = CalibrationDisplay.from_estimator(sure, X, true).curves["task_0"]
    assert (narrow.observed < curve.observed - 3 * errors).all()


def test_an_interval_by_hand():
    # Of 1 and 3 the mean is 2, s is sqrt(2), and t of one degree of freedom at 50 % is
    # 1 (at 90 %, 6.314): 2 +- 1 * sqrt(2) * sqrt(3 / 2), which is 1.732.
    values = np.repeat([[1.0], [3.0]], 4, axis=1)
    ensemble, X = voting(values)
    true = np.array([2 + 1.73, 2 - 1.74, 2 + 10.93, 2 - 10.94])
    curve = CalibrationDisplay.from_estimator(ensemble, X, true).curves["task_0"]
    found = dict(zip(LEVELS, curve.observed.tolist(), strict=True))
    assert (found[0.5], found[0.9], found[0.95]) == (0.25, 0.75, 1.0)


def test_weights_of_members_count_for_their_intervals():
    members, true = drawn(3)
    # One without a weight takes no part.
    two, X = voting(members, weights=[0, 1, 1])
    found = CalibrationDisplay.from_estimator(two, X, true).curves["task_0"]
    plain, X = voting(members[1:])
    expected = CalibrationDisplay.from_estimator(plain, X, true).curves["task_0"]
    np.testing.assert_allclose(found.observed, expected.observed)
    # Weights that differ are nearly right.
    uneven, X = voting(members, weights=[1, 1, 4])
    found = CalibrationDisplay.from_estimator(uneven, X, true).curves["task_0"]
    np.testing.assert_allclose(found.observed, LEVELS, atol=0.035)
    alone, X = voting(members, weights=[0, 0, 1])
    with pytest.raises(InvalidParameterError, match="two members or more"):
        CalibrationDisplay.from_estimator(alone, X, true)


def test_the_spread_is_that_of_the_members():
    ensemble, X = voting(np.array([[1.0, 2.0], [3.0, 8.0]]))
    np.testing.assert_allclose(ensemble.spread(X[:2]), [[1.0], [3.0]])
    single, X = voting(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(single.spread(X[:2]), [[0.0], [0.0]])


def test_around_ensembles(problem):
    X, y, ensemble = problem
    scaled = TemperatureScaled(FrozenEstimator(ensemble)).fit(X, y)
    plain = CalibrationDisplay.from_estimator(ensemble, X, y)
    found = CalibrationDisplay.from_estimator(scaled, X, y)
    np.testing.assert_array_equal(
        found.curves["size"].observed, plain.curves["size"].observed
    )
    prob = dict(zip(scaled.task_names_, scaled.predict_proba(X), strict=True))["side"]
    assert found.error("side") == expected_calibration_error(y["side"], prob)
    assert found.error("side") != plain.error("side")


def test_behind_pipelines_and_searches(problem):
    X, y, _ = problem
    tasks = Tasks(side=Classification(), size=Regression())
    model = Pipeline([("scale", StandardScaler()), ("model", table_estimator(tasks))])
    pipe = Pipeline([("scale", StandardScaler(with_std=False)), ("many", model)])
    pipe.set_params(many=SeedEnsemble(model, 2, random_state=0))
    search = GridSearchCV(TemperatureScaled(pipe), {"random_state": [0]}, cv=2)
    search.fit(X, y[["side", "size"]].fillna(10.0))
    display = CalibrationDisplay.from_estimator(search, X, y)
    inner = search.best_estimator_.estimator_
    centred = inner[:-1].transform(X)
    expected = coverage(inner[-1], centred, y["size"].to_numpy(), np.ones(len(X)))
    np.testing.assert_allclose(display.curves["size"].observed, list(expected))


def test_one_task_and_one_dimension():
    X, y = make_table(60)
    ensemble = SeedEnsemble(table_estimator(Regression()), 2, random_state=0)
    ensemble.fit(X, y[:, 1])
    display = CalibrationDisplay.from_estimator(ensemble, X, y[:, 1])
    assert display.error() == display.error("task_0")


def test_without_a_spread_regressions_are_not_shown():
    X, y = make_table(60)
    single = table_estimator().fit(X, y)
    alone = SeedEnsemble(table_estimator(), 1, random_state=0).fit(X, y)
    for estimator in (single, alone):
        display = CalibrationDisplay.from_estimator(estimator, X, y)
        assert list(display.curves) == ["kind"]
        with pytest.raises(InvalidParameterError, match="two members or more: pass a"):
            CalibrationDisplay.from_estimator(estimator, X, y, tasks=["kind", "size"])
    only = table_estimator(Regression()).fit(X, y[:, 1])
    with pytest.raises(
        InvalidParameterError, match=r"are \[\]. Got None.*SeedEnsemble"
    ):
        CalibrationDisplay.from_estimator(only, X, y[:, 1])


def test_labels_that_are_missing_or_unknown(problem):
    X, y, ensemble = problem
    y = y.copy()
    y["size"] = np.nan
    y["kind"] = "huge"
    y["side"] = None
    display = CalibrationDisplay.from_estimator(ensemble, X, y)
    observed = display.curves["kind"].observed
    np.testing.assert_array_equal(observed[np.isfinite(observed)], 0)
    for name in ("side", "size"):
        assert np.isnan(display.error(name))
        assert np.isnan(display.curves[name].observed).all()
    display.plot().figure_.canvas.draw()


def test_a_panel_for_each_task(problem):
    X, y, ensemble = problem
    display = CalibrationDisplay.from_estimator(ensemble, X, y).plot()
    assert list(display.axes_) == ["kind", "size", "side"]
    ax, curve = display.axes_["kind"], display.curves["kind"]
    diagonal, line = ax.get_lines()
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    known = np.isfinite(curve.observed)
    np.testing.assert_array_equal(line.get_xdata(), curve.expected[known])
    np.testing.assert_array_equal(line.get_ydata(), curve.observed[known])
    np.testing.assert_array_equal([p.get_height() for p in ax.patches], curve.share)
    assert ax.get_title() == f"kind: ECE={curve.error:.3f}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "accuracy")
    shown = {text.get_text() for text in ax.get_legend().get_texts()}
    assert shown == {"as promised", "share of the rows", "accuracy"}
    ax = display.axes_["size"]
    assert not ax.patches
    np.testing.assert_array_equal(ax.get_lines()[1].get_xdata(), LEVELS)
    assert ax.get_title() == f"size: coverage error={display.error('size'):.3f}"


def test_many_tasks_are_in_rows_of_four():
    curve = CalibrationDisplay.from_predictions([0, 1], np.eye(2)).curves[""]
    display = CalibrationDisplay({f"task {i}": curve for i in range(6)}).plot()
    assert len(display.axes_) == 6
    assert [ax.axison for ax in display.figure_.axes] == [True] * 6 + [False] * 2
    display = CalibrationDisplay.from_predictions([0, 1], np.eye(2)).plot()
    assert display.axes_[""].get_title() == "ECE=0.000"


def test_what_cannot_be_shown(problem):
    X, y, ensemble = problem
    for tasks in (["colour"], []):
        with pytest.raises(InvalidParameterError, match=r"are \['kind', 'size', 'sid"):
            CalibrationDisplay.from_estimator(ensemble, X, y, tasks=tasks)
    display = CalibrationDisplay.from_estimator(ensemble, X, y)
    with pytest.raises(InvalidParameterError, match="'task' parameter"):
        display.error()
    with pytest.raises(
        InvalidParameterError, match="'n_bins' parameter of Calibration"
    ):
        CalibrationDisplay.from_estimator(ensemble, X, y, n_bins=0)
    with pytest.raises(InvalidDataError, match="3 columns for 2 labels"):
        CalibrationDisplay.from_predictions([0, 1], np.eye(3)[:2])
    with pytest.raises(NotFittedError):
        CalibrationDisplay.from_estimator(table_estimator(), X, y)
    other = LogisticRegression().fit(X, y["side"])
    with pytest.raises(ParameterTypeError, match="parameter of CalibrationDisplay"):
        CalibrationDisplay.from_estimator(other, X, y)
