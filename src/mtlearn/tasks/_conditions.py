"""Tasks whose labels count only in rows where another task has a certain label."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

WhenLike = tuple[str, Any] | str | None


class Condition(NamedTuple):
    """Where a task is asked.

    Attributes
    ----------
    task : str
        Name of the other task.
    label : object
        The label that it must have.
    """

    task: str
    label: Any

    def holds(self, labels: np.ndarray) -> np.ndarray:
        """Tell which labels of the other task are the one."""
        # As objects: numpy compares text with numbers as a whole.
        return np.asarray(labels.astype(object) == self.label, dtype=bool)


def read_condition(when: Any, owner: str) -> Condition | None:
    """Read the parameter `when`.

    Parameters
    ----------
    when : None, tuple or str
        What the user gave: ``("is_sick", True)`` or ``"is_sick == True"``.
    owner : str
        The task, for messages.

    Returns
    -------
    Condition or None
        None if the task is always asked.

    Raises
    ------
    ParameterTypeError
        If it is neither.
    """
    if when is None:
        return None
    if isinstance(when, str) and "==" in when:
        name, _, label = (part.strip() for part in when.partition("=="))
        if name and label:
            return Condition(name, _literal(label))
    is_pair = isinstance(when, tuple | list) and len(when) == 2
    if is_pair and isinstance(when[0], str) and np.ndim(when[1]) == 0:
        return Condition(when[0], when[1])
    raise ParameterTypeError(
        f"The 'when' parameter of {owner} must be None, the name of another task with "
        "one of its labels, such as ('is_sick', True), or a text such as "
        f"'is_sick == True'. Got {short(when)} instead."
    )


def _literal(text: str) -> Any:
    """Read a label as Python writes it; a word without quotes is itself."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def conditions_of(tasks: Any) -> dict[str, Condition]:
    """Give the conditions of tasks: those that others depend on come first.

    Parameters
    ----------
    tasks : Tasks
        With what they depend on.

    Returns
    -------
    dict of str to Condition
        By the names of the tasks that have one.

    Raises
    ------
    InvalidParameterError
        If there is no such task, or it depends on this one.
    """
    found = {name: task.condition for name, task in tasks.items()}
    given = {name: each for name, each in found.items() if each is not None}
    for name, condition in given.items():
        if condition.task not in tasks or condition.task == name:
            others = [each for each in tasks.names if each != name]
            raise InvalidParameterError(
                f"The 'when' parameter of task {name!r} must name another task. Got "
                f"{condition.task!r} instead; the others are {bracketed(others)}."
            )
    ordered: dict[str, Condition] = {}
    while len(ordered) < len(given):
        ready = {
            name: each
            for name, each in given.items()
            if name not in ordered and (each.task in ordered or each.task not in given)
        }
        if not ready:
            circle = [name for name in given if name not in ordered]
            raise InvalidParameterError(
                f"The 'when' parameters of the tasks {listed(circle)} lead in a "
                "circle: each waits for the label of another. Leave one out."
            )
        ordered |= ready
    return ordered


def chain_of(tasks: Any, name: str) -> list[str]:
    """Give the names of a task and of those that it depends on, itself first."""
    names, condition = [name], tasks[name].condition
    while condition is not None and condition.task not in names:
        names.append(condition.task)
        condition = tasks[condition.task].condition
    return names


def where_asked(targets: Sequence[Any], tasks: Any) -> tuple[Any, ...]:
    """Make labels missing where their task is not asked.

    Parameters
    ----------
    targets : sequence of Target
        Of these tasks.
    tasks : Tasks
        With what they depend on.

    Returns
    -------
    tuple of Target
        In the same order. A missing label of the other task asks nothing.
    """
    conditions = conditions_of(tasks)
    found = {target.name: target for target in targets}
    for name, (other, _) in conditions.items():
        if other not in found:
            raise _without_labels(name, other)
        asked = found[other].present & conditions[name].holds(found[other].values)
        target = found[name]
        by_row = asked.reshape(-1, *[1] * (target.present.ndim - 1))
        found[name] = replace(target, present=target.present & by_row)
    return tuple(found.values())


def asked_rows(
    tasks: Any, predicted: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Tell in which rows a task is asked, by the labels that others are predicted.

    Parameters
    ----------
    tasks : Tasks
        Fitted.
    predicted : mapping of str to ndarray
        Labels by task.

    Returns
    -------
    dict of str to ndarray of bool of shape (n_samples,)
        Of tasks with a condition.
    """
    asked: dict[str, np.ndarray] = {}
    for name, condition in conditions_of(tasks).items():
        asked[name] = condition.holds(predicted[condition.task])
        if condition.task in asked:
            asked[name] &= asked[condition.task]
    return asked


def fit_order(tasks: Any) -> Iterable[tuple[str, Any]]:
    """Give names and tasks in an order in which conditions are fitted first."""
    conditions = conditions_of(tasks)
    for name in [
        *(each for each in tasks.names if each not in conditions),
        *conditions,
    ]:
        yield name, tasks[name]


def check_condition(tasks: Any, name: str) -> None:
    """Raise if the condition of a task can never be so.

    Parameters
    ----------
    tasks : Tasks
        Of which the one that it depends on is fitted.
    name : str
        The task.
    """
    condition = tasks[name].condition
    if condition is None:
        return
    other = tasks[condition.task]
    if not other.has_classes:
        raise _without_labels(name, condition.task)
    if not condition.holds(np.asarray(other.classes_)).any():
        raise InvalidParameterError(
            f"The 'when' parameter of task {name!r} must have a label of task "
            f"{condition.task!r}, which are {bracketed(other.classes_.tolist())}. "
            f"Got {condition.label!r} instead."
        )


def _without_labels(name: str, other: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The 'when' parameter of task {name!r} must name a task with classes, of "
        f"which each row has one. Task {other!r} has none."
    )
