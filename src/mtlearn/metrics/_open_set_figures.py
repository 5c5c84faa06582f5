"""Figures of how well known samples are told from unknown ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

# Shares of weights may be this far off what they are.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OpenSetRows:
    """Scores of known and unknown samples, for one task; higher is more known.

    Attributes
    ----------
    known : ndarray of shape (n_known,)
        Scores of samples with one of the classes.
    right : ndarray of bool of shape (n_known,)
        Whether their class is predicted, rejected or not.
    unknown : ndarray of shape (n_unknown,)
        Scores of samples with none of the classes.
    offset : float
        Samples whose score is below it are rejected.
    known_weight : ndarray of shape (n_known,) or None, default=None
        Weights above zero; None makes them equal to one.
    unknown_weight : ndarray of shape (n_unknown,) or None, default=None
        The same of unknown samples.
    """

    known: np.ndarray
    right: np.ndarray
    unknown: np.ndarray
    offset: float = -np.inf
    known_weight: np.ndarray | None = None
    unknown_weight: np.ndarray | None = None

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the weights of known samples, and of unknown ones."""
        known, unknown = self.known_weight, self.unknown_weight
        return (
            np.ones(len(self.known)) if known is None else known,
            np.ones(len(self.unknown)) if unknown is None else unknown,
        )

    def only_right(self) -> "OpenSetRows":
        """Leave out known samples whose class is not predicted."""
        weight = self.known_weight
        return replace(
            self,
            known=self.known[self.right],
            right=self.right[self.right],
            known_weight=None if weight is None else weight[self.right],
        )

    def ranked(self, *, unknown_positive: bool = False) -> tuple[np.ndarray, ...]:
        """Give what the metrics of scikit-learn take.

        Parameters
        ----------
        unknown_positive : bool, default=False
            Whether unknown samples are the positive class, and not known ones.

        Returns
        -------
        truth, scores, weight : ndarray of shape (n_known + n_unknown,)
            Known samples first. Scores are ranks, equal for equal ones: of any scale,
            and not finite ones too, the metrics use no more than the order.
        """
        scores = np.concatenate([self.known, self.unknown])
        ranks = np.unique(scores, return_inverse=True)[1]
        truth = np.arange(len(scores)) < len(self.known)
        weight = np.concatenate(self.weights())
        return (~truth, -ranks, weight) if unknown_positive else (truth, ranks, weight)


def accuracy(rows: OpenSetRows) -> float:
    """Compute the share of known samples whose class is predicted, none rejected."""
    return float(np.average(rows.right, weights=rows.weights()[0]))


def accuracy_after_rejection(rows: OpenSetRows) -> float:
    """Compute the same where a rejected sample is wrong."""
    right = rows.right & (rows.known >= rows.offset)
    return float(np.average(right, weights=rows.weights()[0]))


def accuracy_with_unknown(rows: OpenSetRows) -> float:
    """Compute the accuracy over all samples, one class more being "unknown"."""
    known_weight, unknown_weight = rows.weights()
    right = accuracy_after_rejection(rows) * known_weight.sum()
    right += rejected(rows) * unknown_weight.sum()
    return float(right / (known_weight.sum() + unknown_weight.sum()))


def kept(rows: OpenSetRows) -> float:
    """Compute the share of known samples that are not rejected."""
    return float(np.average(rows.known >= rows.offset, weights=rows.weights()[0]))


def rejected(rows: OpenSetRows) -> float:
    """Compute the share of unknown samples that are rejected."""
    return float(np.average(rows.unknown < rows.offset, weights=rows.weights()[1]))


def balanced_accuracy(rows: OpenSetRows) -> float:
    """Compute the mean of `kept` and `rejected`."""
    return (kept(rows) + rejected(rows)) / 2


def roc_auc(rows: OpenSetRows) -> float:
    """Compute the chance that a known sample has a higher score than an unknown one."""
    truth, scores, weight = rows.ranked()
    return float(roc_auc_score(truth, scores, sample_weight=weight))


def average_precision_known(rows: OpenSetRows) -> float:
    """Compute the area under precision against recall of what is known."""
    truth, scores, weight = rows.ranked()
    return float(average_precision_score(truth, scores, sample_weight=weight))


def average_precision_unknown(rows: OpenSetRows) -> float:
    """Compute the area under precision against recall of what is unknown."""
    truth, scores, weight = rows.ranked(unknown_positive=True)
    return float(average_precision_score(truth, scores, sample_weight=weight))


def unknown_accepted_at_95(rows: OpenSetRows) -> float:
    """Compute the share of unknown samples above the score that keeps 95 % of known."""
    return _false_positives_at_95(*rows.ranked())


def known_rejected_at_95(rows: OpenSetRows) -> float:
    """Compute the share of known samples below the score that 95 % of unknown have."""
    return _false_positives_at_95(*rows.ranked(unknown_positive=True))


def _false_positives_at_95(
    truth: np.ndarray, scores: np.ndarray, weight: np.ndarray
) -> float:
    false, true, _ = roc_curve(
        truth, scores, sample_weight=weight, drop_intermediate=False
    )
    return float(false[true >= 0.95 - _ROUNDING].min())


def oscr(rows: OpenSetRows) -> float:
    """Compute the area under right known samples kept against unknown ones accepted.

    Over all thresholds. It is the accuracy times the area under the ROC curve of those
    known samples that are right.
    """
    right = rows.only_right()
    return accuracy(rows) * roc_auc(right) if len(right.known) else 0.0


@dataclass(frozen=True)
class OpenSetFigure:
    """A figure, and what it is computed on.

    Attributes
    ----------
    compute : callable
        Gives a number, of `OpenSetRows` that are not empty.
    greater_is_better : bool, default=True
        False of an error.
    of_known, of_unknown : bool, default=True
        Which samples it is of.
    """

    compute: Callable[[OpenSetRows], float]
    greater_is_better: bool = True
    of_known: bool = True
    of_unknown: bool = True

    def is_defined(self, rows: OpenSetRows) -> bool:
        """Tell whether there are the samples that it is of."""
        has_known = len(rows.known) > 0 or not self.of_known
        return has_known and (len(rows.unknown) > 0 or not self.of_unknown)

    def __call__(self, rows: OpenSetRows) -> float:
        """Compute it; NaN where it is not defined."""
        return self.compute(rows) if self.is_defined(rows) else float("nan")


OPEN_SET_FIGURES: Mapping[str, OpenSetFigure] = MappingProxyType(
    {
        "accuracy": OpenSetFigure(accuracy, of_unknown=False),
        "accuracy_after_rejection": OpenSetFigure(
            accuracy_after_rejection, of_unknown=False
        ),
        "accuracy_with_unknown": OpenSetFigure(accuracy_with_unknown),
        "kept": OpenSetFigure(kept, of_unknown=False),
        "rejected": OpenSetFigure(rejected, of_known=False),
        "balanced_accuracy": OpenSetFigure(balanced_accuracy),
        "roc_auc": OpenSetFigure(roc_auc),
        "average_precision_known": OpenSetFigure(average_precision_known),
        "average_precision_unknown": OpenSetFigure(average_precision_unknown),
        "unknown_accepted_at_95": OpenSetFigure(
            unknown_accepted_at_95, greater_is_better=False
        ),
        "known_rejected_at_95": OpenSetFigure(
            known_rejected_at_95, greater_is_better=False
        ),
        "oscr": OpenSetFigure(oscr),
    }
)
