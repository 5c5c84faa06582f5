"""What every kind of task must say."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from torch import Tensor

from mtlearn.losses import Inputs, weighted_sums
from mtlearn.tasks._decisions import Decisions
from mtlearn.tasks._figure import Figure, LabelFigure, ScoredLabels
from mtlearn.tasks._members import TaskMembers
from mtlearn.tasks._network import TaskNetwork
from mtlearn.tasks._parameters import TaskParameters
from mtlearn.tasks._regions import TaskRegions
from mtlearn.tasks._shown import TaskShown


class Task(TaskParameters, TaskNetwork, TaskMembers, TaskRegions, TaskShown, ABC):
    """Base class of the kinds of tasks.

    A kind says what training and predictions must know of a target: the width of its
    output, its loss, how labels become numbers and outputs become labels again, and
    its figures. `kind` is a label for people.

    A task stores its parameters; `fit` learns from labels and sets attributes that
    end in an underscore, on a clone that the estimator owns.
    """

    kind: ClassVar[str]
    """Name of the kind, such as ``"classification"``."""
    metric: ClassVar[str]
    """Name of the default metric, such as ``"accuracy"``."""
    has_classes: ClassVar[bool] = False
    """Whether each row has one label, among `classes_`, each with a probability."""
    is_calibrated: ClassVar[bool] = False
    """Whether it can learn how sure outputs should be: see `calibrate`."""
    unknown: ClassVar[str] = "none that it knows"
    """What is said of labels that the task does not `know`."""
    estimator_type: ClassVar[Literal["classifier", "regressor"] | None] = None
    """What scikit-learn takes an estimator of such tasks alone for."""
    multi_label: ClassVar[bool] = False
    """Whether such a classifier gives several labels a row, as the tag says."""
    positive_only: ClassVar[bool] = False
    """Whether labels below 0 are an error, as scikit-learn's tag says."""

    @property
    def targets_are_scaled(self) -> bool:
        """Whether what is encoded is near zero, and varies by about one."""
        return False

    @property
    def learns_classes(self) -> bool:
        """Whether a first fit takes the classes from its labels, as `classes` is None.

        Such a kind has a parameter `classes`.
        """
        return False

    @abstractmethod
    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn what encoding needs from the labels at hand.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels, as `read` gives them, of rows with one at least.
        sample_weight : ndarray of the same shape
            Positive weights; zero where one of several labels of a row is missing.
        name : str
            The task's name, for messages.
        rows : ndarray of shape (n_labelled,), default=None
            Row of y that each label stands in, for messages; None counts from 0.
        """

    @abstractmethod
    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Turn labels into the numbers that the loss is computed on.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels, as `read` gives them, of rows with one at least: where one of
            several is missing, anything may stand, and anything come out.
        rows : ndarray of shape (n_labelled,)
            Row of y that each label stands in, for messages.
        name : str
            The task's name, for messages.

        Returns
        -------
        ndarray of shape (n_labelled,) or (n_labelled, k)
            int64 for classes, float64 for real values.
        """

    def check_labels(
        self, labels: np.ndarray, name: str, predicted: np.ndarray | None = None
    ) -> None:
        """Raise if labels that are to be scored are none of this task.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,)
            Labels, none of them missing.
        name : str
            The task's name, for messages.
        predicted : ndarray of shape (n_samples,), default=None
            Predictions, which tell of a task that is not fitted.
        """

    def knows(self, labels: np.ndarray) -> np.ndarray:
        """Tell which labels `encode` takes: of others there is no loss.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels.

        Returns
        -------
        ndarray of bool of the same shape
            All, unless a kind says otherwise.
        """
        return np.ones(labels.shape, bool)

    @abstractmethod
    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Turn what `encode` returned into labels again.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            Class indices, or values on the scale of the loss.

        Returns
        -------
        ndarray of shape (n_labelled,)
            Labels.
        """

    def loss_spec(self) -> tuple[str | Callable[..., Tensor], dict[str, Any]]:
        """Give the per-sample loss, a name or a callable, and its options."""
        return self.loss, {}

    def loss_sums(
        self,
        loss: Callable[..., Tensor],
        output: Tensor,
        target: Any,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Sum up a batch's losses, which is their only reduction.

        Parameters
        ----------
        loss : callable
            What `loss_spec` describes, with what it learns.
        output : Tensor of shape (n_samples, ...)
            What `link` returned.
        target : Tensor of shape (n_samples,) or (n_samples, k), or None
            Encoded labels, anything where the weight is zero; None of a kind without a
            column of y.
        weight : Tensor of the shape of `target`, or (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            What the network was given. Where images are mixed, a kind with columns gets
            twice as many rows of the rest: the own labels, then those of the partners.

        Returns
        -------
        weighted_sum, weight_sum : Tensor of shape ()
            The sum of weight times loss, with its graph, and that of the weights.
        """
        return weighted_sums(loss, output, target, weight, inputs)

    def label_weight(self, encoded: np.ndarray) -> np.ndarray | None:
        """Give a factor on the weight of each encoded label, or None for one.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled,)
            What `encode` returned.
        """
        return None

    @property
    def balances_classes(self) -> bool:
        """Whether these factors follow from the labels of all rows."""
        return False

    def warn_of_labels(
        self, labels: np.ndarray, sample_weight: np.ndarray, name: str, rows: np.ndarray
    ) -> None:
        """Warn of what cannot be learned from the labels that `fit` has taken.

        Of rows that are only a part nobody asks.
        """

    def refuse_parts(self) -> None:
        """Raise if a parameter depends on all rows: `partial_fit` sees some of them."""
        return

    def balanced_over(self, encoded: np.ndarray, weights: np.ndarray) -> Self:
        """Give a task whose factors follow from other labels, if it `balances_classes`.

        Parameters
        ----------
        encoded, weights : ndarray
            Of rows with a label; zero where one of several is missing.
        """
        return self

    def link(self, output: Tensor) -> Tensor:
        """Map the network's raw output to the scale that the loss is computed on.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            Raw output.
        """
        return output

    @abstractmethod
    def activate(self, output: Tensor) -> Tensor:
        """Map the raw output to what `predict_proba` returns.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            Raw output.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            Probabilities, or values in the units of y.
        """

    @abstractmethod
    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Map what `activate` returned to labels of shape (n_samples,)."""

    @property
    def decisions(self) -> Decisions | None:
        """What a threshold decides; None of a fitted task that has no such decision."""
        return None

    @abstractmethod
    def statistics(
        self,
        output: Tensor,
        target: Any,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up a batch, so that batches add up to the default metric.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            What `link` returned.
        target : Tensor of shape (n_samples,) or (n_samples, k), or None
            Encoded labels, anything where the weight is zero.
        weight : Tensor of the shape of `target`, or (n_samples,)
            Weights, zero where a label is missing.
        inputs : Inputs, default=None
            What the network was given; for a kind without a column of y only.

        Returns
        -------
        Tensor of shape (n_statistics,)
            Sums in float64.
        """

    @abstractmethod
    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute the default metric from added-up statistics; NaN if undefined."""

    @abstractmethod
    def figures(self) -> Mapping[str, Figure]:
        """Give the figures of scorers and reports by name, `metric` among them."""

    def by_cell(self, labels: ScoredLabels) -> ScoredLabels:
        """Give labels in the form in which figures are computed fastest."""
        return labels

    def figures_by_label(self) -> Mapping[str, LabelFigure]:
        """Give the figures of each of several labels, which `classes_` names."""
        return {}

    def score(
        self, labels: np.ndarray, predicted: np.ndarray, sample_weight: np.ndarray
    ) -> float:
        """Compute the default metric from labels, at least one and none missing.

        Parameters
        ----------
        labels, predicted : ndarray of shape (n_labelled,)
            True and predicted labels.
        sample_weight : ndarray of shape (n_labelled,)
            Weights.
        """
        scored = ScoredLabels(labels, predicted, sample_weight)
        return self.figures()[self.metric](scored)

    @abstractmethod
    def baseline(self) -> Any:
        """Give the label that a learner without X would predict."""

    def baseline_output(self) -> np.ndarray:
        """Give what `activate` would return of such a learner, `(n_outputs,)`.

        Asked only of a kind with figures `of_outputs`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no such figures.")

    def calibrate(
        self, activated: np.ndarray, labels: np.ndarray, sample_weight: np.ndarray
    ) -> float | np.ndarray | None:
        """Learn how sure the outputs should be, of a kind that `is_calibrated`.

        Parameters
        ----------
        activated : ndarray of shape (n_labelled, n_outputs)
            What `activate` returned.
        labels : ndarray of shape (n_labelled,)
            Labels that the task `knows`.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights, at least one.

        Returns
        -------
        float, ndarray or None
            What `calibrated` takes; 1 leaves outputs as they are.
        """
        return None

    def calibrated(self, activated: np.ndarray, temperature: Any) -> np.ndarray:
        """Apply what `calibrate` returned to outputs of the same shape."""
        return activated

    def exported_activation(self) -> Callable[[Tensor], Tensor]:
        """Give `activate` for torch's exporter, which rounds Python's numbers."""
        return self.activate

    def exported_calibration(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Give `calibrated` of float64 tensors, for torch's exporter.

        Returns
        -------
        callable
            Gets what `activate` returned and a temperature, and returns the like.
        """
        return lambda activated, temperature: activated
