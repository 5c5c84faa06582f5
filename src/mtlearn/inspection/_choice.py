"""What several displays begin with: tasks and their labels."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import InvalidParameterError
from mtlearn.metrics import fitted_tasks, scored_decisions
from mtlearn.tasks import ScoredLabels

_LONGEST = 24  # letters of a name in a picture
_MOST_NAMED = 5
_ANY_KIND = "LearningCurvesDisplay"  # which shows every kind


def chosen_tasks(
    estimator: Any,
    wanted: Sequence[str] | None,
    owner: str,
    without: Collection[str] = (),
) -> list[str]:
    """Choose the tasks that a display is to show.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    wanted : sequence of str or None
        Names of tasks; None takes all that it can show.
    owner : str
        The display's class.
    without : collection of str, default=()
        Tasks of kinds that it shows, and that it cannot show of this estimator.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    InvalidParameterError
        If there is no such task, or none at all.
    """
    labelled = fitted_tasks(estimator, owner)
    names = [
        name
        for name, task in labelled.items()
        if owner in task.displays and name not in without
    ]
    chosen = names if wanted is None else list(wanted)
    if chosen and set(chosen) <= set(names):
        return chosen
    others = [
        f" Task {name!r} is of the kind {task.kind!r}, which has "
        f"{listed(sorted(task.displays | {_ANY_KIND}))}."
        for name, task in unwrap(estimator).tasks_.items()
        if owner not in task.displays and (wanted is None or name in chosen)
    ]
    raise InvalidParameterError(
        f"The 'tasks' parameter of {owner} must be names of tasks that it can show, of "
        f"which there are {bracketed(names)}. Got {short(wanted)} instead."
        + "".join(others[:_MOST_NAMED])
    )


def labels_of_tasks(
    estimator: Any,
    data: tuple[Any, Any, Any],
    wanted: Sequence[str] | None,
    owner: str,
) -> dict[str, tuple[Any, ScoredLabels]]:
    """Predict, and pair the labels of each task that a display is to show.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    data : tuple of (X, y, sample_weight)
        Samples, labels, and weights or None.
    wanted : sequence of str or None
        Names of tasks; None takes all that it is for.
    owner : str
        The display's class, for messages.

    Returns
    -------
    dict of str to (Task, ScoredLabels)
        At least one.

    Raises
    ------
    InvalidParameterError
        If there is no such task, or none at all.
    """
    X, y, sample_weight = data
    chosen = chosen_tasks(estimator, wanted, owner)
    scored = scored_decisions(estimator, X, y, sample_weight)
    tasks = fitted_tasks(estimator, owner)
    return {name: (tasks[name], scored[name]) for name in chosen}


def one_task(names: Iterable[str], task: str | None) -> str:
    """Give the task that is meant, which may be left open if there is one only."""
    known = list(names)
    if task is None and len(known) == 1:
        return known[0]
    if task is not None and task in known:
        return task
    raise InvalidParameterError(
        f"The 'task' parameter must be one of {bracketed(known)}. "
        f"Got {short(task)} instead."
    )


def distinct_colors(n: int, owner: str) -> list[Any]:
    """Give so many different colours: the user's, or of more those of a map.

    Parameters
    ----------
    n : int
        How many.
    owner : str
        The display's class, for the message without matplotlib.

    Returns
    -------
    list of colour
        As matplotlib takes them.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", f"{owner}.plot")
    own = pyplot.rcParams["axes.prop_cycle"].by_key().get("color", [])
    if n <= len(own):
        return own[:n]
    return list(pyplot.get_cmap("turbo")(np.linspace(0, 1, n)))


def shown(name: object) -> str:
    """Write a name of a task or class for a picture: not too long, and no formula."""
    is_real = isinstance(name, float | np.floating)
    text = f"{name:.4g}" if is_real else str(name)  # class 2 of a float y is no 2.0
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    if cut.startswith("_"):  # which matplotlib would leave out of a legend
        cut = f" {cut}"
    return cut.replace("$", r"\$")  # between two of them matplotlib reads TeX
