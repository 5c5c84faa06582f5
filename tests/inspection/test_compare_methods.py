"""Methods on the same folds with the same seeds: the same numbers as by hand."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from mtlearn import Classification, Regression, SeedEnsemble, Tasks
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import compare_methods, sharing_report
from mtlearn.losses import TraceNorm
from tiny_problems import make_table, table_estimator

METRICS = {"size": ["r2", "mae"]}
FAST = {"fast": {"lr": 0.1}}


@pytest.fixture(scope="module")
def problem():
    X, y = make_table(60)
    y[::7, 0] = np.nan
    return X, y, table_estimator(max_epochs=2, n_threads=1)


@pytest.fixture(scope="module")
def found(problem):
    X, y, estimator = problem
    return compare_methods(
        estimator, X, y, FAST, cv=KFold(3), metrics=METRICS, random_state=0
    )


def cells(report, method, key="value"):
    return {
        (row["task"], row["metric"]): row[key]
        for row in report.rows
        if row["method"] == method
    }


def test_values_are_those_of_clones_by_hand(problem, found):
    X, y, estimator = problem
    rng, expected = np.random.RandomState(0), []
    for train, test in KFold(3).split(X):
        seed = int(rng.randint(2**31))
        fast = clone(estimator).set_params(lr=0.1, random_state=seed)
        predicted = fast.fit(X[train], y[train]).predict(X[test])
        rows = ~np.isnan(y[test, 0])
        expected.append(
            [
                accuracy_score(y[test][rows, 0], predicted[rows, 0]),
                r2_score(y[test, 1], predicted[:, 1]),
                mean_absolute_error(y[test, 1], predicted[:, 1]),
            ]
        )
    got = [row["value"] for row in found.folds if row["method"] == "fast"]
    np.testing.assert_allclose(np.reshape(got, (3, 3)), expected)
    values = list(cells(found, "fast").values())
    np.testing.assert_allclose(values, np.mean(expected, axis=0))
    spread = list(cells(found, "fast", "deviation").values())
    np.testing.assert_allclose(spread, np.std(expected, axis=0, ddof=1))
    assert found.to_frame()["value"].tolist() == [row["value"] for row in found.rows]


def test_single_and_equal_are_those_of_a_sharing_report(problem, found):
    X, y, estimator = problem
    for metrics in ({"size": "r2"}, {"size": "mae"}):
        shared = sharing_report(
            estimator, X, y, cv=KFold(3), metrics=metrics, random_state=0
        )
        for row in shared.rows:
            key = row["task"], row["metric"]
            assert cells(found, "single")[key] == pytest.approx(row["single"])
            assert cells(found, "equal")[key] == pytest.approx(row["joint"])
            for end, other in [("", "difference"), ("_low", "low"), ("_high", "high")]:
                got = cells(found, "equal", f"over_single{end}")[key]
                assert got == pytest.approx(row[other])


def by_fold(report, method):
    frame = pd.DataFrame(report.folds).query("method == @method")
    return frame.pivot(index="fold", columns=["task", "metric"], values="value")


def test_differences_to_equal(found):
    differences = by_fold(found, "fast") - by_fold(found, "equal")
    error = np.sqrt((1 / 3 + 20 / 40) * differences.var(ddof=1))
    for key, mean in differences.mean().items():
        low, high = stats.t.interval(0.95, 2, mean, error[key])
        got = [
            cells(found, "fast", f"over_equal{end}") for end in ("", "_low", "_high")
        ]
        assert [each[key] for each in got] == pytest.approx([mean, low, high])
        better = -high if key[1] == "mae" else low
        worse = -low if key[1] == "mae" else high
        said = "helps" if better > 0 else "hurts" if worse < 0 else "undecided"
        assert cells(found, "fast", "effect")[key] == said
    assert set(cells(found, "equal", "over_equal_high").values()) == {0.0}


def test_the_mean_relative_change_and_the_ranks(found):
    fast, base = (by_fold(found, name).mean() for name in ("fast", "single"))
    change = 100 * (fast - base) / base.abs()
    change["size", "mae"] *= -1
    each = change["kind"].mean(), change["size"].mean()
    assert found.delta_m["fast"] == pytest.approx(np.mean(each))
    assert found.delta_m["single"] == 0
    equal = by_fold(found, "equal").mean()
    wins = np.sign(fast - equal)
    wins["size", "mae"] *= -1
    assert found.mean_rank["fast"] == pytest.approx(1.5 - wins.mean() / 2)
    assert found.mean_rank["equal"] == pytest.approx(1.5 + wins.mean() / 2)
    assert np.isnan(found.mean_rank["single"])
    frame = pd.DataFrame(found.folds)
    seconds = frame.pivot_table("seconds", "fold", "method", "first").median()
    expected = (seconds / seconds["equal"]).to_dict()
    assert found.time_ratio == pytest.approx(expected)


class Split(Callback):
    """Adds the rows of both sides of each fit's split, by their first column."""

    seen: ClassVar[list] = []

    def on_train_begin(self, net, X, **kwargs):
        sides = [side and self.rows(side).tolist() for side in X]
        self.seen.append((net.tasks.names, net.lr, *sides))

    def rows(self, side):
        return side.X[slice(None) if side.rows is None else side.rows, 0]


def test_all_networks_of_a_fold_have_the_same_rows():
    X, y = make_table(40)
    X[:, 0] = np.arange(40)
    estimator = table_estimator(
        early_stopping=True, max_epochs=1, callbacks=[Split()], validation_fraction=0.3
    )
    Split.seen.clear()
    compare_methods(
        estimator,
        X,
        y,
        {"fast": {"lr": 0.1}, "other": table_estimator(callbacks=[Split()])},
        cv=KFold(2),
        random_state=0,
    )
    names = [(each[0], each[1]) for each in Split.seen[:5]]
    both = ("kind", "size")
    assert names == [
        (both, 0.03),
        (both, 0.1),
        (both, 0.03),
        (both[:1], 0.03),
        (both[1:], 0.03),
    ]
    equal, fast, other, *singles = (each[2:] for each in Split.seen[:5])
    assert equal == fast == singles[0] == singles[1]
    assert len(equal[1]) == 6
    # The other one does not stop early: it trains on all rows of the fold.
    assert len(other[0]) == 20


def test_parameters_of_a_pipeline_and_estimators():
    X, y = make_table(30)
    frame = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y[:, 0].astype(int)]})
    frame["size"] = y[:, 1]
    base = table_estimator(max_epochs=1).set_params(tasks=None)
    pipe = make_pipeline(StandardScaler(), base)
    methods = {
        "inner": {"lr": 0.1, "standardscaler__with_mean": False},
        "outer": {"multitaskestimator__lr": 0.1, "standardscaler__with_mean": False},
        "step": {"lr": 0.1, "standardscaler": StandardScaler(with_mean=False)},
        "own": make_pipeline(
            StandardScaler(with_mean=False), clone(base).set_params(lr=0.1)
        ),
        "equal": {"lr": 0.05},
    }
    weight = np.linspace(0.5, 1.5, 30)
    found = compare_methods(
        pipe,
        X,
        frame,
        methods,
        cv=2,
        single=False,
        sample_weight=weight,
        random_state=0,
    )
    assert list(found.delta_m) == [*methods]
    assert cells(found, "inner") == cells(found, "outer") == cells(found, "own")
    assert cells(found, "inner") == cells(found, "step") != cells(found, "equal")
    assert found.baseline == "equal"
    assert found.delta_m["equal"] == 0
    assert np.isnan([row["over_single"] for row in found.rows]).all()
    assert "over single" not in repr(found)
    assert pipe[-1].lr == 0.03


def test_weights_of_tasks_within_them():
    X, y = make_table(30)
    estimator = table_estimator(max_epochs=1, loss_weights={"size": 2.0})
    methods = {"by task": {"tasks__size__weight": 2.0, "loss_weights": None}}
    # Weights of a task are in its loss alike, so that nothing differs.
    found = compare_methods(
        estimator, X, y, methods, cv=2, single=False, n_repeats=2, random_state=0
    )
    assert cells(found, "by task") == cells(found, "equal")
    assert [row["repeat"] for row in found.folds] == [0] * 8 + [1] * 8
    ranks = found.mean_rank
    assert ranks == {"equal": 1.5, "by task": 1.5}


def test_what_is_between_tasks_is_no_part_of_single_networks():
    X, y = make_table(30)
    plain = table_estimator(max_epochs=1)
    methods = {
        "trace norm": {"penalty": TraceNorm(0.1)},
        "surgery": {"aggregation": "pcgrad"},
        "famo": {"loss_weights": "famo"},
        "own epochs": {"early_stopping": "task"},
    }
    expected = compare_methods(plain, X, y, {}, cv=2, random_state=0)
    for name, params in methods.items():
        changed = {name: params, "equal": params}
        found = compare_methods(plain, X, y, changed, cv=2, random_state=0)
        assert cells(found, name) == cells(found, "equal")
        if name != "own epochs":
            assert cells(found, "single") == cells(expected, "single")


def test_several_fits_at_a_time(problem, found):
    X, y, estimator = problem
    with parallel_config("threading"):
        again = compare_methods(
            estimator,
            X,
            y,
            FAST,
            cv=KFold(3),
            metrics=METRICS,
            n_jobs=2,
            random_state=0,
        )
    assert again.rows == found.rows


def test_it_prints_two_tables(found):
    lines = repr(found).splitlines()
    head = "method task metric value deviation over single over equal effect"
    assert " ".join(lines[0].split()) == head
    assert len(lines) == 1 + 9 + 1 + 4 + 1
    row = next(each for each in found.rows if each["method"] == "fast")
    (line,) = [each for each in lines if each.startswith("fast    kind")]
    ends = f"[{row['over_equal_low']:.3f}, {row['over_equal_high']:.3f}]"
    assert f"{row['over_equal']:z.3f} {ends}" in line
    head = "method delta_m low high mean_rank time_ratio"
    assert " ".join(lines[11].split()) == head
    assert lines[13].split()[:2] == ["equal", f"{found.delta_m['equal']:+.1f}"]
    assert lines[-1].startswith("delta_m: mean relative change from 'single'")
    assert found._repr_html_().count("<table>") == 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"methods": ["lr"]}, ParameterTypeError, "'methods' .* mapping of names to"),
        ({"methods": {1: {}}}, InvalidParameterError, "a name for each method"),
        ({"methods": {"single": {}}}, InvalidParameterError, "'single' is the one of"),
        (
            {"methods": {}, "single": False},
            InvalidParameterError,
            "to compare with: th",
        ),
        ({"methods": {"a": 1}}, ParameterTypeError, "or an estimator, for 'a'. Got 1"),
        ({"methods": {"a": {"x": 1}}}, InvalidParameterError, "of 'a': Invalid para"),
        (
            {"methods": {"a": {"lr__x": 1}}},
            InvalidParameterError,
            "cannot set the para",
        ),
        (
            {"methods": {"a": SeedEnsemble(table_estimator())}},
            ParameterTypeError,
            "one network. Got SeedEnsemble",
        ),
        (
            {"methods": {"a": {"tasks": Tasks(kind=Classification(3, column=0))}}},
            InvalidParameterError,
            r"same tasks.* 'size' \(regression\). 'a' has 'kind' \(class[a-z]*\) inst",
        ),
        (
            {"methods": {"a": {"tasks": Tasks(kind=Regression(), size=Regression())}}},
            InvalidParameterError,
            r"'a' has 'kind' \(regression\), 'size' \(regression\) instead",
        ),
        ({"single": 1}, ParameterTypeError, "'single' .* True or False"),
        ({"cv": 1}, InvalidParameterError, "'cv' parameter of compare_.* not below 2"),
        ({"n_repeats": 0}, InvalidParameterError, "'n_repeats' .* not below 1"),
        ({"confidence": 1}, InvalidParameterError, r"'confidence' .* in \(0, 1\)"),
        ({"y": None}, InvalidDataError, "compare_methods needs y, the labels"),
        ({"metrics": {"x": "r2"}}, InvalidParameterError, r"names \['x'\]"),
        ({"metrics": {"size": ["r2", "f1"]}}, InvalidParameterError, "Got 'f1' inst"),
        ({"metrics": {"size": []}}, InvalidParameterError, "one figure or several"),
        ({"metrics": {"size": ["r2"] * 2}}, InvalidParameterError, "several differ"),
        (
            {"estimator": table_estimator(Tasks(kind=Classification(column=0)))},
            InvalidParameterError,
            "compare_methods compares tasks .* there is one only",
        ),
    ],
)
def test_bad_arguments(change, error, message):
    X, y = make_table()
    arguments = {"estimator": table_estimator(), "X": X, "y": y, "methods": FAST}
    with pytest.raises(error, match=message):
        compare_methods(**{**arguments, **change})
