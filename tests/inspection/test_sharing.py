"""Joint against single networks: the same numbers as by hand."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import accuracy_score, mean_absolute_error
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    Head,
    MultiLabel,
    Partial,
    RaritySampler,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import SharingReport, sharing_report
from mtlearn.inspection._folds import corrected_interval
from mtlearn.networks import MLP
from mtlearn.training import TaskMetric
from tiny_problems import make_table, table_estimator, table_tasks


@pytest.mark.parametrize("metric", ["map", "ap_micro", "roc_auc_macro", "accuracy"])
def test_figures_that_predictions_do_not_give_are_refused(metric):
    tasks = Tasks(tags=MultiLabel(2), size=Regression())
    X, y = make_table(30)
    y = np.column_stack([y[:, 0] == 0, y[:, 0] == 1, y[:, 1]])
    words = "'metrics' .*one of .*'f1_micro'.* for the multi-label 'tags'. Got"
    with pytest.raises(InvalidParameterError, match=f"{words} '{metric}' instead"):
        sharing_report(table_estimator(tasks), X, y, metrics={"tags": metric})


def test_figures_are_those_of_clones_by_hand():
    X, y = make_table(60)
    y[::7, 0] = np.nan
    estimator = table_estimator(max_epochs=3, n_threads=1)
    report = sharing_report(
        estimator, X, y, cv=KFold(3), metrics={"size": "mae"}, random_state=0
    )
    # The seeds are drawn one after the other.
    rng = np.random.RandomState(0)
    tasks = dict(table_tasks().items())
    expected = []
    for train, test in KFold(3).split(X):
        joint = clone(estimator).set_params(random_state=int(rng.randint(2**31)))
        seed = joint.random_state
        joint.fit(X[train], y[train])
        for column, (name, task) in enumerate(tasks.items()):
            single = clone(estimator).set_params(
                tasks=Tasks(**{name: task}), random_state=seed
            )
            rows = ~np.isnan(y[test, column])
            predicted = [
                single.fit(X[train], y[train, column]).predict(X[test])[rows],
                joint.predict(X[test])[rows, column],
            ]
            score = (accuracy_score, mean_absolute_error)[column]
            expected.append([score(y[test][rows, column], each) for each in predicted])
    found = [[row["single"], row["joint"]] for row in report.folds]
    np.testing.assert_allclose(found, expected)
    pairs = np.array(expected).reshape(3, 2, 2)
    for column, row in enumerate(report.rows):
        difference = pairs[:, column, 1] - pairs[:, column, 0]
        error = np.sqrt((1 / 3 + 20 / 40) * difference.var(ddof=1))
        low, high = stats.t.interval(0.95, 2, difference.mean(), error)
        assert (row["low"], row["high"]) == pytest.approx((low, high))
        assert row["difference"] == pytest.approx(difference.mean())


# Longer than other tests: worker processes import torch.
def test_the_same_for_every_n_jobs():
    X, y = make_table(40)
    estimator = make_pipeline(StandardScaler(), table_estimator(max_epochs=1))
    one, two = (
        sharing_report(estimator, X, y, cv=2, n_repeats=2, n_jobs=n, random_state=1)
        for n in (None, 2)
    )
    assert one == two
    assert [(row["repeat"], row["fold"]) for row in one.folds[::2]] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert not hasattr(estimator[-1], "net_")


def test_the_interval():
    values = np.array([0.1, 0.2, np.nan, 0.4])
    known = values[[0, 1, 3]]
    half = stats.t.ppf(0.95, 2) * np.sqrt((1 / 3 + 0.25) * known.var(ddof=1))
    low, high = corrected_interval(values, 0.25, 0.9)
    assert (low, high) == pytest.approx((known.mean() - half, known.mean() + half))
    assert np.isnan(corrected_interval(values[:1], 0.25, 0.9)).all()


def test_equal_tasks_are_grouped_and_a_conflicting_one_is_not():
    X = np.random.default_rng(0).normal(size=(120, 4))
    target, third = X @ [1.0, -1.0, 0.5, 0.0], X @ [0.0, 0.0, -1.0, 1.0]
    y = pd.DataFrame({"a": target, "b": target, "c": third})
    plain = Regression(head=Head(hidden=()))
    estimator = table_estimator(
        Tasks(a=plain, b=plain, c=plain),
        backbone=Partial(MLP, hidden=(2,)),
        max_epochs=60,
    )
    report = sharing_report(estimator, X, y, cv=3, random_state=0)
    assert report.groups == (("a", "b"), ("c",))
    assert report.affinity["a"]["b"] > 0 > report.affinity["a"]["c"]


def test_inferred_kinds_names_and_weights():
    X, y = make_table(60)
    y = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y[:, 0].astype(int)]}).assign(
        size=y[:, 1]
    )
    estimator = table_estimator(max_epochs=2).set_params(
        tasks=None,
        loss_weights={"size": 2.0},
        sampler="kind",
        callbacks=[TaskMetric(accuracy_score, "kind", name="hits", on="train")],
    )
    weight = np.linspace(0.5, 1.5, 60)
    report = sharing_report(estimator, X, y, sample_weight=weight, cv=2, random_state=0)
    assert [(row["task"], row["metric"]) for row in report.rows] == [
        ("kind", "accuracy"),
        ("size", "r2"),
    ]
    assert np.isfinite([row["joint"] for row in report.rows]).all()
    assert len(report.to_frame()) == 2
    assert "<td>kind</td>" in report._repr_html_()


def test_signs():
    row = {"task": "a", "kind": "regression", "metric": "mae", "single": 2.0}
    row["greater_is_better"] = False
    row |= {"joint": 1.0, "difference": -1.0, "low": -1.5, "high": -0.5}
    report = SharingReport([row | {"sharing": "helps"}], [], {}, (("a",),), 0.95)
    assert report.relative_gain == 50
    assert repr(report).endswith("sharing: +50.0 %\nsuggested groups: a")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"cv": 1}, InvalidParameterError, "'cv' .* not below 2"),
        ({"n_repeats": 0}, InvalidParameterError, "'n_repeats' .* not below 1"),
        ({"confidence": 1}, InvalidParameterError, r"'confidence' .* in \(0, 1\)"),
        ({"y": None}, InvalidDataError, "needs y, the labels"),
        ({"metrics": {"x": "r2"}}, InvalidParameterError, r"names \['x'\]"),
        ({"metrics": {"size": "f1"}}, InvalidParameterError, "for the regression"),
        (
            {"estimator": table_estimator(Tasks(kind=Classification(column=0)))},
            InvalidParameterError,
            "there is one only",
        ),
        (
            {"estimator": SeedEnsemble(table_estimator())},
            ParameterTypeError,
            "one network. Got SeedEnsemble",
        ),
    ],
)
def test_bad_parameters(change, error, message):
    X, y = make_table()
    arguments = {"estimator": table_estimator(), "X": X, "y": y, **change}
    with pytest.raises(error, match=message):
        sharing_report(**arguments)


class Split(Callback):
    """Adds the rows of both sides of each fit's split, by their first column."""

    seen: ClassVar[list] = []

    def on_train_begin(self, net, X, **kwargs):
        sides = [samples.X[samples.rows, 0].tolist() for samples in X]
        self.seen.append((net.tasks.names, *sides))


@pytest.mark.parametrize(
    "how", [{"early_stopping": True}, {"lr_schedule": "plateau"}], ids=str
)
@pytest.mark.parametrize("piped", [False, True])
def test_all_networks_of_a_fold_train_and_validate_on_the_same_rows(how, piped):
    X, y = make_table(60)
    X[:, 0] = np.arange(60)
    y[::3, 1] = np.nan
    estimator = table_estimator(
        validation_fraction=0.3, max_epochs=1, callbacks=[Split()], **how
    )
    Split.seen.clear()
    model = make_pipeline(StandardScaler(), estimator) if piped else estimator
    sharing_report(model, X, y, cv=2, random_state=0)

    splits = Split.seen
    assert [names for names, *_ in splits] == 2 * [
        ("kind", "size"),
        ("kind",),
        ("size",),
    ]
    for first in (0, 3):
        joint = splits[first]
        assert len(joint[2]) == 9
        for single in splits[first + 1 : first + 3]:
            assert single[1:] == joint[1:]
    assert splits[0][1:] != splits[3][1:]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_joint_network_holds_out_what_it_would_by_itself(weighted):
    X, y = make_table(60)
    X[:, 0] = np.arange(60)
    # Labels of zero weight are absent, so that others are held out.
    weight = (np.arange(60) % 3 > 0).astype(float) if weighted else np.ones(60)
    estimator = table_estimator(early_stopping=True, callbacks=[Split()], max_epochs=1)
    Split.seen.clear()
    sharing_report(estimator, X, y, cv=KFold(2), random_state=0, sample_weight=weight)
    seed = int(np.random.RandomState(0).randint(2**31))
    estimator.set_params(random_state=seed).fit(X[30:], y[30:], weight[30:])
    assert Split.seen[-1] == Split.seen[0]


class Recipe(Callback):
    """Adds what each fit weighs its tasks by, and whether it draws rows by chance."""

    seen: ClassVar[list] = []

    def on_train_begin(self, net, X, **kwargs):
        drawn = X[0].chances is not None
        self.seen.append((net.criterion_.task_weights, drawn))


@pytest.mark.parametrize(
    "sampler",
    ["balanced", "kind", RaritySampler(), RaritySampler("kind")],
    ids=["balanced", "kind", "rarity", "rarity of kind"],
)
def test_a_network_for_one_task_has_its_weight_and_its_sampler(sampler):
    X, y = make_table(60)
    estimator = table_estimator(
        loss_weights={"kind": 0.5, "size": 3.0},
        sampler=sampler,
        callbacks=[Recipe()],
        max_epochs=1,
    )
    Recipe.seen.clear()
    sharing_report(estimator, X, y, cv=2, random_state=0)
    expected = [((0.5, 3.0), True), ((0.5,), True), ((3.0,), False)]
    assert Recipe.seen == 2 * expected


@pytest.mark.parametrize("monitor", ["train_kind_loss", "train_score"])
def test_a_figure_of_training_rows_holds_none_out_of_any_network(monitor):
    X, y = make_table(60)
    X[:, 0] = np.arange(60)

    class Rows(Callback):
        def on_train_begin(self, net, X, **kwargs):
            seen.append((len(X[0]), X[1]))

    seen = []
    estimator = table_estimator(
        early_stopping=True, monitor=monitor, callbacks=[Rows()], max_epochs=1
    )
    sharing_report(estimator, X, y, cv=2, random_state=0)
    assert seen == [(30, None)] * 6


def test_a_network_for_one_task_follows_its_own_figure():
    X, y = make_table(60)
    metric = TaskMetric(accuracy_score, "kind", name="own")
    for monitor in ("kind_own", "kind_loss", "size_r2", "score"):
        estimator = table_estimator(
            early_stopping=True, monitor=monitor, callbacks=[metric], max_epochs=1
        )
        report = sharing_report(estimator, X, y, cv=2, random_state=0)
        assert [row["task"] for row in report.rows] == ["kind", "size"]
