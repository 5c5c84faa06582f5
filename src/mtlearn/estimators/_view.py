"""One task of a fitted estimator, as a classifier or regressor of its own."""

from typing import Any, NoReturn

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._typed import available_if
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks import (
    has_label,
    label_weights,
    only_known,
    warn_unpredicted,
    with_label,
)

NO_LABEL = "y has no label to score: every one is missing."
NONE_PREDICTED = "y has no label to score of a row that has a prediction."


class _TaskView:
    """What all views share.

    Parameters
    ----------
    estimator : estimator
        Fitted; it is referred to, not copied.
    name : str
        The task.
    """

    def __init__(self, estimator: Any, name: str) -> None:
        self.estimator = estimator
        self.name = name

    def fit(self, X: Any, y: Any) -> NoReturn:
        """Refuse: a view is fitted already.

        Parameters
        ----------
        X, y : object
            Not used.

        Raises
        ------
        InvalidDataError
            Always.
        """
        raise InvalidDataError(
            f"The view of task {self.name!r} is fitted already and cannot be fitted "
            "again. Fit the multi-task estimator, or wrap the view in "
            "sklearn.frozen.FrozenEstimator."
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self.estimator, "tasks_")

    def _output(self, X: Any, *, decode: bool) -> np.ndarray:
        check_is_fitted(self)
        task = self._task
        position = list(self.estimator.tasks_.labelled).index(task)
        return self.estimator._output(X, position, decode=decode)

    def _write(self, X: Any, out: Any, *, decode: bool) -> np.ndarray:
        check_is_fitted(self)
        if not hasattr(self.estimator, "_write_one"):
            raise InvalidParameterError(
                f"The 'out' parameter of the view of task {self.name!r} must be None: "
                f"{type(self.estimator).__name__} does not predict batch by batch."
            )
        position = list(self.estimator.tasks_.labelled).index(self._task)
        return self.estimator._write_one(X, out, position, decode=decode)

    def predict(self, X: Any, *, out: Any = None) -> np.ndarray:
        """Predict the labels of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        out : ndarray, str or path-like, default=None
            Where to write them, as in `predict` of the estimator.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, k)
            Labels; k of a task that reads so many columns of y.
        """
        if out is not None:
            return self._write(X, out, decode=True)
        return self._output(X, decode=True)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy, R² or the kind's own metric of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, k)
            True labels of this task; missing ones are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        float
            At most 1.

        Raises
        ------
        InvalidDataError
            If y has no label at all.
        """
        check_is_fitted(self)
        target = self.estimator._codec.target(self.name, y)
        (weight,) = label_weights([target], sample_weight)
        rows = with_label(weight)
        if not rows.any():
            raise InvalidDataError(NO_LABEL)
        predicted = self.predict(X)
        check_consistent_length(predicted, rows)
        there = has_label(predicted)
        warn_unpredicted(there)
        rows &= there
        if not rows.any():
            raise InvalidDataError(NONE_PREDICTED)
        found = only_known(self._task, predicted, rows)
        return self._task.score(target.values[rows], found, weight[rows])

    @property
    def _task(self) -> Any:
        return self.estimator.tasks_[self.name]

    @property
    def n_features_in_(self) -> int:
        """Number of features of the estimator."""
        return self.estimator.n_features_in_


def _has_probabilities(view: Any) -> bool:
    return bool(view._task.has_probabilities)


class _Probabilities(_TaskView):
    """A view of a task that may have probabilities."""

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any, *, out: Any = None) -> np.ndarray:
        """Predict the probabilities of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        out : ndarray, str or path-like, default=None
            Where to write them, as in `predict` of the estimator.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Probabilities, as the kind lays them out.
        """
        if out is not None:
            return self._write(X, out, decode=False)
        return self._output(X, decode=False)


class TaskClassifier(_Probabilities, ClassifierMixin, VersionedEstimator):
    """One classification task of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted; it is referred to, not copied.
    name : str
        The task.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mtlearn import MultiTaskEstimator
    >>> X, y = load_iris(return_X_y=True)
    >>> estimator = MultiTaskEstimator(max_epochs=2, random_state=0).fit(X, y)
    >>> view = estimator.task("task_0")
    >>> view.classes_
    array([0, 1, 2])
    """

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the task."""
        return self._task.classes_


class TaskRegressor(_TaskView, RegressorMixin, VersionedEstimator):
    """One regression task of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted; it is referred to, not copied.
    name : str
        The task.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> X, y = load_diabetes(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=2, random_state=0)
    >>> estimator.fit(X, y).task("task_0").predict(X).shape
    (442,)
    """


class TaskMultiLabel(_Probabilities, ClassifierMixin, VersionedEstimator):
    """One task of several labels of a fitted estimator, as a multilabel classifier.

    It predicts 0 and 1, and probabilities, of shape `(n_samples, n_labels)`, also where
    labels were sets.

    Parameters
    ----------
    estimator : estimator
        Fitted; it is referred to, not copied.
    name : str
        The task.

    Examples
    --------
    >>> from mtlearn import MultiLabel, MultiTaskEstimator, Tasks
    >>> X, y = [[0.0], [1.0], [2.0]], [{"sun"}, {"sea", "sun"}, {"sea"}]
    >>> tasks = Tasks(tags=MultiLabel())
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> import pandas as pd
    >>> view = estimator.fit(X, pd.Series(y)).task("tags")
    >>> view.classes_, view.predict(X).shape
    (array(['sea', 'sun'], dtype='<U3'), (3, 2))
    """

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the task, in the order of the columns of predictions."""
        return self._task.classes_

    def __sklearn_tags__(self) -> Tags:
        """Say that there are several labels a row."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags


class TaskView(_Probabilities, VersionedEstimator):
    """One task of a fitted estimator that is neither classifier nor regressor.

    It has `predict_proba` if its kind has probabilities. `task(name)` gives one of a
    kind that is neither, and of any other if it is made by hand.

    Parameters
    ----------
    estimator : estimator
        Fitted; it is referred to, not copied.
    name : str
        The task.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mtlearn import MultiTaskEstimator
    >>> from mtlearn.estimators import TaskView
    >>> X, y = load_iris(return_X_y=True)
    >>> estimator = MultiTaskEstimator(max_epochs=2, random_state=0).fit(X, y)
    >>> TaskView(estimator, "task_0").predict_proba(X).shape
    (150, 3)
    """


View = TaskClassifier | TaskMultiLabel | TaskRegressor | TaskView


def view_of(estimator: Any, name: str) -> View:
    """Make the view that fits the kind of a task.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    name : str
        A task that reads y.

    Returns
    -------
    TaskClassifier, TaskMultiLabel, TaskRegressor or TaskView
        Which follows from what its labels are.
    """
    task = estimator.tasks_[name]
    if task.has_classes:
        return TaskClassifier(estimator, name)
    if task.estimator_type == "classifier" and task.multi_label:
        return TaskMultiLabel(estimator, name)
    is_regressor = task.estimator_type == "regressor"
    return (TaskRegressor if is_regressor else TaskView)(estimator, name)
