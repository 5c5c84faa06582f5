"""Where in y the columns of each task stand."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral

from mtlearn._utils._frames import text
from mtlearn._utils._listing import listed
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks._base import Task
from mtlearn.tasks._read import RawTargets
from mtlearn.tasks._tasks import Tasks

Places = list[tuple[int, ...]]


def positions(raw: RawTargets, tasks: Tasks) -> Places:
    """Find the positions in y of each task's columns.

    Parameters
    ----------
    raw : RawTargets
        The columns of y.
    tasks : Tasks
        Tasks that read some of them.

    Returns
    -------
    list of tuple of int
        In task order.
    """
    found = _in_frame(raw, tasks) if raw.is_named else _in_array(raw, tasks)
    _check_claims(found, raw, tasks)
    if raw.is_named:
        check_once((raw.names[place] for own in found for place in own), raw.names)
    return found


def _in_frame(raw: RawTargets, tasks: Tasks) -> Places:
    # Names inferred from columns that are not strings still find their column.
    firsts = _firsts(raw.names)
    keys = list(raw.keys)
    found = []
    for name, task in tasks.items():
        declared = _declared(name, task)
        if declared is None:
            wanted = task.find_columns(name, raw.names)
            found.append(tuple(_found(each, firsts) for each in wanted))
        else:
            found.append(tuple(_place(name, task, c, keys, True) for c in declared))
    return found


def _in_array(raw: RawTargets, tasks: Tasks) -> Places:
    """Give each task the columns that it declares, or those at its turn."""
    keys = list(raw.keys)
    widths = _widths(len(keys), tasks)
    found: Places = []
    for i, ((name, task), width) in enumerate(zip(tasks.items(), widths, strict=True)):
        declared = _declared(name, task)
        if declared is not None:
            own = tuple(_place(name, task, c, keys, False) for c in declared)
        else:
            start = sum(widths[:i])
            own = tuple(range(start, start + width))
            if not own or own[-1] >= len(keys):
                raise _too_few(name, i, len(keys), widths)
        found.append(own)
    return found


def _widths(n_columns: int, tasks: Tasks) -> list[int]:
    """Count the columns of each task; one of them may take those that are left."""
    widths = [task.n_columns for task in tasks]
    for i, (name, task) in enumerate(tasks.items()):
        declared = _declared(name, task)
        widths[i] = widths[i] if declared is None else len(declared)
    if n_columns == len(widths) and all(
        width == 1 or task.may_be_one_column
        for width, task in zip(widths, tasks, strict=True)
    ):
        return [1] * len(widths)
    takers = [i for i, width in enumerate(widths) if width is None]
    if len(takers) > 1:
        names = [tasks.names[i] for i in takers]
        raise InvalidParameterError(
            f"The tasks {listed(map(repr, names))} all take the columns of y that "
            "others leave. Say how many columns each one has, or set their 'column'."
        )
    left = n_columns - sum(width or 0 for width in widths)
    return [max(left, 0) if width is None else width for width in widths]


def _declared(name: str, task: Task) -> list[Hashable] | None:
    """Give the columns that a task declares, in its order; None if it does not."""
    declared, parameter = task.own_columns, task.columns_parameter
    if declared is None:
        return None
    if task.n_columns not in (None, len(declared)):
        raise InvalidParameterError(
            f"The {parameter!r} of task {name!r} names {len(declared)} columns of y, "
            f"and the task reads {task.n_columns}. Got {getattr(task, parameter)!r}."
        )
    return declared


def _place(name: str, task: Task, column: Hashable, keys: list, named: bool) -> int:
    if named and column in keys:
        return keys.index(column)
    if isinstance(column, Integral) and -len(keys) <= column < len(keys):
        return int(column) % len(keys)
    what = (
        f"its columns are: {listed(keys)}"
        if named
        else f"it is an array of {len(keys)} columns"
    )
    verb = "is" if task.columns_parameter == "column" else "names"
    raise InvalidDataError(
        f"The {task.columns_parameter!r} of task {name!r} {verb} {column!r}, which y "
        f"does not have: {what}."
    )


def places_of(
    keys: Sequence[Hashable], counts: Sequence[int], raw: RawTargets
) -> Places:
    """Find columns by their names, which a SliceDict has as strings.

    Parameters
    ----------
    keys : sequence of hashable
        Names of the columns of all tasks.
    counts : sequence of int
        How many of them each task has.
    raw : RawTargets
        The columns of y.

    Returns
    -------
    list of tuple of int
        In task order.
    """
    firsts = _firsts(raw.names)
    found = [_found(text(key), firsts) for key in keys]
    check_once(map(text, keys), raw.names)
    return by_task(found, counts)


def by_task(each: Sequence, counts: Sequence[int]) -> list[tuple]:
    """Deal what there is for each column out to the tasks that have them."""
    left = iter(each)
    return [tuple(next(left) for _ in range(count)) for count in counts]


def ranks(places: Sequence[tuple[int, ...]]) -> Places:
    """Give the place of each task's columns among those that tasks read."""
    rank = {
        place: i for i, place in enumerate(sorted(p for own in places for p in own))
    }
    return [tuple(rank[place] for place in own) for own in places]


def check_once(claimed: Iterable[str], names: tuple[str, ...]) -> None:
    """Raise if a column that is to be found by its name is not the only one."""
    counts = Counter(names)
    twice = sorted({name for name in claimed if counts[name] > 1})
    if twice:
        raise InvalidDataError(
            f"y has duplicate column names: {listed(twice)}. Rename them."
        )


def _firsts(names: Sequence[str]) -> dict[str, int]:
    """Give the first place of each name."""
    return {names[i]: i for i in reversed(range(len(names)))}


def _found(name: str, firsts: dict[str, int]) -> int:
    if name not in firsts:
        raise InvalidDataError(
            f"y has no column {name!r}. Its columns are: "
            f"{listed(sorted(firsts, key=firsts.__getitem__))}. Rename the task or set "
            "its 'column'."
        )
    return firsts[name]


def _too_few(name: str, i: int, n_columns: int, widths: list[int]) -> InvalidDataError:
    if set(widths) == {1}:
        return InvalidDataError(
            f"y has {n_columns} columns, and task {name!r} is number {i + 1}. "
            "Pass one column for each task, or set the task's 'column'."
        )
    return InvalidDataError(
        f"y has {n_columns} columns, and task {name!r} reads {widths[i] or 'one'} of "
        f"them after the {sum(widths[:i])} of the tasks before it. Pass a column for "
        "each, or set the task's 'column'."
    )


def _check_claims(found: Places, raw: RawTargets, tasks: Tasks) -> None:
    keys = raw.keys
    claims = Counter(place for own in found for place in own)
    for name, own in zip(tasks.names, found, strict=True):
        if not own:
            raise InvalidDataError(
                f"Task {name!r} finds no column in y, whose columns are: "
                f"{listed(keys)}. Set its 'column'."
            )
        taken = [place for place in own if claims[place] > 1]
        if len(set(own)) < len(own):
            raise InvalidParameterError(
                f"Task {name!r} reads column {keys[taken[0]]!r} of y twice."
            )
        if taken:
            raise InvalidParameterError(
                f"Task {name!r} and another read the same column "
                f"{keys[taken[0]]!r} of y. Set 'column' so that each has its own."
            )
    chosen = raw.is_named or any(task.own_columns is not None for task in tasks)
    if len(claims) < len(keys) and not chosen:
        # A list of columns reads as a table with one row for each of them.
        transposed = len(raw.take(0)) == len(claims)
        remedy = " If y lists columns, pass np.column_stack(y)." if transposed else ""
        raise InvalidDataError(
            f"y has {len(keys)} columns for {len(found)} tasks "
            f"({listed(tasks.names)}). Pass one column for each task, or set the "
            f"'column' of the tasks.{remedy}"
        )
