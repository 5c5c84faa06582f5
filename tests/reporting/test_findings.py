"""What a report notices: each finding where it is due, and not where it is not."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.utils.class_weight import compute_sample_weight

from mtlearn import (
    Classification,
    Head,
    Partial,
    Regression,
    Tasks,
    load,
    report,
    save,
)
from mtlearn.metrics import Resampling, ScoredOutputs, report_of
from mtlearn.networks import MLP
from mtlearn.reporting import _findings, _label_findings
from mtlearn.reporting._codes import CODES
from mtlearn.reporting._evidence import Evidence, Network, TaskEvidence, gather
from mtlearn.reporting._findings import findings_of
from mtlearn.tasks import ScoredLabels
from tiny_problems import table_estimator

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "findings.md"
RNG = np.random.default_rng(0)


def task_evidence(true, predicted, output=None, name="t"):
    """Return what is known of a task with these labels; whole numbers are classes."""
    true, predicted = np.asarray(true), np.asarray(predicted)
    is_real = true.dtype.kind == "f"
    kind = Regression() if is_real else Classification()
    task = kind.fit(true, np.ones(len(true)), name)
    labels = ScoredLabels(true, predicted, np.ones(len(true)))
    table = report_of(
        Tasks.from_mapping({name: task}),
        {name: labels},
        Resampling(100, 0.95, 0),
        {name: output},
    )
    if output is None and not is_real:
        output = np.eye(task.n_outputs)[np.searchsorted(task.classes_, predicted)]
    return TaskEvidence(
        name,
        ScoredOutputs(
            task,
            np.ones(len(true), bool),
            true,
            predicted[:, None] if is_real else output,
            labels.weight,
        ),
        labels,
        {row["metric"]: row for row in table.rows},
    )


def good_classes(n=400, name="t"):
    true = np.arange(n) % 4
    predicted = np.where(np.arange(n) % 25 == 0, (true + 1) % 4, true)
    return task_evidence(true, predicted, name=name)


def good_values(n=400, name="t"):
    true = RNG.normal(size=n)
    return task_evidence(true, true + RNG.normal(scale=0.1, size=n), name=name)


def network(losses, *, valid=None, best=None, metric="accuracy", trained=0.9):
    """Return a training with these losses by task and epoch."""
    n_epochs = len(next(iter(losses.values())))
    history = [{} for _ in range(n_epochs)]
    for rows, found in (("train", losses), ("valid", valid or {})):
        for name, values in found.items():
            for row, value in zip(history, values, strict=True):
                row[f"{rows}_{name}_loss"] = value
                row[f"{rows}_{name}_{metric}"] = trained
        for epoch, row in enumerate(history):
            if found:
                row[f"{rows}_loss"] = sum(each[epoch] for each in found.values())
    return Network(history, best or n_epochs, dict.fromkeys(losses, 1.0))


def codes(tasks, *networks):
    evidence = Evidence(
        None, None, None, tasks, None, [(None, each) for each in networks]
    )
    return [(each.code, each.task) for each in findings_of(evidence)]


FALLING = [1.0, 0.5, 0.3, 0.25, 0.249]


def test_nothing_is_found_of_a_good_fit():
    assert codes([good_classes()], network({"t": FALLING}, valid={"t": FALLING})) == []
    plain = network({"t": FALLING}, valid={"t": FALLING}, metric="r2")
    assert codes([good_values()], plain) == []


def test_a_validation_loss_that_has_risen():
    rising = [1.0, 0.5, 0.45, 0.6, 0.8]
    fit = {"losses": {"t": FALLING}, "valid": {"t": rising}}
    assert codes([good_classes()], network(**fit)) == [("MTL001", "t")]
    assert codes([good_classes()], network(**fit, best=3)) == []
    own = replace(network(**fit), best_epochs={"t": 3})
    assert codes([good_classes()], own) == []


def test_a_metric_that_only_training_rows_have():
    true = np.arange(400) % 4
    predicted = np.where(np.arange(400) % 3 == 0, (true + 1) % 4, true)
    spread = np.full((400, 4), 0.11) + 0.56 * np.eye(4)[predicted]
    task = task_evidence(true, predicted, spread)
    assert codes([task], network({"t": FALLING}, trained=0.95)) == [("MTL001", "t")]
    assert codes([task], network({"t": FALLING}, trained=0.7)) == []
    own = replace(network({"t": FALLING}, trained=0.7), best_epochs={"t": 3})
    own.history[2]["train_t_accuracy"] = 0.95
    assert codes([task], own) == [("MTL001", "t")]


@pytest.mark.parametrize(
    "params",
    [
        {"tasks": Tasks(a=Classification(2, class_weight="balanced"))},
        {"tasks": Tasks(a=Classification(2)), "sampler": "balanced"},
        {"tasks": Tasks(a=Classification(2)), "weighted": True},
    ],
    ids=str,
)
def test_a_rare_class_that_is_balanced_is_no_overfitting(params):
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.06).astype(int)
    # All of the rare ones stand where three in ten of the others do too: few weights
    # and many rows, so that nothing can be learned by heart.
    X = rng.uniform(0.7 * y, 1.0)[:, np.newaxis] * 4 - 2
    params = params.copy()
    weight = None
    if params.pop("weighted", False):
        weight = compute_sample_weight("balanced", y[:2000])
    estimator = table_estimator(max_epochs=15, **params)
    estimator.fit(X[:2000], y[:2000], sample_weight=weight)

    evidence = gather(estimator, X[2000:], y[2000:], Resampling(200, 0.95, 0))

    assert "MTL001" not in [each.code for each in findings_of(evidence)]
    trained = estimator.score(X[:2000], y[:2000])
    assert trained == pytest.approx(estimator.score(X[2000:], y[2000:]), abs=0.03)


@pytest.mark.parametrize("weighted", ["no", "alike", "once"])
def test_what_only_training_rows_have_where_all_weigh_the_same(weighted, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 20)), rng.integers(2, size=60)
    rows = np.arange(60) < 30
    estimator = table_estimator(Classification(2), max_epochs=40, warm_start=True)
    # Rows without a weight take no part.
    weight = None if weighted == "no" else np.where(rows, 3.0, 0.0)
    n_rows = 30 if weight is None else 60
    estimator.fit(X[:n_rows], y[:n_rows], sample_weight=weight)
    if weighted == "once":
        estimator.fit(X[rows], y[rows], sample_weight=np.linspace(1, 2, 30))
        estimator.fit(X[rows], y[rows])
    save(estimator, tmp_path / "model.mtlearn")
    for fitted in (estimator, load(tmp_path / "model.mtlearn")):
        evidence = gather(fitted, X[~rows], y[~rows], Resampling(50, 0.95, 0))
        found = [each.code for each in findings_of(evidence)]
        assert ("MTL001" in found) == (weighted != "once")


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_a_task_at_its_baseline(kind):
    if kind == "classes":
        true = RNG.integers(2, size=400)
        task = task_evidence(true, RNG.integers(2, size=400), np.full((400, 2), 0.5))
        fit = network({"t": FALLING}, trained=0.5)
    else:
        true = RNG.normal(size=400)
        task = task_evidence(true, np.full(400, true.mean()))
        fit = network({"t": FALLING}, metric="r2", trained=0.0)
    assert ("MTL002", "t") in codes([task], fit)


def test_classes_that_are_never_predicted():
    true = np.repeat([0, 1, 2, 3, 4, 5, 6], [300, 40, 3, 1, 2, 1, 1])
    true = np.concatenate([true, [7, 8]])
    task = task_evidence(true, np.where(true == 0, 0, 1))
    evidence = Evidence(
        None, None, None, [task], None, [(None, network({"t": FALLING}))]
    )
    (finding,) = findings_of(evidence)
    assert finding.code == "MTL003"
    assert finding.message == (
        "2 (3 rows), 4 (2 rows), 3 (1 row), 5 (1 row), 6 (1 row) and 2 more"
    )


def test_a_task_that_dominates_the_loss():
    tasks = [good_classes(name="a"), good_classes(name="b")]
    much = {"a": FALLING, "b": [each * 5 for each in FALLING]}
    assert codes(tasks, network(much)) == [("MTL004", "b")]
    weighted = Network(network(much).history, 5, {"a": 5.0, "b": 1.0})
    assert codes(tasks, weighted) == []
    assert weighted.loss_shares() == pytest.approx({"a": 0.5, "b": 0.5})


def test_balanced_losses_count_as_they_were_weighed():
    rows = [
        {"train_a_loss": 9.0, "weight_a": 1 / 9, "train_b_loss": 1.0, "weight_b": 1.0},
        {"train_a_loss": 2.0, "weight_a": 0.5, "train_b_loss": 1.0, "weight_b": np.nan},
    ]
    shares = Network(rows, 1, {"a": 1.0, "b": 2.0}).loss_shares()
    assert shares == pytest.approx({"a": 0.5, "b": 0.5})


def test_tasks_that_pull_against_each_other():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    # One feature with heads of one sign: what helps the first hurts the second.
    y = np.column_stack([X[:, 0], -X[:, 0]])
    estimator = table_estimator(
        Tasks(up=Regression(head=Head(())), down=Regression(head=Head(()))),
        backbone=Partial(MLP, hidden=(1,)),
        max_epochs=1,
    ).fit(X, y)
    with torch.no_grad():
        for head in estimator.net_.module_.heads:
            for weight in head.parameters():
                weight.fill_(0.01 if weight.ndim > 1 else 0.0)
    found = report(estimator, X, y, path=None, n_bootstraps=5).findings
    (conflict,) = (each for each in found if each.code == "MTL005")
    assert {conflict.task, *re.findall("with (up|down)", conflict.message)} == {
        "up",
        "down",
    }
    together = table_estimator().fit(X, np.column_stack([X[:, 0] > 0, X[:, 0]]))
    y = np.column_stack([X[:, 0] > 0, X[:, 0]])
    found = report(together, X, y, path=None, n_bootstraps=5).findings
    assert "MTL005" not in {each.code for each in found}


def test_probabilities_that_do_not_come_true():
    true = np.arange(400) % 2
    predicted = np.where(RNG.random(400) < 0.75, true, 1 - true)

    def sure(confidence):
        return np.where(np.eye(2)[predicted] > 0, confidence, 1 - confidence)

    fit = network({"t": FALLING}, trained=0.75)
    assert codes([task_evidence(true, predicted, sure(0.99))], fit) == [("MTL006", "t")]
    assert codes([task_evidence(true, predicted, sure(0.75))], fit) == []
    # As far apart, but of so few rows that it may be chance.
    few = [each[:12] for each in (true, predicted, sure(0.85))]
    assert ("MTL006", "t") not in codes([task_evidence(*few)], fit)


@pytest.mark.parametrize(("n_right", "due"), [(78, False), (75, True)])
def test_an_error_of_calibration_is_compared_with_the_rare_ones_of_chance(n_right, due):
    # 0.85 sure of each of 100 rows. By chance alone the accuracy is as far away as here
    # in more than 1 of 40 tables, or in fewer.
    gap = abs(n_right - 85)
    more = stats.binom.cdf(85 - gap, 100, 0.85) + stats.binom.sf(84 + gap, 100, 0.85)
    assert (more < 0.025) == due
    assert more < 0.1  # far above what half of the tables have
    predicted = np.tile([0, 1], 50)
    true = np.where(np.arange(100) < n_right, predicted, 1 - predicted)
    output = 0.15 + 0.7 * np.eye(2)[predicted]
    fit = network({"t": FALLING}, trained=0.75)
    found = codes([task_evidence(true, predicted, output)], fit)
    assert (("MTL006", "t") in found) == due


def test_a_biased_regression():
    true = RNG.normal(size=400)
    fit = network({"t": FALLING}, metric="r2")
    noise = RNG.normal(scale=0.1, size=400)
    assert codes([task_evidence(true, true + noise + 0.3)], fit) == [("MTL007", "t")]
    assert codes([task_evidence(true, true + noise + 0.02)], fit) == []


def test_training_that_ended_early():
    steep = [1.0, 0.8, 0.6, 0.4, 0.2]
    fit = network({"t": steep}, valid={"t": steep})
    assert codes([good_classes()], fit) == [("MTL008", None)]
    # Whatever chose the weights, the last loss is the lowest, or is not.
    assert codes([good_classes()], replace(fit, best_epoch=4)) == [("MTL008", None)]
    wave = [1.0, 0.5, 0.3, 0.2, 0.21]
    fit = network({"t": steep}, valid={"t": wave})
    assert codes([good_classes()], fit) == []
    # Without validation rows it is not known.
    assert codes([good_classes()], network({"t": steep})) == []


def test_a_loss_that_was_lowest_before_the_end_says_nothing_of_an_early_one():
    # The last epoch is the best by another figure than the loss.
    losses = [*np.linspace(2, 1, 18), 0.5, 0.52]
    fit = network({"t": losses}, valid={"t": losses})
    assert codes([good_classes()], fit) == []


def test_an_uncertain_figure():
    true = np.arange(20) % 2
    predicted = np.where(np.arange(20) < 5, 1 - true, true)
    output = np.full((20, 2), 0.25) + 0.5 * np.eye(2)[predicted]
    fit = network({"t": FALLING}, trained=0.75)
    assert ("MTL009", "t") in codes([task_evidence(true, predicted, output)], fit)


def test_validation_rows_that_only_some_epochs_have():
    steep = [1.0, 0.8, 0.6, 0.4, 0.2]
    fit = network({"t": steep}, valid={"t": steep})
    for kept in (slice(2, None), slice(None, 3)):
        history = [
            row if number in range(*kept.indices(5)) else without_valid(row)
            for number, row in enumerate(fit.history)
        ]
        partly = replace(fit, history=history)
        assert partly.validates
        np.testing.assert_array_equal(partly.losses("t", "valid")[kept], steep[kept])
        ended = [("MTL008", None)] if kept.stop is None else []
        assert codes([good_classes()], partly) == ended


def without_valid(row):
    return {key: value for key, value in row.items() if not key.startswith("valid")}


def test_labels_that_a_task_cannot_have():
    good = good_classes()
    true = good.labels.true.copy()
    true[[3, 200]] = [9, 8]
    # Of an estimator that knows four classes only.
    task = replace(
        good,
        scored=replace(good.scored, true=true),
        labels=replace(good.labels, true=true),
    )
    evidence = Evidence(
        None, None, None, [task], None, [(None, network({"t": FALLING}))]
    )
    (finding,) = findings_of(evidence)  # and no class that is never predicted
    assert (finding.code, finding.task) == ("MTL010", "t")
    assert finding.message == (
        "2 labels are none of its classes: 9 in row 3, 8 in row 200"
    )


def test_a_task_without_labels_is_left_out():
    task = good_classes()
    none = replace(task.scored, rows=np.zeros(task.n_samples, bool))
    nothing = TaskEvidence("u", none, task.labels, {})
    fit = network({"t": FALLING, "u": FALLING})
    assert codes([task, nothing], fit) == []


def test_every_code_is_described_in_the_guide():
    page = GUIDE.read_text(encoding="utf-8")
    assert re.findall(r"^## (MTL\d+)", page, re.MULTILINE) == list(CODES)
    for name, _ in CODES.values():
        assert name in page
    shares = (
        "RISE",
        "GAP",
        "DOMINATES",
        "OPPOSED",
        "FALL",
        "MISCALIBRATED",
        "BIASED",
        "WIDE",
    )
    bounds = [getattr(_findings, name) for name in shares]
    bounds += [getattr(_label_findings, name) for name in ("BEHIND", "COSTS", "SAME")]
    for value in bounds:
        assert f"{value:g}" in page or f"{value:.0%}".replace("%", " %") in page, value
