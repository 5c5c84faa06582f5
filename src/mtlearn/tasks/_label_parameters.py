"""Labels as they are declared, and parameters with a value for each."""

import math
import numbers
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn._utils._warn import warn
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

# A label of one sample in ten thousand weighs no more than that.
_HEAVIEST = 100.0
# What is taken for the share of a label of which no case has been seen.
SELDOM = 0.01


def declared(labels: Any, owner: str) -> list | None:
    """Give the labels that a user has declared.

    Parameters
    ----------
    labels : None, int or sequence
        The parameter.
    owner : str
        The task, for messages.

    Returns
    -------
    list or None
        None if they are to be learned.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If they are not what they must be.
    """
    if labels is None:
        return None
    if isinstance(labels, numbers.Integral) and not isinstance(labels, bool):
        if labels < 1:
            raise InvalidParameterError(
                f"The 'labels' parameter of {owner} must be at least 1. "
                f"Got {labels} instead."
            )
        return list(range(int(labels)))
    if isinstance(labels, str) or not hasattr(labels, "__iter__"):
        raise ParameterTypeError(
            f"The 'labels' parameter of {owner} must be None, a number of labels, or a "
            f"sequence of them. Got {short(labels)} instead."
        )
    names = np.asarray(labels).tolist() if isinstance(labels, np.ndarray) else [*labels]
    twice = [name for name in names if names.count(name) > 1]
    if twice or not names:
        what = f"{twice[0]!r} twice" if twice else "no label"
        raise InvalidParameterError(
            f"The 'labels' parameter of {owner} must name each label once. "
            f"Got {what} instead."
        )
    return names


def as_labels(names: Sequence[Any]) -> np.ndarray:
    """Give labels as an array, of objects where they are of several types."""
    kinds = {type(name) for name in names}
    if len(kinds) == 1 and issubclass(next(iter(kinds)), str | numbers.Integral):
        return np.array(names)
    found = np.empty(len(names), dtype=object)
    found[:] = names
    return found


def sorted_labels(names: Collection[Any], owner: str) -> list[Any]:
    """Give labels that were learned from sets in order.

    Parameters
    ----------
    names : collection of labels
        Each of them once.
    owner : str
        The task, for messages.

    Returns
    -------
    list
        The labels.

    Raises
    ------
    InvalidDataError
        If they are of types that have no order.
    """
    try:
        return sorted(names)
    except TypeError as error:
        one_of_each = {type(name).__name__: name for name in names}
        raise InvalidDataError(
            f"{owner} has labels of several types, which have no order: "
            f"{listed(sorted(map(repr, one_of_each.values())))}. Make them all text, "
            "or declare MultiLabel(labels=[...])."
        ) from error


def check_by_label(
    value: Any,
    labels: Sequence[Any] | None,
    name: str,
    owner: str,
    words: Sequence[str] = (),
    high: float = math.inf,
) -> None:
    """Raise if a parameter is neither a number, nor one for each label.

    Parameters
    ----------
    value : object
        The parameter.
    labels : sequence or None
        Declared labels.
    name, owner : str
        Of the parameter and its task, for messages.
    words : sequence of str
        What else it may be.
    high : float
        What numbers must be below; they must be above 0.
    """
    if value is None or (isinstance(value, str) and value in words):
        return
    value = _as_given(value)
    each = list(value.values()) if isinstance(value, Mapping) else value
    each = each if hasattr(each, "__len__") and not isinstance(each, str) else [each]
    good = all(
        isinstance(x, numbers.Real) and not isinstance(x, bool) and 0 < float(x) < high
        for x in each
    )
    if not good or not len(each) or math.inf in each:
        choice = f"one of {list(words)}, " if words else ""
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be None, {choice}a number above 0"
            f"{'' if high == math.inf else f' and below {high:g}'}, or one for each "
            f"label. Got {short(value)} instead."
        )
    if labels is not None:
        by_label(value, np.array(labels, dtype=object), 1.0, owner, name)


def _as_given(value: Any) -> Any:
    """Give a Series of pandas as the mapping that it is, and an array of one number."""
    if hasattr(value, "iloc"):
        return dict(zip(value.index.tolist(), value.tolist(), strict=True))
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def by_label(
    value: Any,
    labels: np.ndarray,
    default: float | np.ndarray,
    owner: str,
    name: str = "thresholds",
) -> np.ndarray:
    """Give a number for each label.

    Parameters
    ----------
    value : None, float, sequence or mapping
        The parameter.
    labels : ndarray of shape (n_labels,)
        The labels.
    default : float or ndarray of shape (n_labels,)
        Of labels that a mapping does not name, and of None.
    owner, name : str
        Of the task and the parameter, for messages.

    Returns
    -------
    ndarray of shape (n_labels,)
        Numbers.

    Raises
    ------
    InvalidParameterError
        If it names a label that there is not, or their number differs.
    """
    value, defaults = _as_given(value), np.broadcast_to(default, len(labels))
    if value is None:
        return defaults.copy()
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in labels.tolist()]
        if unknown:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} names {bracketed(unknown)}, which "
                f"are not among its labels {bracketed(labels.tolist())}."
            )
        pairs = zip(labels.tolist(), defaults, strict=True)
        return np.array([float(value.get(label, own)) for label, own in pairs])
    numbers_ = np.asarray(value, dtype=np.float64)
    if numbers_.ndim and len(numbers_) != len(labels):
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must have one number for each of the "
            f"{len(labels)} labels. Got {len(numbers_)} instead."
        )
    return np.broadcast_to(numbers_, len(labels)).copy()


def prevalences(encoded: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Give the share of samples that have each label.

    Parameters
    ----------
    encoded, weights : ndarray of shape (n_labelled, n_labels)
        0 or 1, and weights; zero where a cell is missing, but not of a whole label.

    Returns
    -------
    ndarray of shape (n_labels,)
        Strictly between 0 and 1, as `off_the_ends` makes them. A weight of two is the
        same as two rows.
    """
    return off_the_ends((weights * encoded).sum(axis=0) / weights.sum(axis=0))


def off_the_ends(share: np.ndarray) -> np.ndarray:
    """Give shares that have odds: one in a hundred stands for none, and for all."""
    return np.where(share <= 0, SELDOM, np.where(share >= 1, 1 - SELDOM, share))


def refuse_unknown(labels: np.ndarray, weights: np.ndarray, owner: str) -> None:
    """Raise if of some labels nothing is known.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        The labels.
    weights : ndarray of shape (n_labelled, n_labels)
        Zero where a cell is missing.
    owner : str
        The task, for messages.

    Raises
    ------
    InvalidDataError
        If there is one.
    """
    unknown = ~(weights > 0).any(axis=0)
    if unknown.any():
        raise InvalidDataError(
            f"{owner} has labels of which every cell of y is missing, or has a sample "
            f"weight of zero: {listed(map(repr, labels[unknown].tolist()))}. Leave "
            "them out, or pass rows in which they are known."
        )


def constant_labels(encoded: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Tell which labels are always or never there.

    Parameters
    ----------
    encoded, weights : ndarray of shape (n_labelled, n_labels)
        0 or 1, and weights; zero where a cell is missing.

    Returns
    -------
    dict of str to ndarray of bool of shape (n_labels,)
        By ``"never"`` and ``"always"``.
    """
    known = weights > 0
    never = ~(known & (encoded > 0)).any(axis=0)
    always = ~(known & (encoded == 0)).any(axis=0)
    return {"never": never, "always": always & ~never}


def warn_of_constant(
    labels: np.ndarray, constant: Mapping[str, np.ndarray], owner: str
) -> None:
    """Warn of labels that are always or never there.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        The labels.
    constant : mapping of str to ndarray of bool
        From `constant_labels`.
    owner : str
        The task, for messages.
    """
    for word, found in constant.items():
        if found.any():
            warn(
                f"{owner} has labels that are {word} there in training, of which "
                f"nothing can be learned: {listed(map(repr, labels[found].tolist()))}. "
                "Leave them out, or pass rows that differ.",
            )


def weights_of_positives(
    value: Any,
    labels: np.ndarray,
    prevalence: np.ndarray,
    constant: np.ndarray,
    owner: str,
) -> np.ndarray:
    """Give the factor on the loss of each label that is there.

    Parameters
    ----------
    value : None, str, float, sequence or mapping
        The parameter `pos_weight`.
    labels, prevalence : ndarray of shape (n_labels,)
        The labels, and how often each is there.
    constant : ndarray of bool of shape (n_labels,)
        Which are always or never there.
    owner : str
        The task, for messages.

    Returns
    -------
    ndarray of shape (n_labels,)
        From the prevalences no more than 100; 1 of a label that is always or never
        there.
    """
    if not isinstance(value, str):
        return by_label(value, labels, 1.0, owner, "pos_weight")
    ratio = (1 - prevalence) / prevalence
    found = np.sqrt(ratio) if value == "sqrt" else ratio
    return np.where(constant, 1.0, np.clip(found, 1 / _HEAVIEST, _HEAVIEST))


def refuse_of_all_rows(pos_weight: Any) -> None:
    """Raise if weights of positives are those of all rows.

    Parameters
    ----------
    pos_weight : None, str, float, sequence or mapping
        The parameter.

    Raises
    ------
    InvalidParameterError
        If it is ``"sqrt"`` or ``"balanced"``.
    """
    if isinstance(pos_weight, str):
        raise InvalidParameterError(
            "The 'pos_weight' parameter of MultiLabel must be None or numbers for "
            f"partial_fit, which does not see all rows. Got {pos_weight!r} instead. "
            "Compute the factors from as many labels as you have: pos_weight=list("
            "numpy.sqrt(1 / y.mean(axis=0) - 1)) are those of 'sqrt'."
        )


def check_reading(columns: Any, sep: Any, owner: str) -> None:
    """Check the parameters that say where labels are.

    Parameters
    ----------
    columns, sep : object
        Of a MultiLabel.
    owner : str
        Who asks, for messages.

    Raises
    ------
    ParameterTypeError
        If they are of another type.
    """
    if columns is not None and not isinstance(columns, list | tuple):
        raise ParameterTypeError(
            f"The 'columns' parameter of {owner} must be None or a list of columns "
            f"of y. Got {short(columns)} instead."
        )
    if sep is not None and not (isinstance(sep, str) and sep):
        raise ParameterTypeError(
            f"The 'sep' parameter of {owner} must be None or what is between the "
            f"labels of a text, such as ','. Got {short(sep)} instead."
        )
