"""Precision against recall: of each label, of all cells together, and the mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve

from mtlearn.inspection._label_rows import LabelRows

# Recalls at which the mean over labels is taken.
_GRID = 501


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Precision and recall of a label, by the threshold.

    Attributes
    ----------
    label : object
        The label; ``"macro"`` or ``"micro"`` of all of them.
    precision, recall : ndarray of shape (n_points,)
        As scikit-learn's `precision_recall_curve` gives them: recall falls from 1 to 0.
        Of the macro mean at evenly spaced recalls.
    average_precision : float
        The area, as steps; of the macro mean the mean of the labels.
    prevalence : float
        Share of the known cells that have the label: the precision of chance.

    Examples
    --------
    >>> from mtlearn.inspection import PrecisionRecallDisplay
    >>> display = PrecisionRecallDisplay.from_predictions(
    ...     [[1], [0], [1]], [[0.9], [0.6], [0.4]], labels=["sun"]
    ... )
    >>> (curve,) = display.curves().each
    >>> round(curve.average_precision, 3), round(curve.prevalence, 3)
    (0.833, 0.667)
    """

    label: Any
    precision: np.ndarray
    recall: np.ndarray
    average_precision: float
    prevalence: float


@dataclass(frozen=True)
class LabelCurves:
    """Curves of all labels of a task.

    Attributes
    ----------
    each : list of PrecisionRecallCurve
        Of the labels that are there at all, in their order.
    macro : PrecisionRecallCurve or None
        Their mean precision at each recall; None without any.
    micro : PrecisionRecallCurve or None
        Of all known cells together; None where no label is there.
    left_out : list
        Labels without a positive, of which there is no recall.

    Examples
    --------
    >>> from mtlearn.inspection import PrecisionRecallDisplay
    >>> display = PrecisionRecallDisplay.from_predictions(
    ...     [[1, 0], [0, 0]], [[0.9, 0.6], [0.2, 0.1]], labels=["sun", "sea"]
    ... )
    >>> display.curves().macro.average_precision, display.curves().left_out
    (1.0, ['sea'])
    """

    each: list[PrecisionRecallCurve]
    macro: PrecisionRecallCurve | None
    micro: PrecisionRecallCurve | None
    left_out: list[Any]


def label_curves(found: LabelRows) -> LabelCurves:
    """Compute the curves of a task.

    Parameters
    ----------
    found : LabelRows
        With chances.

    Returns
    -------
    LabelCurves
        Of the cells that are known.
    """
    cells: Any = (found.true, found.chance, found.weight)
    known = found.known
    curves, left_out = [], []
    for place, label in enumerate(found.labels.tolist()):
        rows = known[:, place]
        curve = _curve(label, *(each[rows, place] for each in cells))
        if curve is None:
            left_out.append(label)
        else:
            curves.append(curve)
    micro = _curve("micro", *(each[known] for each in cells))
    return LabelCurves(curves, _mean(curves) if curves else None, micro, left_out)


def _curve(
    label: Any, true: np.ndarray, chance: np.ndarray, weight: np.ndarray
) -> PrecisionRecallCurve | None:
    """Compute one curve; None without a positive."""
    if not true.any():
        return None
    precision, recall, _ = precision_recall_curve(
        true, chance, sample_weight=weight, drop_intermediate=True
    )
    return PrecisionRecallCurve(
        label,
        precision,
        recall,
        float(average_precision_score(true, chance, sample_weight=weight)),
        float(np.average(true, weights=weight)),
    )


def _mean(curves: Sequence[PrecisionRecallCurve]) -> PrecisionRecallCurve:
    """Average precisions at the same recalls, each curve as the steps of its area."""
    recall = np.linspace(1, 0, _GRID)
    precision = np.zeros(_GRID)
    for curve in curves:
        # Of equal recalls, the point of the highest threshold.
        places = np.searchsorted(curve.recall[::-1], recall, side="left")
        precision += curve.precision[::-1][places]
    return PrecisionRecallCurve(
        "macro",
        precision / len(curves),
        recall,
        float(np.mean([curve.average_precision for curve in curves])),
        float(np.mean([curve.prevalence for curve in curves])),
    )
