"""Tasks whose labels are counts."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidDataError
from mtlearn.losses import Inputs
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._figure import Figure, ScoredLabels
from mtlearn.tasks._head import HeadLike
from mtlearn.tasks._mean_outputs import mean_of_logs
from mtlearn.tasks._value_figures import VALUE_FIGURES
from mtlearn.tasks._value_task import ValueTask

# Logarithms of the means that are told apart: their exponentials are finite in float32.
_LEAST, _MOST = -30.0, 44.0
# Of a dispersion, beyond which counts are as good as Poisson's.
_SMALLEST = 1e-6

CountLoss = Literal["poisson", "negative_binomial"] | Callable[..., Tensor]


class Count(ValueTask):
    """A task with a count a sample, a whole number from 0 on.

    The network's output is the logarithm of the expected count, less that of the mean
    training label: without any knowledge it predicts the mean.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"poisson", "negative_binomial"} or callable, default="poisson"
        Loss of each sample. ``"poisson"`` is half the unit deviance of Poisson's
        distribution, whose variance is its mean. ``"negative_binomial"`` is the
        negative logarithm of the likelihood of a distribution with the variance
        ``mean + dispersion * mean ** 2``, whose dispersion is learned with the network
        [1]_. A callable gets the logarithms of the expected counts and the counts,
        tensors of shape `(n_samples,)`, and returns `(n_samples,)`.
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
        Weighted mean of the training labels.
    dispersion_ : float
        That of the training labels by their moments, where the learned one begins.

    See Also
    --------
    Regression : A task with a real value.

    Notes
    -----
    The default metric is D², the share of the deviance that is explained: 1 of perfect
    predictions, 0 of the mean [2]_. R² would be about the largest counts alone, as the
    spread of counts grows with their mean.

    References
    ----------
    .. [1] J. F. Lawless, "Negative Binomial and Mixed Poisson Regression", Canadian
       Journal of Statistics 15, 1987.
    .. [2] A. C. Cameron, F. A. G. Windmeijer, "R-Squared Measures for Count Data
       Regression Models With Applications to Health-Care Utilization", Journal of
       Business & Economic Statistics 14, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import Count, MultiTaskEstimator, Tasks
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> y = np.random.default_rng(0).poisson(np.exp(2 * X[:, 0]))
    >>> estimator = MultiTaskEstimator(Tasks(visits=Count()), random_state=0).fit(X, y)
    >>> estimator.score(X, y) > 0.5
    True
    """

    kind: ClassVar[str] = "count"
    metric: ClassVar[str] = "d2"
    losses: ClassVar[tuple[str, ...]] = ("poisson", "negative_binomial")
    positive_only: ClassVar[bool] = True
    unknown: ClassVar[str] = "no whole number from 0 on"

    def __init__(
        self,
        *,
        weight: float = 1.0,
        loss: CountLoss = "poisson",
        head: HeadLike | None = None,
        column: int | str | None = None,
        when: WhenLike = None,
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.head = head
        self.column = column
        self.when = when

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn the mean and the dispersion.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Counts, none of them missing.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights.
        name : str
            The task's name, for messages.
        rows : ndarray of shape (n_labelled,), default=None
            Row of y that each label stands in, for messages; None counts from 0.

        Returns
        -------
        Count
            This task, fitted.

        Raises
        ------
        InvalidDataError
            If a label is no count, or all of them are 0.
        """
        rows = np.arange(len(labels)) if rows is None else rows
        counts = self.encode(labels, rows, name)
        self.mean_ = float(np.average(counts, weights=sample_weight))
        if not self.mean_:
            raise InvalidDataError(
                f"Task {name!r} counts nothing: every label is 0, and the logarithm of "
                "their mean is not finite. Leave the task out, or pass more labels."
            )
        variance = np.average((counts - self.mean_) ** 2, weights=sample_weight)
        surplus = (float(variance) - self.mean_) / self.mean_**2
        self.dispersion_ = max(surplus, _SMALLEST)
        return self

    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Give counts as floats.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Counts, none of them missing.
        rows : ndarray of shape (n_labelled,)
            Row of y that each count stands in, for messages.
        name : str
            The task's name, for messages.

        Returns
        -------
        ndarray of shape (n_labelled,)
            The counts, float64.

        Raises
        ------
        InvalidDataError
            If a label is not a whole number, or below 0.
        """
        wrong = np.flatnonzero(~self.knows(labels))
        if wrong.size:
            raise InvalidDataError(
                f"Row {rows[wrong[0]]} of y has the value {labels[wrong[0]]} for task "
                f"{name!r}, which is no count: a whole number, at least 0. Correct it, "
                "or declare Regression()."
            )
        return self._as_numbers(labels, name, rows)

    def knows(self, labels: np.ndarray) -> np.ndarray:
        """Tell which labels are counts."""
        if labels.dtype.kind not in "biuf":
            return np.ones(len(labels), bool)
        return (labels >= 0) & (labels == np.floor(labels))

    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Give counts as they are, float64."""
        return encoded.astype(np.float64)

    def loss_spec(self) -> tuple[str | Callable[..., Tensor], dict[str, Any]]:
        """Give the per-sample loss and its options.

        Returns
        -------
        loss : callable
            Gets logarithms of expected counts, and counts.
        options : dict
            Empty.
        """
        if self.loss == "poisson":
            return poisson_deviance, {}
        if self.loss == "negative_binomial":
            return NegativeBinomial(self.dispersion_), {}
        return self.loss, {}

    @property
    def value_scale(self) -> float:
        """The deviation of Poisson's distribution with the mean of the labels."""
        return float(np.sqrt(self.mean_))

    @property
    def value_range(self) -> tuple[float, float]:
        """From 0 on."""
        return 0.0, np.inf

    def link(self, output: Tensor) -> Tensor:
        """Give the logarithms of the expected counts.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Raw output.

        Returns
        -------
        Tensor of shape (n_samples, 1)
            Logarithms.
        """
        return (output + float(np.log(self.mean_))).clamp(_LEAST, _MOST)

    def mean_output(self) -> Callable[[Tensor], Tensor]:
        """Give what makes one output of those of a network's members.

        Returns
        -------
        callable
            Gets `(n_samples, n_members, n_outputs)`.
        """
        return mean_of_logs

    def activate(self, output: Tensor) -> Tensor:
        """Map the raw output to expected counts.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Raw output.

        Returns
        -------
        Tensor of shape (n_samples, 1)
            Expected counts, float64, above 0.
        """
        return self.link(output.double()).exp()

    def exported_activation(self) -> Callable[[Tensor], Tensor]:
        """Give `activate` with its number as a tensor.

        Returns
        -------
        callable
            Gets the raw output and returns expected counts.
        """
        start = torch.tensor(np.log(self.mean_), dtype=torch.float64, device="cpu")
        return lambda output: (output.double() + start).clamp(_LEAST, _MOST).exp()

    def statistics(
        self,
        output: Tensor,
        target: Tensor,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up what D² needs.

        Parameters
        ----------
        output : Tensor of shape (n_samples, 1)
            Logarithms of expected counts.
        target : Tensor of shape (n_samples,)
            Counts.
        weight : Tensor of shape (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            Not used.

        Returns
        -------
        Tensor of shape (4,)
            Weighted sums of deviances, of counts times their logarithms, of counts and
            of one.
        """
        weight, output = weight.double(), output[:, 0].double()
        # A masked row may hold anything, and zero times infinity is NaN.
        target = torch.where(weight > 0, target.double(), 0.0)
        output = torch.where(weight > 0, output, 0.0)
        deviance = 2 * poisson_deviance(output, target)
        own = torch.special.xlogy(target, target)
        return torch.stack(
            [weight @ deviance, weight @ own, weight @ target, weight.sum()]
        )

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute D² from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (4,)
            Sums over batches.

        Returns
        -------
        float
            D², at most 1; NaN where the counts do not vary.
        """
        deviance, own, total, weight = statistics
        if not weight or not total:
            return float("nan")
        null = 2 * (own - total * np.log(total / weight))
        # Sums of weighted counts that are all alike differ by their rounding.
        varies = null > 1e-12 * (own + total)
        return float(1 - deviance / null) if varies else float("nan")

    def figures(self) -> Mapping[str, Figure]:
        """Give D², and errors in counts."""
        return COUNT_FIGURES


def poisson_deviance(output: Tensor, target: Tensor) -> Tensor:
    """Return half the unit deviance of logarithms of expected counts, and counts."""
    # By the ratio to the count, as differences of large counts would be rounded away.
    counted = target > 0
    ratio = output - torch.where(counted, target, 1.0).log()
    return torch.where(counted, target * (ratio.expm1() - ratio), output.exp())


class NegativeBinomial(nn.Module):
    """Negative logarithm of the likelihood, with a dispersion that learns."""

    def __init__(self, dispersion: float) -> None:
        super().__init__()
        self.log_dispersion = nn.Parameter(torch.tensor(float(np.log(dispersion))))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the losses of logarithms of expected counts, and counts."""
        # Differences of logarithms of gamma functions: in float64.
        size = (-self.log_dispersion.double()).exp().clamp(max=1 / _SMALLEST)
        mean_log, count = output.double(), target.double()
        both = torch.logaddexp(mean_log, size.log())
        loss = (
            torch.lgamma(size)
            + torch.lgamma(count + 1)
            - torch.lgamma(count + size)
            + size * (both - size.log())
            + count * (both - mean_log)
        )
        return loss.to(output.dtype)


def _d2(labels: ScoredLabels) -> float:
    below = labels.true[labels.true < 0]
    if len(below):
        raise InvalidDataError(
            f"y has the label {below[0]} where counts are scored, and no deviance is "
            "defined below 0. Correct it, or make it missing: NaN or None."
        )
    true = torch.as_tensor(np.asarray(labels.true, dtype=np.float64))
    expected = np.log(np.maximum(labels.predicted.astype(np.float64), np.exp(_LEAST)))
    weight = torch.as_tensor(np.asarray(labels.weight, dtype=np.float64))
    task = Count()
    sums = task.statistics(torch.as_tensor(expected)[:, None], true, weight)
    return task.metric_from(sums.numpy())


COUNT_FIGURES = {
    "d2": Figure(_d2),
    "mae": VALUE_FIGURES["mae"],
    "rmse": VALUE_FIGURES["rmse"],
}
