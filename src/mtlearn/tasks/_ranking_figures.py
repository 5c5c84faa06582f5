"""Figures of an order: whether samples that have a label come before others."""

from typing import NamedTuple

import numpy as np

from mtlearn.tasks._figure import share_of


class _Ranked(NamedTuple):
    """Weights of samples in the order of their scores, the highest first.

    Attributes
    ----------
    there, absent : ndarray of shape (n_samples, n_labels)
        Weights of samples that have a label, and of those that have it not.
    first, last : ndarray of int of shape (n_samples, n_labels)
        Where the samples with the same score begin and end.
    """

    there: np.ndarray
    absent: np.ndarray
    first: np.ndarray
    last: np.ndarray


def average_precisions(
    truth: np.ndarray, scores: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Compute the average precision of each label.

    Parameters
    ----------
    truth : ndarray of bool of shape (n_samples, n_labels)
        Whether a label is there.
    scores : ndarray of shape (n_samples, n_labels)
        The higher, the likelier.
    weight : ndarray of shape (n_samples, n_labels)
        Weights; zero where nobody knows.

    Returns
    -------
    ndarray of shape (n_labels,)
        NaN of a label that is never there.
    """
    ranked = _ranked(truth, scores, weight)
    found = ranked.there.cumsum(axis=0)
    taken = found + ranked.absent.cumsum(axis=0)
    # The precision where all of the same score are taken.
    found, taken = (np.take_along_axis(x, ranked.last, axis=0) for x in (found, taken))
    precision = np.divide(found, taken, out=np.zeros_like(taken), where=taken > 0)
    return share_of((ranked.there * precision).sum(axis=0), ranked.there.sum(axis=0))


def areas_under_roc(
    truth: np.ndarray, scores: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Compute, for each label, how often a sample with it comes before one without.

    Parameters
    ----------
    truth, scores, weight : ndarray of shape (n_samples, n_labels)
        As for `average_precisions`.

    Returns
    -------
    ndarray of shape (n_labels,)
        NaN of a label that is never there, or always.
    """
    ranked = _ranked(truth, scores, weight)
    seen = ranked.absent.cumsum(axis=0)
    total = ranked.absent.sum(axis=0)
    up_to = np.take_along_axis(seen, ranked.last, axis=0)
    before = np.take_along_axis(seen - ranked.absent, ranked.first, axis=0)
    # Of two with the same score, each comes before the other half of the time.
    behind = total - (up_to + before) / 2
    whole = ranked.there.sum(axis=0) * total
    return share_of((ranked.there * behind).sum(axis=0), whole)


def _ranked(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray) -> _Ranked:
    order = np.argsort(-scores, axis=0)
    scores, truth, weight = (
        np.take_along_axis(each, order, axis=0) for each in (scores, truth, weight)
    )
    places = np.arange(len(scores))[:, np.newaxis]
    edge = np.ones((1, scores.shape[1]), dtype=bool)
    differs = scores[1:] != scores[:-1]
    begins, ends = np.concatenate([edge, differs]), np.concatenate([differs, edge])
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=0)
    ending = np.where(ends, places, len(scores))
    last = np.minimum.accumulate(ending[::-1], axis=0)[::-1]
    there = np.where(truth, weight, 0.0)
    return _Ranked(there, np.where(truth, 0.0, weight), first, last)
