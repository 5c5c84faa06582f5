"""What kinds with classes have in common."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import focal_loss
from mtlearn.tasks._base import Task
from mtlearn.tasks._class_chances import best_scores, seldom_if_never, true_chances
from mtlearn.tasks._class_figures import CLASS_FIGURES
from mtlearn.tasks._class_shown import ClassShown
from mtlearn.tasks._class_weight import ClassWeight, class_factors
from mtlearn.tasks._classes import check_scored_labels, class_indices, find_labels
from mtlearn.tasks._figure import Figure
from mtlearn.tasks._known_loss import check_options, known_loss
from mtlearn.tasks._mean_outputs import mean_of_classes
from mtlearn.tasks._regions import ClassRegions
from mtlearn.tasks._temperature import best_temperature, log_scaled, scaled

ClassLoss = Literal["cross_entropy", "focal"] | Callable[..., Tensor]
_FOCAL = {"focal": focal_loss}


class ClassTask(ClassShown, ClassRegions, Task):
    """Base class of kinds whose labels are classes, which outputs tell the chances of.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    class_prior_ : ndarray of shape (n_classes,)
        Weighted share of each class in the training labels.
    """

    has_classes: ClassVar[bool] = True
    is_calibrated: ClassVar[bool] = True
    unknown: ClassVar[str] = "none of its classes"
    estimator_type = "classifier"
    classes_parameter: ClassVar[str] = "classes"
    """Name of the parameter that declares the classes."""

    loss: Any
    class_weight: ClassWeight
    label_smoothing: float = 0.0
    classes_: np.ndarray
    class_prior_: np.ndarray
    class_factors_: np.ndarray | None

    def validate(self, name: str) -> None:
        """Check the parameters that all kinds with classes have.

        Parameters
        ----------
        name : str
            The task's name, for messages.
        """
        super().validate(name)
        output = torch.zeros(1, 2, device="cpu")
        target = torch.zeros(1, dtype=torch.int64, device="cpu")
        check_options(self.loss, _FOCAL, (output, target))

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes_)

    def _learn_shares(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None,
    ) -> Self:
        """Learn the share and the factor of each class, as the end of a `fit`."""
        rows = np.arange(len(labels)) if rows is None else rows
        encoded = self.encode(labels, rows, name)
        share = np.bincount(encoded, weights=sample_weight, minlength=self.n_outputs)
        self.class_prior_ = share / share.sum()
        owner = f"{type(self).__name__} (task {name!r})"
        self.class_factors_ = class_factors(
            self.class_weight, self.classes_, self.class_prior_, owner
        )
        return self

    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Turn labels into class indices.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Labels, none of them missing.
        rows : ndarray of shape (n_labelled,)
            Row of y that each label stands in, for messages.
        name : str
            The task's name, for messages.

        Returns
        -------
        ndarray of shape (n_labelled,)
            Indices into `classes_`, int64.

        Raises
        ------
        InvalidDataError
            If a label is not among the classes.
        """
        declare = f"{type(self).__name__}({self.classes_parameter}=...)"
        return class_indices(labels, rows, self.classes_, name, declare)

    def check_labels(
        self, labels: np.ndarray, name: str, predicted: np.ndarray | None = None
    ) -> None:
        """Raise if labels to score are of another type; warn if none is a class.

        Parameters
        ----------
        labels, predicted : ndarray of shape (n_labelled,)
            Labels, none of them missing; predictions tell of a task before its fit.
        name : str
            The task's name, for messages.
        """
        check_scored_labels(labels, getattr(self, "classes_", None), predicted, name)

    def knows(self, labels: np.ndarray) -> np.ndarray:
        """Tell which labels are among the classes."""
        return self.locate(labels)[1]

    def locate(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find labels among the classes.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Labels, none of them missing.

        Returns
        -------
        indices : ndarray of shape (n_labelled,)
            Indices into `classes_`; anything where the label is not known.
        known : ndarray of shape (n_labelled,)
            Whether the label is a class.
        """
        return find_labels(labels, self.classes_)

    def classes_in_order(self) -> np.ndarray:
        """Give the labels in the order in which pictures show them."""
        return self.classes_

    def outcomes(self) -> np.ndarray:
        """Give the labels."""
        return self.classes_

    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Turn class indices into labels.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            Indices into `classes_`.

        Returns
        -------
        ndarray of shape (n_labelled,)
            Labels.
        """
        return self.classes_[encoded]

    def label_weight(self, encoded: np.ndarray) -> np.ndarray | None:
        """Give the class weight of each label.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            Class indices.

        Returns
        -------
        ndarray of shape (n_labelled,) or None
            Factors on the sample weights.
        """
        return None if self.class_factors_ is None else self.class_factors_[encoded]

    @property
    def balances_classes(self) -> bool:
        """Whether class weights are such that all classes weigh the same."""
        return self.class_weight == "balanced"

    def refuse_parts(self) -> None:
        """Raise if class weights depend on all rows, of which `partial_fit` sees some.

        Raises
        ------
        InvalidParameterError
            If they are ``"balanced"``.
        """
        if self.balances_classes:
            raise InvalidParameterError(
                f"The 'class_weight' parameter of {type(self).__name__} must be None "
                "or a mapping for partial_fit, which does not see all rows. Got "
                "'balanced' instead. Compute the factors from as many labels as you "
                "have: weights = sklearn.utils.class_weight.compute_class_weight("
                "'balanced', classes=classes, y=y), and "
                "class_weight=dict(zip(classes, weights))."
            )

    def balanced_over(self, encoded: np.ndarray, weights: np.ndarray) -> Self:
        """Give a task whose balanced class weights are those of some rows.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            Class indices.
        weights : ndarray of shape (n_labelled,)
            Positive weights.

        Returns
        -------
        ClassTask
            A copy; this one if there is no label.
        """
        if not len(encoded):
            return self
        share = np.bincount(encoded, weights=weights, minlength=self.n_outputs)
        balanced, share = copy.copy(self), share / share.sum()
        balanced.class_factors_ = class_factors("balanced", self.classes_, share, "")
        return balanced

    @property
    def _gamma(self) -> float:
        """Gamma of a focal loss; 0 of any other."""
        known = known_loss(self.loss, _FOCAL)
        return 0.0 if known is None else float(known[1].get("gamma", 2.0))

    def drawn_by(self, shares: np.ndarray) -> Self:
        """Give a task that begins at the shares of its classes among drawn rows.

        Parameters
        ----------
        shares : ndarray of shape (n_classes,)
            NaN where none of these rows has a label.

        Returns
        -------
        ClassTask
            A copy, whose losses are the same.
        """
        drawn = copy.copy(self)
        drawn.class_prior_ = np.nan_to_num(shares)
        return drawn

    def _best_scores(self) -> np.ndarray:
        """Give the scores of lowest loss for samples of which nothing is known.

        A loss of the user's own is taken for the cross-entropy.
        """
        factors = 1.0 if self.class_factors_ is None else self.class_factors_
        shares = seldom_if_never(self.class_prior_ * factors)
        smooth = self.label_smoothing
        shares = (1 - smooth) * shares + smooth / len(shares)
        found = best_scores(shares, self._gamma)
        # Weights of classes and of rows that come to the same begin with the same bits.
        return found.astype(np.float32).astype(np.float64)

    def activate(self, output: Tensor) -> Tensor:
        """Map scores, or logarithms of probabilities, to probabilities.

        Those of a focal loss are what it has taught the scores to mean.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_classes)
            Raw output, in the order of `classes_`.

        Returns
        -------
        Tensor of shape (n_samples, n_classes)
            Probabilities, which sum to one.
        """
        return true_chances(output.double(), self._gamma)

    def mean_output(self) -> Callable[[Tensor], Tensor]:
        """Give what makes one output of those of a network's members.

        Returns
        -------
        callable
            Gets `(n_samples, n_members, n_outputs)`.
        """
        return mean_of_classes

    def figures(self) -> Mapping[str, Figure]:
        """Give the accuracy, and means over classes."""
        return CLASS_FIGURES

    def baseline(self) -> Any:
        """Give the most frequent label."""
        return self.classes_[self.class_prior_.argmax()]

    def calibrate(
        self, activated: np.ndarray, labels: np.ndarray, sample_weight: np.ndarray
    ) -> float | None:
        """Find the temperature with the lowest cross-entropy.

        Parameters
        ----------
        activated : ndarray of shape (n_labelled, n_classes)
            Probabilities.
        labels : ndarray of shape (n_labelled,)
            Known labels.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights, at least one.

        Returns
        -------
        float
            What the scores before the softmax are to be divided by.
        """
        indices = self.locate(labels)[0]
        return best_temperature(activated, indices, sample_weight, self._log_calibrated)

    def calibrated(self, activated: np.ndarray, temperature: float) -> np.ndarray:
        """Give the probabilities at a temperature."""
        return scaled(activated, temperature)

    def _log_calibrated(self, activated: np.ndarray, temperature: float) -> np.ndarray:
        return log_scaled(activated, temperature)

    def exported_calibration(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Give `calibrated` of tensors."""
        tiny = torch.tensor(
            np.finfo(np.float64).tiny, dtype=torch.float64, device="cpu"
        )
        return lambda chances, temperature: torch.softmax(
            torch.maximum(chances, tiny).log() / temperature, dim=1
        )

    def join(self, others: Sequence[Self]) -> Self:
        """Give a task that knows the classes of all, with their mean shares.

        Parameters
        ----------
        others : sequence of ClassTask
            Fitted on other rows of the same target.

        Returns
        -------
        ClassTask
            This one, if all have the same classes.
        """
        if all(np.array_equal(self.classes_, task.classes_) for task in others):
            return self
        joined, members = clone(self), [self, *others]
        joined.classes_ = np.unique(np.concatenate([each.classes_ for each in members]))
        shares = [joined.align(each.class_prior_[None], each) for each in members]
        joined.class_prior_, joined.class_factors_ = np.mean(shares, axis=0)[0], None
        return joined

    def align(self, activated: np.ndarray, source: Self) -> np.ndarray:
        """Bring the probabilities of another task to the classes of this one.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_classes)
            Probabilities of the other one's classes.
        source : ClassTask
            The other one, whose classes are among this one's.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Zero for a class that the other one does not know.
        """
        if np.array_equal(self.classes_, source.classes_):
            return activated
        places, _ = self.locate(source.classes_)
        aligned = np.zeros((len(activated), self.n_outputs))
        aligned[:, places] = activated
        return aligned
