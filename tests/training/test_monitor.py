"""The figure that decides about a training, by its name."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef, max_error

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import LOSS, Monitor, TaskMetric, resolve_monitor

TASKS = Tasks(good=Classification(2), size=Regression())
METRICS = [
    TaskMetric(f1_score, "good", average="macro"),
    ("named", TaskMetric(max_error, "size")),
    TaskMetric(max_error, "size", on="train", name="worst"),
    TaskMetric(max_error, "size", on="train"),
]


def resolve(value, tasks=TASKS, callbacks=METRICS, min_delta=0.0):
    return resolve_monitor(value, min_delta, tasks, callbacks, "Owner")


@pytest.mark.parametrize(
    ("value", "key", "rises", "tasks"),
    [
        ("loss", "valid_loss", False, None),
        ("valid_loss", "valid_loss", False, None),
        ("train_loss", "train_loss", False, None),
        ("score", "valid_score", True, ("good", "size")),
        ("train_score", "train_score", True, ("good", "size")),
        ("good_loss", "valid_good_loss", False, ("good",)),
        ("valid_good_accuracy", "valid_good_accuracy", True, ("good",)),
        ("size_r2", "valid_size_r2", True, ("size",)),
        ("good_f1", "valid_good_f1", True, ("good",)),
        ("valid_good_f1", "valid_good_f1", True, ("good",)),
        ("size_max_error", "valid_size_max_error", False, ("size",)),
        ("train_size_max_error", "train_size_max_error", False, ("size",)),
        ("train_size_worst", "train_size_worst", False, ("size",)),
    ],
)
def test_names(value, key, rises, tasks):
    found = resolve(value, min_delta=0.5)
    assert found.key == key
    assert found.greater_is_better == rises
    assert found.tasks == tasks
    assert found.min_delta == 0.5
    assert found.needs_validation == key.startswith("valid")


@pytest.mark.parametrize(
    "value", ["", "f1", "good", "good_f1_score", "size_worst", "train_good_f1", "lr"]
)
def test_unknown_names(value):
    message = (
        r"'monitor' parameter of Owner must name a figure .* 'loss', 'score', "
        r"'good_loss', 'good_accuracy', 'size_loss', 'size_r2', 'good_f1', "
        rf"'size_max_error', 'train_size_worst', with .* Got '{value}' instead"
    )
    with pytest.raises(InvalidParameterError, match=message):
        resolve(value)


@pytest.mark.parametrize("value", [None, 3, ["loss"]])
def test_no_name(value):
    with pytest.raises(ParameterTypeError, match="'monitor' parameter of Owner must b"):
        resolve(value)


def test_a_name_without_a_side_comes_first():
    tasks = Tasks(valid=Regression(), train=Regression())
    assert resolve("valid_loss", tasks, []).key == "valid_valid_loss"
    assert resolve("train_r2", tasks, []).key == "valid_train_r2"
    assert resolve("valid_score", tasks, []).key == "valid_score"


def rmse(true, predicted):
    return np.sqrt(np.mean((true - predicted) ** 2))


def own_score(true, predicted):
    return np.mean(true == predicted)


@pytest.mark.parametrize(
    ("metric", "given", "rises"),
    [
        (f1_score, None, True),
        (max_error, None, False),
        (brier_score_loss, None, False),
        (partial(max_error), None, False),
        (matthews_corrcoef, None, True),
        (own_score, None, True),
        (rmse, False, False),
        (rmse, True, True),
        (max_error, True, True),
        (f1_score, False, False),
    ],
)
def test_the_direction_of_a_metric(metric, given, rises):
    callback = TaskMetric(metric, "size", name="name", greater_is_better=given)
    assert resolve("size_name", callbacks=[callback]).greater_is_better == rises
    assert "greater_is_better" not in callback.kwargs


@pytest.mark.parametrize("metric", [rmse, partial(rmse), lambda true, predicted: 0.0])
def test_a_metric_whose_direction_nobody_knows_is_not_followed(metric):
    callback = TaskMetric(metric, "size", name="name")
    message = "'monitor' parameter of Owner is 'size_name', .* greater_is_better=True"
    with pytest.raises(InvalidParameterError, match=message):
        resolve("size_name", callbacks=[callback])
    assert resolve("size_r2", callbacks=[callback]).greater_is_better


def test_a_direction_must_be_a_truth_value():
    callback = TaskMetric(max_error, "size", greater_is_better="yes")
    with pytest.raises(ParameterTypeError, match="'greater_is_better' parameter of"):
        resolve("size_max_error", callbacks=[callback])


@pytest.mark.parametrize(
    ("rises", "min_delta", "value", "best", "better"),
    [
        (False, 0.0, 0.9, 1.0, True),
        (False, 0.0, 1.0, 1.0, False),
        (False, 0.25, 0.75, 1.0, False),
        (False, 0.25, 0.7, 1.0, True),
        (True, 0.0, 1.0, 0.9, True),
        (True, 0.0, 0.9, 0.9, False),
        (True, 0.25, 1.0, 0.75, False),
        (True, 0.25, 1.1, 0.75, True),
        (False, 0.0, np.nan, np.inf, False),
        (True, 0.0, np.nan, -np.inf, False),
        (True, 9.0, 0.1, -np.inf, True),
        (False, 9.0, 0.1, np.inf, True),
    ],
)
def test_better(rises, min_delta, value, best, better):
    monitor = Monitor("x", ("valid",), rises, None, min_delta)
    assert monitor.is_better(value, best) == better
    assert monitor.worst == (-np.inf if rises else np.inf)


def test_the_same_in_training():
    assert resolve("size_r2").in_training().key == "train_size_r2"
    assert resolve("size_max_error").in_training().key == "train_size_max_error"
    assert resolve("good_f1", min_delta=0.5).in_training() == Monitor(
        "loss", ("train",)
    )
    assert LOSS.in_training().key == "train_loss"
