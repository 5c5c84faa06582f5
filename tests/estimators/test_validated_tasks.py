"""Which tasks the validation rows know, and what is said of the others."""

import numpy as np
import pytest
import torch

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from tiny_problems import assert_same_bits, table_estimator

REALS = Tasks(a=Regression(), b=Regression())


def few_labels(n_labels, seed=0, n_rows=100):
    """A complete task, and one with few labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    y = np.column_stack([X[:, 0], X @ [1, -2, 0.5, 0]])
    y[rng.permutation(n_rows)[n_labels:], 1] = np.nan
    return X, y


def stopping(tasks, **params):
    return table_estimator(tasks, **{"early_stopping": True, "max_epochs": 3, **params})


@pytest.mark.parametrize("seed", range(8))
def test_a_task_of_few_labels_alone(seed):
    X, y = few_labels(10, seed, n_rows=200)
    estimator = stopping(Regression(), random_state=seed).fit(X, y[:, 1])
    assert all(row["valid_loss"] > 0 for row in estimator.history_)


@pytest.mark.parametrize("n_labels", [2, 5, 10])
def test_a_task_of_few_labels_beside_another(n_labels):
    for seed in range(10):
        X, y = few_labels(n_labels, seed)
        estimator = stopping(REALS, random_state=seed, max_epochs=1).fit(X, y)
        (row,) = estimator.history_
        assert np.isfinite([row["train_b_loss"], row["valid_b_loss"]]).all()
        assert row["valid_loss"] == pytest.approx(
            row["valid_a_loss"] + row["valid_b_loss"]
        )


def test_the_only_label_is_learned_from():
    for seed in range(10):
        X, y = few_labels(1, seed)
        estimator = stopping(REALS, random_state=seed, max_epochs=1)
        with pytest.warns(UserWarning, match="No validation row has a label of 'b': "):
            estimator.fit(X, y)
        (row,) = estimator.history_
        assert np.isfinite(row["train_b_loss"])
        assert np.isnan(row["valid_b_loss"])
        assert row["valid_loss"] == pytest.approx(row["valid_a_loss"])


def test_nothing_is_said_of_a_task_that_the_loss_leaves_out_anyway():
    X, y = few_labels(1)
    estimator = stopping(REALS, loss_weights=[1, 0]).fit(X, y)
    assert np.isfinite(estimator.history_[0]["valid_loss"])


@pytest.mark.parametrize("name", ["early_stopping", "lr_schedule"])
def test_no_label_to_validate_on(name):
    X, y = few_labels(1)
    given = {"early_stopping": True} if name == "early_stopping" else {name: "plateau"}
    with pytest.raises(InvalidDataError, match="There is no label to validate on"):
        table_estimator(Regression(), **given).fit(X, y[:, 1])


def test_validation_labels_of_tasks_without_weight_only():
    X, y = few_labels(50)
    y_val = y.copy()
    y_val[:, 1] = np.nan
    estimator = table_estimator(REALS, loss_weights=[0, 1])
    message = "No validation row has a label of 'b', of which 'valid_loss' is made"
    with pytest.raises(InvalidDataError, match=message):
        estimator.fit(X, y, X_val=X, y_val=y_val)


def labels_that_do_not_vary():
    """Give rows to validate on of which one alone has a label of the second task."""
    X, y = few_labels(50)
    y_val = y.copy()
    y_val[np.flatnonzero(np.isfinite(y[:, 1]))[1:], 1] = np.nan
    return X, y, {"X_val": X, "y_val": y_val}


def test_a_score_that_leaves_out_a_task_with_a_single_label():
    X, y, validation = labels_that_do_not_vary()
    message = "No two validation rows differ in the label of 'b': 'valid_score', and"
    estimator = stopping(REALS, monitor="score")
    with pytest.warns(UserWarning, match=message):
        estimator.fit(X, y, **validation)
    for row in estimator.history_:
        assert row["valid_score"] == row["valid_a_r2"]
    message = "'valid_b_r2' is no finite number in any of 3 epochs"
    with pytest.warns(UserWarning, match=message):
        stopping(REALS, monitor="b_r2").fit(X, y, **validation)
    classes = Tasks(a=Regression(), b=Classification())
    y[:, 1] = validation["y_val"][:, 1] = y[:, 0] > 0
    validation["y_val"][1:, 1] = np.nan  # of which the accuracy is defined
    stopping(classes, monitor="score").fit(X, y, **validation)


def test_a_score_names_all_that_it_leaves_out():
    X, y, validation = labels_that_do_not_vary()
    y = np.column_stack([y, y[:, 0]])
    validation["y_val"] = np.column_stack([validation["y_val"], np.full(100, np.nan)])
    three = Tasks(a=Regression(), b=Regression(), c=Regression())
    with pytest.warns(UserWarning, match="differ in the label of 'b', 'c': 'valid_sc"):
        stopping(three, monitor="score").fit(X, y, **validation)


@pytest.mark.parametrize("monitor", ["loss", "b_loss", "a_r2", "train_score"])
def test_other_figures_are_made_of_a_single_label(monitor):
    X, y, validation = labels_that_do_not_vary()
    stopping(REALS, monitor=monitor).fit(X, y, **validation)


def test_weights_of_zero_leave_no_label_to_validate_on():
    X, y = few_labels(50)
    weights = np.ones((100, 2))
    weights[np.flatnonzero(np.isfinite(y[:, 1]))[1:], 1] = 0
    with pytest.warns(UserWarning, match="No validation row has a label of 'b'"):
        stopping(REALS).fit(X, y, sample_weight=weights)


def nowhere_defined(output, target):
    return torch.where(target < -1e3, torch.nan, (output - target) ** 2)


def test_without_a_number_to_go_by_the_last_weights_stay():
    X, y = few_labels(60)
    estimator = stopping(
        Regression(loss=nowhere_defined), max_epochs=5, n_iter_no_change=2
    )
    with pytest.warns(UserWarning, match="'valid_loss' is no finite number in any of"):
        estimator.fit(X, y[:, 0], X_val=X, y_val=np.full(100, -1e6))
    assert np.isnan([row["valid_loss"] for row in estimator.history_]).all()
    assert estimator.n_iter_ == estimator.best_epoch_ == 2
    expected = table_estimator(Regression(), max_epochs=2).fit(X, y[:, 0])
    assert_same_bits(estimator, expected)
