"""The scores of known and unknown samples, as an open-set classifier gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted
from skorch.helper import SliceDict

from mtlearn._utils._routing import n_rows
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import reach, unwrap
from mtlearn.exceptions import InvalidDataError, ParameterTypeError
from mtlearn.metrics._open_set_figures import OpenSetRows
from mtlearn.tasks import Target, only_known, task_weights, warn_unpredicted

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judged:
    """What an open-set classifier makes of samples, before anything is known of y.

    Attributes
    ----------
    classifier : OpenSetClassifier
        Fitted.
    labels : dict of str to ndarray of shape (n_samples,)
        The known class that is predicted, by task.
    scores : dict of str to ndarray of shape (n_samples,)
        Higher is more known, by task that may be unknown.
    unknown : dict of str to dict
        Scores of each set of unknown samples.
    """

    classifier: Any
    labels: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    unknown: dict[str, dict[str, np.ndarray]]


def unknown_sets(X_unknown: Any, owner: str) -> dict[str, Any]:
    """Read the parameter that gives unknown samples.

    Parameters
    ----------
    X_unknown : array-like, dict of str to array-like, or None
        What the user gave.
    owner : str
        For messages.

    Returns
    -------
    dict of str to array-like
        By the name of the set; an array is named ``"unknown"``.
    """
    if X_unknown is None:
        return {}
    is_named = isinstance(X_unknown, Mapping) and not isinstance(X_unknown, SliceDict)
    sets = dict(X_unknown) if is_named else {UNKNOWN: X_unknown}
    for name in sets:
        if not isinstance(name, str):
            raise ParameterTypeError(
                f"The names of the sets in the 'X_unknown' parameter of {owner} must "
                f"be strings. Got {short(name)}."
            )
    empty = [name for name, X in sets.items() if X is None or n_rows(X) == 0]
    if empty or not sets:
        what = f"Got none in the set {empty[0]!r}." if is_named and empty else ""
        raise InvalidDataError(
            f"The 'X_unknown' parameter of {owner} must hold unknown samples. "
            f"{what or 'Got none.'} Pass some, or None where y says which rows of X "
            "are unknown."
        )
    return sets


def find_open_set(estimator: Any, owner: str) -> Any:
    """Find the fitted open-set classifier, also behind a Pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    owner : str
        For messages.

    Returns
    -------
    OpenSetClassifier
        Fitted.
    """
    inner = unwrap(estimator)
    if not hasattr(inner, "_with_scores"):
        raise ParameterTypeError(
            f"{owner} takes a fitted OpenSetClassifier, or a Pipeline or search that "
            f"ends in one. Got {short(estimator)} instead: put it in "
            "OpenSetClassifier(...), and fit that."
        )
    check_is_fitted(inner, "detectors_")
    return inner


def judge(estimator: Any, X: Any, sets: Mapping[str, Any]) -> Judged:
    """Predict the classes of samples, and score them and unknown ones.

    Parameters
    ----------
    estimator : estimator
        One that `find_open_set` finds something in.
    X : array-like
        Samples, as it takes them.
    sets : mapping of str to array-like
        Unknown samples.

    Returns
    -------
    Judged
        Of one pass over each.
    """
    classifier, own = reach(estimator, X)
    labels, scores = classifier._with_scores(own, decode=True)
    by_task = dict(zip(classifier.tasks_.labelled.names, labels, strict=True))
    unknown = {name: _scores(estimator, each, name) for name, each in sets.items()}
    return Judged(classifier, by_task, scores, unknown)


def _scores(estimator: Any, X: Any, name: str) -> dict[str, np.ndarray]:
    try:
        classifier, X = reach(estimator, X)
        return classifier._by_task(classifier.score_samples(X))
    except (TypeError, ValueError) as error:
        error.add_note(f"These are the unknown samples {name!r}.")
        raise


def open_set_rows(
    judged: Judged, y: Any, sample_weight: Any = None
) -> dict[str, dict[str, OpenSetRows]]:
    """Tell known samples from unknown ones, and right predictions from wrong ones.

    Parameters
    ----------
    judged : Judged
        Of X, and of unknown samples.
    y : array-like, DataFrame, Series or SliceDict
        Labels of X; those that are none of the classes make a row unknown.
    sample_weight : array-like, default=None
        Of the rows of X.

    Returns
    -------
    dict of str to dict of str to OpenSetRows
        By task, and by set of unknown samples. Rows without a label of the task are
        left out, and so is what has no score.
    """
    classifier = judged.classifier
    targets, apart = classifier._known_targets(y)
    weights = task_weights(targets, sample_weight).T
    check_consistent_length(*judged.scores.values(), *weights)
    _warn_skipped(judged)
    return {
        target.name: _rows_of_task(judged, target, apart[target.name], weight)
        for target, weight in zip(targets, weights, strict=True)
        if target.name in apart
    }


def _rows_of_task(
    judged: Judged, target: Target, apart: np.ndarray, weight: np.ndarray
) -> dict[str, OpenSetRows]:
    name, classifier = target.name, judged.classifier
    task, scores = classifier.tasks_[name], judged.scores[name]
    counted = (weight > 0) & ~np.isnan(scores)
    known, others = counted & target.present, counted & apart
    true = task.locate(target.values[known])[0]
    predicted = task.locate(only_known(task, judged.labels[name], known))[0]
    sets = {each: by_task[name] for each, by_task in judged.unknown.items()}
    sets = {each: scores[~np.isnan(scores)] for each, scores in sets.items()}
    unit = {each: np.ones(len(scores)) for each, scores in sets.items()}
    if others.any() or not sets:
        for by_set, own in ((sets, scores), (unit, weight)):
            given = by_set.get(UNKNOWN, np.zeros(0))
            by_set[UNKNOWN] = np.concatenate([given, own[others]])
    return {
        each: OpenSetRows(
            scores[known],
            predicted == true,
            unknown,
            classifier.detectors_[name].offset_,
            weight[known],
            unit[each],
        )
        for each, unknown in sets.items()
    }


def _warn_skipped(judged: Judged) -> None:
    """Warn of images that are skipped."""
    all_of = {"rows": judged.scores}
    all_of |= {f"rows of {name!r}": by for name, by in judged.unknown.items()}
    for what, by_task in all_of.items():
        scores = np.column_stack(list(by_task.values()))
        warn_unpredicted(~np.isnan(scores).any(axis=1), what)
