"""One task of a fitted estimator, as a classifier or regressor of its own."""

from typing import Any, NoReturn

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import label_weights, with_label


class _TaskView:
    """What both views share.

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

    def predict(self, X: Any) -> np.ndarray:
        """Predict the labels of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return self._output(X, decode=True)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy, R² or the kind's own metric of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,)
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
            raise InvalidDataError("y has no label to score: every one is missing.")
        predicted = self.predict(X)
        check_consistent_length(predicted, rows)
        return self._task.score(target.values[rows], predicted[rows], weight[rows])

    @property
    def _task(self) -> Any:
        return self.estimator.tasks_[self.name]

    @property
    def n_features_in_(self) -> int:
        """Number of features of the estimator."""
        return self.estimator.n_features_in_


class TaskClassifier(_TaskView, ClassifierMixin, VersionedEstimator):
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

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the class probabilities of this task.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities.
        """
        return self._output(X, decode=False)


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
