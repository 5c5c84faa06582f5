"""How y was laid out, and predictions that are laid out alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from mtlearn._utils._frames import make_frame, text
from mtlearn._utils._optional import import_optional
from mtlearn.tasks._base import Task
from mtlearn.tasks._narrow import plain_label
from mtlearn.tasks._places import Places, by_task
from mtlearn.tasks._read import RawTargets
from mtlearn.tasks._tasks import Tasks


@dataclass(frozen=True)
class Layout:
    """How y was laid out, so that predictions can be laid out alike.

    Attributes
    ----------
    container : {"1d", "2d", "frame", "dict"}
        What held y.
    order : tuple of int
        Task numbers in the order of y's columns: 0, 1, ... but in a file of an older
        version, whose tasks were in the order of their declaration.
    keys : tuple
        Name or position in y of each column that a task reads, task by task.
    dtypes : tuple
        dtype of the predictions in each of them; None leaves it as it comes.
    library : str, default="pandas"
        Of a frame.
    levels : tuple, default=()
        Names of the levels of a frame's columns, in pandas.
    counts : tuple of int, default=()
        How many columns each labelled task has; empty where each has one.
    ranks : tuple of int, default=()
        Numbers of the columns in the order of y; empty where they are in it.
    """

    container: str
    order: tuple[int, ...]
    keys: tuple[Any, ...]
    dtypes: tuple[Any, ...]
    library: str = "pandas"
    levels: tuple[Any, ...] = ()
    counts: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()

    @property
    def counts_of_tasks(self) -> tuple[int, ...]:
        """How many columns each labelled task has."""
        return self.counts or (1,) * len(self.keys)

    @property
    def keys_of_tasks(self) -> list[tuple]:
        """Names or positions of each labelled task's columns."""
        return by_task(self.keys, self.counts_of_tasks)

    @property
    def dtypes_of_tasks(self) -> list[tuple]:
        """Give the dtypes of each labelled task's columns."""
        return by_task(self.dtypes, self.counts_of_tasks)


def layout_of(raw: RawTargets, tasks: Tasks, places: Places) -> Layout:
    """Give the layout of y, of which labelled tasks read these columns."""
    columns, readers, dtypes = [], [], []
    for task, own in zip(tasks, places, strict=True):
        found = [raw.column(place) for place in own]
        columns += found
        readers += [task] * len(found)
        dtypes += task.dtypes(found)
    framed = raw.container == "frame"
    pairs = zip(readers, dtypes, strict=True)
    dtypes = [_prediction_dtype(task, dtype, framed) for task, dtype in pairs]
    if raw.container in ("2d", "dict"):
        dtypes = _exact_dtypes(readers, dtypes)
    counts = tuple(map(len, places))
    flat = [place for own in places for place in own]
    ranks = tuple(sorted(range(len(flat)), key=flat.__getitem__))
    return Layout(
        raw.container,
        tuple(range(len(places))),
        tuple(column.key for column in columns),
        tuple(dtypes),
        raw.library,
        raw.levels,
        () if set(counts) == {1} else counts,
        () if ranks == tuple(range(len(flat))) else ranks,
    )


def _prediction_dtype(task: Task, dtype: Any, framed: bool) -> Any:
    """Give a task's predictions the dtype of its column, if that can hold them."""
    plain = isinstance(dtype, np.dtype)
    if not framed and (not plain or dtype.kind == "O"):
        return None
    if hasattr(dtype, "categories"):
        dtype = _with_plain_categories(dtype)
    if task.outcomes() is not None:
        return dtype if may_hold(dtype, task) else None
    if dtype.kind == "f" or (plain and dtype.kind == "O"):
        return dtype
    # A mean is no whole number; keep pandas' own or numpy's floats.
    return "Float64" if not plain and dtype.kind in "biu" else None


def plain_layout(layout: Layout, tasks: Tasks) -> Layout:
    """Give the layout of an array with the columns of a DataFrame.

    Parameters
    ----------
    layout : Layout
        Of y.
    tasks : Tasks
        Fitted, those with labels.

    Returns
    -------
    Layout
        The same, unless y was a DataFrame.
    """
    if layout.container != "frame":
        return layout
    counts = layout.counts_of_tasks
    readers = [task for task, n in zip(tasks, counts, strict=True) for _ in range(n)]
    plain = [
        each if isinstance(each, np.dtype) and each.kind != "O" else None
        for each in layout.dtypes
    ]
    dtypes = tuple(_exact_dtypes(readers, plain))
    return replace(layout, container="2d", dtypes=dtypes)


def _with_plain_categories(dtype: Any) -> Any:
    """Give a type of categories whose members of an Enum are what they equal."""
    labels = [plain_label(label) for label in dtype.categories]
    if not any(isinstance(label, Enum) for label in dtype.categories):
        return dtype
    return type(dtype)(labels, dtype.ordered)


def _exact_dtypes(tasks: Sequence[Task], dtypes: list[Any]) -> list[Any]:
    """Make objects of classes that one array with the other columns would round.

    These are large whole numbers, such as ids of 64 bits, beside real values.
    """
    known = [task.outcomes() for task in tasks]
    classes = [np.zeros(0) if each is None else each for each in known]
    own = [dtype or each.dtype for dtype, each in zip(dtypes, classes, strict=True)]
    if any(dtype.kind in "OU" for dtype in own):
        return dtypes  # the array is one of objects
    joined = np.result_type(*own)
    return [
        # As Python's own numbers, which compare whole ones with real ones exactly.
        dtype if each.astype(joined).tolist() == each.tolist() else np.dtype(object)
        for dtype, each in zip(dtypes, classes, strict=True)
    ]


def may_hold(dtype: Any, task: Task) -> bool:
    """Tell whether a dtype holds whatever a task may predict."""
    outcomes = task.outcomes()
    return outcomes is None or _holds(dtype, outcomes)


def _holds(dtype: Any, classes: np.ndarray) -> bool:
    if isinstance(dtype, np.dtype):
        if dtype.kind in "iu" and not _in_range(classes, np.iinfo(dtype)):
            return False
        try:
            return np.array_equal(classes.astype(dtype), classes)
        except (OverflowError, TypeError, ValueError):  # of text, or another sign
            return False
    if hasattr(dtype, "categories"):
        return set(classes.tolist()) <= set(dtype.categories)
    pandas = import_optional("pandas", "pandas", "A column of a pandas type")
    try:
        return pandas.Series(classes, dtype=dtype).tolist() == classes.tolist()
    except (TypeError, ValueError):
        return False


def _in_range(classes: np.ndarray, limits: np.iinfo) -> bool:
    """Tell whether whole numbers are within limits; an older NumPy wraps the others."""
    whole = [each for each in classes.tolist() if isinstance(each, int)]
    return all(limits.min <= each <= limits.max for each in whole)


def arrange(labels: Sequence[np.ndarray], layout: Layout) -> Any:
    """Lay out predicted labels as y was laid out.

    Parameters
    ----------
    labels : sequence of ndarray of shape (n_samples,)
        One for each column that a task reads, task by task.
    layout : Layout
        Layout of the y that the tasks were fitted on.

    Returns
    -------
    ndarray or DataFrame
        `(n_samples,)` for one-dimensional y, a DataFrame of the same library with the
        same columns and dtypes for a DataFrame, else `(n_samples, n_columns)` in
        the order of y's columns, with dtype object if a label is not a number.
    """
    columns = list(zip(layout.keys, labels, layout.dtypes, strict=True))
    if layout.ranks:
        columns = [columns[i] for i in layout.ranks]
    if layout.container == "frame":
        return _as_frame(columns, layout)
    alike = [
        each if dtype is None else each.astype(dtype) for _, each, dtype in columns
    ]
    if layout.container == "1d":
        return alike[0]
    if any(column.dtype.kind in "OU" for column in alike):
        alike = [column.astype(object) for column in alike]
    return np.column_stack(alike)


def _as_frame(columns: Sequence[tuple[Any, np.ndarray, Any]], layout: Layout) -> Any:
    """Make a DataFrame of names, labels and dtypes."""
    if layout.library != "pandas":
        return make_frame(
            {
                text(key): each if dtype is None else each.astype(dtype)
                for key, each, dtype in columns
            },
            layout.library,
        )
    pandas = import_optional("pandas", "pandas", "Predicting a DataFrame")
    series = [
        pandas.Series(_as_named(x, dtype), dtype=dtype) for _, x, dtype in columns
    ]
    frame = pandas.DataFrame(dict(enumerate(series)))
    # Names may be tuples, also where they have one level.
    is_flat = len(layout.levels) == 1
    keys = pandas.Index([key for key, _, _ in columns], tupleize_cols=not is_flat)
    frame.columns = keys.set_names(list(layout.levels)) if layout.levels else keys
    return frame


def _as_named(labels: np.ndarray, dtype: Any) -> np.ndarray:
    """Give labels the type that categories have, which may be truth values for 0 and 1.

    That they are equal is not enough for pandas.
    """
    categories = getattr(dtype, "categories", None)
    is_bool = categories is not None and categories.dtype == bool
    return labels.astype(bool) if is_bool else labels
