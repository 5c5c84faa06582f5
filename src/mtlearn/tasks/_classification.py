"""Tasks whose labels are classes."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import Inputs
from mtlearn.tasks._class_task import ClassLoss, ClassTask
from mtlearn.tasks._class_weight import ClassWeight, check_class_weight
from mtlearn.tasks._classes import (
    declared_classes,
    known_classes,
)
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._decisions import Decisions
from mtlearn.tasks._head import HeadLike


class Classification(ClassTask):
    """A task with one class a sample.

    Parameters
    ----------
    classes : None, int or sequence of labels, default=None
        None learns the classes from y in `fit`. An int k declares the labels 0 to
        k - 1, a sequence declares any labels that scikit-learn takes. Declare them
        whenever a fold or a first batch may lack one.
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        Loss of each sample. ``"focal"`` has a gamma of 2; another one, which can be
        searched, is set by ``Partial(mtlearn.losses.focal_loss, gamma=1.0)``.
        Probabilities are corrected for it [1]_. A callable gets the scores
        `(n_samples, n_classes)` and the class indices `(n_samples,)`, as tensors, and
        returns `(n_samples,)`.
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over all classes, in [0, 1).
        Only for ``loss="cross_entropy"``.
    class_weight : None, "balanced" or mapping, default=None
        Factors on the sample weights by label, as in scikit-learn; for the loss only.
        Probabilities are not corrected for them.
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
        Sorted labels.
    class_prior_ : ndarray of shape (n_classes,)
        Weighted share of each class in the training labels.

    Notes
    -----
    The last bias of a :class:`Head` begins at these shares, times the class weights, or
    at those of the rows that a sampler draws: where the loss is lowest for a sample of
    which nothing is known.

    References
    ----------
    .. [1] N. Charoenphakdee, J. Vongkulbhisal, N. Chairatanakul, M. Sugiyama, "On Focal
       Loss for Class-Posterior Probability Estimation: A Theoretical Perspective",
       CVPR 2021.

    Examples
    --------
    >>> from mtlearn import Classification, Tasks
    >>> Tasks(digit=Classification(10), item=Classification(["a", "b"], weight=2.5))
    Tasks(digit=Classification(classes=10),
          item=Classification(classes=['a', 'b'], weight=2.5))
    """

    kind: ClassVar[str] = "classification"
    metric: ClassVar[str] = "accuracy"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "focal")

    def __init__(
        self,
        classes: int | Sequence[Any] | None = None,
        *,
        weight: float = 1.0,
        loss: ClassLoss = "cross_entropy",
        label_smoothing: float = 0.0,
        class_weight: ClassWeight = None,
        head: HeadLike | None = None,
        column: int | str | None = None,
        when: WhenLike = None,
    ) -> None:
        self.classes = classes
        self.weight = weight
        self.loss = loss
        self.label_smoothing = label_smoothing
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
        owner = f"Classification (task {name!r})"
        share: dict[str, Any] = {"low": 0, "high": 1, "include_high": False}
        check_real(self.label_smoothing, "label_smoothing", owner, **share)
        if self.label_smoothing and self.loss != "cross_entropy":
            raise InvalidParameterError(
                f"The 'label_smoothing' parameter of {owner} goes with "
                f"loss='cross_entropy'. Got {self.label_smoothing!r} with "
                f"{short(self.loss)} instead. Set it to 0, or smooth inside a callable."
            )
        if self.classes is not None:
            declared_classes(self.classes, owner)
        check_class_weight(self.class_weight, owner)

    @property
    def learns_classes(self) -> bool:
        """Whether none are declared."""
        return self.classes is None

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
        Classification
            This task, fitted.

        Raises
        ------
        InvalidDataError
            If the labels are real values, or are not among the declared classes.
        """
        owner = f"Classification (task {name!r})"
        self.classes_ = known_classes(self.classes, labels, name, owner)
        return self._learn_shares(labels, sample_weight, name, rows)

    def head_start(self) -> np.ndarray:
        """Give the scores that mean the shares of the classes.

        Returns
        -------
        ndarray of shape (n_classes,)
            The loss is lowest there for samples of which nothing is known.
        """
        return self._best_scores()

    def loss_spec(self) -> tuple[str | Callable[..., Tensor], dict[str, Any]]:
        """Give the per-sample loss and its options.

        Returns
        -------
        loss : str or callable
            Name of the loss, or the user's own.
        options : dict
            Keyword arguments of a named loss.
        """
        if self.loss != "cross_entropy":
            return self.loss, {}
        return self.loss, {"label_smoothing": self.label_smoothing}

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Map probabilities to the most likely label, or by a threshold of its own.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_classes)
            Probabilities.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        thresholds = getattr(self, "thresholds_", None)
        if thresholds is not None:
            return _SecondClass(self).decided(activated, thresholds)
        return self.classes_[activated.argmax(axis=1)]

    @property
    def decisions(self) -> Decisions | None:
        """Whether a sample is of the second of two classes."""
        return _SecondClass(self) if self.n_outputs == 2 else None

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
        Tensor of shape (2,)
            The two sums.
        """
        weight, right = weight.double(), (output.argmax(1) == target).double()
        return torch.stack([weight @ right, weight.sum()])

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute the accuracy from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (2,)
            Sums over batches.

        Returns
        -------
        float
            Accuracy in [0, 1]; NaN without a label.
        """
        right, total = statistics
        return float(right / total) if total else float("nan")

    def score(
        self, labels: np.ndarray, predicted: np.ndarray, sample_weight: np.ndarray
    ) -> float:
        """Compute the accuracy; a label that is no class counts as wrong.

        Parameters
        ----------
        labels, predicted : ndarray of shape (n_labelled,)
            True and predicted labels.
        sample_weight : ndarray of shape (n_labelled,)
            Weights.

        Returns
        -------
        float
            Accuracy in [0, 1].
        """
        true, known = self.locate(labels)
        found, sure = self.locate(predicted)
        right = known & sure & (true == found)
        return float(np.average(right, weights=sample_weight))


@dataclass(frozen=True)
class _SecondClass:
    """The decision between two classes, by the probability of the second one."""

    task: Classification

    def chances(self, activated: np.ndarray) -> np.ndarray:
        return activated[:, 1:]

    def outputs_at(self, chances: np.ndarray) -> np.ndarray:
        return np.array([[1 - chances[0], chances[0]]])

    def truths(
        self, labels: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        indices, known = self.task.locate(labels)
        truth = (known & (indices == 1)).astype(np.float64)
        return truth[:, np.newaxis], (weight * known)[:, np.newaxis]

    def decided(self, activated: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        above = activated[:, 1] > thresholds[0]
        return self.task.classes_[above.astype(np.intp)]

    def labels_asked(self) -> list[Any]:
        return self.task.classes_[1:].tolist()

    def own_thresholds(self) -> np.ndarray:
        return getattr(self.task, "thresholds_", np.array([0.5]))

    def deciding_at(self, thresholds: np.ndarray) -> Classification:
        task = copy.copy(self.task)
        task.thresholds_ = thresholds
        return task
