"""Which tasks may have unknown rows, and which class the known ones are of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import task_outputs, unwrap
from mtlearn.exceptions import InvalidParameterError, UnknownTaskError
from mtlearn.tasks import Tasks, label_weights


def open_tasks(tasks: Tasks, chosen: Any, owner: str) -> list[str]:
    """Name the tasks that may have unknown rows.

    Parameters
    ----------
    tasks : Tasks
        Of the estimator.
    chosen : None, str or sequence of str
        What the user gave; None takes all with classes.
    owner : str
        For messages.

    Returns
    -------
    list of str
        At least one, in task order.
    """
    able = [name for name, task in tasks.labelled.items() if task.has_classes]
    if not able:
        raise InvalidParameterError(
            f"{owner} needs a task with classes, such as a Classification. The tasks "
            f"are: {listed(tasks.names)}."
        )
    if chosen is None:
        return able
    named = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(named, list | tuple) or not named:
        raise InvalidParameterError(
            f"The 'task' parameter of {owner} must be None, the name of a task or a "
            f"list of such. Got {short(chosen)} instead."
        )
    wrong = [name for name in named if name not in able]
    if wrong:
        raise UnknownTaskError(
            f"The 'task' parameter of {owner} must name tasks with classes, of which "
            f"there are {listed(able)}. Got {short(wrong[0])} instead."
        )
    return [name for name in able if name in named]


def codes_of(
    estimator: Any,
    names: Sequence[str],
    X: Any,
    y: Any,
    sample_weight: Any = None,
) -> dict[str, np.ndarray]:
    """Give the number of the class of each row.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    names : sequence of str
        Tasks.
    X : array-like
        Samples, looked at where y is None.
    y : array-like or None
        Labels; None takes the most likely ones.
    sample_weight : array-like, default=None
        A weight of zero makes a label absent.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        By task; -1 where nobody knows, or the label is none of the classes.
    """
    inner = unwrap(estimator)
    labelled = inner.tasks_.labelled
    found = {}
    if y is None:
        outputs = dict(zip(labelled.names, task_outputs(estimator, X), strict=True))
        for name in names:
            # Rows without any are left out by what is seen of them.
            found[name] = np.nan_to_num(outputs[name]).argmax(axis=1)
        return found
    targets = inner._codec.targets(y)
    weights = label_weights(targets, sample_weight)
    for (name, task), target, weight in zip(
        labelled.items(), targets, weights, strict=True
    ):
        if name in names:
            found[name] = _codes(task, target.values, weight)
    return found


def _codes(task: Any, labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    codes = np.full(len(labels), -1, dtype=np.int64)
    rows = np.flatnonzero(weight > 0)
    places, known = task.locate(labels[rows])
    codes[rows] = np.where(known, places, -1)
    return codes
