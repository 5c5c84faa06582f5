"""The named tasks of one network."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Self, final

from mtlearn._utils._frames import text
from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.exceptions import (
    InvalidParameterError,
    ParameterTypeError,
    UnknownTaskError,
)
from mtlearn.tasks._base import Task


@final
class Tasks:
    """The tasks that one network learns, by name and in order.

    A task reads one column of y, unless its kind says otherwise. From a DataFrame or a
    `skorch.helper.SliceDict` it takes the column of its own name; from an array, tasks
    take the columns in order. A task's `column` says otherwise, by position or name.

    Parameters
    ----------
    **tasks : Task
        The tasks: :class:`Classification` or :class:`Regression`. A name may not
        contain a double underscore, which separates the names of nested parameters.

    See Also
    --------
    Tasks.from_mapping : For names that are not Python identifiers.

    Examples
    --------
    >>> from mtlearn import Classification, Regression, Tasks
    >>> tasks = Tasks(
    ...     digit=Classification(10),
    ...     item=Classification(32, weight=2.5),
    ...     shade=Regression(weight=10.0, bounds=(0, 1)),
    ... )
    >>> tasks.names
    ('digit', 'item', 'shade')
    >>> tasks["item"].weight
    2.5
    >>> tasks.set_params(shade__weight=1.0)["shade"]
    Regression(bounds=(0, 1))
    """

    def __init__(self, /, *unnamed: Any, **tasks: Task) -> None:
        if unnamed:
            raise ParameterTypeError(
                "Tasks takes tasks by name: Tasks(digit=Classification(10)). For names "
                "in a mapping use Tasks.from_mapping(...). "
                f"Got {short(unnamed[0])} instead."
            )
        self._tasks = tasks

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Task]) -> Self:
        """Make tasks whose names may be any strings.

        Parameters
        ----------
        mapping : mapping of str to Task
            The tasks by name.

        Returns
        -------
        Tasks
            The tasks, in the order of the mapping.

        Raises
        ------
        ParameterTypeError
            If a name is not a string.

        Examples
        --------
        >>> from mtlearn import Classification, Tasks
        >>> Tasks.from_mapping({"any name": Classification()}).names
        ('any name',)
        """
        for name in mapping:
            if not isinstance(name, str):
                raise ParameterTypeError(
                    f"The name of a task must be a string. Got {short(name)} instead."
                )
        return cls(**{text(name): task for name, task in mapping.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(self._tasks)

    @property
    def labelled(self) -> "Tasks":
        """Those that read y, which are all but of kinds without a column."""
        own = {name: task for name, task in self.items() if task.n_columns != 0}
        return self if len(own) == len(self) else Tasks.from_mapping(own)

    def __getitem__(self, name: str) -> Task:
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownTaskError(
                f"There is no task {name!r}. The tasks are: {listed(self.names)}."
            ) from None

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def items(self) -> Iterator[tuple[str, Task]]:
        """Iterate over names and tasks.

        Returns
        -------
        iterator of (str, Task)
            In order.
        """
        return iter(self._tasks.items())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the tasks and, with `deep`, their parameters.

        Parameters
        ----------
        deep : bool, default=True
            Also give ``name__parameter`` of each task.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params: dict[str, Any] = dict(self._tasks)
        if deep:
            for name, task in self.items():
                if hasattr(task, "get_params") and not isinstance(task, type):
                    nested = task.get_params().items()
                    params.update((f"{name}__{key}", value) for key, value in nested)
        return params

    def set_params(self, /, **params: Any) -> Self:
        """Replace tasks, or set parameters of them by ``name__parameter``.

        Parameters
        ----------
        **params : object
            New values.

        Returns
        -------
        Tasks
            This object.

        Raises
        ------
        InvalidParameterError
            If there is no such task or parameter; the message lists those there are.
        """
        owners = {key: self._owner(key) for key in params if key not in self}
        # As in scikit-learn, a task is replaced before its parameters are set.
        replaced = {key: params[key] for key in params if key in self}
        self._tasks = {**self._tasks, **replaced}
        for key, name in owners.items():
            self._tasks[name].set_params(**{key[len(name) + 2 :]: params[key]})
        return self

    def _owner(self, key: str) -> str:
        """Find the task that a nested name begins with; its own may end in "_"."""
        owners = [name for name in self.names if key.startswith(f"{name}__")]
        if not owners:
            raise InvalidParameterError(
                f"Invalid parameter {key!r} for Tasks: there is no task "
                f"{key.partition('__')[0]!r}. The tasks are: {listed(self.names)}."
            )
        return max(owners, key=len)

    def __repr__(self) -> str:
        items = [f"{name}={task!r}" for name, task in self.items()]
        line = f"Tasks({', '.join(items)})"
        if len(line) <= 80:
            return line
        return "Tasks(" + ",\n      ".join(items) + ")"

    def validate(self) -> None:
        """Check the names and each task's parameters.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no task, or one is not what it must be.
        """
        if not self._tasks:
            raise InvalidParameterError(
                "Tasks() is empty. Name at least one task, such as "
                "Tasks(digit=Classification(10))."
            )
        for name, task in self.items():
            if "__" in name or not name:
                raise InvalidParameterError(
                    f"The name of a task must not be empty or contain '__', which "
                    f"separates nested parameters. Got {name!r} instead: rename it."
                )
            if not isinstance(task, Task):
                raise ParameterTypeError(
                    f"Task {name!r} must be a Classification or a Regression, or of "
                    "another kind. "
                    f"Got {short(task)} instead."
                )
            task.validate(name)

    def seeing(self, input_shape: tuple[int, ...]) -> "Tasks":
        """Give tasks that know the shape of what the network is given.

        Parameters
        ----------
        input_shape : tuple of int
            Of one sample.

        Returns
        -------
        Tasks
            In the same order.
        """
        return Tasks.from_mapping({k: t.seeing(input_shape) for k, t in self.items()})

    def weights(
        self, loss_weights: Sequence[float] | Mapping[str, float] | None = None
    ) -> tuple[float, ...]:
        """Give each task's factor in the total loss.

        Parameters
        ----------
        loss_weights : None, sequence or mapping of float, default=None
            Values in the order of these tasks, or by name, that replace their own.

        Returns
        -------
        tuple of float
            In task order.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a name or the number of values does not match the tasks, or a value is
            negative.
        """
        given = dict(self._named_weights(loss_weights))
        unknown = [name for name in given if name not in self]
        if unknown:
            raise InvalidParameterError(
                f"The 'loss_weights' parameter names {bracketed(unknown)}, which are "
                f"not tasks. The tasks are: {listed(self.names)}."
            )
        for name, value in given.items():
            check_real(value, f"loss_weights[{name!r}]", "the estimator", low=0.0)
        return tuple(float(given.get(name, task.weight)) for name, task in self.items())

    def _named_weights(
        self, loss_weights: Sequence[float] | Mapping[str, float] | None
    ) -> Mapping[str, float]:
        if loss_weights is None:
            return {}
        if isinstance(loss_weights, Mapping):
            return loss_weights
        unordered = isinstance(loss_weights, str | Set)
        if unordered or not hasattr(loss_weights, "__len__"):
            raise ParameterTypeError(
                "The 'loss_weights' parameter must be None, a sequence in task order "
                f"or a mapping by task name. Got {short(loss_weights)} instead."
            )
        if len(loss_weights) != len(self):
            raise InvalidParameterError(
                f"The 'loss_weights' parameter has {len(loss_weights)} values for "
                f"{len(self)} tasks ({listed(self.names)}). Give one for each, or "
                "a mapping by name."
            )
        return dict(zip(self.names, loss_weights, strict=True))
