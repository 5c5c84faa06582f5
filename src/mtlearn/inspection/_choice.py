"""What several displays begin with: tasks, their labels, and panels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.exceptions import InvalidParameterError
from mtlearn.metrics import ScoredLabels, fitted_tasks, scored_labels

_LONGEST = 24  # letters of a name in a picture
_MOST_COLUMNS = 4


def labels_of_kind(
    estimator: Any,
    data: tuple[Any, Any, Any],
    kind: str,
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
    kind : {"classification", "regression"}
        What the display is for.
    wanted : sequence of str or None
        Names of tasks; None takes all of the kind.
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
    names = [name for name, task in known.items() if task.kind == kind]
    chosen = names if wanted is None else list(wanted)
    if not chosen or set(chosen) - set(names):
        raise InvalidParameterError(
            f"The 'tasks' parameter of {owner} must be names of {kind}s, of which "
            f"there are {names}. Got {wanted!r} instead."
        )
    scored = scored_labels(known, y, estimator.predict(X), sample_weight)
    return {name: (known[name], scored[name]) for name in chosen}


def panels(n_rows: int, n_columns: int, size: tuple[float, float], owner: str) -> Any:
    """Make a figure with a grid of panels.

    Parameters
    ----------
    n_rows, n_columns : int
        Of the grid.
    size : tuple of float
        Width and height of a panel, in inches.
    owner : str
        The display's class, for the message without matplotlib.

    Returns
    -------
    figure, ndarray of shape (n_rows, n_columns)
        matplotlib's figure and Axes.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", f"{owner}.plot")
    return pyplot.subplots(
        n_rows,
        n_columns,
        figsize=(size[0] * n_columns, size[1] * n_rows),
        squeeze=False,
        layout="constrained",
    )


def panel_for_each(
    keys: Sequence[Any], size: tuple[float, float], owner: str
) -> tuple[Any, dict[Any, Any]]:
    """Make a figure with a panel for each key, in rows of at most four.

    Parameters
    ----------
    keys : sequence
        Tasks, at least one.
    size : tuple of float
        Width and height of a panel, in inches.
    owner : str
        The display's class, for the message without matplotlib.

    Returns
    -------
    figure, dict of Axes
        matplotlib's figure, and Axes by key.
    """
    n_columns = min(len(keys), _MOST_COLUMNS)
    figure, grid = panels(-(-len(keys) // n_columns), n_columns, size, owner)
    for ax in grid.flat[len(keys) :]:
        ax.set_axis_off()
    return figure, dict(zip(keys, grid.flat, strict=False))


def one_task(names: Iterable[str], task: str | None) -> str:
    """Give the task that is meant, which may be left open if there is one only."""
    known = list(names)
    if task is None and len(known) == 1:
        return known[0]
    if task is not None and task in known:
        return task
    raise InvalidParameterError(
        f"The 'task' parameter must be one of {known}. Got {task!r} instead."
    )


def shown(name: object) -> str:
    """Write a name of a task or class for a picture: not too long, and no formula."""
    is_real = isinstance(name, float | np.floating)
    text = f"{name:.4g}" if is_real else str(name)  # class 2 of a float y is no 2.0
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return cut.replace("$", r"\$")  # between two of them matplotlib reads TeX
