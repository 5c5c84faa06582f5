"""The numbers of each pair of tasks, from the products of their gradients."""

from dataclasses import dataclass

import numpy as np

from mtlearn.training import TaskGradients


@dataclass(frozen=True)
class TaskConflict:
    """How the gradients of two tasks stand to each other.

    Attributes
    ----------
    task, other : str
        The two, in task order.
    cosine : float
        Of their gradients in all shared weights, in [-1, 1]. Below zero, a step that
        lowers the loss of one raises that of the other. NaN where a gradient is zero.
    part_cosine : float
        Mean over the cosines of disjoint parts of the rows. It is nearer to zero, as
        the gradients of few rows are noisy.
    std_error : float
        Standard error of that mean; NaN of fewer than two parts.
    negative_layers : float
        Share of the layers in which the cosine is below zero.

    Examples
    --------
    >>> from mtlearn.inspection import TaskConflict
    >>> TaskConflict("digit", "shade", -0.2, -0.1, 0.02, 0.75).cosine
    -0.2
    """

    task: str
    other: str
    cosine: float
    part_cosine: float
    std_error: float
    negative_layers: float


def worst_pairs(found: TaskGradients, n: int | None) -> list[TaskConflict]:
    """Sort the pairs of tasks by their cosine in all shared weights.

    Parameters
    ----------
    found : TaskGradients
        Of one epoch.
    n : int or None
        How many at most; None gives all.

    Returns
    -------
    list of TaskConflict
        The lowest first, those without a cosine last.
    """
    cosines = found.cosines()
    means, errors = mean_and_error(found.part_cosines()[:, 0])
    known = np.isfinite(cosines[1:]).sum(axis=0)
    below = _divided((cosines[1:] < 0).sum(axis=0), known)
    first, second = np.triu_indices(len(found.task_names), 1)
    order = np.argsort(cosines[0][first, second], kind="stable")
    return [
        TaskConflict(
            found.task_names[i],
            found.task_names[j],
            *(float(each[i, j]) for each in (cosines[0], means, errors, below)),
        )
        for i, j in zip(first[order][:n], second[order][:n], strict=True)
    ]


def pair_columns(found: TaskGradients, layers: np.ndarray) -> dict[str, np.ndarray]:
    """Give the numbers of each pair in each layer as columns of a table.

    Parameters
    ----------
    found : TaskGradients
        Of one epoch.
    layers : ndarray of str of shape (1 + n_layers,)
        What to call all layers together, and each.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        Layer by layer.
    """
    names = np.array(found.task_names)
    first, second = np.triu_indices(len(names), 1)
    means, errors = mean_and_error(found.part_cosines())
    figures = {"cosine": found.cosines(), "part_cosine": means, "std_error": errors}
    return {
        "layer": np.repeat(layers, len(first)),
        "task": np.tile(names[first], len(layers)),
        "other": np.tile(names[second], len(layers)),
        **{name: each[:, first, second].ravel() for name, each in figures.items()},
    }


def _divided(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    return np.divide(values, by, out=np.full(np.shape(values), np.nan), where=by > 0)


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean over the first axis and its standard error.

    Parameters
    ----------
    values : ndarray of shape (n_parts, ...)
        NaN are left out.

    Returns
    -------
    mean, error : ndarray of shape (...)
        NaN of nothing; the error also of one value.
    """
    known = np.isfinite(values)
    n = known.sum(axis=0)
    mean = _divided(np.where(known, values, 0).sum(axis=0), n)
    squares = (np.where(known, values - mean, 0) ** 2).sum(axis=0)
    return mean, np.sqrt(_divided(squares, n * (n - 1)))
