"""The report of an open-set classifier, from what it predicts and scores."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import OpenSetClassifier, TemperatureScaled
from mtlearn.exceptions import InvalidDataError, ParameterTypeError
from mtlearn.metrics import OpenSetReport, open_set_report
from mtlearn.training import MultiTaskNet
from open_problems import known_points, point_estimator, two_columns, unknown_points

X, Y = known_points(360)
Y[245::9] = (Y[245::9] + 1) % 3  # which no prediction gets right
TRAIN, TEST = slice(0, 240), slice(240, 360)
FAR = unknown_points(30)
# Around the middle of the three centres, where some are like one of them.
NEAR = np.random.default_rng(3).normal(1.3, 1.5, size=(50, 3))
SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}


def made(tasks=None, **params):
    estimator = point_estimator(tasks, max_epochs=4)
    return OpenSetClassifier(estimator, **{**SETTINGS, **params})


@pytest.fixture(scope="module")
def fitted():
    return made().fit(X[TRAIN], Y[TRAIN])


def values(report, task="task_0", unknown="unknown"):
    return {
        row["metric"]: row["value"]
        for row in report.rows
        if (row["task"], row["unknown"]) == (task, unknown)
    }


def expected_values(open_set, X, y, X_unknown, weight=None):
    """Compute figures from public predictions, with scikit-learn's metrics."""
    weight = np.ones(len(X)) if weight is None else weight
    both = np.concatenate([X, X_unknown])
    weights = np.append(weight, np.ones(len(X_unknown)))
    is_known = np.arange(len(both)) < len(X)
    true = np.where(is_known, np.append(y, np.zeros(len(X_unknown))), -1)
    decided, scores = open_set.predict(both), open_set.score_samples(both)
    kept = np.average(decided[: len(X)] != -1, weights=weight)
    rejected = np.mean(decided[len(X) :] == -1)
    return {
        "accuracy": accuracy_score(y, open_set.predict_known(X), sample_weight=weight),
        "accuracy_after_rejection": accuracy_score(
            y, decided[: len(X)], sample_weight=weight
        ),
        "accuracy_with_unknown": accuracy_score(true, decided, sample_weight=weights),
        "kept": kept,
        "rejected": rejected,
        "balanced_accuracy": (kept + rejected) / 2,
        "roc_auc": roc_auc_score(is_known, scores, sample_weight=weights),
        "average_precision_known": average_precision_score(
            is_known, scores, sample_weight=weights
        ),
        "average_precision_unknown": average_precision_score(
            ~is_known, -scores, sample_weight=weights
        ),
    }


def assert_values(report, expected, **where):
    found = values(report, **where)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


def test_figures_of_known_and_unknown_samples(fitted):
    report = open_set_report(fitted, X[TEST], Y[TEST], NEAR)
    expected = expected_values(fitted, X[TEST], Y[TEST], NEAR)
    assert_values(report, expected)
    # The example tells them apart.
    assert len({round(value, 6) for value in expected.values()}) == len(expected)
    for row in report.rows:
        assert (row["n_known"], row["n_unknown"]) == (120, 50)
        assert row["quantile"] == 0.8
        assert row["standard_error"] == pytest.approx((0.8 * 0.2 / 48) ** 0.5)
        assert row["greater_is_better"] == (not row["metric"].endswith("at_95"))


def test_another_quantile_moves_the_threshold(fitted):
    moved = made().fit(X[TRAIN], Y[TRAIN]).set_quantile(0.5)
    moved.set_params(quantile=0.9)  # for the next fit
    before = open_set_report(fitted, X[TEST], Y[TEST], NEAR)
    after = open_set_report(moved, X[TEST], Y[TEST], NEAR)
    assert {row["quantile"] for row in after.rows} == {0.5}
    assert_values(after, expected_values(moved, X[TEST], Y[TEST], NEAR))
    assert values(after)["kept"] < values(before)["kept"]
    assert values(after)["roc_auc"] == values(before)["roc_auc"]


def test_several_sets(fitted):
    sets = {"near": NEAR, "far": FAR}
    report = open_set_report(fitted, X[TEST], Y[TEST], sets)
    for name, each in sets.items():
        alone = open_set_report(fitted, X[TEST], Y[TEST], each)
        assert values(report, unknown=name) == values(alone)
    assert values(report, unknown="far")["rejected"] == 1
    assert len(report.rows) == 2 * len(alone.rows)


def test_one_unknown_sample(fitted):
    report = open_set_report(fitted, X[TEST], Y[TEST], NEAR[:1])
    assert_values(report, expected_values(fitted, X[TEST], Y[TEST], NEAR[:1]))


@pytest.mark.parametrize("label", [-1, 7, "own"])
def test_rows_of_no_class_are_unknown_samples(fitted, label):
    both = np.concatenate([X[TEST], NEAR])
    others = np.arange(50) + 3 if label == "own" else np.full(50, label)
    y = np.append(Y[TEST], others)
    order = np.random.default_rng(0).permutation(len(y))
    report = open_set_report(fitted, both[order], y[order])
    expected = open_set_report(fitted, X[TEST], Y[TEST], NEAR)
    assert values(report) == pytest.approx(values(expected))
    # Beside an array they are of one set, beside a dict of their own.
    joined = open_set_report(fitted, both, y, FAR)
    expected = open_set_report(fitted, X[TEST], Y[TEST], np.concatenate([FAR, NEAR]))
    assert values(joined) == pytest.approx(values(expected))
    apart = open_set_report(fitted, both, y, {"far": FAR})
    assert values(apart) == pytest.approx(values(report))
    expected = open_set_report(fitted, X[TEST], Y[TEST], FAR)
    assert values(apart, unknown="far") == pytest.approx(values(expected))


def test_missing_labels_and_weights(fitted):
    y, weight = Y[TEST].astype(float), np.random.default_rng(1).uniform(0.5, 2, 120)
    y[:10], weight[10:20] = np.nan, 0
    report = open_set_report(fitted, X[TEST], y, NEAR, sample_weight=weight)
    there = np.arange(120) >= 20
    own = X[TEST][there], Y[TEST][there], NEAR, weight[there]
    assert_values(report, expected_values(fitted, *own))
    assert {row["n_known"] for row in report.rows} == {100}


def test_weights_of_unknown_rows_of_X(fitted):
    both = np.concatenate([X[TEST], NEAR[:20]])
    y = np.append(Y[TEST], np.full(20, -1))
    weight = np.append(np.ones(120), np.full(20, 3.0))
    weight[-5:] = 0
    report = open_set_report(fitted, both, y, NEAR[20:], sample_weight=weight)
    repeated = np.concatenate([NEAR[:15]] * 3 + [NEAR[20:]])
    expected = open_set_report(fitted, X[TEST], Y[TEST], repeated)
    assert values(report) == pytest.approx(values(expected))
    assert {row["n_unknown"] for row in report.rows} == {15 + 30}


@pytest.mark.parametrize("container", ["array", "frame", "list"])
@pytest.mark.parametrize("per", ["task", "row"])
def test_several_tasks(container, per):
    y, tasks = two_columns(Y)
    y = y.astype(float)
    y[250:260, 1] = np.nan
    names = ["kind", "first"]
    hold = {
        "array": np.asarray,
        "frame": lambda a: pd.DataFrame(a, columns=names),
        "list": lambda a: a.tolist(),
    }[container]
    open_set = made(tasks, per=per).fit(X[TRAIN], hold(y[TRAIN]))
    report = open_set_report(open_set, X[TEST], hold(y[TEST]), NEAR)
    both = np.concatenate([X[TEST], NEAR])
    predicted = np.asarray(open_set.predict(both))
    scores = open_set.score_samples(both)
    for place, name in enumerate(names):
        there = ~np.isnan(y[TEST][:, place])
        found = values(report, name)
        own = predicted[:120, place][there]
        right = np.mean(own == y[TEST][there, place])
        assert found["accuracy_after_rejection"] == pytest.approx(right)
        assert found["kept"] == pytest.approx(np.mean(own != -1))
        assert found["rejected"] == np.mean(predicted[120:, place] == -1)
        column = scores if per == "row" else scores[:, place]
        pairs = column[:120][there][:, None] > column[120:]
        assert found["roc_auc"] == pytest.approx(pairs.mean())
    assert {row["task"] for row in report.rows} == set(names)
    assert {row["n_known"] for row in report.rows} == {120, 110}


def test_only_tasks_that_may_be_unknown():
    y, tasks = two_columns(Y)
    open_set = made(tasks, task="first").fit(X[TRAIN], y[TRAIN])
    report = open_set_report(open_set, X[TEST], y[TEST], FAR)
    assert {row["task"] for row in report.rows} == {"first"}


def test_a_row_may_be_unknown_to_one_task_alone():
    y, tasks = two_columns(Y)
    open_set = made(tasks).fit(X[TRAIN], y[TRAIN])
    some = y[TEST].copy()
    some[:9, 0] = 5
    message = "Task 'first' has no unknown sample to be judged by, so its figure is NaN"
    with pytest.warns(UndefinedMetricWarning, match=message):
        report = open_set_report(open_set, X[TEST], some)
    kinds = {(r["task"], r["n_known"], r["n_unknown"]) for r in report.rows}
    assert kinds == {("kind", 111, 9), ("first", 120, 0)}
    nan = {name for name, value in values(report, "first").items() if value != value}
    assert nan.isdisjoint({"accuracy", "accuracy_after_rejection", "kept"})
    assert {"rejected", "roc_auc", "oscr"} <= nan
    # With a set for all tasks, it has none of its own.
    report = open_set_report(open_set, X[TEST], some, {"far": FAR})
    groups = {(r["task"], r["unknown"]) for r in report.rows}
    assert groups == {("kind", "far"), ("kind", "unknown"), ("first", "far")}


def test_no_label_at_all(fitted):
    with pytest.warns(UndefinedMetricWarning, match="Task 'task_0' has no label among"):
        report = open_set_report(fitted, X[TEST], np.full(120, np.nan), FAR)
    defined = {name for name, value in values(report).items() if value == value}
    assert defined == {"rejected"}


@pytest.mark.parametrize("unknown", [-1, "none"])
def test_classes_that_are_text(fitted, unknown):
    y = np.array(["a", "bb", "c"])[Y]
    open_set = made(unknown_label=unknown).fit(X[TRAIN], y[TRAIN])
    report = open_set_report(open_set, X[TEST], y[TEST].tolist(), NEAR)
    expected = values(open_set_report(fitted, X[TEST], Y[TEST], NEAR))
    assert values(report) == expected
    both = np.concatenate([X[TEST], NEAR])
    joined = open_set_report(open_set, both, [*y[TEST].tolist(), *[unknown] * 50])
    assert values(joined) == pytest.approx(expected)


def test_pipelines_and_searches():
    scaler = StandardScaler(copy=False).fit(X[TRAIN])
    pipeline = Pipeline([("scale", StandardScaler()), ("open", made())])
    search = GridSearchCV(pipeline, {"open__quantile": [0.8]}, cv=2)
    search.fit(X[TRAIN], Y[TRAIN])
    report = open_set_report(search, X[TEST], Y[TEST], {"near": NEAR})
    inside = search.best_estimator_[-1]
    scaled = scaler.transform(X[TEST].copy()), Y[TEST], scaler.transform(NEAR.copy())
    assert_values(report, expected_values(inside, *scaled), unknown="near")


def test_one_pass_over_each_set(fitted, monkeypatch):
    seen, iterate = [], MultiTaskNet.get_iterator
    monkeypatch.setattr(
        MultiTaskNet,
        "get_iterator",
        lambda net, dataset, **kwargs: (
            seen.append(len(dataset)) or iterate(net, dataset, **kwargs)
        ),
    )
    open_set_report(fitted, X[TEST], Y[TEST], {"near": NEAR, "far": FAR})
    assert seen == [120, 50, 30]


def test_it_prints_as_a_table(fitted):
    report = open_set_report(fitted, X[TEST], Y[TEST], {"near": NEAR, "<far>": FAR})
    lines = repr(report).splitlines()
    head = ["task", "unknown", "n_known", "n_unknown", "metric", "quantile", "value"]
    assert lines[0].split() == head
    first, second = lines[1].split(), lines[2].split()
    value = values(report, unknown="near")["accuracy"]
    assert first == ["task_0", "near", "120", "50", "accuracy", "0.8", f"{value:.3f}"]
    assert second[:2] == ["accuracy_after_rejection", "0.8"]
    assert lines[13].split()[:4] == ["<far>", "120", "30", "accuracy"]
    assert len(lines) == 1 + 24
    html = report._repr_html_()
    assert html.count("<tr>") == 25
    assert "&lt;far&gt;" in html
    assert "<far>" not in html
    frame = report.to_frame()
    assert list(frame.columns) == list(report.rows[0])
    assert_array_equal(frame["value"], [row["value"] for row in report.rows])
    assert repr(OpenSetReport([])).split() == head
    assert list(OpenSetReport([]).to_frame().columns) == list(frame.columns)


def test_what_is_no_open_set_classifier(fitted):
    message = "open_set_report takes a fitted OpenSetClassifier, or a Pipeline or sea"
    for wrong in (point_estimator(), TemperatureScaled(fitted), StandardScaler(), 3):
        with pytest.raises(ParameterTypeError, match=message):
            open_set_report(wrong, X[TEST], Y[TEST], FAR)
    search = GridSearchCV(made(), {})
    for unfitted in (made(), Pipeline([("open", made())]), search):
        with pytest.raises(NotFittedError):
            open_set_report(unfitted, X[TEST], Y[TEST], FAR)


@pytest.mark.parametrize(
    ("unknown", "error", "message"),
    [
        (FAR[:0], InvalidDataError, "'X_unknown' parameter of open_set_report must ho"),
        ([], InvalidDataError, "must hold unknown samples. Got none."),
        ({}, InvalidDataError, "must hold unknown samples. Got none."),
        ({"a": FAR, "b": FAR[:0]}, InvalidDataError, "Got none in the set 'b'"),
        ({"a": FAR, "b": None}, InvalidDataError, "Got none in the set 'b'"),
        ({"a": FAR, 3: FAR}, ParameterTypeError, "must be strings. Got 3"),
        (None, InvalidDataError, "every label in y is one of the classes. Pass X_unkn"),
    ],
)
def test_unknown_samples_are_checked(fitted, unknown, error, message):
    with pytest.raises(error, match=message):
        open_set_report(fitted, X[TEST], Y[TEST], unknown)


def test_errors_tell_whose_samples_they_are_of(fitted):
    with pytest.raises(ValueError, match="2 features") as caught:
        open_set_report(fitted, X[TEST], Y[TEST], {"far": FAR[:, :2]})
    assert caught.value.__notes__ == ["These are the unknown samples 'far'."]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        open_set_report(fitted, X[TEST], Y[TEST][:5], FAR)
