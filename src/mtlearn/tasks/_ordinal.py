"""Tasks whose labels are classes in an order."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from mtlearn._utils._listing import bracketed
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses import Inputs
from mtlearn.tasks._class_figures import CLASS_FIGURES
from mtlearn.tasks._class_task import ClassLoss, ClassTask
from mtlearn.tasks._class_weight import ClassWeight, check_class_weight
from mtlearn.tasks._classes import declared_labels, find_labels
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._figure import Figure, ScoredLabels
from mtlearn.tasks._head import HeadLike
from mtlearn.tasks._rank_figures import mean_error, placed, quadratic_kappa
from mtlearn.tasks._temperature import log_of
from mtlearn.tasks._thresholds import OrderedThresholds, with_temperature


class Ordinal(ClassTask):
    """A task with a class a sample, where the classes have an order: grades, stages.

    The network gives each sample one number, and learns the thresholds between the
    classes, which stay in their order: the probability of a class beyond the j-th is
    the logistic function of the number less the j-th threshold [1]_. So it needs fewer
    labels than a :class:`Classification`, and never finds two classes likely and the
    one between them not.

    Parameters
    ----------
    categories : int or sequence of labels
        The labels from the lowest to the highest; an int k stands for 0 to k - 1.
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        Loss of each sample. Probabilities are corrected for ``"focal"``, and for
        ``Partial(mtlearn.losses.focal_loss, gamma=1.0)``. A callable gets the
        logarithms of the probabilities `(n_samples, n_classes)`, in the order of
        `classes_`, and indices into it `(n_samples,)`, as tensors, and returns
        `(n_samples,)`.
    class_weight : None, "balanced" or mapping, default=None
        Factors on the sample weights by label, as in scikit-learn; for the loss only.
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
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, as scikit-learn has them.
    ranks_ : ndarray of shape (n_classes,)
        Place of each of these in the order of `categories`.
    class_prior_ : ndarray of shape (n_classes,)
        Weighted share of each class in the training labels.

    See Also
    --------
    Classification : A task whose classes have no order.

    Notes
    -----
    `predict` gives the median: the lowest class which, with those below, has at least
    half of the probability. It is the answer with the least expected error in ranks.
    The default metric goes with it: D² of that error, one less the mean error in ranks
    over that of the median label, 1 of perfect predictions and 0 of a constant [2]_.
    An accuracy would count a grade missed by one like a grade missed by five.

    References
    ----------
    .. [1] P. McCullagh, "Regression Models for Ordinal Data", Journal of the Royal
       Statistical Society B 42, 1980.
    .. [2] T. Hastie, R. Tibshirani, M. Wainwright, "Statistical Learning with
       Sparsity", chapter 3, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import MultiTaskEstimator, Ordinal, Tasks
    >>> X = np.linspace(-1, 1, 150)[:, np.newaxis]
    >>> y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.3, 0.4])]
    >>> tasks = Tasks(grade=Ordinal(["low", "middle", "high"]))
    >>> estimator = MultiTaskEstimator(tasks, lr=0.02, random_state=0).fit(X, y)
    >>> estimator.score(X, y) > 0.8
    True
    """

    kind: ClassVar[str] = "ordinal"
    metric: ClassVar[str] = "d2_absolute"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "focal")
    classes_parameter: ClassVar[str] = "categories"

    def __init__(
        self,
        categories: int | Sequence[Any] = 2,
        *,
        weight: float = 1.0,
        loss: ClassLoss = "cross_entropy",
        class_weight: ClassWeight = None,
        head: HeadLike | None = None,
        column: int | str | None = None,
        when: WhenLike = None,
    ) -> None:
        self.categories = categories
        self.weight = weight
        self.loss = loss
        self.class_weight = class_weight
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
        owner = f"Ordinal (task {name!r})"
        if len(self._in_order(owner)) < 2:
            raise InvalidParameterError(
                f"The 'categories' parameter of {owner} must have two labels or more: "
                "one has no order."
            )
        check_class_weight(self.class_weight, owner)

    def _in_order(self, owner: str = "Ordinal") -> np.ndarray:
        """Give the labels from the lowest to the highest."""
        return declared_labels(self.categories, owner, self.classes_parameter)

    def classes_in_order(self) -> np.ndarray:
        """Give the labels from the lowest to the highest."""
        return self.classes_[self.ranks_.argsort()]

    @property
    def n_scores(self) -> int:
        """One: the thresholds make the rest of it."""
        return 1

    def head_end(self) -> Callable[[], nn.Module]:
        """Give the thresholds, which begin where the training labels have them."""
        shares = np.empty(self.n_outputs)
        shares[self.ranks_] = softmax(self._best_scores())
        return partial(OrderedThresholds, shares.tolist(), self.ranks_.tolist())

    def head_start(self) -> np.ndarray:
        """Give zero, where the thresholds tell the shares of the classes.

        Returns
        -------
        ndarray of shape (1,)
            The loss is lowest there for samples of which nothing is known.
        """
        return np.zeros(1)

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn the shares of the classes.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Labels, none of them missing.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights.
        name : str
            The task's name, for messages.
        rows : ndarray of shape (n_labelled,), default=None
            Row of y that each label stands in, for messages; None counts from 0.

        Returns
        -------
        Ordinal
            This task, fitted.

        Raises
        ------
        InvalidDataError
            If a label is not among the categories.
        """
        owner = f"Ordinal (task {name!r})"
        order = self._in_order(owner)
        self.classes_ = np.sort(order)
        self.ranks_ = find_labels(order, self.classes_)[0].argsort()
        return self._learn_shares(labels, sample_weight, name, rows)

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Map probabilities to the median label.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_classes)
            Probabilities.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        order = self.ranks_.argsort()
        up_to = activated[:, order].cumsum(axis=1)
        return self.classes_[order[(up_to >= 0.5 * up_to[:, -1:]).argmax(axis=1)]]

    def baseline(self) -> Any:
        """Give the median label, of which D² is 0."""
        return self.decode(self.class_prior_[None])[0]

    def calibrated(self, activated: np.ndarray, temperature: float) -> np.ndarray:
        """Give the probabilities at a temperature, with the same median."""
        if temperature == 1:
            return activated
        at = self.exported_calibration()
        factor = torch.tensor(temperature, dtype=torch.float64)
        return at(torch.as_tensor(activated), factor).numpy()

    def _log_calibrated(self, activated: np.ndarray, temperature: float) -> np.ndarray:
        return log_of(self.calibrated(activated, temperature))

    def exported_calibration(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Give `calibrated` of tensors."""
        ranks = self.ranks_.tolist()
        order = self.ranks_.argsort().tolist()
        return lambda chances, temperature: with_temperature(
            chances[:, order], temperature
        )[:, ranks]

    def join(self, others: Sequence[Self]) -> Self:
        """Give this task, if the others have its categories in its order.

        Parameters
        ----------
        others : sequence of Ordinal
            Fitted on other rows of the same target.

        Returns
        -------
        Ordinal
            This one.

        Raises
        ------
        InvalidDataError
            If one has other categories: nothing tells where they belong.
        """
        own = self.classes_in_order().tolist()
        for task in others:
            found = task.classes_in_order().tolist()
            if found != own:
                raise InvalidDataError(
                    "The members of an ensemble must have the same categories in the "
                    f"same order. Got {bracketed(own)} and {bracketed(found)}."
                )
        return self

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
        output : Tensor of shape (n_samples, n_classes)
            Logarithms of probabilities.
        target : Tensor of shape (n_samples,)
            Class indices.
        weight : Tensor of shape (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            Not used.

        Returns
        -------
        Tensor of shape (1 + n_classes,)
            The weighted sum of errors in ranks, and the weight of each rank.
        """
        ranks = torch.as_tensor(self.ranks_, device=output.device)
        up_to = self.activate(output)[:, ranks.argsort()].cumsum(dim=1)
        found = (up_to >= 0.5 * up_to[:, -1:]).int().argmax(dim=1)
        weight, true = weight.double(), ranks[target]
        errors = weight @ (found - true).abs().double()
        counts = torch.zeros(len(ranks), dtype=torch.float64, device=output.device)
        return torch.cat([errors[None], counts.index_add(0, true, weight)])

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute D² from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (1 + n_classes,)
            Sums over batches.

        Returns
        -------
        float
            D², at most 1; NaN where all labels are one.
        """
        error, counts = statistics[0], statistics[1:]
        places = np.arange(len(counts))
        of_median = (np.abs(places[:, None] - places) @ counts).min()
        return float(1 - error / of_median) if of_median else float("nan")

    def figures(self) -> Mapping[str, Figure]:
        """Give D² and the mean error in ranks, the weighted kappa, the accuracy."""
        return {
            "d2_absolute": Figure(self._d2_absolute),
            "mae": Figure(self._mae, greater_is_better=False),
            "quadratic_kappa": Figure(self._quadratic_kappa),
            "accuracy": CLASS_FIGURES["accuracy"],
        }

    def _placed(self, labels: ScoredLabels) -> ScoredLabels:
        return placed(labels, self._in_order())

    def _d2_absolute(self, labels: ScoredLabels) -> float:
        ranks, n_ranks = self._placed(labels), len(self._in_order())
        counts = np.bincount(ranks.true, ranks.weight, minlength=n_ranks)
        return self.metric_from(np.array([mean_error(ranks) * counts.sum(), *counts]))

    def _mae(self, labels: ScoredLabels) -> float:
        return mean_error(self._placed(labels))

    def _quadratic_kappa(self, labels: ScoredLabels) -> float:
        return quadratic_kappa(self._placed(labels), len(self._in_order()))
