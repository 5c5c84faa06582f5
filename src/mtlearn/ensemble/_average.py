"""Means and deviations over the outputs of members."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._unwrap import unwrap
from mtlearn.estimators import Stream, in_step
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import Codec, join_codecs


def joint_codec(
    members: Sequence[Any], weights: Sequence[float] | None, owner: str
) -> Codec:
    """Give the codec that knows what those of all members know.

    Parameters
    ----------
    members : sequence of estimator
        Fitted on the same targets, if not on the same rows.
    weights : sequence of float or None
        One a member; None: all alike.
    owner : str
        The ensemble's class, for messages.

    Returns
    -------
    Codec
        With the classes of all members.

    Raises
    ------
    InvalidDataError
        If the members have learned different tasks.
    """
    codecs = [unwrap(member)._codec for member in members]
    first, *others = codecs
    expected = _described(first)
    for position, codec in enumerate(others, 1):
        found = _described(codec)
        if found != expected:
            raise InvalidDataError(
                f"The members of {owner} must learn the same tasks. Member 0 has "
                f"learned {listed(expected)}, member {position} {listed(found)}. "
                "Declare the same tasks for all."
            )
    return join_codecs(codecs, weights)


def _described(codec: Codec) -> list[str]:
    """Name the tasks with their kinds and columns, in whatever order."""
    keys = dict(zip(codec.labelled.names, codec.layout.keys_of_tasks, strict=True))
    return sorted(
        f"{name} ({task.kind} of {listed(keys[name])})" if name in keys else name
        for name, task in codec.tasks.items()
    )


def weighted_moments(
    members: Iterable[list[np.ndarray]], weights: Sequence[float]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Compute means and standard deviations over members, one member at a time.

    Parameters
    ----------
    members : iterable of list of ndarray
        Each member's outputs, one array a task.
    weights : sequence of float
        One a member.

    Returns
    -------
    means, deviations : list of ndarray
        One array a task.

    References
    ----------
    .. [1] D. H. D. West, "Updating Mean and Variance Estimates: An Improved Method",
       Communications of the ACM 22, 1979.
    """
    total = 0.0
    means: list[np.ndarray] = []
    squares: list[np.ndarray] = []
    for outputs, weight in zip(members, weights, strict=True):
        if not means:
            means = [np.zeros_like(output) for output in outputs]
            squares = [np.zeros_like(output) for output in outputs]
        total += weight
        share = weight / total if total else 0.0
        for mean, square, output in zip(means, squares, outputs, strict=True):
            difference = output - mean
            mean += share * difference
            square += weight * difference * (output - mean)
    deviations = [np.sqrt(square / total) for square in squares]
    return means, deviations


def mean_stream(
    streams: Sequence[Stream],
    weights: Sequence[float],
    align: Callable[[int, list[np.ndarray]], list[np.ndarray]],
) -> Stream:
    """Compute means over members batch by batch, as `weighted_moments` does.

    Parameters
    ----------
    streams : sequence of Stream
        Each member's outputs.
    weights : sequence of float
        One a member.
    align : callable
        Brings the outputs of a member, told by its number, to the tasks of all.

    Returns
    -------
    Stream
        Means.
    """
    lacks = any(stream.lacks for stream in streams)
    means = (
        weighted_moments([align(*each) for each in enumerate(parts)], weights)[0]
        for parts in in_step(streams)
    )
    return Stream(streams[0].n_rows, lacks, means)
