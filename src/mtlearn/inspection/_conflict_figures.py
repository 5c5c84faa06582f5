"""The numbers of how tasks pull against each other, by epoch and layer."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._conflict_pairs import (
    TaskConflict,
    pair_columns,
    worst_pairs,
)
from mtlearn.inspection._display import Display
from mtlearn.training import TaskGradients

WHOLE = "all layers"


class ConflictFigures(Display):
    """Cosines and lengths of the gradients of tasks.

    Parameters
    ----------
    gradients : mapping of int to TaskGradients
        By the number of epochs that the network had been trained for.
    """

    def __init__(self, gradients: Mapping[int, TaskGradients]) -> None:
        self.gradients = gradients

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names of the tasks, in task order."""
        return next(iter(self.gradients.values())).task_names

    @property
    def epochs(self) -> tuple[int, ...]:
        """Epochs that are known."""
        return tuple(self.gradients)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        first = next(iter(self.gradients.values()))
        return tuple(layer.name for layer in first.layers)

    def cosines(
        self, layer: str | None = None, *, epoch: int | None = None
    ) -> np.ndarray:
        """Give the cosines between each two tasks.

        Parameters
        ----------
        layer : str, default=None
            Which one; None takes all shared weights together.
        epoch : int, default=None
            Which one; None takes the last.

        Returns
        -------
        ndarray of shape (n_tasks, n_tasks)
            NaN where a gradient is zero.

        Raises
        ------
        InvalidParameterError
            If there is no such layer or epoch.
        """
        names = (WHOLE, *self.layers)
        if layer is not None and layer not in names:
            raise InvalidParameterError(
                f"The 'layer' parameter must be one of {bracketed(names)}. "
                f"Got {short(layer)} instead."
            )
        place = 0 if layer is None else names.index(layer)
        return self._at(epoch).cosines()[place]

    def conflicts(
        self, n: int | None = None, *, epoch: int | None = None
    ) -> list[TaskConflict]:
        """Find the pairs of tasks that pull against each other most.

        Parameters
        ----------
        n : int, default=None
            How many at most; None gives all pairs.
        epoch : int, default=None
            Which one; None takes the last.

        Returns
        -------
        list of TaskConflict
            The lowest cosine first. Pairs without a cosine come last.

        Raises
        ------
        InvalidParameterError
            If there is no such epoch.
        """
        return worst_pairs(self._at(epoch), n)

    def norms(self, *, epoch: int | None = None) -> dict[str, float]:
        """Give the length of each task's gradient in all shared weights.

        Parameters
        ----------
        epoch : int, default=None
            Which one; None takes the last.

        Returns
        -------
        dict of str to float
            By task. The longest one says most about where the weights go.

        Raises
        ------
        InvalidParameterError
            If there is no such epoch.
        """
        norms = self._at(epoch).norms()[0]
        return dict(zip(self.task_names, norms.tolist(), strict=True))

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each pair of tasks in each layer and epoch, with the columns
            `epoch`, `layer` (``"all layers"`` first), `task`, `other`, `cosine`,
            `part_cosine` and `std_error`; see `TaskConflict`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", f"{type(self).__name__}.frame")
        layers = np.array([WHOLE, *self.layers])
        parts = [
            pandas.DataFrame({"epoch": epoch, **pair_columns(found, layers)})
            for epoch, found in self.gradients.items()
        ]
        return pandas.concat(parts, ignore_index=True)

    def _shown_tasks(self) -> Iterable[str]:
        return self.task_names

    def _epoch(self, epoch: int | None) -> int:
        if epoch is not None and epoch not in self.gradients:
            raise InvalidParameterError(
                f"The 'epoch' parameter must be one of {bracketed(self.epochs)}. "
                f"Got {short(epoch)} instead."
            )
        return self.epochs[-1] if epoch is None else epoch

    def _at(self, epoch: int | None) -> TaskGradients:
        return self.gradients[self._epoch(epoch)]
