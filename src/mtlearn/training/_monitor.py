"""The figure of the history that decides about a training."""

from dataclasses import dataclass, replace

SIDES = ("valid", "train")


@dataclass(frozen=True)
class Monitor:
    """A figure that early stopping, the best weights and the plateau follow.

    Parameters
    ----------
    figure : str
        Its name in the history, less the side.
    sides : tuple of str
        Where the history has it, of ``"valid"`` and ``"train"``; the first one counts.
    greater_is_better : bool or None
        Whether it rises where a network gets better; None, which no figure that is
        followed has, if nobody knows.
    tasks : tuple of str or None
        Those whose labels it is made of, of which one is enough; None for all that
        count in the loss.
    min_delta : float
        By how much more it must be better.
    of_metrics : bool
        Whether it is made of their default metrics, which few labels may not define.
    """

    figure: str
    sides: tuple[str, ...]
    greater_is_better: bool | None = False
    tasks: tuple[str, ...] | None = None
    min_delta: float = 0.0
    of_metrics: bool = False

    @property
    def key(self) -> str:
        """Its name in the history."""
        return f"{self.sides[0]}_{self.figure}"

    @property
    def needs_validation(self) -> bool:
        """Whether it is a figure of validation rows."""
        return self.sides[0] == "valid"

    @property
    def worst(self) -> float:
        """What every number is better than."""
        return float("-inf" if self.greater_is_better else "inf")

    def is_better(self, value: float, best: float) -> bool:
        """Tell whether a value is better than the best so far; NaN never is."""
        if self.greater_is_better:
            return value > best + self.min_delta
        return value < best - self.min_delta

    def in_training(self) -> "Monitor":
        """Give the same of training rows, or their loss where they have it not."""
        if "train" in self.sides:
            return replace(self, sides=("train",))
        return replace(LOSS, sides=("train",))


LOSS = Monitor("loss", SIDES)
