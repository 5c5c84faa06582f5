"""A metric of one task, against the same metric of predictions."""

import functools
import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    mean_pinball_loss,
)
from skorch.callbacks import Callback

from mtlearn import Classification, Regression, Tasks
from mtlearn.data import Samples, to_labels
from mtlearn.exceptions import (
    InvalidParameterError,
    ParameterTypeError,
    UnknownTaskError,
)
from mtlearn.tasks import fit_codec
from mtlearn.training import (
    EpochHistory,
    TaskMetric,
    activations,
)
from mtlearn.training.callbacks import _task_metric
from tiny_nets import CPU, make_net, make_problem, train


def make_mixed():
    """Return rows whose labels are strings and large numbers, some missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    sign = np.where(X[:, 0] > 0, "up", "down").astype(object)
    value = 100 + 20 * X[:, 1]
    sign[::5] = None
    value[1::4] = np.nan
    y = np.empty((30, 2), dtype=object)
    y[:, 0], y[:, 1] = sign, value
    codec = fit_codec(Tasks(sign=Classification(), value=Regression()), y)
    labels = to_labels(codec.encode(y), torch.float64, CPU)
    return Samples(X, labels), codec.tasks, sign, value


def run(*metrics, samples=None, tasks=None, valid=True, **params):
    if samples is None:
        samples, tasks = make_problem()
    net, rows = make_net(tasks, **params), []
    valid = samples if valid is True else valid
    train(net, samples, *metrics, EpochHistory(rows), valid=valid, epochs=2)
    return net, rows


def predictions(net, samples):
    outputs = zip(*activations(net, samples), strict=True)
    return [
        task.decode(torch.cat(batches).numpy())
        for task, batches in zip(net.tasks, outputs, strict=True)
    ]


def test_validation_figures_are_those_of_the_predictions():
    samples, tasks, sign, value = make_mixed()
    net, rows = run(
        TaskMetric(f1_score, "sign", pos_label="up"),
        TaskMetric(mean_absolute_error, "value"),
        TaskMetric(mean_pinball_loss, "value", name="upper", alpha=0.9),
        samples=samples,
        tasks=tasks,
    )
    found_sign, found_value = predictions(net, samples)
    there = np.array([label is not None for label in sign])
    f1 = f1_score(sign[there].astype(str), found_sign[there], pos_label="up")
    assert rows[-1]["valid_sign_f1"] == pytest.approx(f1)
    there = ~np.isnan(value)
    error = mean_absolute_error(value[there], found_value[there])
    assert rows[-1]["valid_value_mean_absolute_error"] == pytest.approx(error)
    upper = mean_pinball_loss(value[there], found_value[there], alpha=0.9)
    assert rows[-1]["valid_value_upper"] == pytest.approx(upper)


def test_training_figures_are_those_of_the_history():
    # Nothing is weighted here, so that the two accuracies must agree.
    metric = TaskMetric(accuracy_score, "sign", name="share", on="train")
    _, rows = run(metric, valid=None)
    for row in rows:
        assert row["train_sign_share"] == pytest.approx(row["train_sign_accuracy"])
        assert type(row["train_sign_share"]) is float


def test_figures_stand_between_those_of_the_tasks_and_the_rate():
    _, rows = run(TaskMetric(f1_score, "sign"))
    keys = list(rows[0])
    assert keys[-3:] == ["valid_sign_f1", "lr", "seconds"]
    assert list(rows[1]) == keys


def test_nothing_is_recorded_without_validation_rows():
    _, rows = run(TaskMetric(f1_score, "sign"), valid=None)
    assert [key for key in rows[0] if "f1" in key] == []


def test_without_a_label_the_figure_is_nan():
    samples, tasks = make_problem()
    values, weights = samples.labels.values, samples.labels.weights
    weights = torch.zeros_like(weights[0]), weights[1]
    bare = Samples(samples.X, samples.labels._replace(weights=weights))
    metric = TaskMetric(f1_score, "sign")
    _, rows = run(metric, samples=samples, tasks=tasks, valid=bare)
    assert math.isnan(rows[0]["valid_sign_f1"])
    assert len(values[0]) == 30


def test_a_training_keeps_no_batches():
    metric = TaskMetric(f1_score, "sign", on="train")
    run(metric)
    assert metric.batches_ == []
    assert metric.labels_ == []


def test_labels_are_kept_and_not_outputs(monkeypatch):
    monkeypatch.setattr(_task_metric, "_AT_ONCE", 8)
    kept = []

    class Look(Callback):
        """Adds up what the metric holds of the network's outputs."""

        def on_batch_end(self, net, **kwargs):
            kept.append(sum(len(outputs) for outputs, *_ in metric.batches_))

    samples, tasks, sign, value = make_mixed()
    metric = TaskMetric(mean_absolute_error, "value")
    net, rows = run(
        metric,
        TaskMetric(accuracy_score, "sign", name="share", on="train"),
        TaskMetric(f1_score, "sign", pos_label="up"),
        Look(),
        samples=samples,
        tasks=tasks,
        batch_size=3,
    )
    assert max(kept) < 8
    for row in rows:
        assert row["train_sign_share"] == pytest.approx(row["train_sign_accuracy"])
    # The figures are those of all rows together, and not a mean over parts of them.
    found_sign, found_value = predictions(net, samples)
    there = ~np.isnan(value)
    error = mean_absolute_error(value[there], found_value[there])
    assert rows[-1]["valid_value_mean_absolute_error"] == pytest.approx(error)
    there = np.array([label is not None for label in sign])
    f1 = f1_score(sign[there].astype(str), found_sign[there], pos_label="up")
    assert rows[-1]["valid_sign_f1"] == pytest.approx(f1)


def test_a_clone_has_the_arguments_of_the_metric():
    metric = TaskMetric(f1_score, "sign", on="train", average="macro")
    twin = clone(metric)
    twin.set_params(average="micro", name="f")
    assert metric.kwargs == {"average": "macro"}
    assert twin.kwargs == {"average": "micro"}
    assert (twin.metric, twin.task, twin.name) == (f1_score, "sign", "f")
    _, rows = run(twin)
    assert "train_sign_f" in rows[0]


def test_an_unknown_task():
    message = "There is no task 'sing'. The tasks are: sign, value"
    with pytest.raises(UnknownTaskError, match=message):
        run(TaskMetric(f1_score, "sing"))


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        (
            TaskMetric(f1_score, "sign", on="test"),
            InvalidParameterError,
            "'on' parameter of TaskMetric must be one of 'valid', 'train'. Got 'test'",
        ),
        (
            TaskMetric("f1", "sign"),
            ParameterTypeError,
            "'metric' parameter of TaskMetric must be a function .* Got 'f1'",
        ),
        (
            TaskMetric(functools.partial(f1_score, average="macro"), "sign"),
            InvalidParameterError,
            "'name' parameter of TaskMetric must be a string where .* Got None with",
        ),
        (
            TaskMetric(f1_score, "sign", name=1),
            InvalidParameterError,
            "'name' parameter of TaskMetric must be a string where .* Got 1 with",
        ),
        (
            TaskMetric(f1_score, "sign", average=None),
            InvalidParameterError,
            r"recorded as 'valid_sign_f1', must return a number. Got array.*'macro'",
        ),
    ],
)
def test_parameters_are_checked(metric, error, message):
    with pytest.raises(error, match=message):
        run(metric)


@pytest.mark.parametrize(("metric", "name"), [(accuracy_score, None), (max, "loss")])
def test_what_the_history_has_anyway(metric, name):
    samples, tasks = make_problem()

    message = r"'name' of a TaskMetric must not be '(accuracy|loss)': the history has"
    with pytest.raises(InvalidParameterError, match=message):
        train(make_net(tasks), samples, TaskMetric(metric, "sign", name=name))


def test_two_metrics_of_one_name():
    samples, tasks = make_problem()
    metrics = [
        TaskMetric(f1_score, "sign", on="train", average=average)
        for average in ("macro", "micro")
    ]

    with pytest.raises(InvalidParameterError, match="Two callbacks record 'train_sign"):
        train(make_net(tasks), samples, *metrics)
