"""A task of several labels, each of which is there or not."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks._base import Task
from mtlearn.tasks._conditions import WhenLike
from mtlearn.tasks._head import HeadLike
from mtlearn.tasks._label_loss import LabelLoss
from mtlearn.tasks._label_members import LabelMembers
from mtlearn.tasks._label_parameters import (
    by_label,
    check_by_label,
    check_reading,
    constant_labels,
    declared,
    prevalences,
    refuse_of_all_rows,
    refuse_unknown,
    warn_of_constant,
    weights_of_positives,
)
from mtlearn.tasks._label_sets import holds_sets
from mtlearn.tasks._one_of_labels import OneOfLabels
from mtlearn.tasks._read import RawColumn

ByLabel = float | Sequence[float] | Mapping[Any, float] | None


class MultiLabel(LabelLoss, LabelMembers):
    """A task of several labels, each of which a sample has or has not.

    Labels come as a block of columns of 0 and 1 (or truth values), in which any cell
    may be missing, or as one column of label sets: lists, tuples or sets, or text with
    `sep` between labels. Predictions are laid out in the same way.

    As in scikit-learn, a single column of y with one label a row is no such block: a
    task alone is then fitted as a :class:`OneOfLabels`, a classification. That it has
    one label which is there or not, ``labels=1`` or its name says.

    Parameters
    ----------
    labels : None, int or sequence of labels, default=None
        None learns them from y in `fit`: those of sets, sorted; the names of a
        DataFrame's columns; or 0 to k - 1. An int k, or a sequence, declares them, in
        the order of the columns of a block.
    columns : None or list of int or str, default=None
        Columns of y, by position or name. None takes from an array as many as there are
        labels, or all that other tasks leave; from a DataFrame those that the labels
        name, or the one of the task's name.
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"bce", "focal", "asymmetric"} or callable, default="bce"
        Loss of each label; see `mtlearn.losses` for their options, which
        ``Partial(binary_focal_loss, gamma=1.0)`` sets. A callable gets scores and 0 or
        1, both `(n_samples, n_labels)`, and returns losses of this shape.
    pos_weight : None, "sqrt", "balanced", float, sequence or mapping, default=None
        Factors on the loss of labels that are there: ``"balanced"`` is the number of
        samples without a label over that with it, ``"sqrt"`` its square root, which
        finds rare labels without inventing them. Probabilities are corrected for it.
        A mapping, or a Series of pandas, has labels for keys.
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over both answers, in [0, 1). Only for
        ``loss="bce"``.
    thresholds : None, float, sequence or mapping, default=None
        Probabilities above which a label is predicted. None takes those that the loss
        decides by: 0.5, or less where it weighs labels that are there more; so do
        labels that a mapping does not name.
    sep : str or None, default=None
        What is between the labels of a text, in a column of label sets.
    head : None, Head, class or Partial, default=None
        Layers of this task; None takes the estimator's default.
    when : None, tuple or str, default=None
        Asks the task only where another one has a certain label, such as
        ``("is_sick", True)`` or ``"is_sick == True"``: other rows have no label, and
        `predict` gives none where the other one is predicted otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        The labels.
    prevalence_ : ndarray of shape (n_labels,)
        Weighted share of the training samples that have each label; 0.01 and 0.99 of
        one that none has, or all have.
    pos_weight_ : ndarray of shape (n_labels,)
        Factors on the loss of labels that are there.
    thresholds_ : ndarray of shape (n_labels,)
        Probabilities above which labels are predicted.

    References
    ----------
    .. [1] E. Ben-Baruch et al., "Asymmetric Loss For Multi-Label Classification",
       ICCV 2021.

    Examples
    --------
    >>> from mtlearn import Classification, MultiLabel, Tasks
    >>> Tasks(item=Classification(4), tags=MultiLabel(17, pos_weight="sqrt"))
    Tasks(item=Classification(classes=4),
          tags=MultiLabel(labels=17, pos_weight='sqrt'))
    """

    kind: ClassVar[str] = "multi-label"
    metric: ClassVar[str] = "f1_macro"
    losses: ClassVar[tuple[str, ...]] = ("bce", "focal", "asymmetric")
    unknown: ClassVar[str] = "none of its labels"
    estimator_type = "classifier"
    multi_label: ClassVar[bool] = True

    def __init__(
        self,
        labels: int | Sequence[Any] | None = None,
        columns: Sequence[Hashable] | None = None,
        *,
        weight: float = 1.0,
        loss: Literal["bce", "focal", "asymmetric"] | Callable[..., Tensor] = "bce",
        pos_weight: Literal["sqrt", "balanced"] | ByLabel = None,
        label_smoothing: float = 0.0,
        thresholds: ByLabel = None,
        sep: str | None = None,
        head: HeadLike | None = None,
        when: WhenLike = None,
    ) -> None:
        self.labels = labels
        self.columns = columns
        self.weight = weight
        self.loss = loss
        self.pos_weight = pos_weight
        self.label_smoothing = label_smoothing
        self.thresholds = thresholds
        self.sep = sep
        self.head = head
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
        owner = f"MultiLabel (task {name!r})"
        self._check_label_loss(owner)
        check_reading(self.columns, self.sep, owner)
        labels = declared(self.labels, owner)
        check_by_label(
            self.pos_weight, labels, "pos_weight", owner, ("sqrt", "balanced")
        )
        check_by_label(self.thresholds, labels, "thresholds", owner, high=1.0)

    def refuse_parts(self) -> None:
        """Raise if `pos_weight` follows from all rows: `partial_fit` sees some."""
        refuse_of_all_rows(self.pos_weight)

    def of_only_column(self, column: RawColumn) -> Task:
        """Give a classification for a column that has one label a row, and no sets.

        Parameters
        ----------
        column : RawColumn
            The only one that tasks read.

        Returns
        -------
        Task
            This one for sets, and where columns or a single label are declared.

        Raises
        ------
        InvalidParameterError
            If there are thresholds, as one label a row is the likeliest.
        """
        declares = self.n_columns == 1 or self.own_columns is not None
        if hasattr(self, "classes_") or declares or holds_sets(column.held, self.sep):
            return self
        if self.thresholds is not None:
            raise InvalidParameterError(
                "The 'thresholds' parameter of MultiLabel must be None where y has one "
                "column with one label a row, of which the likeliest is predicted. Got "
                f"{short(self.thresholds)} instead. Pass a column of 0 and 1 for each "
                "label, sets of labels, or labels=1."
            )
        return self._as_classes()

    def of_today(self, fitted: Task) -> Task:
        """Give the task that these parameters lead to, as they have led to another.

        Parameters
        ----------
        fitted : Task
            What an earlier fit has made of a task in this one's place.

        Returns
        -------
        Task
            This one, unless that was a classification.
        """
        return self._as_classes() if isinstance(fitted, OneOfLabels) else self

    def _as_classes(self) -> OneOfLabels:
        shared = ("weight", "loss", "pos_weight", "label_smoothing", "head", "when")
        return OneOfLabels(
            self.labels, **{name: getattr(self, name) for name in shared}
        )

    @property
    def n_outputs(self) -> int:
        """Number of labels."""
        return len(self.classes_)

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn the labels, and how often each is there.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled, n_labels) or (n_labelled,)
            0, 1 or NaN, or frozensets.
        sample_weight : ndarray of the same shape
            Weights; zero where a cell is missing.
        name : str
            The task's name, for messages.
        rows : ndarray of shape (n_labelled,), default=None
            Row of y that each stands in, for messages; None counts from 0.

        Returns
        -------
        MultiLabel
            This task.

        Raises
        ------
        InvalidDataError
            If there is no label, or a cell is neither 0 nor 1, or a label unknown, or
            nothing is known of one.
        """
        owner = f"MultiLabel (task {name!r})"
        rows = np.arange(len(labels)) if rows is None else rows
        self.in_sets_ = labels.ndim == 1
        self.classes_ = self._find_labels(labels, owner)
        encoded, weights = self._cells(labels, sample_weight, name, rows)
        refuse_unknown(self.classes_, weights, owner)
        self.prevalence_ = prevalences(encoded, weights)
        never, always = constant_labels(encoded, weights).values()
        self.pos_weight_ = weights_of_positives(
            self.pos_weight, self.classes_, self.prevalence_, never | always, owner
        )
        self.thresholds_ = self._find_thresholds(owner)
        return self

    def warn_of_labels(
        self, labels: np.ndarray, sample_weight: np.ndarray, name: str, rows: np.ndarray
    ) -> None:
        """Warn of labels that are always or never there.

        Parameters
        ----------
        labels, sample_weight, name, rows
            As `fit` has taken them.

        Warns
        -----
        UserWarning
            If there is one.
        """
        constant = constant_labels(*self._cells(labels, sample_weight, name, rows))
        warn_of_constant(self.classes_, constant, f"MultiLabel (task {name!r})")

    def _cells(
        self, labels: np.ndarray, sample_weight: np.ndarray, name: str, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give 0 or 1, and the weight, of each row and label."""
        encoded = self.encode(labels, rows, name)
        weights = sample_weight if labels.ndim == 2 else sample_weight[:, np.newaxis]
        return encoded, np.broadcast_to(weights, encoded.shape)

    def _find_thresholds(self, owner: str) -> np.ndarray:
        undecided = torch.zeros(1, self.n_outputs, dtype=torch.float64, device="cpu")
        own = self.activate(undecided)[0].numpy()
        return by_label(self.thresholds, self.classes_, own, owner)

    def head_start(self) -> np.ndarray:
        """Give the scores that mean the prevalences of the labels.

        Returns
        -------
        ndarray of shape (n_labels,)
            The loss is lowest there for samples of which nothing is known.
        """
        return self._start_at(self.prevalence_)
