"""What every fitted multi-task estimator predicts and scores."""

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import listed
from mtlearn._utils._typed import available_if
from mtlearn.data import item_labels
from mtlearn.estimators._reconstructing import Reconstructing
from mtlearn.estimators._view import NO_LABEL, NONE_PREDICTED, View, view_of
from mtlearn.exceptions import InvalidDataError, UnknownTaskError
from mtlearn.tasks import (
    Codec,
    Target,
    Tasks,
    decode_rows,
    has_label,
    label_weights,
    only_known,
    warn_unpredicted,
    with_label,
)
from mtlearn.training import RowChange


def has_probabilities(estimator: Any) -> bool:
    """Tell whether `predict_proba` makes sense; so it may while kinds are unknown.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    bool
        True of any task that is a classification.
    """
    if hasattr(estimator, "tasks_"):
        return any(task.has_probabilities for task in estimator.tasks_.labelled)
    return estimator._may_classify()


def laid_out(codec: Codec, labels: list[np.ndarray], X: Any) -> Any:
    """Lay out labels as y was, with the index of X if both are DataFrames.

    Parameters
    ----------
    codec : Codec
        Which knows how.
    labels : list of ndarray
        By labelled task.
    X : array-like
        What they are predicted of.

    Returns
    -------
    ndarray or DataFrame
        See `predict`.
    """
    arranged = codec.arrange(labels)
    if hasattr(arranged, "iloc") and hasattr(X, "iloc"):
        arranged.index = X.index
    return arranged


class MultiTaskMixin(Reconstructing):
    """Predictions, scores and views of single tasks, from the outputs of each task.

    A subclass computes these outputs, and has the attributes `tasks_` and
    `task_names_` and a codec of y once it is fitted.
    """

    _codec: Codec
    tasks_: Tasks
    task_names_: tuple[str, ...]
    classes_: Any

    @abstractmethod
    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        """Compute activations by labelled task, or labels: they take less memory.

        `change` is what each network inside sees its batches through.
        """

    def _outputs_and_labels(self, X: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Compute both of one run of each network inside."""
        outputs = self._outputs(X)
        pairs = zip(self.tasks_.labelled, outputs, strict=True)
        return outputs, [decode_rows(task, output) for task, output in pairs]

    def _output(self, X: Any, position: int, *, decode: bool) -> np.ndarray:
        """Compute the same of one task; of one network, by its own head alone."""
        return self._outputs(X, decode=decode)[position]

    @abstractmethod
    def _may_classify(self) -> bool:
        """Tell, before the fit, whether a task may be a classification."""

    @abstractmethod
    def _forget_optimizer(self) -> None:
        """Leave the optimiser without state, as a pickle does."""

    def _restored(self) -> None:
        self._reorder()

    def _reorder(self) -> tuple[int, ...] | None:
        """Bring the tasks of an older version to the order of y, and give their own."""
        if "_codec" not in vars(self) or not self._codec.has_older_order:
            return None
        order = self._codec.layout.order
        self._set_codec(self._codec.in_order_of_y())
        return order

    def _set_codec(self, codec: Codec) -> None:
        """Set what a fitted codec knows of the tasks."""
        self._codec = codec
        self.tasks_ = codec.tasks
        self.task_names_ = codec.tasks.names
        # An earlier fit on other targets may have left classes behind.
        self.__dict__.pop("classes_", None)
        classes = codec.classes()
        if classes is not None:
            self.classes_ = classes

    def predict(self, X: Any) -> Any:
        """Predict labels, in the layout of the y that the estimator was fitted on.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks), or DataFrame
            Labels and values in the units of y. An array has dtype object if a label
            is not a number, or is a whole one that the real values beside it would
            round. A DataFrame has the tasks' columns of y with their dtypes
            (floating-point ones for real values), and the index of X if that is a
            DataFrame. Images that are skipped have NaN among numbers, which are real
            values then, and None or the null of the DataFrame elsewhere.
        """
        labels = self._outputs(X, decode=True)
        return laid_out(self._codec, labels, X)

    @available_if(has_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of ndarray
            An array if there is one task; else a list in the order of y's columns, as
            those of `predict`, with `(n_samples, 1)`, the predicted value, for a
            regression. Images that are skipped have NaN.
        """
        outputs = self._outputs(X)
        return outputs[0] if self._codec.has_one_task else outputs

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Compute the mean over tasks of accuracy, R² or the kind's own metric.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        y : array-like, DataFrame or SliceDict, default=None
            True labels. Missing ones are left out, and so are tasks without a label
            or with an undefined metric, and images that are skipped. None takes those
            of a dataset's items, in one pass more.
            A label that is none of a task's classes counts as wrong.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.

        Returns
        -------
        float
            At most 1.

        Raises
        ------
        InvalidDataError
            If y has no label at all, or no row with one has a prediction.

        Warns
        -----
        UserWarning
            If rows have no prediction, and are left out.
        """
        predicted = self._decided(X)
        targets = self._scored_targets(item_labels(X, y))
        weights = label_weights(targets, sample_weight)
        check_consistent_length(predicted[0], *weights)
        there = [has_label(labels) for labels in predicted]
        warn_unpredicted(np.logical_and.reduce(there))
        scores = []
        for name, target, weight, labels, known in zip(
            self.tasks_.labelled.names, targets, weights, predicted, there, strict=True
        ):
            rows = with_label(weight) & known
            if rows.any():
                own = target.values[rows], labels, rows, weight[rows]
                scores.append(self._task_score(name, *own))
        if not scores:
            lacks = not any(with_label(weight).any() for weight in weights)
            raise InvalidDataError(NO_LABEL if lacks else NONE_PREDICTED)
        # R² of one label is undefined, and says nothing about the other tasks.
        defined = [score for score in scores if np.isfinite(score)]
        return float(np.mean(defined)) if defined else float("nan")

    def _decided(self, X: Any) -> list[np.ndarray]:
        """Predict the labels that `score` compares, by labelled task."""
        return self._outputs(X, decode=True)

    def _scored_targets(self, y: Any) -> tuple[Target, ...]:
        """Read the true labels that `score` compares, by labelled task."""
        return self._codec.targets(y)

    def _closed_targets(self, y: Any) -> tuple[Target, ...]:
        """Read those that outputs are compared with; none that says "unknown"."""
        return self._codec.targets(y)

    def _task_score(
        self,
        name: str,
        labels: np.ndarray,
        predicted: np.ndarray,
        rows: np.ndarray,
        weight: np.ndarray,
    ) -> float:
        """Score one task by the labels and weights of some of its predictions."""
        task = self.tasks_[name]
        return task.score(labels, only_known(task, predicted, rows), weight)

    def task(self, name: str) -> View:
        """View one task as a fitted estimator of its own.

        Parameters
        ----------
        name : str
            The task's name, one of `task_names_`.

        Returns
        -------
        TaskClassifier, TaskMultiLabel, TaskRegressor or TaskView
            Predicts that task by this network; for displays, scorers and
            ``CalibratedClassifierCV(FrozenEstimator(view))``. A `TaskView` is neither
            classifier nor regressor.

        Raises
        ------
        UnknownTaskError
            If there is no such task, or it reads no column of y.
        """
        check_is_fitted(self, "tasks_")
        if self.tasks_[name].n_columns == 0:
            raise UnknownTaskError(
                f"Task {name!r} reads no column of y, and has no labels to predict. "
                f"The tasks that have are: {listed(self.tasks_.labelled.names)}."
            )
        return view_of(self, name)
