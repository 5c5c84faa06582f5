"""Two numbers that sum up how methods compare over all tasks."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from mtlearn._utils._listing import bracketed
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


def delta_m(figures: Any, baseline: Any, greater_is_better: Any = True) -> float:
    """Compute the mean relative change of all tasks, in per cent.

    Parameters
    ----------
    figures : array-like or mapping of str to float or array-like
        A figure of each task, or several of each: a sequence in which each item
        belongs to a task, or a mapping by its name.
    baseline : array-like or mapping of str to float or array-like
        The same figures of what is compared with, such as networks for one task each.
    greater_is_better : bool, array-like or mapping, default=True
        False of an error: one for all, or one for each figure, as `figures` has them.
        Of a task, one for all its figures is enough.

    Returns
    -------
    float
        Positive where `figures` are better, errors among them.

    Raises
    ------
    InvalidParameterError
        If there is no figure, the figures are not of the same tasks, one is not finite,
        or one of the baseline is zero.
    ParameterTypeError
        If a figure is no number, or `greater_is_better` is neither True nor False.
    DataTypeError
        If a mask hides a figure.

    See Also
    --------
    mean_rank : Compares by order, which figures near zero do not spoil.
    mtlearn.inspection.compare_methods : Fits methods on folds, and has an interval.

    Notes
    -----
    The change of a figure is ``(figure - baseline) / abs(baseline)``, with the sign
    turned of an error. The changes of a task are averaged first, then the tasks, so
    that a task of many figures counts once. With one figure a task it is that of
    [1]_. The tables of [2]_ and [3]_ have it as a drop, with the other sign, and their
    programs average over all figures: for that, give each figure as a task of its own.

    A baseline near zero, as an R2 may have, makes a change large that says little.

    References
    ----------
    .. [1] K.-K. Maninis, I. Radosavovic, I. Kokkinos, "Attentive Single-Tasking of
       Multiple Tasks", CVPR 2019.
    .. [2] B. Liu, X. Liu, X. Jin, P. Stone, Q. Liu, "Conflict-Averse Gradient Descent
       for Multi-task Learning", NeurIPS 2021.
    .. [3] A. Navon, A. Shamsian, I. Achituve, H. Maron, K. Kawaguchi, G. Chechik,
       E. Fetaya, "Multi-Task Learning as a Bargaining Game", ICML 2022.

    Examples
    --------
    An accuracy grows by a tenth, and an error by a fifth:

    >>> from mtlearn.metrics import delta_m
    >>> round(delta_m([0.88, 1.2], [0.8, 1.0], [True, False]), 6)
    -5.0
    >>> figures = {"digit": [0.88, 0.4], "shade": 1.2}
    >>> baseline = {"digit": [0.8, 0.5], "shade": 1.0}
    >>> better = {"digit": [True, False], "shade": False}
    >>> round(delta_m(figures, baseline, better), 6)
    -2.5
    """
    owner = "delta_m"
    found = _by_task(figures, "figures", owner)
    base = _by_task(baseline, "baseline", owner)
    _check_alike(found, base, "baseline", owner)
    for task, values in base.items():
        if not values.all():
            raise InvalidParameterError(
                f"The 'baseline' parameter of delta_m has a figure of zero for task "
                f"{task!r}, of which no change is a share. Leave the figure out on "
                "both sides, or take another one."
            )
    signs = _signs(greater_is_better, found, owner)
    changes = [
        np.mean(signs[task] * (values - base[task]) / np.abs(base[task]))
        for task, values in found.items()
    ]
    return float(100 * np.mean(changes))


def mean_rank(
    figures: Mapping[str, Any], greater_is_better: Any = True
) -> dict[str, float]:
    """Compute the mean rank of each method over all figures.

    Parameters
    ----------
    figures : mapping of str to array-like or mapping
        By the name of a method: its figures, one or several of each task, as
        :func:`delta_m` takes them.
    greater_is_better : bool, array-like or mapping, default=True
        False of an error, as for :func:`delta_m`.

    Returns
    -------
    dict of str to float
        By method: 1 if it is best in every figure, the number of methods if it is the
        worst. Methods that are equal in a figure share the mean of their ranks. Every
        figure counts once.

    Raises
    ------
    InvalidParameterError
        If there is no method or figure, the methods have not the same tasks and
        figures, or one is not finite.
    ParameterTypeError
        If `figures` is no mapping, a figure is no number, or `greater_is_better` is
        neither True nor False.
    DataTypeError
        If a mask hides a figure.

    See Also
    --------
    delta_m : Compares by size.

    Notes
    -----
    It is the mean rank of the tables of [1]_ and [2]_. A rank depends on which other
    methods there are, and a difference that is noise counts as much as a large one.

    References
    ----------
    .. [1] B. Liu, X. Liu, X. Jin, P. Stone, Q. Liu, "Conflict-Averse Gradient Descent
       for Multi-task Learning", NeurIPS 2021.
    .. [2] A. Navon, A. Shamsian, I. Achituve, H. Maron, K. Kawaguchi, G. Chechik,
       E. Fetaya, "Multi-Task Learning as a Bargaining Game", ICML 2022.

    Examples
    --------
    >>> from mtlearn.metrics import mean_rank
    >>> figures = {"equal": [0.8, 1.0], "first": [0.9, 1.2], "second": [0.8, 0.9]}
    >>> mean_rank(figures, [True, False])
    {'equal': 2.25, 'first': 2.0, 'second': 1.75}
    """
    owner = "mean_rank"
    if not isinstance(figures, Mapping):
        raise ParameterTypeError(
            "The 'figures' parameter of mean_rank must be a mapping of names of "
            f"methods to their figures. Got {short(figures)} instead."
        )
    if not figures:
        raise InvalidParameterError(
            "The 'figures' parameter of mean_rank must have a method. Got {} instead."
        )
    of_methods = [_by_task(each, "figures", owner) for each in figures.values()]
    first = of_methods[0]
    for other in of_methods[1:]:
        _check_alike(first, other, "figures", owner)
    signs = np.concatenate(list(_signs(greater_is_better, first, owner).values()))
    table = np.stack(
        [np.concatenate([each[task] for task in first]) for each in of_methods]
    )
    ranks = rankdata(-signs * table, axis=0).mean(axis=1)
    return dict(zip(figures, ranks.tolist(), strict=True))


def _by_task(given: Any, name: str, owner: str) -> dict[Hashable, np.ndarray]:
    """Read one or several figures of each task."""
    items = _items(given, name, owner)
    found = {}
    for task, value in items.items():
        what = f"The {name!r} parameter of {owner} for task {task!r}"
        refuse_mask(value, what, "Leave out what is masked.")
        try:
            values = np.atleast_1d(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            values = np.empty((0, 0))
        if values.ndim != 1 or isinstance(value, str):
            raise ParameterTypeError(
                f"The {name!r} parameter of {owner} must have a number, or a sequence "
                f"of numbers, for task {task!r}. Got {short(value)} instead."
            )
        if not values.size or not np.isfinite(values).all():
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must have finite figures for task "
                f"{task!r}. Got {short(value)} instead: leave a task without figures "
                "out on all sides."
            )
        found[task] = values
    return found


def _items(given: Any, name: str, owner: str) -> dict[Hashable, Any]:
    """Give what belongs to each task, by its name or place."""
    refuse_mask(
        given, f"The {name!r} parameter of {owner}", "Leave out what is masked."
    )
    try:
        text = isinstance(given, str)
        items = dict(given if isinstance(given, Mapping) else enumerate(given))
    except TypeError:
        text, items = True, {}
    if text:
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be a sequence or a mapping of the "
            f"figures of each task. Got {short(given)} instead."
        )
    if not items:
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must have a task. Got {short(given)} "
            "instead."
        )
    return items


def _check_alike(
    first: Mapping[Hashable, np.ndarray],
    other: Mapping[Hashable, np.ndarray],
    name: str,
    owner: str,
) -> None:
    """Raise if the figures of two are not of the same tasks."""
    _check_tasks(other, first, name, owner)
    for task, values in first.items():
        if len(other[task]) != len(values):
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must have as many figures for task "
                f"{task!r} on all sides: {len(values)}. Got {len(other[task])} instead."
            )


def _signs(
    given: Any, figures: Mapping[Hashable, np.ndarray], owner: str
) -> dict[Hashable, np.ndarray]:
    """Give 1 for each figure that is better greater, and -1 for an error."""
    name = "greater_is_better"
    one = isinstance(given, bool | np.bool_)
    items = dict.fromkeys(figures, given) if one else _items(given, name, owner)
    _check_tasks(items, figures, name, owner)
    signs = {}
    for task, values in figures.items():
        flags = np.asarray(items[task])
        if flags.dtype != bool or flags.ndim > 1:
            raise ParameterTypeError(
                f"The {name!r} parameter of {owner} must be True or False, or a "
                f"sequence of these, for task {task!r}. Got {short(items[task])} "
                "instead."
            )
        if flags.ndim and len(flags) != len(values):
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must have {len(values)} for task "
                f"{task!r}, one for each figure. Got {len(flags)} instead."
            )
        signs[task] = np.where(np.broadcast_to(flags, values.shape), 1.0, -1.0)
    return signs


def _check_tasks(
    given: Mapping[Hashable, Any], wanted: Mapping[Hashable, Any], name: str, owner: str
) -> None:
    if set(given) != set(wanted):
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must have the tasks "
            f"{bracketed(wanted)}. Got {bracketed(given)} instead."
        )
