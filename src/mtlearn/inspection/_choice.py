"""What several displays begin with: tasks and their labels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.metrics import fitted_tasks, scored_labels
from mtlearn.tasks import ScoredLabels

_LONGEST = 24  # letters of a name in a picture


def labels_of_tasks(
    estimator: Any,
    data: tuple[Any, Any, Any],
    has_classes: bool,
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
    has_classes : bool
        Whether the display is for classes, or for values.
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
    known = fitted_tasks(estimator, owner)
    names = [name for name, task in known.items() if task.has_classes == has_classes]
    chosen = names if wanted is None else list(wanted)
    if not chosen or set(chosen) - set(names):
        what = "classes" if has_classes else "values"
        raise InvalidParameterError(
            f"The 'tasks' parameter of {owner} must be names of tasks with {what}, of "
            f"which there are {bracketed(names)}. Got {short(wanted)} instead."
        )
    scored = scored_labels(known, y, estimator.predict(X), sample_weight)
    return {name: (known[name], scored[name]) for name in chosen}


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
    return cut.replace("$", r"\$")  # between two of them matplotlib reads TeX
