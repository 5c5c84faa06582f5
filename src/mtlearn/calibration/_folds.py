"""Folds of rows, each of which is predicted by what was trained on the others."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import check_cv

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._row_plan import plan_of
from mtlearn._utils._unwrap import aligned_outputs, unwrap
from mtlearn._utils._validation import check_integer
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.tasks import Tasks
from mtlearn.training import draw_seed

Fold = tuple[np.ndarray, np.ndarray]


def check_folds(cv: Any, owner: str, parameter: str = "cv") -> None:
    """Raise if `cv` is a number of folds that cannot be.

    Parameters
    ----------
    cv : object
        What the user gave.
    owner, parameter : str
        The class, and its parameter, for the message.
    """
    if isinstance(cv, numbers.Number):
        check_integer(cv, parameter, owner, low=2)


def make_folds(
    cv: Any, X: Any, y: Any, n_samples: int, tasks: Tasks, random_state: Any
) -> Sequence[Fold]:
    """Split rows, of which some may be copies of others.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        An int k gives k folds that are even in every target.
    X, y : array-like
        Samples and labels.
    n_samples : int
        How many there are.
    tasks : Tasks
        Declared or inferred.
    random_state : None, int or RandomState
        Of the k folds.

    Returns
    -------
    sequence of (train, test)
        Numbers of rows; all copies of a row are on the same side.
    """
    if isinstance(cv, numbers.Integral):
        seed = draw_seed(random_state)
        cv = MultiTaskStratifiedKFold(int(cv), tasks=tasks, random_state=seed)
    origins = plan_of(n_samples).origins
    if origins is None:
        return list(check_cv(cv).split(X, y))
    _, firsts, place = np.unique(origins, return_index=True, return_inverse=True)
    splits = check_cv(cv).split(take_rows(X, firsts), take_rows(y, firsts))
    return [
        (np.flatnonzero(np.isin(place, train)), np.flatnonzero(np.isin(place, test)))
        for train, test in splits
    ]


def known_outputs(member: Any, X: Any, tasks: Tasks) -> list[np.ndarray]:
    """Compute the outputs of an estimator that has seen a part of the rows.

    Parameters
    ----------
    member : estimator
        Fitted on the part.
    X : array-like
        Other samples.
    tasks : Tasks
        Fitted on all rows.

    Returns
    -------
    list of ndarray of shape (n_samples, n_outputs)
        For the labels of `tasks`; NaN for those that the part does not have, of which
        the estimator can say nothing.
    """
    own = unwrap(member).tasks_.labelled
    outputs = aligned_outputs(member, X, tasks)
    for (name, task), output in zip(tasks.labelled.items(), outputs, strict=True):
        ones = np.ones((1, own[name].n_outputs))
        unseen = task.align(ones, own[name])[0] == 0
        if unseen.any():
            # Classes that sum to one say nothing if one of them is not there.
            output[:, unseen | task.has_classes] = np.nan
    return outputs
