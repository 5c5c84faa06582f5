"""Rows that nothing is known of: their outputs are NaN, and their labels missing."""

from typing import Any

import numpy as np

from mtlearn._utils._exact import are_large
from mtlearn._utils._frames import spread_frame
from mtlearn._utils._warn import warn
from mtlearn.tasks._base import Task


def has_output(output: np.ndarray) -> np.ndarray:
    """Tell for which rows a task has outputs.

    Parameters
    ----------
    output : ndarray of shape (n_samples, n_outputs)
        Activations.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        False where one is NaN.
    """
    return ~np.isnan(output.reshape(len(output), -1)).any(axis=1)


def has_label(predicted: np.ndarray) -> np.ndarray:
    """Tell for which rows there is a prediction.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,) or (n_samples, k)
        Labels, as `decode_rows` returns them.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        False where all are NaN or None.
    """
    flat = predicted.reshape(len(predicted), -1)
    if flat.dtype.kind == "f":
        return ~np.isnan(flat).all(axis=1)
    if flat.dtype.kind == "O":
        there = np.array([each is not None for each in flat.ravel().tolist()], bool)
        return np.any(there.reshape(flat.shape), axis=1)
    return np.ones(len(flat), dtype=bool)


def decode_rows(task: Task, output: np.ndarray) -> np.ndarray:
    """Decode activations of rows, some of which may be unknown.

    Parameters
    ----------
    task : Task
        Fitted.
    output : ndarray of shape (n_samples, n_outputs)
        Activations; NaN of an unknown row.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, k)
        Labels, missing where nothing is known.
    """
    known = has_output(output)
    if known.all():
        return task.decode(output)
    return spread(task.decode(output[known]), known)


def warn_unpredicted(there: np.ndarray, rows: str = "rows") -> None:
    """Warn of rows without a prediction, as images have that are skipped.

    Parameters
    ----------
    there : ndarray of bool of shape (n_samples,)
        Which rows have one.
    rows : str, default="rows"
        What they are called.

    Warns
    -----
    UserWarning
        How many have none, and which is the first.
    """
    if not there.all():
        warn(
            f"{(~there).sum()} of {len(there)} {rows} have no prediction, and are left "
            f"out of the figures: the first is row {np.argmin(there)}.",
        )


def only_known(task: Task, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Select labels, as they would be if there were no others.

    Parameters
    ----------
    task : Task
        Fitted.
    labels : ndarray of shape (n_samples,) or (n_samples, k)
        As `decode_rows` returns them.
    known : ndarray of bool of shape (n_samples,)
        Which rows.

    Returns
    -------
    ndarray of shape (n_known,) or (n_known, k)
        Of the type of the classes, where there are some.
    """
    outcomes = task.outcomes()
    found = labels[known]
    return found if outcomes is None else found.astype(outcomes.dtype)


def spread_rows(predicted: Any, known: np.ndarray) -> Any:
    """Put predictions where they are known, in whatever they are laid out in.

    Parameters
    ----------
    predicted : ndarray or DataFrame of n_known rows
        Predictions.
    known : ndarray of bool of shape (n_samples,)
        Where they belong.

    Returns
    -------
    ndarray or DataFrame of n_samples rows
        See `spread`; a DataFrame has its own nulls.
    """
    if isinstance(predicted, np.ndarray):
        return spread(predicted, known)
    return spread_frame(predicted, known)


def spread(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put labels where they are known, and between them what says that none is.

    Parameters
    ----------
    labels : ndarray of shape (n_known,) or (n_known, k)
        Labels.
    known : ndarray of bool of shape (n_samples,)
        Where they belong.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, k)
        With NaN among numbers, which are real values then, and None among all else.
    """
    shape, kind = (len(known), *labels.shape[1:]), labels.dtype.kind
    is_exact = kind in "iu" and not are_large(labels)
    full: np.ndarray
    if kind == "f" or is_exact:
        full = np.full(shape, np.nan, dtype=labels.dtype if kind == "f" else float)
    else:
        full = np.full(shape, None, dtype=object)
    full[known] = labels
    return full
