"""history_: what it holds, and what is shown while it grows."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.training import TaskMetric
from tiny_problems import image_estimator, make_images, make_table, table_estimator

PER_TASK = ["kind_loss", "kind_accuracy", "size_loss", "size_r2"]


def keys(*prefixes):
    figures = ["loss", "score", *PER_TASK]
    prefixed = {f"{prefix}_{key}" for prefix in prefixes for key in figures}
    return {"epoch", "lr", "seconds"} | prefixed


def test_history_is_a_list_of_plain_dicts():
    estimator = table_estimator().fit(*make_table())
    assert type(estimator.history_) is list
    assert {type(row) for row in estimator.history_} == {dict}
    kinds = {type(value) for row in estimator.history_ for value in row.values()}
    assert kinds == {int, float}
    text = json.dumps(estimator.history_, allow_nan=False)
    assert json.loads(text) == estimator.history_


def test_keys_without_validation():
    estimator = table_estimator().fit(*make_table())
    assert [row["epoch"] for row in estimator.history_] == [1, 2, 3, 4]
    assert all(row.keys() == keys("train") for row in estimator.history_)


def test_keys_with_validation():
    X, y = make_table()
    estimator = table_estimator().fit(X, y, X_val=X, y_val=y)
    assert all(row.keys() == keys("train", "valid") for row in estimator.history_)


@pytest.mark.parametrize("weights", [None, {"kind": 0.5, "size": 4.0}])
def test_the_total_is_the_weighted_sum_of_the_tasks(weights):
    X, y = make_table()
    tasks = Tasks(kind=Classification(3, weight=2.0), size=Regression(weight=0.25))
    estimator = table_estimator(tasks, loss_weights=weights, batch_size=7)
    estimator.fit(X, y, X_val=X, y_val=y)
    factors = weights or {"kind": 2.0, "size": 0.25}
    for row in estimator.history_:
        for side in ("train", "valid"):
            parts = [row[f"{side}_{name}_loss"] * f for name, f in factors.items()]
            assert row[f"{side}_loss"] == pytest.approx(sum(parts))


def test_the_score_is_the_mean_of_the_metrics():
    row = table_estimator().fit(*make_table()).history_[-1]
    expected = (row["train_kind_accuracy"] + row["train_size_r2"]) / 2
    assert row["train_score"] == pytest.approx(expected)


def test_validation_figures_are_those_of_score():
    X, y = make_table()
    estimator = table_estimator(restore_best=False, batch_size=10)
    estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    row = estimator.history_[-1]
    accuracy = np.mean(estimator.predict(X[30:])[:, 0] == y[30:, 0])
    assert row["valid_kind_accuracy"] == pytest.approx(accuracy)
    assert row["valid_score"] == pytest.approx(estimator.score(X[30:], y[30:]))


def test_validation_loss_is_a_mean_over_labels_not_over_batches():
    # 300 validation rows are two batches; the labels stand in the first of them.
    X, y = make_table(330)
    y[270:300, 0] = np.nan
    estimator = table_estimator(restore_best=False)
    estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    proba = estimator.predict_proba(X[30:])[0]
    there = ~np.isnan(y[30:, 0])
    true = y[30:, 0][there].astype(int)
    expected = -np.log(proba[there][np.arange(len(true)), true]).mean()
    assert estimator.history_[-1]["valid_kind_loss"] == pytest.approx(expected)


def test_epochs_count_on_over_warm_starts():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y).fit(X, y)
    assert [row["epoch"] for row in estimator.history_] == list(range(1, 9))


def test_silence(capsys):
    image_estimator(verbose=0).fit(*make_images())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, True])
def test_a_bar_on_stderr(capsys, verbose):
    X, y = make_images()
    image_estimator(verbose=verbose).fit(X, y, X_val=X, y_val=y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "train_loss=" in err
    assert "valid_loss=" in err


def test_a_line_an_epoch(capsys):
    X, y = make_images()
    estimator = image_estimator(verbose=2).fit(X, y, X_val=X, y_val=y)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 2
    for line, row in zip(lines, estimator.history_, strict=True):
        assert line.startswith(f"epoch {row['epoch']}: loss {row['train_loss']:.4f}/")
        for name in ("kind", "size"):
            train, valid = row[f"train_{name}_loss"], row[f"valid_{name}_loss"]
            assert f"{name} {train:.4f}/{valid:.4f}" in line


def test_a_line_without_validation(capsys):
    table_estimator(verbose=2, max_epochs=1).fit(*make_table())
    assert "/" not in capsys.readouterr().out


def rare_class(n_samples=400):
    """Return rows of noise, of which one class is an eighth."""
    rng = np.random.default_rng(0)
    y = (rng.random(n_samples) < 0.125).astype(int)
    return rng.normal(size=(n_samples, 3)) + 0.8 * y[:, np.newaxis], y


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 5.0}, {1: 0.0}])
def test_class_weights_count_in_the_loss_and_not_in_the_metric(class_weight):
    X, y = rare_class()
    tasks = Tasks(a=Classification(2, class_weight=class_weight))
    # A rate of next to nothing: the weights of all batches are those that predict.
    estimator = table_estimator(tasks, lr=1e-300, max_epochs=1, batch_size=50)
    weights = np.linspace(0.5, 2, 300)
    estimator.fit(X[:300], y[:300], weights, X_val=X[300:], y_val=y[300:])

    row, task = estimator.history_[0], estimator.tasks_["a"]
    factors = task.class_factors_[y]
    losses = -np.log(estimator.predict_proba(X)[np.arange(400), y])
    assert row["train_a_accuracy"] == pytest.approx(
        estimator.score(X[:300], y[:300], weights)
    )
    assert row["valid_a_accuracy"] == pytest.approx(estimator.score(X[300:], y[300:]))
    for side, rows, given in (
        ("train", slice(300), weights),
        ("valid", slice(300, None), 1.0),
    ):
        expected = np.average(losses[rows], weights=factors[rows] * given)
        assert row[f"{side}_a_loss"] == pytest.approx(expected)


def test_the_loss_of_a_step_is_the_one_before_it():
    X, y = make_table()
    metrics = [TaskMetric(f1_score, "kind", on="train", average="macro")]
    options = {"batch_size": 40, "max_epochs": 1, "callbacks": metrics}
    still = table_estimator(lr=1e-300, **options).fit(X, y).history_[0]
    found = table_estimator(optimizer=torch.optim.LBFGS, lr=0.5, **options)
    found = found.fit(X, y).history_[0]

    # LBFGS computes the loss of a batch twenty times in a step.
    for key, value in still.items():
        if key.startswith("train"):
            assert found[key] == pytest.approx(value), key


def test_validation_labels_of_classes_without_weight_have_no_loss():
    X, y = rare_class()
    estimator = table_estimator(Tasks(a=Classification(2, class_weight={1: 0.0})))
    only = X[y == 1], y[y == 1]
    with pytest.raises(
        InvalidDataError, match="No validation row has a label of 'a', of"
    ):
        estimator.fit(X, y, X_val=only[0], y_val=only[1])
