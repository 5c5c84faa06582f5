"""The figure of the history that decides about a training."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks import Tasks
from mtlearn.training._task_metric import TaskMetric

_SIDES = ("valid", "train")


@dataclass(frozen=True)
class Monitor:
    """A figure that early stopping, the best weights and the plateau follow.

    Parameters
    ----------
    figure : str
        Its name in the history, less the side.
    sides : tuple of str
        Where the history has it, of ``"valid"`` and ``"train"``; the first one counts.
    greater_is_better : bool or None
        Whether it rises where a network gets better; None, which no figure that is
        followed has, if nobody knows.
    tasks : tuple of str or None
        Those whose labels it is made of, of which one is enough; None for all that
        count in the loss.
    min_delta : float
        By how much more it must be better.
    of_metrics : bool
        Whether it is made of their default metrics, which few labels may not define.
    """

    figure: str
    sides: tuple[str, ...]
    greater_is_better: bool | None = False
    tasks: tuple[str, ...] | None = None
    min_delta: float = 0.0
    of_metrics: bool = False

    @property
    def key(self) -> str:
        """Its name in the history."""
        return f"{self.sides[0]}_{self.figure}"

    @property
    def needs_validation(self) -> bool:
        """Whether it is a figure of validation rows."""
        return self.sides[0] == "valid"

    @property
    def worst(self) -> float:
        """What every number is better than."""
        return float("-inf" if self.greater_is_better else "inf")

    def is_better(self, value: float, best: float) -> bool:
        """Tell whether a value is better than the best so far; NaN never is."""
        if self.greater_is_better:
            return value > best + self.min_delta
        return value < best - self.min_delta

    def in_training(self) -> "Monitor":
        """Give the same of training rows, or their loss where they have it not."""
        if "train" in self.sides:
            return replace(self, sides=("train",))
        return replace(LOSS, sides=("train",))


LOSS = Monitor("loss", _SIDES)


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
        sides = tuple(side for side in _SIDES if side in sides)
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


def _of_tasks(tasks: Tasks) -> Iterable[Monitor]:
    """Give the figures that every history has."""
    yield LOSS
    yield Monitor("score", _SIDES, True, tasks.names, of_metrics=True)
    for name, task in tasks.items():
        yield Monitor(f"{name}_loss", _SIDES, False, (name,))
        metric = f"{name}_{task.metric}"
        yield Monitor(metric, _SIDES, True, (name,), of_metrics=True)


def _of_callbacks(callbacks: Iterable[Any]) -> Iterable[Monitor]:
    """Give the figures that the user's metrics add."""
    for each in callbacks:
        metric = each[1] if isinstance(each, tuple) else each
        if isinstance(metric, TaskMetric):
            rises = metric.rises()
            yield Monitor(metric.figure(), (metric.on,), rises, (metric.task,))
