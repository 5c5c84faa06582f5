"""The classes that a user declares, or that labels show."""

import numbers
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_integer
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks._narrow import narrow


def declared_labels(declared: Any, owner: str, parameter: str) -> np.ndarray:
    """Read a parameter that declares classes, in its order.

    Parameters
    ----------
    declared : int or sequence of labels
        What the user declared.
    owner : str
        The task, for messages.
    parameter : str
        The parameter's name, for messages; `classes` may be None.

    Returns
    -------
    ndarray of shape (n_classes,)
        Distinct labels, in the order of the parameter.
    """
    if isinstance(declared, numbers.Number):
        return np.arange(check_integer(declared, parameter, owner, low=1))
    given = np.atleast_1d(np.asarray(declared, dtype=object))
    try:
        narrowed, present = narrow(given, parameter)
        labels = narrowed[present]
    except InvalidDataError:
        labels = given[:0]
    n_distinct = len(np.unique(labels))
    if isinstance(declared, str) or not 0 < n_distinct == len(given):
        may_be = "None, a number" if parameter == "classes" else "a number"
        raise InvalidParameterError(
            f"The {parameter!r} parameter of {owner} must be {may_be} of "
            "classes, or a sequence of distinct labels: all strings, all booleans "
            f"or all numbers. Got {short(declared)} instead."
        )
    return labels


def declared_classes(declared: Any, owner: str) -> np.ndarray:
    """Give the labels that a parameter `classes` declares, sorted."""
    return np.sort(declared_labels(declared, owner, "classes"))


def known_classes(
    declared: Any, labels: np.ndarray, name: str, owner: str
) -> np.ndarray:
    """Give the declared classes, or those of the labels."""
    if declared is None:
        return _learned_classes(labels, name)
    return declared_classes(declared, owner)


def _learned_classes(labels: np.ndarray, name: str) -> np.ndarray:
    """Give the classes of labels, which must not be real values.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
        Labels, none of them missing.
    name : str
        The task's name, for messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        Distinct labels in order.
    """
    real = labels[labels % 1 != 0] if labels.dtype.kind == "f" else []
    if len(real):
        raise InvalidDataError(
            f"Unknown label type: continuous. Task {name!r} is a classification and "
            f"got real values such as {real[0]}. Declare it as Regression(), or pass "
            "class labels."
        )
    return np.unique(labels)


def check_types(labels: np.ndarray, classes: np.ndarray, name: str) -> None:
    """Raise where labels are of another type than classes, and none can be one.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
        Labels, none of them missing.
    classes : ndarray of shape (n_classes,)
        Those of a fit, or of predictions.
    name : str
        The task's name, for messages.

    Raises
    ------
    InvalidDataError
        If one are text and the other numbers, or most labels are real values and the
        classes whole numbers.
    """
    if not (len(labels) and len(classes)):
        return
    first, known = labels.tolist()[0], classes.tolist()[0]
    is_text, expects_text = (_are_text(each) for each in (labels, classes))
    if is_text is None or expects_text is None:
        return  # some of them may be right
    if is_text != expects_text:
        what, expected = ("text", "numbers") if is_text else ("numbers", "text")
        raise InvalidDataError(
            f"Task {name!r} has classes that are {expected}, such as {known!r}; its "
            f"labels in y are {what}, such as {first!r}: none can be right. Convert y, "
            "or check the order of its columns."
        )
    if labels.dtype.kind != "f" or is_text:
        return
    real = labels[labels % 1 != 0]
    if 2 * len(real) > len(labels) and not (classes.astype(np.float64) % 1).any():
        raise InvalidDataError(
            f"Task {name!r} has classes that are whole numbers, such as {known!r}, and "
            f"its labels in y are real values, such as {real.tolist()[0]!r}: none can "
            "be right. Check the order of the columns of y."
        )


def _are_text(labels: np.ndarray) -> bool | None:
    """Tell whether labels are text; None of such that are of both types."""
    if labels.dtype.kind != "O":
        return labels.dtype.kind == "U"
    found = {isinstance(label, str) for label in labels.tolist()}
    return found.pop() if len(found) == 1 else None


def check_scored_labels(
    labels: np.ndarray,
    classes: np.ndarray | None,
    predicted: np.ndarray | None,
    name: str,
) -> None:
    """Raise where labels to score are of another type, and warn where none is a class.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
        Labels, none of them missing.
    classes : ndarray of shape (n_classes,) or None
        Those of a fit; None before it.
    predicted : ndarray of shape (n_samples,) or None
        Predictions, if there are any.
    name : str
        The task's name, for messages.
    """
    known = predicted if classes is None else classes
    if known is None or not len(labels):
        return
    check_types(labels, known, name)
    if classes is None or find_labels(labels, classes)[1].any():
        return
    # Rows of a single class are what a fold or group may hold that the fit lacked.
    if len(np.unique(labels)) > 1:
        warn(
            f"None of the labels of task {name!r} in y is among its classes, so that "
            "all count as wrong. Check the order of the columns of y.",
        )


def find_labels(
    labels: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the place of each label among the classes, and whether it is one."""
    if labels.dtype.kind == "O":  # of one type, or of several
        place_of = {label: place for place, label in enumerate(classes.tolist())}
        found = np.array([place_of.get(each, -1) for each in labels.tolist()], np.int64)
        return np.maximum(found, 0), found >= 0
    if (labels.dtype.kind in "OU") != (classes.dtype.kind in "OU"):
        return np.zeros(len(labels), np.int64), np.zeros(len(labels), bool)
    labels, fits = _of_one_sign(labels, classes)
    places = np.searchsorted(classes, labels)
    indices = np.minimum(places, len(classes) - 1).astype(np.int64)
    return indices, fits & (classes[indices] == labels)


def class_indices(
    labels: np.ndarray, rows: np.ndarray, classes: np.ndarray, name: str, declare: str
) -> np.ndarray:
    """Give the place of each label among the classes; see `ClassTask.encode`."""
    indices, known = find_labels(labels, classes)
    if not known.all():
        first = int(np.flatnonzero(~known)[0])
        raise InvalidDataError(
            f"Row {rows[first]} of y has the label {labels.tolist()[first]!r} for task "
            f"{name!r}, which is not among its classes {bracketed(classes.tolist())}. "
            f"Correct the label, or declare all classes with {declare}."
        )
    return indices


def _of_one_sign(
    labels: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give whole labels the sign that those of the classes have, and tell which fit.

    numpy compares uint64 with signed integers as floats, to which large ones are alike.
    """
    kinds = labels.dtype.kind + classes.dtype.kind
    if kinds not in ("iu", "ui") or np.result_type(labels, classes).kind != "f":
        return labels, np.ones(len(labels), bool)
    cast = labels.astype(np.int64 if kinds == "ui" else np.uint64)
    return cast, (cast >= 0) == (labels >= 0)
