"""The parameters that every kind of task has."""

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Self

from torch import Tensor

from mtlearn._utils._partial import Partial, check_arguments
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_nested_names, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks._columns import TaskColumns
from mtlearn.tasks._conditions import Condition, read_condition
from mtlearn.tasks._head import HeadLike, check_head


class TaskParameters(VersionedEstimator, TaskColumns):
    """Parameters of a task, checked and set as scikit-learn does it."""

    losses: ClassVar[tuple[str, ...]]
    """Names that `loss` may be."""

    when: Any = None
    weight: float
    loss: str | Callable[..., Tensor]
    head: HeadLike | None

    @property
    def noise_factor(self) -> float:
        """What a loss counts where its noise has the variance 1: a squared one half."""
        return 0.5 if self.loss == "mse" else 1.0

    @property
    def condition(self) -> Condition | None:
        """Where the task is asked, by the label of another; None if it always is."""
        return read_condition(self.when, type(self).__name__)

    def validate(self, name: str) -> None:
        """Check the parameters that every kind has.

        Parameters
        ----------
        name : str
            The task's name, for messages.
        """
        owner = f"{type(self).__name__} (task {name!r})"
        check_real(self.weight, "weight", owner, low=0.0)
        read_condition(self.when, owner)
        self._check_column(owner)
        self._check_loss(owner)
        if self.head is not None:
            check_head(self.head, owner)

    def _check_column(self, owner: str) -> None:
        """Raise if the column is neither a position nor a name, or a list of them."""
        name = self.columns_parameter
        for column in self.own_columns or ():
            if isinstance(column, bool) or not isinstance(column, Hashable):
                what = "position or the name of a column"
                raise ParameterTypeError(
                    f"The {name!r} parameter of {owner} must be None, a {what}"
                    f"{'' if self.n_columns == 1 else ', or a list of them'}. "
                    f"Got {short(getattr(self, name))} instead."
                )

    def _check_loss(self, owner: str) -> None:
        """Raise if the loss is no name of one, and cannot be called."""
        if not callable(self.loss) and self.loss not in self.losses:
            raise InvalidParameterError(
                f"The 'loss' parameter of {owner} must be one of {self.losses} or a "
                f"callable. Got {short(self.loss)} instead."
            )
        function: Any = self.loss
        if isinstance(self.loss, Partial):
            check_arguments(self.loss.cls, list(self.loss.kwargs))
            function = self.loss.cls
        if isinstance(function, type):
            raise ParameterTypeError(
                f"The 'loss' parameter of {owner} must be a name or a function of "
                f"outputs and targets. Got the class {function.__name__} instead. "
                "Pass a function, or an object of it with reduction='none'."
            )

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the head and the loss.

        They are named ``head__parameter`` where the head is a :class:`Head` or a
        :class:`Partial`, and ``loss__parameter`` where the loss is one.

        Parameters
        ----------
        **params : object
            New values.

        Returns
        -------
        Task
            This task.

        Raises
        ------
        InvalidParameterError, ValueError
            If there is no such parameter.
        """
        given = {**self.get_params(deep=False), **params}
        remedies = {
            "head": " Give the task a head first: head=Head() or head=Partial(...).",
            "loss": " Give the task such a loss first: loss=Partial(function, ...).",
        }
        check_nested_names(given, type(self).__name__, remedies)
        return super().set_params(**params)
