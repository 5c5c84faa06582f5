"""The losses that learning rates from small to large have brought."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import panels
from mtlearn.training import smoothed_losses, suggested_rate

_SIZE = (5.5, 3.6)  # inches


class LearningRateDisplay(Display):
    """The training loss over learning rates, one a step, and a suggestion.

    Made by :func:`find_lr`. `frame` gives the numbers, and `plot` draws them.

    Parameters
    ----------
    rates : ndarray of shape (n_steps,)
        Learning rates that were tried, from small to large.
    losses : ndarray of shape (n_steps,)
        The training loss of each step.
    n_planned : int, default=None
        How many steps there were to be; None for as many as there are. The width of
        the averages follows.

    Attributes
    ----------
    smoothed : ndarray of shape (n_steps,)
        Each loss averaged with its neighbours.
    suggestion : float or None
        The rate at which the averaged loss has fallen by four fifths of its whole fall;
        None where it has not fallen.
    figure_ : matplotlib Figure
        Set by `plot`.
    ax_ : matplotlib Axes
        Set by `plot`.

    Examples
    --------
    >>> from mtlearn.inspection import LearningRateDisplay
    >>> display = LearningRateDisplay([0.01, 0.1, 1.0], [2.0, 1.0, 3.0])
    >>> display.suggestion
    0.1
    """

    def __init__(self, rates: Any, losses: Any, n_planned: int | None = None) -> None:
        self.rates = np.asarray(rates, dtype=np.float64)
        self.losses = np.asarray(losses, dtype=np.float64)
        self.n_planned = len(self.rates) if n_planned is None else n_planned
        self.smoothed = smoothed_losses(self.losses, self.n_planned)
        self.suggestion = suggested_rate(self.rates, self.smoothed)

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the columns ``"lr"``, ``"loss"`` and ``"smoothed"``, a row a step.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "LearningRateDisplay.frame")
        return pandas.DataFrame(
            {"lr": self.rates, "loss": self.losses, "smoothed": self.smoothed}
        )

    def plot(self) -> Self:
        """Draw the losses, their averages, and the suggestion.

        Returns
        -------
        LearningRateDisplay
            This display, with `figure_` and `ax_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        self.figure_, grid = panels(1, 1, _SIZE, type(self).__name__)
        ax = self.ax_ = grid[0, 0]
        ax.semilogx(self.rates, self.losses, ".", color="0.7", label="a step")
        ax.semilogx(self.rates, self.smoothed, label="averaged")
        # Losses of rates that were too large would hide the fall.
        low, high = self.smoothed.min(), self.smoothed[0]
        room = 0.3 * max(high - low, 1e-12)
        ax.set_ylim(low - room, high + room)
        if self.suggestion is not None:
            label = f"suggestion: {self.suggestion:.2g}"
            ax.axvline(self.suggestion, color="C1", linestyle="--", label=label)
        ax.set_xlabel("learning rate")
        ax.set_ylabel("training loss")
        ax.legend()
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return ()
