"""A classification that learns of each class alone whether it is there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn.losses import Inputs, weighted_sums
from mtlearn.tasks._class_chances import seldom_if_never
from mtlearn.tasks._class_weight import ClassWeight
from mtlearn.tasks._classes import declared_classes
from mtlearn.tasks._classification import Classification
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._head import HeadLike
from mtlearn.tasks._label_chances import softplus
from mtlearn.tasks._label_loss import LabelLoss
from mtlearn.tasks._label_parameters import (
    check_by_label,
    off_the_ends,
    weights_of_positives,
)


class OneOfLabels(LabelLoss, Classification):
    """A classification whose network tells of each class alone whether it is there.

    A :class:`MultiLabel` alone is fitted as one where y is a single column with one
    label a row, as scikit-learn's classifiers of several labels are. Its losses are
    those of `MultiLabel`; the probabilities, of one class against all others, are
    divided by their sum, and the likeliest class is predicted.

    Parameters
    ----------
    classes : None, int or sequence of labels, default=None
        As of a :class:`Classification`.
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"bce", "focal", "asymmetric"} or callable, default="bce"
        Loss of each class; a callable gets scores and 0 or 1, both
        `(n_samples, n_classes)`.
    pos_weight : None, "sqrt", "balanced", float, sequence or mapping, default=None
        Factors on the loss of classes that are there.
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over both answers, in [0, 1). Only for
        ``loss="bce"``.
    head : None, Head, class or Partial, default=None
        Layers of this task; None takes the estimator's default.
    column : None, int or str, default=None
        Column of y, by position or name.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    class_prior_ : ndarray of shape (n_classes,)
        Weighted share of each class in the training labels.
    pos_weight_ : ndarray of shape (n_classes,)
        Factors on the loss of classes that are there.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import MultiLabel, MultiTaskEstimator
    >>> X, y = np.linspace(-1, 1, 60)[:, np.newaxis], np.repeat(["a", "b", "c"], 20)
    >>> estimator = MultiTaskEstimator(MultiLabel(), max_epochs=2, random_state=0)
    >>> estimator.fit(X, y).tasks_["task_0"]
    OneOfLabels()
    """

    losses: ClassVar[tuple[str, ...]] = ("bce", "focal", "asymmetric")
    class_weight: ClassWeight = None

    def __init__(
        self,
        classes: int | Sequence[Any] | None = None,
        *,
        weight: float = 1.0,
        loss: Literal["bce", "focal", "asymmetric"] | Callable[..., Tensor] = "bce",
        pos_weight: Literal["sqrt", "balanced"]
        | float
        | Sequence[float]
        | Mapping[Any, float]
        | None = None,
        label_smoothing: float = 0.0,
        head: HeadLike | None = None,
        column: int | str | None = None,
        when: WhenLike = None,
    ) -> None:
        self.classes = classes
        self.weight = weight
        self.loss = loss
        self.pos_weight = pos_weight
        self.label_smoothing = label_smoothing
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
        super(Classification, self).validate(name)
        owner = f"OneOfLabels (task {name!r})"
        self._check_label_loss(owner)
        labels = None
        if self.classes is not None:
            labels = declared_classes(self.classes, owner).tolist()
        check_by_label(self.pos_weight, labels, "pos_weight", owner, _WORDS)

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn the classes and their shares.

        Parameters
        ----------
        labels, sample_weight, name, rows
            As of a `Classification`.

        Returns
        -------
        OneOfLabels
            This task, fitted.
        """
        super().fit(labels, sample_weight, name, rows)
        share = self.class_prior_
        self.pos_weight_ = weights_of_positives(
            self.pos_weight,
            self.classes_,
            off_the_ends(share),
            (share <= 0) | (share >= 1),
            f"OneOfLabels (task {name!r})",
        )
        return self

    def head_start(self) -> np.ndarray:
        """Give the scores that mean the shares of the classes.

        Returns
        -------
        ndarray of shape (n_classes,)
            The loss is lowest there for samples of which nothing is known.
        """
        return self._start_at(off_the_ends(seldom_if_never(self.class_prior_)))

    def loss_sums(
        self,
        loss: Callable[..., Tensor],
        output: Tensor,
        target: Tensor,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Sum up the mean loss over the classes of each row.

        Parameters
        ----------
        loss : callable
            Of labels that are there or not.
        output : Tensor of shape (n_samples, n_classes)
            Scores.
        target : Tensor of shape (n_samples,)
            Class indices.
        weight : Tensor of shape (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            Not used.

        Returns
        -------
        weighted_sum, weight_sum : Tensor of shape ()
            As of every task.
        """
        n_classes = output.shape[1]
        there = target[:, None] == torch.arange(n_classes, device=target.device)
        weights = weight[:, None].expand(-1, n_classes)
        total, _ = weighted_sums(loss, output, there.to(output.dtype), weights)
        return total / n_classes, weight.sum()

    def activate(self, output: Tensor) -> Tensor:
        """Map scores to the probabilities of the classes.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_classes)
            Scores.

        Returns
        -------
        Tensor of float64 of shape (n_samples, n_classes)
            Probabilities, which sum to one.
        """
        return torch.softmax(-softplus(-self._log_odds(output)), dim=1)

    def statistics(
        self,
        output: Tensor,
        target: Tensor,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up the weight of right answers and of all.

        Parameters
        ----------
        output, target, weight, inputs
            As of a `Classification`.

        Returns
        -------
        Tensor of shape (2,)
            The two sums.
        """
        return super().statistics(self.activate(output), target, weight)


_WORDS = ("sqrt", "balanced")
