"""One task of a fitted estimator, as a classifier or regressor of its own."""

from typing import Any, NoReturn

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from mtlearn.exceptions import InvalidDataError


class _TaskView(BaseEstimator):
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
        return hasattr(self.estimator, "net_")

    def _output(self, X: Any, *, decode: bool) -> np.ndarray:
        check_is_fitted(self)
        task = self._task
        position = list(self.estimator.tasks_).index(task)
        return self.estimator._outputs(X, decode=decode)[position]

    def predict(self, X: Any) -> np.ndarray:
        """Predict the labels of this task.

        Parameters
        ----------
        X : array-like
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return self._output(X, decode=True)

    @property
    def _task(self) -> Any:
        return self.estimator.tasks_[self.name]

    @property
    def n_features_in_(self) -> int:
        """Number of features of the estimator."""
        return self.estimator.n_features_in_


class TaskClassifier(ClassifierMixin, _TaskView):
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
        X : array-like
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities.
        """
        return self._output(X, decode=False)


class TaskRegressor(RegressorMixin, _TaskView):
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
