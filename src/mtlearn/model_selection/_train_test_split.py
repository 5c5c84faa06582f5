"""A split into parts that is stratified over several targets at once."""

import numbers
from collections.abc import Callable
from itertools import chain
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length, check_random_state, indexable

from mtlearn._utils._deal import deal_parts
from mtlearn._utils._indexing import take_rows
from mtlearn._utils._short import short
from mtlearn._utils._strata import Codes
from mtlearn._utils._validation import check_bool
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.model_selection._groups import number_groups
from mtlearn.model_selection._split import strata_of
from mtlearn.tasks import read_targets


def multitask_train_test_split(
    *arrays: Any,
    test_size: float | None = None,
    val_size: float | None = None,
    train_size: float | None = None,
    random_state: int | np.random.RandomState | None = None,
    shuffle: bool = True,
    stratify: Any = None,
    groups: Any = None,
) -> list[Any]:
    """Split arrays into train and test, or train, validation and test parts.

    Parameters
    ----------
    *arrays : sequence of indexables of the same length
        Arrays, lists, DataFrames, sparse matrices, SliceDicts or datasets, of which
        parts are `torch.utils.data.Subset`.
    test_size : float, int or None, default=None
        Test part: a share of all samples in (0, 1), rounded up, or a number of
        samples. None takes what the other parts leave, or 0.25 if `train_size` is
        None too.
    val_size : float, int or None, default=None
        Validation part, in the same terms. None makes no validation part.
    train_size : float, int or None, default=None
        Training part: a share of all samples, rounded down, or less where shares of
        the other parts are rounded up, or a number of samples. None takes what the
        other parts leave.
    random_state : int, RandomState instance or None, default=None
        Seed of the random order. Pass an int for the same split at every call.
    shuffle : bool, default=True
        Whether to split in random order.
    stratify : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
        One or several targets (an array, a DataFrame or a SliceDict) whose classes,
        quantile bins of real values and missing labels are spread evenly over the
        parts. The only sample of a class, and the only label of a target, are for
        training.
    groups : array-like of shape (n_samples,), default=None
        Which samples belong together, such as the patients of images: all samples of a
        group are in the same part, and the parts' sizes as near to those asked for as
        that allows. A sample may not be without a group.

    Returns
    -------
    list
        For each array its training, validation (only with `val_size`) and test part:
        ``X_train, X_val, X_test, y_train, y_val, y_test``.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If the sizes do not fit the number of samples, or a parameter cannot be used.
    InvalidDataError, DataTypeError
        If there is no array, one of them is None, or `stratify` or `groups` cannot be
        read.

    See Also
    --------
    MultiTaskStratifiedKFold : K stratified folds.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.model_selection import multitask_train_test_split
    >>> X = np.arange(20).reshape(10, 2)
    >>> y = np.column_stack([[0, 1] * 5, np.linspace(0.05, 0.95, 10)])
    >>> X_train, X_val, X_test, y_train, y_val, y_test = multitask_train_test_split(
    ...     X, y, val_size=0.2, test_size=0.2, stratify=y, random_state=0
    ... )
    >>> X_train.shape, X_val.shape, X_test.shape
    ((6, 2), (2, 2), (2, 2))
    >>> np.sort(y_test[:, 0])
    array([0., 1.])
    >>> patients = np.repeat(["a", "b", "c", "d", "e"], 2)
    >>> train, test = multitask_train_test_split(
    ...     patients, test_size=0.2, stratify=y, groups=patients, random_state=0
    ... )
    >>> len(train), len(test), set(train) & set(test)
    (8, 2, set())
    """
    if not arrays:
        raise InvalidDataError("At least one array required as input")
    for position, array in enumerate(arrays):
        if array is None:
            raise DataTypeError(
                f"Array {position + 1} of {len(arrays)} is None and cannot be split. "
                "Leave it out."
            )
    arrays = indexable(*arrays)
    check_consistent_length(*arrays, stratify, groups)
    n_samples = _n_samples(arrays[0])
    sizes = _part_sizes(n_samples, train_size, val_size, test_size)
    if not check_bool(shuffle, "shuffle", "multitask_train_test_split"):
        if stratify is not None or groups is not None:
            kind = "Stratified" if stratify is not None else "Grouped"
            raise InvalidParameterError(
                f"{kind} train/test split is not implemented for shuffle=False"
            )
        parts = np.split(np.arange(n_samples), np.cumsum(sizes))[:3]
    else:
        parts = _random_parts(n_samples, sizes, stratify, groups, random_state)
    if val_size is None:
        del parts[1]
    return list(
        chain.from_iterable([take_rows(a, rows) for rows in parts] for a in arrays)
    )


def _n_samples(array: Any) -> int:
    return array.shape[0] if hasattr(array, "shape") else len(array)


def _random_parts(
    n_samples: int,
    sizes: tuple[int, int, int],
    stratify: Any,
    groups: Any,
    random_state: Any,
) -> list[NDArray[np.intp]]:
    """Draw the rows of the training, validation and test parts."""
    rng = check_random_state(random_state)
    if stratify is None and groups is None:
        n_train, n_val, n_test = sizes
        # In scikit-learn's order, so that the same seed gives the same split.
        borders = np.cumsum([n_test, n_train, n_val])
        test, train, val, _ = np.split(rng.permutation(n_samples), borders)
        return [train, val, test]
    shares = np.array([*sizes, n_samples - sum(sizes)]) / n_samples
    if groups is not None:
        groups = number_groups(groups)
        n_groups, n_parts = groups.max() + 1, np.count_nonzero(shares)
        if n_groups < n_parts:
            raise InvalidParameterError(
                f"Cannot split n_groups={n_groups}, which stay whole, into {n_parts} "
                "parts, one of which may be of what is left. Pass samples of more "
                "groups."
            )
    nothing = np.empty((n_samples, 0), dtype=np.intp)
    strata = Codes(nothing, nothing)
    if stratify is not None:
        strata = strata_of(read_targets(stratify), shares[:3])
    folds = deal_parts(strata, shares, sizes, rng, groups)
    return [rng.permutation(np.flatnonzero(folds == part)) for part in range(3)]


def _part_sizes(
    n_samples: int,
    train_size: float | None,
    val_size: float | None,
    test_size: float | None,
) -> tuple[int, int, int]:
    """Return the numbers of training, validation and test samples."""
    if test_size is None and train_size is None:
        test_size = 0.25
    asked = {"train_size": train_size, "val_size": val_size, "test_size": test_size}
    train, val, test = (
        _count(size, name, n_samples, floor if name == "train_size" else ceil)
        for name, size in asked.items()
    )
    given = ", ".join(f"{name}={size}" for name, size in asked.items())
    sizes = [size for size in asked.values() if size is not None]
    shares = sum(size for size in sizes if size < 1)
    left = n_samples - sum(count or 0 for count in (train, val, test))
    if left < 0 and train is not None and max(sizes) < 1:
        train, left = train + left, 0  # which the others were rounded up by
    if left < 0 or shares > 1 + 1e-9:
        raise InvalidParameterError(
            f"{given} ask for more than the {n_samples} samples there are. "
            "Reduce one of them."
        )
    train = left if train is None else train
    test = left if test is None else test
    for part, count in {"train": train, "validation": val, "test": test}.items():
        if count == 0:
            raise InvalidParameterError(
                f"With n_samples={n_samples} and {given}, the resulting {part} set "
                "will be empty. Adjust any of the aforementioned parameters."
            )
    return train, val or 0, test


def _count(
    size: Any, name: str, n_samples: int, rounded: Callable[[float], int]
) -> int | None:
    """Turn a share or a number of samples into a number of samples."""
    if size is None:
        return None
    is_number = isinstance(size, numbers.Real) and not isinstance(size, bool)
    if is_number and isinstance(size, numbers.Integral):
        if 0 < int(size) < n_samples:
            return int(size)
    elif is_number and 0 < size < 1:
        return int(rounded(size * n_samples))
    error = InvalidParameterError if is_number else ParameterTypeError
    raise error(
        f"The {name!r} parameter of multitask_train_test_split must be a float in "
        f"(0, 1), a share of the {n_samples} samples, or an int in "
        f"[1, {n_samples - 1}], a number of them. Got {short(size)} instead."
    )
