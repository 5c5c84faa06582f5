"""Rows of labels that are there or not: what displays of labels begin with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection._choice import chosen_tasks, one_task
from mtlearn.inspection._display import Display
from mtlearn.metrics import ScoredOutputs, scored_outputs


@dataclass(frozen=True)
class LabelRows:
    """Which labels the rows of one task have, and which are predicted.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        Their names.
    true, predicted : ndarray of bool of shape (n_samples, n_labels)
        Whether each label is there; anything in `true` where nobody knows.
    weight : ndarray of shape (n_samples, n_labels)
        Of each cell; zero where nobody knows.
    chance : ndarray of shape (n_samples, n_labels) or None
        Probabilities.
    thresholds : ndarray of shape (n_labels,) or None
        Probabilities above which labels are predicted.
    rows : ndarray of int of shape (n_samples,) or None
        Rows of X; None counts from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.inspection import LabelRows, LabelwiseDisplay
    >>> there = np.array([[True, False], [True, True]])
    >>> rows = LabelRows(np.array(["sun", "sea"]), there, there, np.ones((2, 2)))
    >>> [each.f1 for each in LabelwiseDisplay({"": rows}).figures()]
    [1.0, 1.0]
    """

    labels: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray
    chance: np.ndarray | None = None
    thresholds: np.ndarray | None = None
    rows: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        """Where somebody knows whether a label is there, `(n_samples, n_labels)`."""
        return self.weight > 0

    @property
    def prevalence(self) -> np.ndarray:
        """Weighted share of the known cells of each label that have it; or NaN."""
        nothing = np.full(len(self.labels), np.nan)
        there, whole = self.summed(self.true), self.weight.sum(axis=0)
        return np.divide(there, whole, out=nothing, where=whole > 0)

    def summed(self, cells: np.ndarray) -> np.ndarray:
        """Sum up the weights of some of the known cells of each label."""
        return np.where(cells, self.weight, 0.0).sum(axis=0)


class LabelDisplay(Display):
    """Labels of one task or several that are there or not.

    Parameters
    ----------
    rows : mapping of str to LabelRows
        By task.
    """

    def __init__(self, rows: Mapping[str, LabelRows]) -> None:
        self.rows = rows

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        tasks: Sequence[str] | None = None,
    ) -> Self:
        """Predict, and compare with the true labels.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like
            Samples, as the estimator takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict
            True labels, as the estimator takes them; missing cells are left out.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        tasks : sequence of str, default=None
            Which tasks of several labels a row; None takes all.

        Returns
        -------
        display
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is no such task, or none at all.
        ParameterTypeError
            If there is no estimator of this package in it.
        NotFittedError
            If it is not fitted.
        """
        return cls(rows_of_labels(estimator, (X, y, sample_weight), tasks, cls))

    def _shown_tasks(self) -> Iterable[str]:
        return self.rows

    def _rows(self, task: str | None) -> LabelRows:
        return self.rows[one_task(self.rows, task)]


def rows_of_labels(
    estimator: Any,
    data: tuple[Any, Any, Any],
    wanted: Sequence[str] | None,
    owner: type,
) -> dict[str, LabelRows]:
    """Predict, and pair the labels of each task that a display is to show.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    data : tuple of (X, y, sample_weight)
        Samples, labels, and weights or None.
    wanted : sequence of str or None
        Names of tasks; None takes all that it is for.
    owner : type
        The display's class, for messages.

    Returns
    -------
    dict of str to LabelRows
        At least one.
    """
    chosen = chosen_tasks(estimator, wanted, owner.__name__)
    outputs = scored_outputs(estimator, *data)
    return {name: label_rows(outputs[name]) for name in chosen}


def label_rows(scored: ScoredOutputs) -> LabelRows:
    """Ask a task which labels are there.

    Parameters
    ----------
    scored : ScoredOutputs
        Of a task with `decisions` on its `classes_`.

    Returns
    -------
    LabelRows
        Of this task.
    """
    decisions: Any = scored.task.decisions
    labels = scored.labels()
    found, _ = decisions.truths(labels.predicted, labels.weight)
    truth, weight = decisions.truths(labels.true, labels.weight)
    return LabelRows(
        np.asarray(scored.task.classes_),
        truth > 0,
        found > 0,
        np.broadcast_to(weight, truth.shape),
        decisions.chances(scored.output),
        decisions.own_thresholds(),
        np.flatnonzero(scored.rows),
    )


def given_rows(
    y_true: Any,
    *,
    y_pred: Any = None,
    y_prob: Any = None,
    thresholds: Any = None,
    labels: Any = None,
    sample_weight: Any = None,
) -> LabelRows:
    """Check labels, predictions and weights that a user gives.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_labels)
        1 where a label is there, 0 where it is not, NaN where nobody knows.
    y_pred : array-like of shape (n_samples, n_labels), default=None
        1 where a label is predicted, else 0; None decides by `y_prob`.
    y_prob : array-like of shape (n_samples, n_labels), default=None
        Probabilities, or other scores.
    thresholds : float or array-like of shape (n_labels,), default=None
        What `y_prob` is decided by; None takes 0.5.
    labels : array-like of shape (n_labels,), default=None
        Names; None counts from 0.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_labels)
        Weights, not negative.

    Returns
    -------
    LabelRows
        Of these.
    """
    true = _cells("y_true", y_true, missing=True)
    known = np.isfinite(true)
    _check_binary("y_true", np.where(known, true, 0))
    chance: Any = None if y_prob is None else _cells("y_prob", y_prob, like=true)
    cuts: Any = None
    if thresholds is not None or y_pred is None:
        wanted = np.asarray(0.5 if thresholds is None else thresholds, dtype=float)
        if wanted.ndim and wanted.shape != true.shape[1:]:
            raise InvalidDataError(
                f"thresholds must be one number, or one for each of {true.shape[1]} "
                f"labels. Got {short(thresholds)} instead."
            )
        cuts = np.broadcast_to(wanted, true.shape[1:])
    if y_pred is None:
        predicted = chance > cuts
    else:
        predicted = _cells("y_pred", y_pred, like=true)
        _check_binary("y_pred", predicted)
    names = np.arange(true.shape[1]) if labels is None else np.asarray(labels)
    if names.shape != true.shape[1:]:
        raise InvalidDataError(
            f"labels must name each of the {true.shape[1]} columns of y_true. Got "
            f"{short(labels)} instead."
        )
    weight = known * _weights(sample_weight, true.shape)
    return LabelRows(names, true > 0, predicted > 0, weight, chance, cuts)


def _cells(
    name: str, value: Any, *, like: np.ndarray | None = None, missing: bool = False
) -> np.ndarray:
    """Read an array of labels; of the shape of `like`, if that is given."""
    cells = check_array(
        value,
        dtype=np.float64,
        ensure_all_finite="allow-nan" if missing else True,
        input_name=name,
    )
    if like is not None and cells.shape != like.shape:
        raise InvalidDataError(
            f"{name} must have the shape of y_true, {like.shape}. Got {cells.shape} "
            "instead."
        )
    return cells


def _check_binary(name: str, cells: np.ndarray) -> None:
    odd = (cells != 0) & (cells != 1)
    if odd.any():
        row, place = np.argwhere(odd)[0]
        raise InvalidDataError(
            f"{name} must be 1 where a label is there and 0 where it is not. Got "
            f"{cells[row, place]:g} in row {row}, column {place}."
        )


def _weights(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray:
    if sample_weight is None:
        return np.ones(shape)
    weight = np.asarray(sample_weight, dtype=np.float64)
    check_consistent_length(weight, np.empty(shape[0]))
    weight = weight[:, np.newaxis] if weight.ndim == 1 else weight
    if weight.ndim != 2 or weight.shape[1] not in (1, shape[1]):
        raise InvalidDataError(
            f"sample_weight must have the shape {shape[:1]} or {shape}. "
            f"Got {weight.shape} instead."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise InvalidDataError("sample_weight must be finite and not negative.")
    return np.broadcast_to(weight, shape)
