"""Rows that are drawn by how rare their labels are."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_choice, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import ParameterTypeError
from mtlearn.tasks import EncodedTargets, PresentLabels, Tasks, with_label


class RaritySampler(VersionedEstimator):
    """Draw rows with rare labels more often, as a value of `sampler`.

    A label of prevalence f is worth ``f ** -power``, and a row is drawn in proportion
    to the mean, or to the highest, of what its labels are worth. A row without a label
    is drawn like one with the most common label only, and a row of which nothing is
    known like the mean of the others.

    Parameters
    ----------
    task : str or None, default=None
        The task whose labels, or classes, count; None counts those of all tasks.
    power : float, default=1.0
        How much more often rare labels come, not negative; 0 draws all rows alike.
    reduce : {"mean", "max"}, default="mean"
        What a row takes of the worth of its labels.
    floor : float or None, default=None
        Prevalence, in (0, 1], from which on labels are no longer told apart: none is
        worth less than ``floor ** -power``. With ``power=0.5, reduce="max"`` these are
        the repeat factors of [1]_, ``max(1, sqrt(floor / f))``, but for a constant.

    References
    ----------
    .. [1] A. Gupta, P. Dollár, R. Girshick, "LVIS: A Dataset for Large Vocabulary
       Instance Segmentation", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import MultiLabel, MultiTaskEstimator, RaritySampler, Tasks
    >>> X = np.arange(8.0)[:, np.newaxis]
    >>> Y = np.column_stack([X[:, 0] < 4, X[:, 0] == 4])  # in 1/2 and 1/8 of the rows
    >>> estimator = MultiTaskEstimator(
    ...     Tasks(tags=MultiLabel(2)), sampler=RaritySampler(power=0.5), max_epochs=1
    ... ).fit(X, Y)
    >>> estimator.sampling_["drawn"]["tags"].round(3)  # 4 and 2, of 4 + 2 + 3 rows
    array([0.444, 0.222])
    """

    def __init__(
        self,
        task: str | None = None,
        power: float = 1.0,
        reduce: Literal["mean", "max"] = "mean",
        floor: float | None = None,
    ) -> None:
        self.task = task
        self.power = power
        self.reduce = reduce
        self.floor = floor

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the RaritySampler of {owner}"
        if not (self.task is None or isinstance(self.task, str)):
            raise ParameterTypeError(
                f"The 'task' parameter of {where} must be None or the name of a task. "
                f"Got {short(self.task)} instead."
            )
        check_real(self.power, "power", where, low=0)
        check_choice(self.reduce, "reduce", where, ("mean", "max"))
        if self.floor is not None:
            check_real(self.floor, "floor", where, low=0, high=1, include_low=False)


def rarity_chances(
    sampler: RaritySampler, targets: EncodedTargets, tasks: Tasks, names: Iterable[str]
) -> np.ndarray:
    """Give each row's chance to be drawn, by the labels that it has.

    Parameters
    ----------
    sampler : RaritySampler
        How.
    targets : EncodedTargets
        The rows.
    tasks : Tasks
        Fitted tasks.
    names : iterable of str
        Of the tasks whose labels count.

    Returns
    -------
    ndarray of shape (n_samples,)
        Not negative, with mean 1; zero for rows without a label of any task.
    """
    labelled = np.any([with_label(each) for each in targets.loss_weights], axis=0)
    wanted, found = set(names), []
    is_known = np.zeros(len(targets), dtype=bool)
    rows = zip(tasks.items(), targets.values, targets.loss_weights, strict=True)
    for (name, task), values, weight in rows:
        if name in wanted and values is not None:
            found.append(task.present_labels(values, weight))
            is_known |= with_label(weight)
    chances = _of_rows(sampler, [each for each in found if each is not None], is_known)
    chances[~labelled] = 0
    return chances / chances.mean()


def _of_rows(
    sampler: RaritySampler, found: list[PresentLabels], is_known: np.ndarray
) -> np.ndarray:
    """Give rows the mean, or the highest, of what their labels are worth."""
    ends = np.cumsum([0, *(len(each.prevalence) for each in found)])
    rows = np.concatenate([each.rows for each in found])
    labels = np.concatenate(
        [each.labels + end for each, end in zip(found, ends, strict=False)]
    )
    worth = _worth(sampler, np.concatenate([each.prevalence for each in found]))
    chances = np.full(len(is_known), worth.min())
    if sampler.reduce == "mean":
        counts = np.bincount(rows, minlength=len(chances))
        sums = np.bincount(rows, weights=worth[labels], minlength=len(chances))
        np.divide(sums, counts, out=chances, where=counts > 0)
    else:
        np.maximum.at(chances, rows, worth[labels])
    return np.where(is_known, chances, chances[is_known].mean())


def _worth(sampler: RaritySampler, prevalence: np.ndarray) -> np.ndarray:
    """Give what each label is worth, relative to the rarest one that there is.

    A label that no row has is worth as much as the most common one.
    """
    is_there = prevalence > 0
    if not is_there.any():
        return np.ones(len(prevalence))
    # By logarithms, whose differences no power brings out of reach.
    logs = np.log(np.where(is_there, prevalence, prevalence[is_there].max()))
    if sampler.floor is not None:
        logs = np.minimum(logs, np.log(sampler.floor))
    return np.exp(-sampler.power * (logs - logs.min()))
