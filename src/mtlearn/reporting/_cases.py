"""The samples that a network gets most wrong."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlearn._utils._written import written
from mtlearn.inspection import LabelErrorsDisplay, example_images
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
            evidence.task.worded(labels.true[place], labels.weight[place]),
            evidence.task.worded(labels.predicted[place]),
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
        None of samples that are no images, or skipped.
    """
    images = example_images(estimator, X, rows)
    if images is None:
        return [None] * len(rows)
    return [
        None if image is None else thumbnail(image, f"sample {row}")
        for image, row in zip(images, rows, strict=True)
    ]


@dataclass(frozen=True)
class Strip:
    """Samples in which one label is missed, or invented.

    Attributes
    ----------
    words : str
        Which label, and how often.
    cases : list of (int, Picture)
        Rows in X, and their pictures, the surest errors first.
    """

    words: str
    cases: list[tuple[int, Picture]]


def label_strips(evidence: TaskEvidence, estimator: Any, X: Any) -> list[Strip]:
    """Give samples of the labels that are most often missed or invented.

    Parameters
    ----------
    evidence : TaskEvidence
        The task.
    estimator : estimator
        Fitted.
    X : array-like or dataset
        Samples, as it takes them.

    Returns
    -------
    list of Strip
        Empty of a kind without such labels, and where samples are no images.
    """
    if evidence.label_rows is None:
        return []
    strips = LabelErrorsDisplay({evidence.name: evidence.label_rows}).strips()
    rows = sorted({row for strip in strips for row in strip.rows})
    pictures = dict(
        zip(rows, thumbnails(estimator, X, np.array(rows, dtype=int)), strict=True)
    )
    found = []
    for strip in strips:
        count = getattr(strip.errors, strip.what)
        whole = getattr(strip.errors, _OF_WHICH[strip.what])
        cases = [(row, pictures[row]) for row in strip.rows]
        shown = [(row, picture) for row, picture in cases if picture is not None]
        if shown:
            name = written(strip.errors.label)
            words = f"{name}: {strip.what} {count:g} of {whole:g} times"
            found.append(Strip(words, shown))
    return found


_OF_WHICH = {"missed": "support", "invented": "predicted"}
