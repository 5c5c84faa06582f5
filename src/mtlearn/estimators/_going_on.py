"""More training of a network that was fitted before."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from torch import nn

from mtlearn._utils._frames import text
from mtlearn._utils._partial import Partial
from mtlearn.estimators._fit import FitState, freeze, move
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import BackboneOfEach, resolved, structure
from mtlearn.tasks import Task, Tasks
from mtlearn.training import MultiTaskNet, same_value

# Weights may change. Columns and classes are compared with what they were found to be.
_APART = {"weight", "classes"}
# As many characters of a value are shown.
_SHOWN = 200


def go_on(net: MultiTaskNet, settings: Settings, n_epochs: int) -> None:
    """Prepare a fitted net for more training with today's parameters.

    Parameters
    ----------
    net : MultiTaskNet
        Changed in place.
    settings : Settings
        Checked parameters.
    n_epochs : int
        For how many it has been trained.
    """
    moved = move(net, settings)
    net.set_compile(settings.compile)
    net.batch_size, net.accumulate = settings.batch_size, settings.accumulate
    freeze(net, settings, n_epochs)
    net.set_optimizer(
        settings.optimizer.cls,
        settings.optimizer.kwargs,
        settings.rates,
        keep_state=settings.keeps_optimizer and not moved,
    )


def tasks_of_today(fitted: Tasks, tasks: Tasks | Task | None) -> Tasks:
    """Give the tasks that today's parameter declares.

    Parameters
    ----------
    fitted : Tasks
        What an earlier fit has learned.
    tasks : Tasks, Task or None
        The estimator's parameter today.

    Returns
    -------
    Tasks
        One kind stands for every column, and None for kinds as they are inferred.
    """
    declared: Tasks = (
        tasks
        if isinstance(tasks, Tasks)
        else Tasks.from_mapping(
            {
                name: type(task)() if tasks is None else clone(tasks)
                for name, task in fitted.items()
            }
        )
    )
    declared.validate()
    suited = {
        name: task.of_today(fitted[name]) if name in fitted else task
        for name, task in declared.items()
    }
    return Tasks.from_mapping(suited)


def weights_of_today(
    state: FitState, tasks: Tasks | Task | None, loss_weights: Any
) -> tuple[float, ...]:
    """Give the weights of tasks, which may change from fit to fit as nothing else may.

    Parameters
    ----------
    state : FitState
        With fitted tasks, in whose order weights are given.
    tasks : Tasks, Task or None
        The estimator's parameter today.
    loss_weights : None, sequence or mapping of float
        The estimator's parameter today.

    Returns
    -------
    tuple of float
        One for each task.
    """
    today = tasks_of_today(state.codec.tasks, tasks)
    given = dict(zip(today.names, today.weights(loss_weights), strict=True))
    return tuple(given[name] for name in state.codec.tasks.names)


def check_same_network(
    state: FitState, tasks: Tasks | Task | None, settings: Settings
) -> None:
    """Raise if parameters that a network is made from differ from its own.

    Parameters
    ----------
    state : FitState
        What an earlier fit has learned.
    tasks : Tasks, Task or None
        The estimator's parameter today.
    settings : Settings
        Checked parameters.
    """
    fitted = state.codec.tasks
    today = tasks_of_today(fitted, tasks)
    _check_same("tasks", "names", sorted(fitted.names), sorted(today.names))
    for name, task in fitted.items():
        other = today[name]
        _check_same("tasks", f"the kind of {name!r}", type(task), type(other))
        found, given = task.get_params(deep=False), other.get_params(deep=False)
        for key in sorted(found.keys() - _APART - {task.columns_parameter}):
            before, now = found[key], given[key]
            if not same_value(*map(_as_built, (before, now))):
                raise _changed("tasks", f"{key!r} of {name!r}", before, now)
        if other.get_params().get("classes") is not None:
            labels = (
                _labels(vars(task)["classes_"]),
                _labels(other.get_params()["classes"]),
            )
            if labels[0] != labels[1]:
                raise _changed("tasks", f"'classes' of {name!r}", *labels)
    if tasks is not None:
        _check_columns(state, today, of_one_kind=isinstance(tasks, Task))
    net = state.net
    cls, backbone = net.module__backbone, settings.backbone
    if cls is BackboneOfEach:
        raise InvalidParameterError(
            f"The network of this {settings.owner} has a backbone for each of several "
            "tasks, as early_stopping='task' ended with, and does not go on. Set "
            "warm_start=False and call fit, or begin with early_stopping=True."
        )
    _check_same("backbone", "its class", cls, backbone.cls)
    before = structure(cls, net.module__backbone_params, net.module_.backbone)
    now = structure(cls, backbone.kwargs)
    # What is looked up is what it was, unless the user says it.
    apart = {key for key in resolved(cls) if now.get(key) is None}
    # A name may stand for more than it did when the network was made.
    apart |= settings.implied - before.keys()
    for key in sorted((before.keys() | now.keys()) - apart):
        missing = "nothing"
        _check_same(
            "backbone", repr(key), before.get(key, missing), now.get(key, missing)
        )


def _check_columns(state: FitState, tasks: Tasks, *, of_one_kind: bool) -> None:
    """Raise if a task is to read another column of y than before.

    One kind reads all of them, in the order of y, unless it says which.
    """
    layout = state.codec.layout
    named = layout.container in ("frame", "dict")
    labelled = state.codec.tasks.labelled.names
    keys = dict(zip(labelled, layout.keys_of_tasks, strict=True))
    turn = 0
    for name, task in tasks.labelled.items():
        before, columns = keys[name], task.own_columns
        own = range(turn, turn + len(before))
        turn += len(before)
        if columns is not None:
            today = tuple(columns)
            same = today == before or columns == state.codec.tasks[name].own_columns
        elif of_one_kind:
            today = tuple(layout.keys[i] for i in layout.ranks) or before
            same = today == before
        elif named:
            today = tuple(task.find_columns(name, list(map(text, layout.keys))))
            same = today == tuple(map(text, before))
        else:
            today = tuple(own)
            same = today == before
        if not same:
            what = f"{task.columns_parameter!r} of {name!r}"
            raise _changed("tasks", what, _alone(before), _alone(today))


def _alone(columns: tuple[Any, ...]) -> Any:
    return columns[0] if len(columns) == 1 else list(columns)


def _as_built(parameter: Any) -> Any:
    """Give what the layers of a module of the user's follow from; all else as it is."""
    if isinstance(parameter, type) and issubclass(parameter, nn.Module):
        parameter = Partial(parameter)
    if not isinstance(parameter, Partial):
        return parameter
    return parameter.cls, structure(parameter.cls, parameter.kwargs)


def _labels(classes: Any) -> set[Any]:
    if isinstance(classes, Integral):
        return set(range(int(classes)))
    return set(np.asarray(classes).tolist())


def _check_same(name: str, what: str, before: Any, today: Any) -> None:
    if not same_value(before, today):
        raise _changed(name, what, before, today)


def _changed(name: str, what: str, before: Any, today: Any) -> InvalidParameterError:
    shown = [
        text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        for text in map(repr, (before, today))
    ]
    same = " (which look alike)" if shown[0] == shown[1] else ""
    return InvalidParameterError(
        f"The {name!r} parameter has changed since the last fit, whose network is "
        f"to go on: {what}, from {shown[0]} to {shown[1]}{same}. Set it back, or fit "
        "anew with warm_start=False."
    )
