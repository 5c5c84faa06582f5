"""Folds that are stratified over several targets at once."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_consistent_length, check_random_state

from mtlearn._utils._group_stratify import assign_groups
from mtlearn._utils._strata import N_BINS, Codes, target_strata
from mtlearn._utils._stratify import assign_folds
from mtlearn._utils._validation import check_bool, check_integer
from mtlearn._utils._warn import warn
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
)
from mtlearn.model_selection._groups import number_groups
from mtlearn.tasks import Target, Task, Tasks, read_targets


class MultiTaskStratifiedKFold(BaseCrossValidator):
    """K folds in which every class of every target is spread evenly.

    Real targets are spread by quantile bins, and the missing labels of a target like
    one more class. The folds' sizes differ by one sample at most. With a single
    target, so do the counts of each of its classes. With several they are within one
    sample of what a fold should have wherever iterative stratification [1]_ and swaps
    come there, which few samples with many rare labels, or holes, may prevent.

    With `groups`, such as the patients of images, all samples of a group are in the
    same fold. The sizes and the counts are then as even as a search finds them.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    tasks : Tasks, Task or None, default=None
        Declared tasks, which say which columns of y are classes and which are real
        values; None infers that from y.
    shuffle : bool, default=True
        Whether to choose at random among samples of the same classes and bins. If
        not, the first of them go to the first fold, and so on; so do groups.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice, only with ``shuffle=True``. Pass an int for the same folds
        at every call.
    n_bins : int, default=5
        Number of bins of a real target. There are fewer where a bin would hold fewer
        than `n_splits` samples.

    Notes
    -----
    ``GridSearchCV(...).fit(X, y, groups=groups)`` and ``cross_validate(...,
    groups=groups)`` hand groups on. Under metadata routing the splitter requests them,
    and the latter is ``cross_validate(..., params={"groups": groups})``.

    See Also
    --------
    multitask_train_test_split : One split into two or three parts.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of
       Multi-Label Data", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.model_selection import MultiTaskStratifiedKFold
    >>> X = np.zeros((8, 2))
    >>> y = np.array([[0, 0.1], [0, 0.9], [1, 0.2], [1, 0.8],
    ...               [0, 0.2], [0, 0.8], [1, 0.1], [1, 0.9]])
    >>> folds = MultiTaskStratifiedKFold(2, n_bins=2, random_state=0)
    >>> for train, test in folds.split(X, y):
    ...     print(np.sort(y[test, 0]), np.sort(y[test, 1] > 0.5))
    [0. 0. 1. 1.] [False False  True  True]
    [0. 0. 1. 1.] [False False  True  True]
    >>> groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    >>> for train, test in folds.split(X, y, groups):
    ...     print(np.sort(y[test, 0]), [groups[i] for i in test])
    [0. 0. 1. 1.] ['b', 'b', 'c', 'c']
    [0. 0. 1. 1.] ['a', 'a', 'd', 'd']
    """

    __metadata_request__split: ClassVar = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        tasks: Tasks | Task | None = None,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        n_bins: int = N_BINS,
    ):
        self.n_splits = n_splits
        self.tasks = tasks
        self.shuffle = shuffle
        self.random_state = random_state
        self.n_bins = n_bins

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Ignored.

        Returns
        -------
        int
            `n_splits`.
        """
        return check_integer(self.n_splits, "n_splits", type(self).__name__, low=2)

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Generate the indices of each fold's training and test samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Data; only its length is read.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets: an array, a DataFrame or a SliceDict. NaN, None and
            `pandas.NA` are missing labels.
        groups : array-like of shape (n_samples,), default=None
            Numbers, text or whatever says which samples belong together; a sample may
            not be without a group. None lets each sample go by itself.

        Yields
        ------
        train : ndarray of int
            Indices of the training samples.
        test : ndarray of int
            Indices of the test samples.

        Raises
        ------
        InvalidDataError
            If y is None or cannot be read, or a group is missing.
        InvalidParameterError
            If a parameter is out of range or there are fewer samples, or groups, than
            folds.
        """
        name = type(self).__name__
        if y is None:
            raise InvalidDataError(
                f"{name} needs y, the targets to stratify on. Got y=None instead."
            )
        n_splits, n_bins = self._validated()
        check_consistent_length(X, y, groups)
        targets = read_targets(y, self.tasks)
        n_samples = len(targets[0].values)
        _check_enough(n_samples, "samples", n_splits)
        units = np.arange(n_samples)
        if groups is not None:
            units = number_groups(groups)
            _check_enough(int(units.max()) + 1, "groups", n_splits)
        shares = np.full(n_splits, 1 / n_splits)
        codes, needs = strata_of(targets, shares, n_bins)
        _warn_of_rare_labels(targets, needs, units, n_splits)
        rng = check_random_state(self.random_state if self.shuffle else 0)
        if units.max() + 1 < n_samples:
            folds = assign_groups(codes, units, shares, rng)
        else:  # each sample goes by itself
            folds = assign_folds(codes, shares, rng)
        if not self.shuffle:
            folds = _in_order(folds, codes, units)
        folds = folds[units]
        for fold in range(n_splits):
            yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)

    def _validated(self) -> tuple[int, int]:
        """Check the parameters; return `n_splits` and `n_bins`."""
        name = type(self).__name__
        if not check_bool(self.shuffle, "shuffle", name) and (
            self.random_state is not None
        ):
            raise InvalidParameterError(
                "Setting a random_state has no effect since shuffle is False. You "
                "should leave random_state to its default (None), or set shuffle=True."
            )
        return self.get_n_splits(), check_integer(self.n_bins, "n_bins", name, low=1)


def strata_of(
    targets: tuple[Target, ...], shares: NDArray, n_bins: int = N_BINS
) -> Codes:
    """Encode the strata of each target."""
    each = [strata for target in targets for strata in target.strata()]
    return target_strata(each, shares, n_bins)


def _check_enough(count: int, what: str, n_splits: int) -> None:
    if n_splits > count:
        raise InvalidParameterError(
            f"Cannot have number of splits n_splits={n_splits} greater than the "
            f"number of {what}: n_{what}={count}."
        )


def _warn_of_rare_labels(
    targets: tuple[Target, ...],
    needs: NDArray[np.intp],
    units: NDArray[np.intp],
    n_splits: int,
) -> None:
    """Warn of classes, and of targets, that some folds will lack."""
    each = [(target.name, strata) for target in targets for strata in target.strata()]
    grouped = units.max() + 1 < len(units)
    for (name, (_, present, is_class)), codes in zip(each, needs.T, strict=True):
        if not present.any():
            continue
        codes, held_by = codes[present], units[present]
        if grouped:
            codes = np.unique(np.column_stack([codes, held_by]), axis=0)[:, 0]
        least = np.bincount(codes).min()
        if least >= n_splits:
            continue
        rare = "The least populated class in task" if is_class else "Task"
        members = "groups" if grouped else "members" if is_class else "labels"
        warn(
            f"{rare} {name!r} has only {least} {members}, which is less than "
            f"n_splits={n_splits}.",
        )


def _in_order(
    folds: NDArray[np.intp], codes: NDArray[np.intp], units: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Exchange units of the same strata so that their folds follow their order."""
    kinds = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
    by_unit = np.lexsort((kinds, units))
    borders = np.flatnonzero(np.diff(units[by_unit])) + 1
    numbers: dict[bytes, int] = {}
    cell = np.array(
        [
            numbers.setdefault(each.tobytes(), len(numbers))
            for each in np.split(kinds[by_unit], borders)
        ]
    )
    ordered = np.empty_like(folds)
    ordered[np.argsort(cell, kind="stable")] = folds[np.lexsort((folds, cell))]
    return ordered
