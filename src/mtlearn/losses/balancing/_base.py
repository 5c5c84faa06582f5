"""What every way of balancing losses must say."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mtlearn._utils._versioned import VersionedEstimator


@dataclass(frozen=True)
class StepRecord:
    """What a step of the optimiser has seen, by task.

    Attributes
    ----------
    losses : ndarray of shape (n_tasks,)
        Mean loss of the labels of the batch, times the task's own weight, before the
        step; 0 of a task that is absent.
    present : ndarray of bool of shape (n_tasks,)
        Whether the batch has a label of the task, whose own weight is above 0.
    after : ndarray of shape (n_tasks,) or None
        The same losses after the step, if the state `looks_again`.
    norms : ndarray of shape (n_tasks,) or None
        Length of the gradient of each loss in the last shared layer that trains, if
        the method `needs_norms`; None while there is no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import StepRecord
    >>> record = StepRecord(np.array([0.5, 0.0]), np.array([True, False]))
    >>> record.after is None
    True
    """

    losses: np.ndarray
    present: np.ndarray
    after: np.ndarray | None = None
    norms: np.ndarray | None = None


class BalancingState(ABC):
    """What a balancing knows in one fit.

    Attributes whose names end in "_" are what it carries on from step to step: numbers,
    arrays and generators of numpy. Checkpoints hold them.

    Examples
    --------
    >>> from mtlearn.losses import GLS
    >>> GLS().start([1.0, 0.5], seed=0).weights([2.0, 8.0], [True, True])
    array([1.  , 0.25])
    """

    @property
    def looks_again(self) -> bool:
        """Whether `end_step` of this step wants the losses after it."""
        return False

    @abstractmethod
    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the factor of each task's loss in this step.

        It may be asked several times in a step, and changes nothing.

        Parameters
        ----------
        losses : ndarray of shape (n_tasks,) or None
            As in `StepRecord`; None if the method does not read them (`reads_losses`).
        present : ndarray of bool of shape (n_tasks,)
            As in `StepRecord`.

        Returns
        -------
        ndarray of shape (n_tasks,)
            Of a task that is absent, anything: it has no loss.
        """

    def end_step(self, record: StepRecord) -> None:
        """Learn from a step that was taken.

        Parameters
        ----------
        record : StepRecord
            What it has seen.
        """
        return

    def end_epoch(self, losses: np.ndarray) -> None:
        """Learn from an epoch.

        Parameters
        ----------
        losses : ndarray of shape (n_tasks,)
            Mean loss of all its labels, times the task's own weight; NaN of a task that
            was absent.
        """
        return

    def state_dict(self) -> dict[str, Any]:
        """Give copies of what is carried on, by name."""
        kept = {k: v for k, v in vars(self).items() if k.endswith("_")}
        return copy.deepcopy(kept)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` has given."""
        vars(self).update(state)


class Balancing(VersionedEstimator, ABC):
    """How much each task counts in a step, as a value of `loss_weights`.

    The loss of a step is the sum over tasks of weight times mean loss, of which the
    gradient takes the weights as constants. Losses have the tasks' own `weight` in them
    before they are balanced. A task without a label in the batch is left out.

    A method of your own is a subclass of this one, with parameters as any estimator of
    scikit-learn has them, and of :class:`BalancingState`.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.losses import Balancing, BalancingState
    >>> class Inverse(Balancing):
    ...     def start(self, factors, seed):
    ...         return InverseState()
    >>> class InverseState(BalancingState):
    ...     def weights(self, losses, present):
    ...         return 1 / np.where(present, losses, 1.0)
    >>> X = np.linspace(-1, 1, 40)[:, np.newaxis]
    >>> y = np.column_stack([X[:, 0] > 0, X[:, 0] ** 2])
    >>> tasks = Tasks(sign=Classification(2), square=Regression())
    >>> estimator = MultiTaskEstimator(
    ...     tasks, loss_weights=Inverse(), max_epochs=2, random_state=0
    ... ).fit(X, y)
    >>> row = estimator.history_[0]
    >>> row["weight_sign"] > row["weight_square"]  # whose loss is the larger one
    True
    """

    reads_losses: ClassVar[bool] = True
    """Whether weights follow from the losses of the batch at hand."""
    needs_positive: ClassVar[bool] = False
    """Whether a loss that is not above 0 is an error."""
    needs_norms: ClassVar[bool] = False
    """Whether it looks at gradients in a layer that the tasks share."""
    suits_closures: ClassVar[bool] = True
    """Whether an optimiser may compute the loss of a step several times, as LBFGS."""

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.
        """

    @abstractmethod
    def start(self, factors: np.ndarray, seed: int) -> BalancingState:
        """Give a new state, for one fit.

        Parameters
        ----------
        factors : ndarray of shape (n_tasks,)
            1/2 of tasks with a squared error, 1 of others.
        seed : int
            Of what it draws.

        Returns
        -------
        BalancingState
            Of so many tasks.
        """
