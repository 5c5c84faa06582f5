"""True against predicted classes, counted: what displays of classes begin with."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mtlearn.inspection._choice import labels_of_tasks, one_task
from mtlearn.inspection._display import Display
from mtlearn.inspection._open_set import decided_unknown
from mtlearn.metrics import paired_columns


class ClassMatrices(Display):
    """Matrices of true against predicted classes, by task.

    Parameters
    ----------
    matrices : mapping of str to ndarray of shape (n_classes, n_classes)
        By task: how often each class (a row) was predicted as each (a column), or sums
        of weights.
    labels : mapping of str to ndarray of shape (n_classes,)
        By task: the classes.
    unknown : collection of str, default=()
        Tasks whose last class is "unknown".
    """

    def __init__(
        self,
        matrices: Mapping[str, np.ndarray],
        labels: Mapping[str, np.ndarray],
        unknown: Collection[str] = (),
    ) -> None:
        self.matrices = matrices
        self.labels = labels
        self.unknown = unknown

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        tasks: Sequence[str] | None = None,
        X_unknown: Any = None,
    ) -> Self:
        """Predict, and compare with the true labels.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like
            Samples, as the estimator takes them.
        y : array-like, DataFrame, Series or SliceDict
            True labels, as the estimator takes them; missing ones are left out.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        tasks : sequence of str, default=None
            Which classifications; None takes all.
        X_unknown : array-like, or dict of str to array-like, default=None
            Samples of no class, or several sets of them, for an
            :class:`~mtlearn.OpenSetClassifier`; each of weight one.

        Returns
        -------
        display
            Not drawn yet. Labels that the estimator does not know come last, and after
            them the `unknown_label` of a task that may be unknown.

        Raises
        ------
        InvalidParameterError
            If there is no such classification, or none at all.
        ParameterTypeError
            If there is no estimator of this package in it, or no OpenSetClassifier
            and there are unknown samples.
        NotFittedError
            If it is not fitted.
        """
        shown = labels_of_tasks(estimator, (X, y, sample_weight), tasks, cls.__name__)
        more = decided_unknown(estimator, X_unknown, cls.__name__)
        matrices, labels = {}, {}
        for name, (task, pair) in shown.items():
            true, predicted, weight = (
                pair.true.tolist(),
                pair.predicted.tolist(),
                pair.weight,
            )
            last = []
            if name in more:
                label, found = more[name]
                true += [label] * len(found)
                predicted += found
                weight = np.concatenate([weight, np.ones(len(found))])
                last = [label]
            matrices[name], labels[name] = _count(
                true, predicted, weight, task.classes_in_order().tolist(), last
            )
        return cls(matrices, labels, [name for name in shown if name in more])

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        task: str = "",
    ) -> Self:
        """Compare labels of one task.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted labels, none of them missing.
        labels : array-like, default=None
            The classes in their order; None sorts those that occur.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        task : str, default=""
            What to call the task.

        Returns
        -------
        display
            Not drawn yet.

        Raises
        ------
        InvalidDataError, DataTypeError, ValueError
            If they differ in length, have another shape or a mask, or weights are
            negative.
        """
        true, predicted, weight = paired_columns(y_true, y_pred, sample_weight)
        if labels is None:
            labels = np.unique(np.concatenate([true, predicted]))
        classes = np.asarray(labels).tolist()
        matrix, known = _count(true.tolist(), predicted.tolist(), weight, classes)
        return cls({task: matrix}, {task: known})

    def _shown_tasks(self) -> Iterable[str]:
        return self.matrices

    def _name(self, task: str | None) -> str:
        return one_task(self.matrices, task)


def _count(
    true: list[Any],
    predicted: list[Any],
    weight: np.ndarray,
    classes: list[Any],
    last: Sequence[Any] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Sum up weights for each pair of classes; others come after them, then `last`."""
    others = [each for each in (*true, *predicted) if each not in last]
    places: dict[Any, int] = {}
    for label in (*classes, *others, *last):
        places.setdefault(label, len(places))
    rows, columns = (
        np.array([places[label] for label in labels], int)
        for labels in (true, predicted)
    )
    matrix = np.zeros((len(places), len(places)))
    np.add.at(matrix, (rows, columns), weight)
    labels = np.empty(len(places), dtype=object)
    labels[:] = list(places)
    return matrix, labels
