"""What an estimator can do, as its tasks say."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import ClassifierTags, RegressorTags, Tags

from mtlearn._utils._exact import exact_array
from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import Task, Tasks, read_targets, suited_to, task_of_classes


def _declared(tasks: Tasks | Task | None) -> list[Task]:
    """List the tasks that read y, which the user's may not be yet."""
    if tasks is None:
        return []
    each = list(tasks) if isinstance(tasks, Tasks) else [tasks]
    return [task for task in each if getattr(task, "n_columns", 1) != 0]


def _n_outputs(tasks: Tasks | Task | None) -> int | None:
    """Count the columns of y that declared tasks read; None if y tells."""
    counts = [getattr(task, "n_columns", 1) for task in _declared(tasks)]
    any_number = tasks is None or (not isinstance(tasks, Tasks) and counts == [1])
    return None if any_number or None in counts else sum(counts)


def set_tags(tags: Tags, tasks: Tasks | Task | None) -> Tags:
    """Set the tags that follow from the declared tasks.

    All classifications make a classifier, all regressions a regressor; mixed and
    inferred kinds are neither. Tasks without a column of y do not count.
    """
    declared = _declared(tasks)
    types = {getattr(task, "estimator_type", None) for task in declared}
    if types == {"classifier"}:
        tags.estimator_type = "classifier"
        several = len(declared) == 1 and declared[0].multi_label
        tags.classifier_tags = ClassifierTags(multi_label=several)
    elif types == {"regressor"}:
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
    n_outputs = _n_outputs(tasks)
    tags.target_tags.required = True
    tags.target_tags.positive_only = any(
        getattr(task, "positive_only", False) for task in _declared(tasks)
    )
    tags.target_tags.multi_output = n_outputs is None or n_outputs > 1
    one_column = len(declared) == 1 and getattr(declared[0], "may_be_one_column", False)
    tags.target_tags.single_output = n_outputs in (None, 1) or one_column
    return tags


def has_classification(tasks: Tasks | Task | None) -> bool:
    """Tell whether there may be a classification among declared tasks."""
    declared = _declared(tasks)
    return not declared or any(
        getattr(task, "has_probabilities", False) for task in declared
    )


def refuse_parts(tasks: Tasks | Task | None) -> None:
    """Raise if a parameter depends on all rows, of which `partial_fit` sees a part."""
    for task in _declared(tasks):
        if isinstance(task, Task):
            task.refuse_parts()


def declare_classes(
    tasks: Tasks | Task | None, y: Any, classes: Any
) -> Tasks | Task | None:
    """Return tasks that all know their classes, or None to infer them.

    Parameters
    ----------
    tasks : Tasks, Task or None
        What the user declared.
    y : array-like
        Labels, in the order of whose columns the classes are.
    classes : None, array-like or list of array-like
        What the user passed to `partial_fit`.
    """
    if tasks is None:
        if classes is None:
            return None
        if _is_nested(classes):
            raise InvalidParameterError(
                "The 'classes' argument of partial_fit goes with declared tasks where "
                "y has several columns: pass tasks=Tasks(...) to the estimator."
            )
        tasks = task_of_classes()
    tasks = suited_to(tasks, y)
    if not isinstance(tasks, Tasks):
        return _with_classes(tasks, classes, "y")
    copies: Tasks = clone(tasks)
    names = copies.labelled.names
    if len(names) > 1 and classes is not None:
        targets = sorted(read_targets(y, copies), key=lambda target: target.places)
        names = tuple(target.name for target in targets)
    each = [classes] if len(names) == 1 and not _is_nested(classes) else classes
    if each is None:
        each = [None] * len(names)
    if len(each) != len(names):
        raise InvalidParameterError(
            f"The 'classes' argument of partial_fit has {len(each)} entries for "
            f"{len(names)} tasks ({listed(names)}). Give labels for each "
            "task that has classes, and None for the others."
        )
    given = {
        name: _with_classes(copies[name], labels, name)
        for name, labels in zip(names, each, strict=True)
    }
    others = {name: task for name, task in copies.items() if name not in given}
    return Tasks.from_mapping({**given, **others})


def _is_nested(classes: Any) -> bool:
    return isinstance(classes, list | tuple) and any(
        labels is None or (np.ndim(labels) == 1) for labels in classes
    )


def _with_classes(task: Task, classes: Any, name: str) -> Task:
    if not getattr(task, "learns_classes", False):
        return task
    if classes is None:
        raise InvalidParameterError(
            f"The first call of partial_fit must know the classes of task {name!r}: "
            f"declare them with {type(task).__name__}(classes=...), or pass classes=."
        )
    labels = exact_array(classes)
    if labels.ndim != 1:
        raise InvalidParameterError(
            f"The 'classes' argument of partial_fit must list the labels of task "
            f"{name!r}. Got {short(classes)} instead."
        )
    return clone(task).set_params(classes=labels.tolist())
