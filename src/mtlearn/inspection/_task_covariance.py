"""How tasks vary together, as a penalty has learned it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import shown
from mtlearn.inspection._clones import check_one_network
from mtlearn.inspection._conflict_plot import draw_matrix
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import panels
from mtlearn.metrics import fitted_tasks

_CELL, _NAMES, _LARGEST = 0.4, 2.4, 24.0  # inches: of a cell, of names, of a side


@dataclass(frozen=True)
class TaskCorrelation:
    """Two columns of weights, and how they vary together.

    Attributes
    ----------
    task, other : str
        Their tasks.
    output, other_output : int
        The number of the output of either task.
    correlation : float
        In [-1, 1]; NaN where one of them has no weights.

    Examples
    --------
    >>> from mtlearn.inspection import TaskCorrelation
    >>> TaskCorrelation("price", "quality", 0, 0, 0.75).correlation
    0.75
    """

    task: str
    other: str
    output: int
    other_output: int
    correlation: float


class TaskCovarianceDisplay(Display):
    """Correlations of the tasks' weights, as a `TaskCovariance` has learned them.

    Outputs with a high correlation are made of the features in the same way, those with
    a low one in opposite ways. Make it with `from_estimator`; `correlations`, `pairs`
    and `frame` give the numbers, and `plot` draws them.

    Parameters
    ----------
    covariance : ndarray of shape (n_columns, n_columns)
        As `task_covariance_` of an estimator.
    columns : sequence of (str, int)
        The task of each column, and the number of its output.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    ax_ : matplotlib Axes
        Set by `plot`.

    See Also
    --------
    TaskConflictDisplay : Which tasks pull against each other in shared weights.

    Notes
    -----
    Weights of a classification with k outputs add up to much the same probabilities
    when one vector is added to all of them: their correlations are those of the network
    that was found.

    References
    ----------
    .. [1] Y. Zhang, D.-Y. Yeung, "A Convex Formulation for Learning Task Relationships
       in Multi-Task Learning", UAI 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.inspection import TaskCovarianceDisplay
    >>> from mtlearn.losses import TaskCovariance
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> y = np.column_stack([X[:, 0], -X[:, 0]])
    >>> tasks = Tasks(up=Regression(), down=Regression())
    >>> estimator = MultiTaskEstimator(
    ...     tasks, penalty=TaskCovariance(0.01), lr=0.01, max_epochs=20, random_state=0
    ... ).fit(X, y)
    >>> display = TaskCovarianceDisplay.from_estimator(estimator)
    >>> (pair,) = display.pairs()
    >>> pair.task, pair.other, pair.correlation < 0
    ('up', 'down', True)
    """

    def __init__(
        self, covariance: np.ndarray, columns: Sequence[tuple[str, int]]
    ) -> None:
        self.covariance = covariance
        self.columns = tuple(columns)

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Take the covariance of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one. An
            ensemble has none; its members have.

        Returns
        -------
        TaskCovarianceDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If it was fitted without a `TaskCovariance`.
        ParameterTypeError
            If there is no estimator of this package in it, or an ensemble.
        NotFittedError
            If it is not fitted.
        """
        owner = cls.__name__
        fitted_tasks(estimator, owner)  # which fails if it is not fitted
        inner = unwrap(estimator)
        check_one_network(inner, owner)
        # Which files of earlier versions lack.
        covariance = getattr(inner, "task_covariance_", None)
        if covariance is None:
            raise InvalidParameterError(
                f"The 'estimator' parameter of {owner} must have been fitted with a "
                "TaskCovariance, such as penalty=TaskCovariance(0.1). Got one without."
            )
        return cls(covariance, inner.task_covariance_columns_)

    def correlations(self) -> np.ndarray:
        """Compute the correlations of all columns.

        Returns
        -------
        ndarray of shape (n_columns, n_columns)
            In [-1, 1], of float64; NaN in the row and column of one without weights.
        """
        covariance = np.asarray(self.covariance, dtype=np.float64)
        variances = np.diag(covariance)
        products = np.sqrt(np.outer(variances, variances))
        unknown = np.full_like(covariance, np.nan)
        found = np.divide(covariance, products, out=unknown, where=products > 0)
        return np.clip(found, -1.0, 1.0)

    def pairs(self, n: int | None = None) -> list[TaskCorrelation]:
        """Give the pairs of columns of two tasks, the most related first.

        Parameters
        ----------
        n : int, default=None
            At most so many; None for all.

        Returns
        -------
        list of TaskCorrelation
            By the size of the correlation; pairs without one are left out.
        """
        correlations = self.correlations()
        found = []
        for i, j in zip(*np.triu_indices(len(self.columns), 1), strict=True):
            (task, output), (other, other_output) = self.columns[i], self.columns[j]
            value = float(correlations[i, j])
            if task != other and np.isfinite(value):
                found.append(TaskCorrelation(task, other, output, other_output, value))
        found.sort(key=lambda pair: -abs(pair.correlation))
        return found[:n]

    def frame(self) -> Any:
        """Give the correlations as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the columns' names in both directions: the task's, with the number of
            the output where it has several.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "TaskCovarianceDisplay.frame")
        names = self._names()
        return pandas.DataFrame(self.correlations(), index=names, columns=names)

    def plot(self) -> Self:
        """Draw the correlations as a matrix, red below zero and blue above.

        Returns
        -------
        TaskCovarianceDisplay
            This display, with `figure_` and `ax_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        side = min(_CELL * len(self.columns) + _NAMES, _LARGEST)
        self.figure_, grid = panels(1, 1, (side + 0.8, side), type(self).__name__)
        self.ax_ = grid[0, 0]
        cells = self.correlations()
        np.fill_diagonal(cells, np.nan)
        image = draw_matrix(self.ax_, self._names(), cells, 1.0)
        self.figure_.colorbar(image, ax=self.ax_, label="correlation", shrink=0.8)
        self.ax_.set_title("weights of the tasks")
        return self

    def _names(self) -> list[str]:
        several = {task for task, output in self.columns if output}
        return [
            f"{shown(task)} {output}" if task in several else task
            for task, output in self.columns
        ]

    def _shown_tasks(self) -> Iterable[str]:
        return dict.fromkeys(task for task, _ in self.columns)
