"""More training of a network that was fitted before."""

import re

from sklearn.base import clone

from mtlearn._utils._partial import Partial
from mtlearn.estimators._fit import FitState, move
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import architecture
from mtlearn.tasks import Classification, Task, Tasks
from mtlearn.training import MultiTaskNet


def go_on(net: MultiTaskNet, settings: Settings) -> None:
    """Prepare a fitted net for more training with today's parameters.

    Parameters
    ----------
    net : MultiTaskNet
        Changed in place.
    settings : Settings
        Checked parameters.
    """
    moved = move(net, settings)
    net.set_compile(settings.compile)
    net.batch_size = settings.batch_size
    net.module_.freeze_backbone(settings.freeze_backbone)
    net.set_optimizer(
        settings.optimizer.cls,
        settings.optimizer.kwargs,
        settings.rates,
        keep_state=settings.keeps_optimizer and not moved,
    )


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
    net = state.net
    if isinstance(tasks, Tasks):
        declared: Tasks = tasks
        declared.validate()
        if set(declared.names) == set(state.codec.tasks.names):
            declared = Tasks.from_mapping(
                {name: declared[name] for name in state.codec.tasks.names}
            )
        before, today = _described(state.codec.tasks), _described(declared)
        _check_same("tasks", before, today)
    backbones = (
        Partial(net.module__backbone, **net.module__backbone_params),
        settings.backbone,
    )
    before, today = (
        repr(Partial(each.cls, **architecture(each.cls, each.kwargs)))
        for each in backbones
    )
    _check_same("backbone", before, today)


def _described(tasks: Tasks) -> str:
    """Describe all that a network and its targets depend on: not the weights."""
    plain = {
        name: clone(task).set_params(weight=1.0, column=None)
        for name, task in tasks.items()
    }
    for task in plain.values():
        if isinstance(task, Classification):
            task.set_params(classes=None)
    return repr(Tasks.from_mapping(plain))


def _check_same(name: str, before: str, today: str) -> None:
    # A clone of a loss without a repr of its own differs in its address only.
    before, today = (re.sub(r" at 0x[0-9a-f]+", "", text) for text in (before, today))
    if before != today:
        raise InvalidParameterError(
            f"The {name!r} parameter has changed since the last fit, whose network is "
            f"to go on: from {before} to {today}. Set it back, or fit anew with "
            "warm_start=False."
        )
