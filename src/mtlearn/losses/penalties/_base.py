"""What every penalty across tasks is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

# By task, `(n_outputs, n_features)`: a row for each output, as torch has them.
TaskWeights = Mapping[str, Tensor]


class Penalty(VersionedEstimator, ABC):
    """A penalty on the weights of the heads' last linear layers, for `penalty`.

    These weights, side by side, are the matrix W of shape `(n_features, n_columns)`,
    with a column for each output of each task. Biases are free. The estimators add
    the penalty to the loss of every step, of tasks without a label in the batch too.

    A penalty of your own is a subclass with a method `size` and a constructor that
    stores `strength`, and `tasks` if it can be had for some tasks only.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about. None takes all that read a column of y and whose
        head ends in a linear layer: not decoders, and not modules of your own.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import Penalty
    >>> class Lasso(Penalty):
    ...     def size(self, weights):
    ...         return sum(each.abs().sum() for each in weights.values())
    >>> Lasso(0.5)({"price": torch.tensor([[1.0, -3.0]])})
    tensor(2.)
    """

    def __init__(self, strength: float, tasks: Sequence[str] | None = None) -> None:
        self.strength = strength
        self.tasks = tasks

    @abstractmethod
    def size(self, weights: TaskWeights) -> Tensor:
        """Compute the penalty at a strength of 1.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (n_outputs, n_features)
            By task.

        Returns
        -------
        Tensor of shape ()
            With its graph.
        """

    def __call__(self, weights: TaskWeights) -> Tensor:
        """Compute the penalty.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (n_outputs, n_features)
            By task.

        Returns
        -------
        Tensor of shape ()
            With its graph.
        """
        return self.strength * self.size(weights)

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = self._of(owner)
        check_real(self.strength, "strength", where, low=0)
        if self.tasks is not None:
            _check_names(self.tasks, where)

    def named(self) -> tuple[str, ...] | None:
        """Give the names of the tasks that it is about; None for all that it can be."""
        return None if self.tasks is None else tuple(self.tasks)

    def check(self, weights: TaskWeights, owner: str) -> None:
        """Check the weights that it is about to be used on.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (n_outputs, n_features)
            By task, of one number of features.
        owner : str
            The estimator, for messages.

        Raises
        ------
        InvalidParameterError
            If it is not defined for them.
        """

    def covariance(self, weights: TaskWeights) -> Tensor | None:
        """Give what it has learned of how columns vary together.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (n_outputs, n_features)
            By task.

        Returns
        -------
        Tensor of shape (n_columns, n_columns), or None
            None if it learns none.
        """
        return None

    def _of(self, owner: str) -> str:
        return f"the {type(self).__name__} of {owner}"

    def _check_same_outputs(
        self, weights: TaskWeights, names: Iterable[str], owner: str, remedy: str
    ) -> None:
        """Raise if tasks whose columns are compared have not as many of them."""
        widths = {name: len(weights[name]) for name in names}
        if len(set(widths.values())) > 1:
            told = listed(f"{name!r} has {width}" for name, width in widths.items())
            raise InvalidParameterError(
                f"The {type(self).__name__} of {owner} compares tasks output by "
                f"output, and these have different numbers of them: {told}. {remedy}"
            )


def stacked(weights: TaskWeights) -> Tensor:
    """Put the outputs of all tasks below each other: W, transposed."""
    return torch.cat(list(weights.values()))


def _check_names(names: object, where: str) -> None:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ParameterTypeError(
            f"The 'tasks' parameter of {where} must be None or a sequence of names of "
            f"tasks. Got {short(names)} instead."
        )
    found = list(names)
    if not found or len(set(map(str, found))) < len(found):
        raise InvalidParameterError(
            f"The 'tasks' parameter of {where} must name at least one task, and each "
            f"once. Got {bracketed(found)} instead."
        )
