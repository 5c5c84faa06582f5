"""Tasks whose labels are real values."""

import numbers
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_bool
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses import Inputs
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._head import HeadLike
from mtlearn.tasks._mean_outputs import mean_of_labels
from mtlearn.tasks._value_task import ValueTask


class Regression(ValueTask):
    """A task with one real value a sample.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"mse", "mae", "huber"} or callable, default="mse"
        Loss of each sample. ``"huber"`` is linear beyond an error of 1; another
        bound, which can be searched, is set by
        ``Partial(mtlearn.losses.huber_loss, delta=0.5)``. A callable gets outputs and
        targets, tensors of shape `(n_samples,)` on the scale of `standardize`, and
        returns `(n_samples,)`.
    bounds : None or pair of float, default=None
        ``(lo, hi)`` squashes the output into that range by a logistic function; a
        value of y outside it is an error.
    standardize : bool, default=True
        Whether the loss is computed on targets less their weighted training mean,
        over their deviation. Predictions come back in the units of y.
    head : None, Head, class or Partial, default=None
        Layers of this task; None takes the estimator's default. Besides a
        :class:`Head`, any subclass of `torch.nn.Module`, or :class:`Partial` of one,
        that maps the shared features to `out_features` numbers a sample.
    column : None, int or str, default=None
        Column of y, by position or name; see :class:`Tasks`.
    when : None, tuple or str, default=None
        Asks the task only where another one has a certain label, such as
        ``("is_sick", True)`` or ``"is_sick == True"``: other rows have no label, and
        `predict` gives none where the other one is predicted otherwise.

    Attributes
    ----------
    mean_ : float
        Weighted mean of the training labels, in the units of y.
    center_, scale_ : float
        What is subtracted from a target, and what it is then divided by, before the
        loss: mean and deviation with `standardize`, else 0 and 1.

    See Also
    --------
    Classification : A task with a class.

    Examples
    --------
    >>> from mtlearn import Regression, Tasks
    >>> Tasks(shade=Regression(weight=10.0, bounds=(0, 1)))
    Tasks(shade=Regression(bounds=(0, 1), weight=10.0))
    """

    kind: ClassVar[str] = "regression"
    metric: ClassVar[str] = "r2"
    losses: ClassVar[tuple[str, ...]] = ("mse", "mae", "huber")

    def __init__(
        self,
        *,
        weight: float = 1.0,
        loss: Literal["mse", "mae", "huber"] | Callable[..., Tensor] = "mse",
        bounds: tuple[float, float] | None = None,
        standardize: bool = True,
        head: HeadLike | None = None,
        column: int | str | None = None,
        when: WhenLike = None,
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.bounds = bounds
        self.standardize = standardize
        self.head = head
        self.column = column
        self.when = when

    def validate(self, name: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        name : str
            The task's name, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        super().validate(name)
        owner = f"Regression (task {name!r})"
        check_bool(self.standardize, "standardize", owner)
        if self.bounds is not None and not _is_range(self.bounds):
            raise InvalidParameterError(
                f"The 'bounds' parameter of {owner} must be None or a pair (lo, hi) of "
                f"finite numbers, lo < hi. Got {short(self.bounds)} instead."
            )

    @property
    def targets_are_scaled(self) -> bool:
        """Whether targets are standardised."""
        return self.standardize

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn the mean and the deviation.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Values, none of them missing.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights.
        name : str
            The task's name, for messages.
        rows : ndarray of shape (n_labelled,), default=None
            Row of y that each label stands in, for messages; None counts from 0.

        Returns
        -------
        Regression
            This task, fitted.

        Raises
        ------
        InvalidDataError
            If the labels are not numbers, or whole ones that a float would round.
        """
        values = self._as_numbers(labels, name, rows)
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean_ = float(np.average(values, weights=sample_weight))
            deviation = np.sqrt(
                np.average((values - self.mean_) ** 2, weights=sample_weight)
            )
        if not np.isfinite(deviation):
            raise InvalidDataError(
                f"Task {name!r} has values up to {np.abs(values).max():.3g}, whose "
                "squares are too large to compute with. Divide them by a constant."
            )
        # A constant target: its deviation is rounding error, and nothing to divide by.
        constant = deviation <= 10 * np.finfo(np.float64).eps * abs(self.mean_)
        self.center_ = self.mean_ if self.standardize else 0.0
        self.scale_ = float(deviation) if self.standardize and not constant else 1.0
        return self

    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Put values on the scale that the loss is computed on.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Values, none of them missing.
        rows : ndarray of shape (n_labelled,)
            Row of y that each value stands in, for messages.
        name : str
            The task's name, for messages.

        Returns
        -------
        ndarray of shape (n_labelled,)
            Scaled values, float64.

        Raises
        ------
        InvalidDataError
            If a value is not a number, would be rounded or lies outside `bounds`.
        """
        values = self._as_numbers(labels, name, rows)
        outside = np.flatnonzero(~self.knows(labels))
        if self.bounds is not None and outside.size:
            first, (low, high) = outside[0], map(float, self.bounds)
            raise InvalidDataError(
                f"Row {rows[first]} of y has the value {labels[first]} for task "
                f"{name!r}, outside its bounds ({low}, {high}). Widen the bounds, "
                "or correct the value."
            )
        return (values - self.center_) / self.scale_

    def knows(self, labels: np.ndarray) -> np.ndarray:
        """Tell which values are within the bounds, all without any."""
        if self.bounds is None or labels.dtype.kind not in "biuf":
            return np.ones(len(labels), bool)
        low, high = map(float, self.bounds)
        # In the labels' own precision: a bound of 0.1 holds the float32 0.1.
        return (labels >= low) & (labels <= high)

    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Turn scaled values into values in the units of y.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            Scaled values.

        Returns
        -------
        ndarray of shape (n_labelled,)
            Values, float64.
        """
        values = encoded.astype(np.float64) * self.scale_ + self.center_
        # Scaling and back may leave the bounds by a rounding error.
        if self.bounds is None:
            return values
        low, high = map(float, self.bounds)
        return values.clip(low, high)

    @property
    def value_scale(self) -> float:
        """The deviation of the training labels; 1 if they are not standardised."""
        return self.scale_

    @property
    def value_range(self) -> tuple[float, float]:
        """The bounds, if there are some."""
        return super().value_range if self.bounds is None else self.bounds

    def link(self, output: Tensor) -> Tensor:
        """Squash the output into the bounds, on the scale of the loss.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Raw output.

        Returns
        -------
        Tensor of shape (n_samples, 1)
            Scaled values.
        """
        if self.bounds is None:
            return output
        low, high = map(float, self.bounds)
        # As Python's numbers first: a bound far from zero would swallow, in a shorter
        # type, what the output adds to it.
        least, width = (low - self.center_) / self.scale_, (high - low) / self.scale_
        return least + width * torch.sigmoid(output)

    def mean_output(self) -> Callable[[Tensor], Tensor] | None:
        """Give what makes one output of those of a network's members.

        Returns
        -------
        callable or None
            Gets `(n_samples, n_members, n_outputs)`; None takes the mean.
        """
        return None if self.bounds is None else mean_of_labels

    def activate(self, output: Tensor) -> Tensor:
        """Map the raw output to values in the units of y.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Raw output.

        Returns
        -------
        Tensor of shape (n_samples, 1)
            Values, float64.
        """
        value = self.link(output.double()) * self.scale_ + self.center_
        # Scaling and back may leave the bounds by a rounding error.
        return value if self.bounds is None else value.clamp(*map(float, self.bounds))

    def exported_activation(self) -> Callable[[Tensor], Tensor]:
        """Give `activate` with its numbers as tensors.

        Returns
        -------
        callable
            Gets the raw output and returns values in the units of y.
        """
        center, scale = _double(self.center_), _double(self.scale_)
        if self.bounds is None:
            return lambda output: output.double() * scale + center
        low, high = map(_double, self.bounds)
        return lambda output: (
            low + (high - low) * torch.sigmoid(output.double())
        ).clamp(low, high)

    def statistics(
        self,
        output: Tensor,
        target: Tensor,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up what R² needs.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Scaled predictions.
        target : Tensor of shape (n_samples,)
            Scaled values.
        weight : Tensor of shape (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            Not used.

        Returns
        -------
        Tensor of shape (4,)
            Weighted sums of squared errors, targets, squared targets and one, where
            targets are less the training mean.
        """
        weight = weight.double()
        error = (output[:, 0].double() - target.double()) ** 2
        # Less the training mean, which keeps squares small beside the spread.
        target = target.double() - (self.mean_ - self.center_) / self.scale_
        # A masked row may hold anything, and zero times infinity is NaN.
        error, target = (
            torch.where(weight > 0, value, 0.0) for value in (error, target)
        )
        return torch.stack(
            [weight @ error, weight @ target, weight @ target**2, weight.sum()]
        )

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute R² from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (4,)
            Sums over batches.

        Returns
        -------
        float
            R², at most 1; NaN where the targets do not vary.
        """
        errors, total, squares, weight = statistics
        spread = squares - total**2 / weight if weight else 0.0
        return float(1 - errors / spread) if spread > 1e-12 * squares else float("nan")


def _double(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.float64, device="cpu")


def _is_range(bounds: Any) -> bool:
    """Tell whether bounds are finite numbers, in order as floats, of finite width."""
    ends = np.asarray(bounds, dtype=object)
    if ends.shape != (2,) or not all(isinstance(end, numbers.Real) for end in ends):
        return False
    try:
        low, high = map(float, ends)
    except OverflowError:  # a whole number that is too large
        return False
    return bool(-np.inf < low < high < np.inf and high - low < np.inf)
