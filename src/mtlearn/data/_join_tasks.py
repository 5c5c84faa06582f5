"""Data sets of which each has tasks of its own, as one X and one y."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from skorch.helper import SliceDataset
from torch.utils.data import ConcatDataset, StackDataset

from mtlearn._utils._dataset_items import count_items, item_of
from mtlearn._utils._frames import join_frames, open_frame
from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._short import short
from mtlearn._utils._tensors import without_tensors
from mtlearn._utils._views import read_item
from mtlearn.data._datasets import item_labels
from mtlearn.data._images import check_images
from mtlearn.data._joined_images import JoinedImages
from mtlearn.data._joined_labels import OWNER, join_labels_of, part_labels
from mtlearn.data._lazy import LazyImages
from mtlearn.data._rows import has_names, read_rows
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

_WORDS = {
    "dataset": "a dataset",
    "images": "images",
    "names": "names of files",
    "table": "a table",
}


def join_tasks(parts: Mapping[str, Sequence[Any]]) -> tuple[Any, ...]:
    """Join data sets that share no sample, each with labels of its own tasks.

    Parameters
    ----------
    parts : mapping of str to tuple (X, y) or (X, y, sample_weight)
        By name. Of each part, X is what an estimator takes: images, a table, a
        dataset, or names of files for an `ImageReader`. A `y` of one column is the task
        with the name of the part; one of several, in a DataFrame or SliceDict, has
        tasks by the names of its columns. A task of several parts is one column. None
        takes the labels of a dataset's items. Weights have the shape `(n_samples,)`.

    Returns
    -------
    X : JoinedImages, SliceDataset, ndarray, DataFrame or sparse matrix
        The rows of all parts, in their order, one part after another. Images and
        datasets are not copied, and read where they are; tables are.
    y : DataFrame or SliceDict
        Columns by task, missing where a part has no labels of it: a DataFrame of pandas
        if a part has one, else a SliceDict, which is indexed by name in the same way.
    sample_weight : ndarray of shape (n_samples,)
        Only if a part has weights; 1 for those that have none.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If `parts` is no mapping of names to such tuples.
    InvalidDataError, DataTypeError
        If parts differ in what their X is, or in its shape or dtype, X, y and the
        weights of one do not fit together, or one of them is masked.

    Notes
    -----
    Name the tasks after the columns: ``Tasks(digit=..., item=...)``. Each sample
    trains the tasks that it has labels of, and all are predicted for every sample. As
    parts stand one after another, split them by
    :class:`~mtlearn.model_selection.MultiTaskStratifiedKFold`, which spreads them over
    all folds, and not by `KFold` without shuffling. ``sampler="tasks"`` draws small
    parts as often as large ones.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.data import join_tasks
    >>> light, dark = np.ones((3, 8, 8)), np.zeros((2, 8, 8))
    >>> X, y = join_tasks({"digit": (light, [4, 1, 4]), "size": (dark, [0.5, 0.1])})
    >>> X.shape
    (5, 8, 8, 1)
    >>> y["digit"]
    array([ 4.,  1.,  4., nan, nan])
    >>> y["size"]
    array([nan, nan, nan, 0.5, 0.1])
    """
    given = _parts(parts)
    inputs = {name: _input(X, name) for name, (X, _, _) in given.items()}
    kinds = {name: kind for name, (kind, _) in inputs.items()}
    rows = {name: X for name, (_, X) in inputs.items()}
    sizes = {name: _n_rows(X) for name, X in rows.items()}
    labels, weights = {}, {}
    for name, (X, y, weight) in given.items():
        labels[name] = part_labels(item_labels(X, y), name)
        weights[name] = (
            np.ones(sizes[name]) if weight is None else _weight(weight, name)
        )
        _check_rows(name, sizes[name], labels[name], weights[name])
    joined = (
        _joined(rows, kinds),
        join_labels_of(labels, list(sizes.values())),
    )
    if all(weight is None for _, _, weight in given.values()):
        return joined
    return *joined, np.concatenate(list(weights.values()))


def _parts(parts: Any) -> dict[str, tuple[Any, Any, Any]]:
    """Check the names and tuples."""
    if not isinstance(parts, Mapping):
        raise ParameterTypeError(
            f"The 'parts' parameter of {OWNER} must be a mapping of names to (X, y) or "
            f"(X, y, sample_weight). Got {short(parts)} instead."
        )
    given = {}
    for name, part in parts.items():
        if not isinstance(name, str) or not isinstance(part, tuple | list):
            raise ParameterTypeError(
                f"The 'parts' parameter of {OWNER} must have a text as the name of "
                "each part, and (X, y) or (X, y, sample_weight). Got a "
                f"{type(name).__name__} and a {type(part).__name__} instead."
            )
        if len(part) not in (2, 3):
            raise InvalidParameterError(
                f"The 'parts' parameter of {OWNER} must have (X, y) or (X, y, "
                f"sample_weight) for {name!r}. Got {len(part)} values instead."
            )
        X, y, *weight = part
        given[name] = X, y, weight[0] if weight else None
    if not given:
        raise InvalidParameterError(
            f"The 'parts' parameter of {OWNER} must have a part. Got {{}} instead."
        )
    return given


def _input(X: Any, name: str) -> tuple[str, Any]:
    """Tell what the X of a part is, and give it as what rows are taken from."""
    owner = f"{OWNER} (part {name!r})"
    if is_dataset(X):
        count_items(X, owner)
        return "dataset", X
    if isinstance(X, LazyImages):
        return "images", X
    if has_names(X):
        return "names", np.asarray(X, dtype=object).ravel()
    if sparse.issparse(X):
        return "table", X
    X = read_rows(X, owner)
    if open_frame(X, f"X of {owner}") is not None:
        return "table", X
    X = np.asarray(X)
    if X.ndim < 2:
        raise InvalidDataError(
            f"{owner} expects images, or a table of shape (n_samples, n_columns). Got "
            f"an array of shape {X.shape} instead."
        )
    return ("table", X) if X.ndim == 2 else ("images", check_images(X, owner))


def _n_rows(X: Any) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _weight(weight: Any, name: str) -> np.ndarray:
    owned = f"sample_weight of the part {name!r}"
    refuse_mask(weight, owned, "A weight of zero equals absence: filled(0).")
    array = np.asarray(without_tensors(weight, "sample_weight"), dtype=np.float64)
    if array.ndim != 1:
        raise InvalidDataError(
            f"{OWNER} takes weights of shape (n_samples,). Those of the part {name!r} "
            f"have the shape {array.shape}."
        )
    return array


def _check_rows(name: str, n_rows: int, labels: Any, weight: np.ndarray) -> None:
    columns = [labels] if hasattr(labels, "iloc") else list(labels.values())
    others = [*(("y", each) for each in columns), ("sample_weight", weight)]
    for what, each in others:
        if len(each) != n_rows:
            raise InvalidDataError(
                f"The part {name!r} of {OWNER} has {n_rows} samples in X and "
                f"{len(each)} in {what}."
            )


def _joined(rows: Mapping[str, Any], kinds: Mapping[str, str]) -> Any:
    """Join what all parts are."""
    found = set(kinds.values())
    by_item = all(is_dataset(X) or _has_items(X) for X in rows.values())
    if "dataset" in found and "names" not in found and by_item:
        return _joined_datasets(rows)
    if len(found) > 1:
        told = ", ".join(f"{_WORDS[kind]} in {name!r}" for name, kind in kinds.items())
        raise DataTypeError(
            f"{OWNER} joins parts of which X is the same kind of thing. Got {told}."
        )
    if found == {"images"}:
        described = {name: (tuple(X.shape[1:]), X.dtype) for name, X in rows.items()}
        _check_alike(described, "images")
        return JoinedImages(rows)
    if found == {"names"}:
        return np.concatenate(list(rows.values()))
    return _joined_tables(rows)


def _joined_datasets(rows: Mapping[str, Any]) -> SliceDataset:
    """Make one dataset, of which arrays may be parts too."""
    described = {name: _item_shape(X) for name, X in rows.items()}
    items = dict(rows)
    if any(len(shape) == 2 for shape, _ in described.values()):
        for name, X in rows.items():  # grey images, as the items of datasets are
            if isinstance(X, np.ndarray) and X.ndim == 4 and X.shape[-1] == 1:
                items[name] = X[..., 0]
        described = {name: _item_shape(X) for name, X in items.items()}
    _check_alike(described, "items")
    return SliceDataset(ConcatDataset(list(map(_in_tuples, items.values()))))


def _has_items(X: Any) -> bool:
    return isinstance(X, np.ndarray | LazyImages)


def _in_tuples(X: Any) -> Any:
    """Give items that are tuples: of an x alone, a SliceDataset takes the first row."""
    return X if isinstance(read_item(X, 0), tuple) else StackDataset(X)


def _item_shape(X: Any) -> tuple[Any, ...]:
    x = np.asarray(item_of(X, 0)[0])
    return (x.shape, x.dtype)


def _check_alike(described: Mapping[str, tuple[Any, ...]], what: str) -> None:
    """Raise if parts have rows of other shapes or dtypes."""
    first, *others = described
    for other in others:
        if described[other] != described[first]:
            told = " and ".join(
                f"{shape} of {dtype} in {name!r}"
                for name in (first, other)
                for shape, dtype in [described[name]]
            )
            raise InvalidDataError(
                f"{OWNER} joins {what} of one shape and dtype. Got {told}. Resize or "
                "convert those of one part: a network sees all alike."
            )


def _joined_tables(rows: Mapping[str, Any]) -> Any:
    """Join tables, by the names of their columns if they have some."""
    columns = {name: _columns(X, name) for name, X in rows.items()}
    first, *others = columns
    for other in others:
        if columns[other] != columns[first]:
            raise InvalidDataError(
                f"{OWNER} joins tables of the same columns, in one order. The part "
                f"{first!r} has {short(columns[first])}, and {other!r} has "
                f"{short(columns[other])}."
            )
    tables = list(rows.values())
    if any(map(sparse.issparse, tables)):
        return sparse.vstack(tables, format="csr")
    if isinstance(columns[first], int):
        return np.concatenate(tables)
    return join_frames(tables, np.arange(sum(map(len, tables))))


def _columns(X: Any, name: str) -> Any:
    """Give the names of columns in a library, or how many there are."""
    frame = None if sparse.issparse(X) else open_frame(X, f"X of the part {name!r}")
    return X.shape[1] if frame is None else (frame.library, list(frame.keys))
