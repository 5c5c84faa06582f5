"""The figure that a user named, among those that the history will have."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks import Tasks
from mtlearn.training._monitor import LOSS, SIDES, Monitor
from mtlearn.training.callbacks import TaskMetric


def resolve_monitor(
    value: Any, min_delta: float, tasks: Tasks, callbacks: Iterable[Any], owner: str
) -> Monitor:
    """Find the figure that a user named.

    Parameters
    ----------
    value : str
        Name of a figure, with or without its side.
    min_delta : float
        See `Monitor`.
    tasks : Tasks
        The tasks.
    callbacks : iterable
        The user's, of which a `TaskMetric` has a figure of its own.
    owner : str
        The estimator, for messages.

    Returns
    -------
    Monitor
        On the side of validation, unless the name says otherwise.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is no such figure, or nobody knows when it is better.
    """
    if not isinstance(value, str):
        raise ParameterTypeError(
            f"The 'monitor' parameter of {owner} must be the name of a figure of the "
            f"history, such as 'loss'. Got {short(value)} instead."
        )
    figures = {each.figure: each for each in _of_tasks(tasks)}
    for each in _of_callbacks(callbacks):
        before = figures.get(each.figure)
        sides = (each.sides[0], *(before.sides if before else ()))
        sides = tuple(side for side in SIDES if side in sides)
        figures[each.figure] = replace(each, sides=sides)
    names = {
        f"{side}_{each.figure}": replace(each, sides=(side,))
        for each in figures.values()
        for side in each.sides
    }
    # Without a side, a name is of validation rows, whatever a task may be called.
    names |= {name: each for name, each in figures.items() if each.needs_validation}
    if value not in names:
        known = [name if name in names else each.key for name, each in figures.items()]
        raise InvalidParameterError(
            f"The 'monitor' parameter of {owner} must name a figure of the history, "
            f"one of {listed(map(repr, known))}, with 'train_' before it for that "
            "of training rows; a TaskMetric among the callbacks adds one. "
            f"Got {short(value)} instead."
        )
    if names[value].greater_is_better is None:
        raise InvalidParameterError(
            f"The 'monitor' parameter of {owner} is {value!r}, and the name of its "
            "function does not tell whether it is better large or small. Pass "
            "TaskMetric(..., greater_is_better=True), or False."
        )
    return replace(names[value], min_delta=min_delta)


def task_monitors(monitor: Monitor, tasks: Tasks, owner: str) -> dict[str, Monitor]:
    """Give each task the figure that one of all tasks is made of.

    Parameters
    ----------
    monitor : Monitor
        The loss or the score.
    tasks : Tasks
        The tasks.
    owner : str
        The estimator, for messages.

    Returns
    -------
    dict of str to Monitor
        By task: its loss, or its default metric.

    Raises
    ------
    InvalidParameterError
        If it is another figure, or one of training rows.
    """
    if monitor.key == "valid_loss":
        figures = {name: (f"{name}_loss", False) for name in tasks.names}
    elif monitor.key == "valid_score":
        named = tasks.items()
        figures = {name: (f"{name}_{task.metric}", True) for name, task in named}
    else:
        raise InvalidParameterError(
            f"The 'monitor' parameter of {owner} must be 'loss' or 'score' with "
            "early_stopping='task', of which each task has its own. Got "
            f"{monitor.key!r} instead."
        )
    return {
        name: Monitor(figure, ("valid",), rises, (name,), monitor.min_delta)
        for name, (figure, rises) in figures.items()
    }


def _of_tasks(tasks: Tasks) -> Iterable[Monitor]:
    """Give the figures that every history has."""
    yield LOSS
    yield Monitor("score", SIDES, True, tasks.labelled.names, of_metrics=True)
    for name, task in tasks.items():
        yield Monitor(f"{name}_loss", SIDES, False, (name,))
        metric = f"{name}_{task.metric}"
        yield Monitor(metric, SIDES, True, (name,), of_metrics=True)


def _of_callbacks(callbacks: Iterable[Any]) -> Iterable[Monitor]:
    """Give the figures that the user's metrics add."""
    for each in callbacks:
        metric = each[1] if isinstance(each, tuple) else each
        if isinstance(metric, TaskMetric):
            rises = metric.rises()
            yield Monitor(metric.figure(), (metric.on,), rises, (metric.task,))
