"""What fitted estimators make of X again."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._typed import available_if
from mtlearn.exceptions import InvalidParameterError, UnknownTaskError
from mtlearn.tasks import Task, Tasks


def reconstructing(tasks: Any) -> list[str]:
    """Name the tasks that make X again.

    Parameters
    ----------
    tasks : Tasks, Task or None
        Fitted, or as the user declared them.

    Returns
    -------
    list of str
        In task order.

    Examples
    --------
    >>> from mtlearn import Reconstruction, Regression, Tasks
    >>> from mtlearn.estimators import reconstructing
    >>> reconstructing(Tasks(image=Reconstruction(), light=Regression()))
    ['image']
    """
    if not isinstance(tasks, Tasks):
        return []
    # The user's may be no tasks yet.
    return [n for n, task in tasks.items() if getattr(task, "makes_inputs", False)]


def _reconstructs(estimator: Any) -> bool:
    tasks = vars(estimator).get("tasks_")
    return bool(reconstructing(estimator._declared_tasks() if tasks is None else tasks))


class Reconstructing(ABC):
    """Reconstructions, and how far they are off."""

    tasks_: Tasks

    @abstractmethod
    def _declared_tasks(self) -> Tasks | Task | None:
        """Give the tasks that the user declared, None to infer them."""

    @abstractmethod
    def _remade(self, X: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Compute reconstructions by a task, and the loss of each row."""

    @available_if(_reconstructs)
    def reconstruct(self, X: Any, task: str | None = None) -> np.ndarray:
        """Make samples again from the features that the tasks share.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        task : str, default=None
            The :class:`~mtlearn.Reconstruction` to make them by, if there are several.

        Returns
        -------
        ndarray of the shape of X
            On the scale of the X that reaches the network; NaN for images that are
            skipped. Of an ensemble, the mean over its members.

        Raises
        ------
        UnknownTaskError
            If there is no such task.
        """
        return self._remade(X, self._whose_reconstruction(task))[0]

    @available_if(_reconstructs)
    def reconstruction_error(self, X: Any, task: str | None = None) -> np.ndarray:
        """Compute how far the reconstruction of each sample is off.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        task : str, default=None
            As in `reconstruct`.

        Returns
        -------
        ndarray of shape (n_samples,)
            The task's loss of each: the mean squared error, unless it has another one;
            NaN for images that are skipped. Of an ensemble, the mean over its members.

        Raises
        ------
        UnknownTaskError
            If there is no such task.
        """
        return self._remade(X, self._whose_reconstruction(task))[1]

    def _whose_reconstruction(self, task: str | None) -> str:
        check_is_fitted(self, "tasks_")
        names = reconstructing(self.tasks_)
        if task is None and len(names) == 1:
            return names[0]
        if task not in names:
            error = InvalidParameterError if task is None else UnknownTaskError
            raise error(
                "The 'task' parameter must be the name of a Reconstruction, of which "
                f"there are {bracketed(names)}. Got {short(task)} instead."
            )
        return str(task)
