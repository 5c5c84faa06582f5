"""The samples that a network gets most wrong."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._unwrap import reach_network
from mtlearn._utils._written import written
from mtlearn.reporting._evidence import TaskEvidence
from mtlearn.reporting._pictures import Picture, thumbnail


@dataclass(frozen=True)
class Case:
    """One sample and what is said of it.

    Attributes
    ----------
    row : int
        Its row in X.
    true, predicted : str
        Labels or values.
    note : str
        How wrong it is.
    picture : Picture or None
        Of an image.
    """

    row: int
    true: str
    predicted: str
    note: str
    picture: Picture | None


def worst_cases(evidence: TaskEvidence, estimator: Any, X: Any, n: int) -> list[Case]:
    """Give the samples with the largest error of a task.

    Parameters
    ----------
    evidence : TaskEvidence
        The task.
    estimator : estimator
        Fitted.
    X : array-like or dataset
        Samples, as it takes them.
    n : int
        At most so many.

    Returns
    -------
    list of Case
        The worst first, as the kind ranks them. None that are right.
    """
    labels = evidence.labels
    found = evidence.task.mistakes(
        labels.true, labels.predicted, evidence.scored.output, labels.weight
    )
    if found is None:
        return []
    wrong, words = found
    order = np.argsort(-wrong, kind="stable")[:n]
    order = order[wrong[order] > 0]
    rows = evidence.rows[order]
    pictures = thumbnails(estimator, X, rows)
    return [
        Case(
            int(row),
            written(labels.true[place], labels.weight[place] > 0),
            written(labels.predicted[place]),
            words(place),
            picture,
        )
        for place, row, picture in zip(order, rows, pictures, strict=True)
    ]


def thumbnails(estimator: Any, X: Any, rows: np.ndarray) -> list[Picture | None]:
    """Make small pictures of some samples.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like or dataset
        Samples, as it takes them.
    rows : ndarray of int
        Which ones.

    Returns
    -------
    list of Picture or None
        None of samples that are no images.
    """
    if not len(rows):
        return []
    network, taken = reach_network(estimator, take_rows(X, rows))
    checked = network._check_X(taken, reset=False)
    if checked.ndim != 4:
        return [None] * len(rows)
    images = checked[np.arange(len(rows))]  # of a dataset, they are read here
    return [
        thumbnail(image, f"sample {row}")
        for image, row in zip(images, rows, strict=True)
    ]
