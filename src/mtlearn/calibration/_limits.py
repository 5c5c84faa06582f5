"""How ill labels may fit, by task, and where too few are known to tell."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mtlearn._utils._conformal_rank import fewest_rows
from mtlearn._utils._listing import listed
from mtlearn.calibration._ranks import joint_limits, limits_of

_MOST_NAMED = 5


class Limits(NamedTuple):
    """How ill the parts of a label may fit.

    Attributes
    ----------
    limit : ndarray of shape (n_parts,)
        Infinite where too few are known.
    n : ndarray of shape (n_parts,)
        How many are.
    """

    limit: np.ndarray
    n: np.ndarray


def find_limits(
    misfits: Mapping[str, np.ndarray], confidence: float, joint: bool
) -> dict[str, Limits]:
    """Find how ill labels may fit.

    Parameters
    ----------
    misfits : mapping of str to ndarray of shape (n_samples, n_parts)
        By task; NaN where a label is missing.
    confidence : float
        How often a new sample is to fit.
    joint : bool
        Whether all of its labels together, or each by itself.

    Returns
    -------
    dict of str to Limits
        By task.
    """
    if not joint:
        return {
            name: Limits(limits_of(own, confidence), (~np.isnan(own)).sum(axis=0))
            for name, own in misfits.items()
        }
    together = np.column_stack(list(misfits.values()))
    whole = together[~np.isnan(together).any(axis=1)]
    limits, found, start = joint_limits(whole, confidence), {}, 0
    for name, own in misfits.items():
        stop = start + own.shape[1]
        counts = np.full(own.shape[1], len(whole))
        found[name] = Limits(limits[start:stop], counts)
        start = stop
    return found


def too_few(
    found: Mapping[str, Limits],
    labels: Mapping[str, list[Any]],
    confidence: float,
    joint: bool,
) -> str:
    """Say where too few labels are known.

    Parameters
    ----------
    found : mapping of str to Limits
        By task.
    labels : mapping of str to list
        The labels of tasks that have several.
    confidence : float
        What is wanted.
    joint : bool
        Whether of all tasks together.

    Returns
    -------
    str
        A warning; empty where there are enough.
    """
    parts = [
        f"{name!r} ({n})"
        if name not in labels
        else f"{labels[name][place]!r} of {name!r} ({n})"
        for name, each in found.items()
        for place, (limit, n) in enumerate(zip(each.limit, each.n, strict=True))
        if np.isinf(limit)
    ]
    if not parts:
        return ""
    remedy = (
        "sets hold every class then, and intervals every value. Pass more labels, hold "
        "out more of them, or lower the confidence."
    )
    if joint:
        n = next(iter(found.values())).n[0]
        return (
            f"{n} of the samples held out have a known label of every task, too few "
            f"for a joint confidence of {confidence:g}: {remedy}"
        )
    return (
        f"A confidence of {confidence:g} takes {fewest_rows(confidence)} known labels "
        f"of samples held out, and there are fewer of {listed(parts, _MOST_NAMED)}: "
        f"{remedy}"
    )
