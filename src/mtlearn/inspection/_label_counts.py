"""Labels that are missed or invented, counted."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from mtlearn.inspection._label_rows import LabelRows

What = Literal["missed", "invented"]
WHAT: tuple[What, ...] = get_args(What)


@dataclass(frozen=True)
class LabelErrors:
    """How often one label is missed and invented.

    Attributes
    ----------
    label : object
        The label.
    missed : float
        Samples that have it, and where it is not predicted: false negatives. Or the sum
        of their weights.
    invented : float
        Samples that do not have it, and where it is predicted: false positives.
    support, predicted : float
        Samples that have it, and those where it is predicted.

    Examples
    --------
    >>> from mtlearn.inspection import LabelErrorsDisplay
    >>> display = LabelErrorsDisplay.from_predictions([[1], [1], [0]], [[1], [0], [0]])
    >>> display.errors()
    [LabelErrors(label=0, missed=1.0, invented=0.0, support=2.0, predicted=1.0)]
    """

    label: Any
    missed: float
    invented: float
    support: float
    predicted: float


@dataclass(frozen=True)
class Strip:
    """Examples of one error.

    Attributes
    ----------
    what : {"missed", "invented"}
        Which one.
    errors : LabelErrors
        Of the label.
    rows : list of int
        Rows of X, the surest errors first.
    """

    what: What
    errors: LabelErrors
    rows: list[int]


def label_errors(found: LabelRows) -> list[LabelErrors]:
    """Count the errors of each label.

    Parameters
    ----------
    found : LabelRows
        Of one task.

    Returns
    -------
    list of LabelErrors
        In the order of the labels.
    """
    cells = (*(wrong_cells(found, what) for what in WHAT), found.true, found.predicted)
    columns = map(found.summed, cells)
    return [
        LabelErrors(label, *map(float, numbers))
        for label, *numbers in zip(found.labels.tolist(), *columns, strict=True)
    ]


def wrong_cells(found: LabelRows, what: What) -> np.ndarray:
    """Tell in which known cells labels are missed, or invented."""
    is_missed = what == "missed"
    there, said = found.true, found.predicted
    wrong = there & ~said if is_missed else said & ~there
    return wrong & found.known
