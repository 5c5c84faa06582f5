"""How a kind is shown: in displays, in words, and by how sure it is."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mtlearn._utils._written import written


class Mistakes(NamedTuple):
    """How wrong each prediction is.

    Attributes
    ----------
    size : ndarray of shape (n_labelled,)
        The larger, the worse; 0 where it is right.
    words : callable
        Gets a place in `size`, and says how wrong it is.
    """

    size: np.ndarray
    words: Callable[[int], str]


class TaskShown:
    """What displays, reports and findings ask; by default a kind is shown by none.

    Of several columns, labels and weights are `(n_labelled, k)`, and a weight is zero
    where one of the labels of a row is missing.
    """

    displays: ClassVar[frozenset[str]] = frozenset()
    """Names of the displays of labels that show it; those of training show any kind.

    Displays of labels that are there or not ask the `decisions` of a kind on each of
    its `classes_`.
    """
    has_probabilities: ClassVar[bool] = False
    """Whether outputs are probabilities, whose `confidences` may be right."""

    def confidences(
        self, true: np.ndarray, activated: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tell how sure each prediction is, of a kind that `has_probabilities`.

        Parameters
        ----------
        true : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels.
        activated : ndarray of shape (n_labelled, n_outputs)
            What `activate` returned.
        weight : ndarray of the shape of `true`
            Weights.

        Returns
        -------
        confidence, right, weight : ndarray of shape (n_predictions,)
            Probability of what is likeliest, whether it is true, and its weight: one
            for each label that is there.
        """
        # Asked only of kinds that say they have some, which a test of all kinds checks.
        raise NotImplementedError(f"{type(self).__name__} has no probabilities.")

    def mistakes(
        self,
        true: np.ndarray,
        predicted: np.ndarray,
        activated: np.ndarray,
        weight: np.ndarray,
    ) -> Mistakes | None:
        """Tell how wrong each row is, to show the worst.

        Parameters
        ----------
        true, predicted, weight : ndarray of shape (n_labelled,) or (n_labelled, k)
            True and predicted labels, and weights.
        activated : ndarray of shape (n_labelled, n_outputs)
            What `activate` returned.

        Returns
        -------
        Mistakes or None
            None where rows have no order by it.
        """
        return None

    def never_predicted(
        self, true: np.ndarray, predicted: np.ndarray, weight: np.ndarray
    ) -> Mapping[Any, int]:
        """Count, of each class that occurs and is never predicted, its rows.

        Parameters
        ----------
        true, predicted, weight : ndarray of shape (n_labelled,) or (n_labelled, k)
            True and predicted labels, and weights.

        Returns
        -------
        mapping of label to int
            Empty of kinds without classes.
        """
        return {}

    def coloured_by(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Give what an EmbeddingDisplay colours rows by, where it is in `displays`.

        Parameters
        ----------
        values, present : ndarray of shape (n_samples,) or (n_samples, k)
            Labels as `read` gives them.

        Returns
        -------
        ndarray of shape (n_samples,)
            Of dtype object, None where there is nothing; or of floats, with NaN.
        """
        # Asked only of kinds that name the display, which a test of all kinds checks.
        raise NotImplementedError(f"{type(self).__name__} has no colours.")

    def worded(self, label: Any, weight: Any = 1.0) -> str:
        """Write what one row has.

        Parameters
        ----------
        label : label or ndarray of shape (k,)
            As `read` or `decode` gives it.
        weight : float or ndarray of shape (k,), default=1.0
            Zero where one of several labels is missing.

        Returns
        -------
        str
            A few words, also of a row with many labels.
        """
        return written(label, np.asarray(weight) > 0)

    def described(self, true: np.ndarray, weight: np.ndarray) -> str:
        """Say in a few words what the labels are.

        Parameters
        ----------
        true, weight : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels, at least one, and weights.

        Returns
        -------
        str
            By default where numbers lie, or how many different labels there are.
        """
        there = weight > 0
        start = ""
        if true.ndim > 1:
            start = f"{true.shape[1]} a row, {there.mean():.0%} of them there: "
        labels = true[there]
        if labels.dtype.kind not in "biuf":
            return f"{start}{len(set(labels.tolist()))} different"
        values = labels.astype(float)
        return (
            f"{start}{values.min():.4g} to {values.max():.4g}, mean "
            f"{values.mean():.4g}, deviation {values.std():.3g}"
        )
