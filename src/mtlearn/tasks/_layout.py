"""How y was laid out, and predictions that are laid out alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from mtlearn._utils._frames import make_frame, text
from mtlearn._utils._optional import import_optional
from mtlearn.tasks._base import Task
from mtlearn.tasks._narrow import plain_label
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
        Name or position in y of each task's column.
    dtypes : tuple
        dtype of each task's predictions; None leaves it as it comes.
    library : str, default="pandas"
        Of a frame.
    levels : tuple, default=()
        Names of the levels of a frame's columns, in pandas.
    """

    container: str
    order: tuple[int, ...]
    keys: tuple[Any, ...]
    dtypes: tuple[Any, ...]
    library: str = "pandas"
    levels: tuple[Any, ...] = ()


def layout_of(raw: RawTargets, tasks: Tasks, places: Sequence[int]) -> Layout:
    columns = [raw.column(place) for place in places]
    dtypes = [
        _prediction_dtype(task, column.dtype, raw.container == "frame")
        for task, column in zip(tasks, columns, strict=True)
    ]
    if raw.container in ("2d", "dict"):
        dtypes = _exact_dtypes(tasks, dtypes)
    return Layout(
        raw.container,
        tuple(range(len(places))),
        tuple(column.key for column in columns),
        tuple(dtypes),
        raw.library,
        raw.levels,
    )


def _prediction_dtype(task: Task, dtype: Any, framed: bool) -> Any:
    """Give a task's predictions the dtype of its column, if that can hold them."""
    plain = isinstance(dtype, np.dtype)
    if not framed and (not plain or dtype.kind == "O"):
        return None
    if hasattr(dtype, "categories"):
        dtype = _with_plain_categories(dtype)
    classes = getattr(task, "classes_", None)
    if classes is not None:
        return dtype if holds(dtype, classes) else None
    if dtype.kind == "f" or (plain and dtype.kind == "O"):
        return dtype
    # A mean is no whole number; keep pandas' own or numpy's floats.
    return "Float64" if not plain and dtype.kind in "biu" else None


def _with_plain_categories(dtype: Any) -> Any:
    """Give a type of categories whose members of an Enum are what they equal."""
    labels = [plain_label(label) for label in dtype.categories]
    if not any(isinstance(label, Enum) for label in dtype.categories):
        return dtype
    return type(dtype)(labels, dtype.ordered)


def _exact_dtypes(tasks: Tasks, dtypes: list[Any]) -> list[Any]:
    """Make objects of classes that one array with the other columns would round.

    These are large whole numbers, such as ids of 64 bits, beside real values.
    """
    classes = [getattr(task, "classes_", np.zeros(0)) for task in tasks]
    own = [dtype or each.dtype for dtype, each in zip(dtypes, classes, strict=True)]
    if any(dtype.kind in "OU" for dtype in own):
        return dtypes  # the array is one of objects
    joined = np.result_type(*own)
    return [
        # As Python's own numbers, which compare whole ones with real ones exactly.
        dtype if each.astype(joined).tolist() == each.tolist() else np.dtype(object)
        for dtype, each in zip(dtypes, classes, strict=True)
    ]


def holds(dtype: Any, classes: np.ndarray) -> bool:
    if isinstance(dtype, np.dtype):
        return np.array_equal(classes.astype(dtype), classes)
    if hasattr(dtype, "categories"):
        return set(classes.tolist()) <= set(dtype.categories)
    pandas = import_optional("pandas", "pandas", "A column of a pandas type")
    try:
        return pandas.Series(classes, dtype=dtype).tolist() == classes.tolist()
    except (TypeError, ValueError):
        return False


def arrange(labels: Sequence[np.ndarray], layout: Layout) -> Any:
    """Lay out one array of labels a task as y was laid out.

    Parameters
    ----------
    labels : sequence of ndarray of shape (n_samples,)
        Labels in task order.
    layout : Layout
        Layout of the y that the tasks were fitted on.

    Returns
    -------
    ndarray or DataFrame
        `(n_samples,)` for one-dimensional y, a DataFrame of the same library with the
        same columns and dtypes for a DataFrame, else `(n_samples, n_tasks)` in the
        order of y's columns, with dtype object if a label is not a number.
    """
    if layout.container == "frame" and layout.library != "pandas":
        return make_frame(
            {
                text(key): column if dtype is None else column.astype(dtype)
                for key, column, dtype in zip(
                    layout.keys, labels, layout.dtypes, strict=True
                )
            },
            layout.library,
        )
    if layout.container == "frame":
        pandas = import_optional("pandas", "pandas", "Predicting a DataFrame")
        series = [
            pandas.Series(column, dtype=dtype)
            for column, dtype in zip(labels, layout.dtypes, strict=True)
        ]
        frame = pandas.DataFrame(dict(enumerate(series)))
        # Names may be tuples, also where they have one level.
        is_flat = len(layout.levels) == 1
        keys = pandas.Index(list(layout.keys), tupleize_cols=not is_flat)
        frame.columns = keys.set_names(list(layout.levels)) if layout.levels else keys
        return frame
    alike = [
        column if dtype is None else column.astype(dtype)
        for column, dtype in zip(labels, layout.dtypes, strict=True)
    ]
    if layout.container == "1d":
        return alike[0]
    if any(column.dtype.kind in "OU" for column in alike):
        alike = [column.astype(object) for column in alike]
    return np.column_stack(alike)
