"""The fits of a SharingReport: one network for all tasks, and one for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from mtlearn._utils._frames import open_frame
from mtlearn._utils._indexing import take_rows
from mtlearn._utils._prepared import prepared
from mtlearn._utils._row_plan import RowPlan, planned_rows
from mtlearn._utils._unwrap import unwrap
from mtlearn._utils._validation import check_fraction
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._clones import fit_arguments, fit_recorded
from mtlearn.inspection._conflict_pairs import mean_and_error
from mtlearn.inspection._recording import AffinityRecorder
from mtlearn.metrics import scored_decisions, scored_labels
from mtlearn.tasks import ScoredLabels, Task, Tasks, fit_codec, read_targets
from mtlearn.training import (
    Monitor,
    TaskMetric,
    derive_seeds,
    follows_figure,
    resolve_balancing,
    resolve_monitor,
    resolve_schedule,
    validation_rows,
)

OWNER = "sharing_report"


@dataclass(frozen=True)
class Learner:
    """An estimator, with what it is to be fitted on.

    Attributes
    ----------
    estimator : estimator
        Not fitted; a clone of the user's.
    prefix : str
        What goes before the parameters of its last step.
    tasks : Tasks
        What it learns.
    weight : ndarray or None
        Of samples.
    """

    estimator: Any
    prefix: str
    tasks: Tasks
    weight: Any


def joint_learner(
    estimator: Any, prefix: str, tasks: Tasks, sample_weight: Any
) -> Learner:
    """Make the learner of all tasks.

    Parameters
    ----------
    estimator : estimator
        As from `trainable`.
    prefix : str
        As from `trainable`.
    tasks : Tasks
        What it learns.
    sample_weight : ndarray or None
        Of samples.

    Returns
    -------
    Learner
        With these tasks declared: folds would infer kinds of their own.
    """
    joint = clone(estimator)
    inner = unwrap(joint)
    weights = inner.loss_weights
    # By name, as a sequence is in the order of declaration.
    if weights is not None and resolve_balancing(weights, OWNER) is None:
        declared = inner.tasks if isinstance(inner.tasks, Tasks) else tasks
        weights = dict(zip(declared.names, declared.weights(weights), strict=True))
    inner.set_params(tasks=tasks, checkpoint_dir=None, loss_weights=weights)
    return Learner(joint, prefix, tasks, sample_weight)


def single_learner(joint: Learner, name: str, y: Any, weights: Any) -> Learner:
    """Make the learner of one task, with everything else the same.

    Parameters
    ----------
    joint : Learner
        Of all tasks.
    name : str
        The task.
    y : array-like, DataFrame or SliceDict
        Labels of all tasks.
    weights : ndarray of shape (n_samples, n_tasks) or None
        Of samples.

    Returns
    -------
    Learner
        It reads its own column of y. The callbacks, the sampler and the monitor that
        are about other tasks go, and so do `aggregation` and `penalty`, which are about
        several; of `loss_weights` its own stays.
    """
    estimator = clone(joint.estimator)
    inner, place = unwrap(estimator), joint.tasks.names.index(name)
    task = clone(joint.tasks[name])
    if task.condition is not None:  # there is no other: weights are zero elsewhere
        task.set_params(when=None)
    if task.own_columns is None and open_frame(y, "y") is None:
        task.take_columns(read_targets(y, joint.tasks)[place].places)
    given = inner.loss_weights
    if resolve_balancing(given, OWNER) is not None:  # there is nothing to balance
        given = None
    tasks = Tasks.from_mapping({name: task})
    inner.set_params(
        tasks=tasks,
        loss_weights=None if given is None else [joint.tasks.weights(given)[place]],
        sampler=_own_sampler(inner.sampler, name, task),
        aggregation=None,
        penalty=None,
    )
    if inner.callbacks is not None:
        inner.set_params(callbacks=[x for x in inner.callbacks if _concerns(x, name)])
    inner.set_params(monitor=_own_monitor(joint, inner, tasks))
    weight = None if weights is None else weights[:, place]
    return Learner(estimator, joint.prefix, tasks, weight)


def _own_sampler(sampler: Any, name: str, task: Task) -> Any:
    if not task.is_balanced:
        return None
    wanted = getattr(sampler, "task", sampler)
    is_of_all = wanted == ("balanced" if isinstance(sampler, str) else None)
    return sampler if is_of_all or wanted == name else None


def _own_monitor(joint: Learner, inner: Any, tasks: Tasks) -> Any:
    """Give the figure that is followed, or the loss if it is one of another task."""
    followed = _monitor(unwrap(joint.estimator), joint.tasks)
    try:
        _monitor(inner, tasks)
    except InvalidParameterError:
        return "loss" if followed.needs_validation else "train_loss"
    return inner.monitor


def _monitor(inner: Any, tasks: Tasks) -> Monitor:
    owner = type(inner).__name__
    return resolve_monitor(inner.monitor, 0.0, tasks, inner.callbacks or (), owner)


def _concerns(callback: Any, name: str) -> bool:
    metric = callback[1] if isinstance(callback, tuple) else callback
    return not isinstance(metric, TaskMetric) or metric.task == name


@dataclass(frozen=True)
class Fold:
    """The rows of one fit, and its seed.

    Attributes
    ----------
    repeat, number : int
        Which one, from 0.
    train, test : ndarray of int
        Rows.
    seed : int
        The `random_state` of every learner.
    held_out : ndarray of int or None
        Rows of `train` by their places in it, if every learner is to validate on some.
    """

    repeat: int
    number: int
    train: np.ndarray
    test: np.ndarray
    seed: int
    held_out: np.ndarray | None = None


def held_out_rows(joint: Learner, y: Any, fold: Fold) -> np.ndarray | None:
    """Choose the rows that all learners validate on, by the labels of all tasks.

    Parameters
    ----------
    joint : Learner
        Of all tasks.
    y : array-like, DataFrame or SliceDict
        Labels of all rows.
    fold : Fold
        Which of them are to train on.

    Returns
    -------
    ndarray of int or None
        Those that the joint network would choose by itself; None if it needs none.
    """
    inner = unwrap(joint.estimator)
    owner = type(inner).__name__
    schedule = resolve_schedule(inner.lr_schedule, owner)
    if not (inner.early_stopping or follows_figure(schedule)):
        return None
    if not _monitor(inner, joint.tasks).needs_validation:
        return None
    name = "validation_fraction"
    fraction = check_fraction(getattr(inner, name), name, owner)
    labels, weight = take_rows(y, fold.train), _take(joint.weight, fold.train)
    codec = fit_codec(joint.tasks, labels, weight)
    targets = codec.encode(labels, weight)
    seed = derive_seeds(fold.seed, 0).split
    return validation_rows(targets, codec.tasks, fraction, seed)[1]


def fit_and_score(
    learner: Learner,
    X: Any,
    y: Any,
    fold: Fold,
    metrics: Mapping[str, str],
    max_samples: int,
) -> tuple[dict[str, float], np.ndarray | None]:
    """Fit a learner on a fold, and score its tasks on the other rows.

    Parameters
    ----------
    learner : Learner
        It is cloned.
    X, y : array-like
        All rows.
    fold : Fold
        Which of them.
    metrics : mapping of str to str
        Of each task.
    max_samples : int
        Rows that affinities are computed on.

    Returns
    -------
    figures, affinity
        By task; of several tasks, their mean affinities over epochs.
    """
    estimator, prefix = prepared(learner.estimator, fold.seed), learner.prefix
    (X, y, weight), test = fold_parts(learner, X, y, fold)
    recorder = AffinityRecorder(OWNER, max_samples, fold.seed)
    affinity = None
    with planned_rows(RowPlan(len(fold.train), held_out=fold.held_out)):
        if len(learner.tasks) > 1:
            fit_recorded(estimator, prefix, recorder, X, y, {"sample_weight": weight})
            affinity = mean_and_error(np.stack(list(recorder.records_.values())))[0]
        else:
            estimator.fit(X, y, **fit_arguments(prefix, sample_weight=weight))
    labels = labels_of_fold(learner, estimator, test)
    return {
        name: task.figures()[metrics[name]](labels[name])
        for name, task in learner.tasks.labelled.items()
    }, affinity


def labels_of_fold(
    learner: Learner, estimator: Any, test: tuple[Any, Any, Any]
) -> dict[str, ScoredLabels]:
    """Pair the labels of each task with predictions.

    Parameters
    ----------
    learner : Learner
        Which has the tasks.
    estimator : estimator
        Fitted.
    test : tuple of (X, y, sample_weight)
        Of which rows.

    Returns
    -------
    dict of str to ScoredLabels
        By task, also of rows in which it is not asked by what is predicted of another.
    """
    X, y, weight = test
    if any(task.condition is not None for task in learner.tasks):
        return scored_decisions(estimator, X, y, weight)
    return scored_labels(learner.tasks, y, estimator.predict(X), weight)


def fold_parts(
    learner: Learner, X: Any, y: Any, fold: Fold
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Take the rows of a fold.

    Parameters
    ----------
    learner : Learner
        Whose weights are taken.
    X, y : array-like
        All rows.
    fold : Fold
        Which of them.

    Returns
    -------
    train, test : tuple of (X, y, sample_weight)
        Those to train on, and the others.
    """
    train, test = (
        (take_rows(X, rows), take_rows(y, rows), _take(learner.weight, rows))
        for rows in (fold.train, fold.test)
    )
    return train, test


def _take(weight: Any, rows: np.ndarray) -> Any:
    return None if weight is None else take_rows(weight, rows)
