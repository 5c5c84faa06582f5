"""Which experts the tasks take their features from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._optional import import_optional
from mtlearn._utils._unwrap import reach, unwrap
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import shown
from mtlearn.inspection._clones import (
    check_one_network,
    chosen_rows,
    naming_rows_of,
)
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import panels
from mtlearn.metrics import fitted_tasks
from mtlearn.tasks import has_output
from mtlearn.training import draw_seed

_CELL = (0.75, 0.45)  # inches
_BESIDE = (2.6, 1.6)  # inches, for names and the colour bar
_LARGEST = 24.0  # inches of a side
_MOST_WITH_NUMBERS = 16  # experts


class GateDisplay(Display):
    """Mean weights that the gate of each task gives each expert.

    Of an estimator whose backbone mixes experts, as
    :class:`~mtlearn.networks.CGC` does: where tasks take the same shared experts they
    share, where each takes its own they do not. Make it with `from_estimator`; `frame`
    gives the numbers, and `plot` draws them.

    A backbone of one's own has a method `gate_weights`, which maps a batch to a tuple
    of weights `(n_samples, n_experts)` of each task, and an attribute `experts` if
    these have names.

    Parameters
    ----------
    weights : mapping of str to ndarray of shape (n_experts,)
        By task: the mean weight of each expert over the samples.
    deviations : mapping of str to ndarray of shape (n_experts,)
        By task: the standard deviation over the samples.
    experts : sequence of str
        What the experts are called.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    ax_ : matplotlib Axes
        Set by `plot`.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import GateDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, backbone="cgc", max_epochs=2)
    >>> display = GateDisplay.from_estimator(estimator.fit(X, y), X)
    >>> display.experts
    ('own 1', 'shared 1', 'shared 2', 'shared 3')
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        deviations: Mapping[str, np.ndarray],
        experts: Sequence[str],
    ) -> None:
        self.weights = weights
        self.deviations = deviations
        self.experts = tuple(experts)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        max_samples: int = 2000,
        random_state: Any = None,
    ) -> Self:
        """Run the gates on some samples.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one. An
            ensemble has no gates; its members have.
        X : array-like or dataset
            Samples, as the estimator takes them.
        max_samples : int, default=2000
            Of more rows, so many are drawn at random.
        random_state : None, int or RandomState, default=None
            Which rows are drawn.

        Returns
        -------
        GateDisplay
            Not drawn yet. Images that are skipped count for nothing.

        Raises
        ------
        InvalidParameterError
            If the backbone has no gates, or `max_samples` is below 1.
        ParameterTypeError
            If there is no estimator of this package in it, or an ensemble.
        NotFittedError
            If it is not fitted.
        """
        owner = cls.__name__
        most = check_integer(max_samples, "max_samples", owner, low=1)
        fitted_tasks(estimator, owner)  # which fails if it is not fitted
        check_one_network(unwrap(estimator), owner)
        backbone = unwrap(estimator).net_.module_.backbone
        if not callable(getattr(backbone, "gate_weights", None)):
            raise InvalidParameterError(
                f"The 'estimator' parameter of {owner} must have a backbone with "
                "gates, such as backbone='cgc'. Got one with "
                f"{type(backbone).__name__} instead."
            )
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        rows = chosen_rows(n_rows, most, draw_seed(random_state))
        with naming_rows_of(estimator, X):
            inner, own = reach(estimator, take_rows(X, rows))
            gates = inner._gate_weights(own)
        there = has_output(gates[0])
        pairs = zip(inner.tasks_.names, gates, strict=True)
        found = {name: gate[there].astype(np.float64) for name, gate in pairs}
        n_experts = gates[0].shape[1]
        return cls(
            {name: gate.mean(axis=0) for name, gate in found.items()},
            {name: gate.std(axis=0) for name, gate in found.items()},
            getattr(backbone, "experts", [*map(str, range(1, n_experts + 1))]),
        )

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each task and a column for each expert, with mean weights.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "GateDisplay.frame")
        return pandas.DataFrame.from_dict(
            dict(self.weights), orient="index", columns=list(self.experts)
        )

    def plot(self) -> Self:
        """Draw a row for each task and a column for each expert.

        Returns
        -------
        GateDisplay
            This display, with `figure_` and `ax_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        values = np.stack(list(self.weights.values()))
        counts = values.shape[::-1]
        size = tuple(
            min(cell * count + beside, _LARGEST)
            for cell, count, beside in zip(_CELL, counts, _BESIDE, strict=True)
        )
        self.figure_, grid = panels(1, 1, size, type(self).__name__)
        self.ax_ = ax = grid[0, 0]
        image = ax.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        self.figure_.colorbar(image, ax=ax, label="mean weight")
        ax.set_xticks(range(counts[0]), map(str, self.experts), rotation=90)
        ax.set_yticks(range(counts[1]), map(shown, self.weights))
        ax.set(xlabel="expert", title="where tasks take their features from")
        if counts[0] <= _MOST_WITH_NUMBERS:
            for (row, column), value in np.ndenumerate(values):
                color = "white" if value > 0.6 else "black"
                text = ax.text(column, row, f"{value:.2f}", color=color)
                text.set(ha="center", va="center", fontsize="small")
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return self.weights
