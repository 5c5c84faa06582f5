"""Predictions in which some rows are unknown."""

import copy
import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import Codec, Tasks, may_hold


def check_unknown_label(
    label: Any, codec: Codec, names: Sequence[str], owner: str
) -> None:
    """Raise if a label cannot be that of unknown rows.

    Parameters
    ----------
    label : object
        What the user gave.
    codec : Codec
        Fitted.
    names : sequence of str
        Of the tasks that may have unknown rows.
    owner : str
        For messages.
    """
    is_number = isinstance(label, numbers.Real) and np.isfinite(float(label))
    if not (is_number or isinstance(label, str)):
        raise InvalidParameterError(
            f"The 'unknown_label' parameter of {owner} must be a string or a finite "
            f"number. Got {short(label)} instead."
        )
    library = codec.layout.library if codec.layout.container == "frame" else "pandas"
    for name in names:
        classes = codec.tasks[name].classes_.tolist()
        if library != "pandas" and _are_mixed([label, *classes]):
            raise InvalidParameterError(
                f"The 'unknown_label' parameter of {owner} must be of the type of the "
                f"classes, as columns of {library} are of one type. Got {short(label)} "
                f"for the classes {listed(map(repr, classes))} of {name!r} instead."
            )
        if label in classes:
            raise InvalidParameterError(
                f"The 'unknown_label' parameter of {owner} must be none of the classes "
                f"of a task. Got {short(label)}, a class of {name!r}, instead."
            )


def with_unknown(
    labels: np.ndarray, rows: np.ndarray, label: Any, classes: np.ndarray
) -> np.ndarray:
    """Put the label of unknown rows among others.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Of known classes.
    rows : ndarray of bool of shape (n_samples,)
        Which are unknown.
    label : object
        Of these.
    classes : ndarray of shape (n_classes,)
        All of them.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of a type that holds the classes and the label, whichever are there: of objects
        where one is text and the other a number.
    """
    joined = _joined_dtype(classes, label)
    if joined.kind == "O" or labels.dtype.kind == "O":
        found = labels.astype(object)
    else:  # rows without any have made real values of whole numbers
        found = labels.astype(np.result_type(labels.dtype, joined))
    found[rows] = label
    return found


def _joined_dtype(classes: np.ndarray, label: Any) -> np.dtype:
    own, given = classes.dtype, np.asarray(label).dtype
    texts = [each.kind == "U" for each in (own, given)]
    if own.kind == "O" or texts[0] != texts[1]:
        return np.dtype(object)
    joined = np.result_type(own, given)
    # Large whole numbers are not to be rounded.
    is_exact = texts[0] or classes.astype(joined).tolist() == classes.tolist()
    return joined if is_exact or own.kind == "f" else np.dtype(object)


def open_codec(codec: Codec, names: Sequence[str], label: Any) -> Codec:
    """Give a codec that lays out labels some of which are unknown.

    Parameters
    ----------
    codec : Codec
        Fitted.
    names : sequence of str
        Of the tasks that may have unknown rows.
    label : object
        Of these.

    Returns
    -------
    Codec
        Whose tasks have the label as a class more, and whose columns have a type that
        can hold it.
    """
    tasks = dict(codec.tasks.items())
    for name in names:
        task: Any = copy.copy(tasks[name])
        dtype = _joined_dtype(task.classes_, label)
        unknown = np.array([label], dtype=dtype)
        task.classes_ = np.append(task.classes_.astype(dtype), unknown)
        tasks[name] = task
    opened = Tasks.from_mapping(tasks)
    dtypes = [
        dtype if dtype is None or may_hold(dtype, task) else _instead(task)
        for task, own in zip(opened.labelled, codec.layout.dtypes_of_tasks, strict=True)
        for dtype in own
    ]
    return Codec(opened, replace(codec.layout, dtypes=tuple(dtypes)))


def _instead(task: Any) -> np.dtype | None:
    """Give the dtype of a column that cannot keep its own; None leaves it as it is.

    Text beside numbers is objects, also where none of the numbers is there.
    """
    return np.dtype(object) if _are_mixed(task.classes_.tolist()) else None


def _are_mixed(labels: Sequence[Any]) -> bool:
    return len({isinstance(label, str) for label in labels}) > 1


def with_unknown_chance(chances: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Give one more column of probabilities, of rows being unknown.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities of known classes, which sum to one.
    excess : ndarray of shape (n_samples,)
        How far the score of a row is above the threshold, in units of the spread.

    Returns
    -------
    ndarray of shape (n_samples, n_classes + 1)
        They sum to one. The odds of "unknown" against the most likely class are the
        exponential of the excess, so that it is the largest exactly where a row is
        rejected.
    """
    highest = chances.max(axis=1)
    odds = highest * np.exp(np.clip(excess, -700, 700))
    # The exponential of next to nothing is one.
    least = highest * (1 + 4 * np.finfo(np.float64).eps)
    odds = np.where(excess > 0, np.maximum(odds, least), odds)
    both = np.column_stack([chances, odds])
    return both / (1 + odds)[:, np.newaxis]
