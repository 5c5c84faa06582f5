"""The outputs of each task beside its labels, and how far members lie apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from mtlearn._utils._unwrap import reach, unwrap
from mtlearn.tasks import (
    ScoredLabels,
    Task,
    has_label,
    has_output,
    label_weights,
    warn_unpredicted,
    with_label,
)


@dataclass(frozen=True)
class ScoredOutputs:
    """The outputs of one task where its label counts.

    Attributes
    ----------
    task : Task
        Fitted.
    rows : ndarray of bool of shape (n_samples,)
        Which rows count: those with a label that has a weight, and with outputs.
    true : ndarray of shape (n_labelled,) or (n_labelled, k)
        Labels or values.
    output : ndarray of shape (n_labelled, n_outputs)
        Probabilities, or values in the units of y.
    weight : ndarray of the shape of `true`
        Weights; zero where one of several labels of a row is missing.
    """

    task: Task
    rows: np.ndarray
    true: np.ndarray
    output: np.ndarray
    weight: np.ndarray

    def labels(self) -> ScoredLabels:
        """Give the labels, and those that are predicted."""
        return ScoredLabels(self.true, self.task.decode(self.output), self.weight)

    def confidences(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the chance of what is likeliest, whether it is true, and weights."""
        return self.task.confidences(self.true, self.output, self.weight)


def scored_outputs(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None
) -> dict[str, ScoredOutputs]:
    """Pair the labels of each task with its probabilities or values.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    X : array-like
        Samples.
    y : array-like, DataFrame, Series or SliceDict
        True labels, some of them missing.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`; a zero equals absence.

    Returns
    -------
    dict of str to ScoredOutputs
        By task name. A label that a task does not know is one that counts.
    """
    inner, X = reach(estimator, X)
    targets = inner._closed_targets(y)
    weights = label_weights(targets, sample_weight)
    outputs = inner._outputs(X)
    check_consistent_length(outputs[0], *weights)
    there = [has_output(output) for output in outputs]
    warn_unpredicted(np.logical_and.reduce(there))
    scored = {}
    for (name, task), target, weight, output, known in zip(
        inner.tasks_.labelled.items(), targets, weights, outputs, there, strict=True
    ):
        rows = with_label(weight) & known
        scored[name] = ScoredOutputs(
            task, rows, target.values[rows], output[rows], weight[rows]
        )
    return scored


def scored_decisions(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None
) -> dict[str, ScoredLabels]:
    """Pair the labels of each task with those that are predicted.

    Parameters
    ----------
    estimator, X, y, sample_weight
        As for `scored_outputs`.

    Returns
    -------
    dict of str to ScoredLabels
        By task name. Labels and predictions may be of another type than the classes, as
        "unknown" among them may be.
    """
    inner, X = reach(estimator, X)
    targets = inner._scored_targets(y)
    weights = label_weights(targets, sample_weight)
    decided = inner._decided(X)
    check_consistent_length(decided[0], *weights)
    there = [has_label(labels) for labels in decided]
    warn_unpredicted(np.logical_and.reduce(there))
    scored = {}
    for target, weight, labels, known in zip(
        targets, weights, decided, there, strict=True
    ):
        rows = with_label(weight) & known
        scored[target.name] = ScoredLabels(
            target.values[rows], labels[rows], weight[rows]
        )
    return scored


def has_members(estimator: Any) -> bool:
    """Tell whether it is an ensemble, or something around one."""
    while not hasattr(estimator, "spread"):
        inner = getattr(estimator, "estimator", None)
        estimator = None if inner is None else unwrap(inner)
        if estimator is None:
            return False
    return True


def reach_members(outer: Any, X: Any) -> tuple[Any, Any]:
    """Find the fitted ensemble inside of what `has_members`, and X as it gets there."""
    while not hasattr(outer, "estimators_"):
        outer, X = reach(outer.estimator_, X)
    return outer, X


def member_weights(estimator: Any) -> np.ndarray:
    """Give what each member of a fitted ensemble weighs in its average.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.

    Returns
    -------
    ndarray of shape (n_members,)
        Empty if there is no ensemble in it.
    """
    inner = unwrap(estimator)
    while inner is not None and not hasattr(inner, "estimators_"):
        inner = unwrap(getattr(inner, "estimator_", None))
    return np.array([] if inner is None else inner._member_weights())


def has_spread(estimator: Any) -> bool:
    """Tell whether two members or more of a fitted estimator take part."""
    return bool((member_weights(estimator) > 0).sum() > 1)


def task_spread(estimator: Any, X: Any) -> dict[str, np.ndarray]:
    """Compute how far the members of an ensemble lie apart.

    Parameters
    ----------
    estimator : estimator
        Fitted, and one that `has_spread`.
    X : array-like
        Samples, as it takes them.

    Returns
    -------
    dict of str to ndarray of shape (n_samples, n_outputs)
        Standard deviations, by task; see `spread` of the ensembles.
    """
    ensemble, X = reach_members(*reach(estimator, X))
    deviations = ensemble.spread(X)
    # An array if there is one task.
    listed = deviations if isinstance(deviations, list) else [deviations]
    return dict(zip(ensemble.tasks_.labelled.names, listed, strict=True))
