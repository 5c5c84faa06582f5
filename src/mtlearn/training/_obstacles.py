"""What stands in the way of training a network together with others."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import OneCycleLR

from mtlearn._utils._short import short
from mtlearn.networks import drawing_from_each
from mtlearn.training._learned import modules_of, parameters_of
from mtlearn.training._own_numbers import has_no_hook, is_ours, is_quiet
from mtlearn.training._stack import Stack
from mtlearn.training.callbacks import (
    DivergenceGuard,
    EMACallback,
    FreshStatistics,
    SWACallback,
    TaskMetric,
)

# What they do with a number depends on no other one.
_ELEMENTWISE = (Adam, AdamW, SGD)
_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
# Whose hooks of a batch are known.
_KNOWN = (
    DivergenceGuard,
    EMACallback,
    FreshStatistics,
    GradientNormClipping,
    SWACallback,
    TaskMetric,
)


class Obstacle(NamedTuple):
    """What stands in the way of training together.

    Attributes
    ----------
    parameter : str
        The estimator's parameter that it comes from.
    reason : str
        What it is, as the rest of a sentence.
    """

    parameter: str
    reason: str


def obstacle_of(net: Any, *, tries: bool = True) -> Obstacle | None:
    """Find what would make a network another one if it were trained with others.

    Parameters
    ----------
    net : MultiTaskNet
        Before an epoch of training.
    tries : bool, default=True
        Whether to compute with the network, which is needed once.

    Returns
    -------
    Obstacle or None
        The first one found.
    """
    return next(_obstacles(net, tries), None)


def gains_together(net: Any) -> bool:
    """Tell whether a network takes less time together with others of its kind.

    On a processor, convolutions of several networks take about as long in one pass,
    and wide ones longer.

    Parameters
    ----------
    net : MultiTaskNet
        With a network.

    Returns
    -------
    bool
        Whether it is worth while.
    """
    return not any(isinstance(each, nn.Conv2d) for each in net.module_.modules())


def _obstacles(net: Any, tries: bool) -> Iterator[Obstacle]:
    yield from _of_parameters(net)
    yield from _of_optimizer(net)
    yield from _of_tasks(net)
    for _, callback in net.callbacks_:
        if not _is_known(callback):
            yield Obstacle("callbacks", f"{_name(callback)} looks at each batch")
    yield from _of_network(net, tries)


def _of_parameters(net: Any) -> Iterator[Obstacle]:
    if torch.device(net.device).type != "cpu":
        yield Obstacle("device", f"they are on {str(net.device)!r}, not the CPU")
    if net.is_compiled_:
        yield Obstacle("compile", "a compiled network is of one member")
    if net.precision.autocast is not None:
        name = net.precision.name
        yield Obstacle("precision", f"{name!r} rounds otherwise in larger products")
    if net.accumulate > 1:
        yield Obstacle("accumulate", "a step of theirs has several passes")
    for name in ("augmentation", "mixing"):
        if getattr(net.changes_, name) is not None:
            yield Obstacle(name, "it changes the batches of each by itself")
    if net.balance_ is not None:
        yield Obstacle("loss_weights", "they are found anew in each step")
    if net.aggregation_ is not None:
        yield Obstacle("aggregation", "it weighs the gradients of each by itself")
    if net.penalties_:
        yield Obstacle("penalty", "it is one of the weights of each by itself")


def _of_optimizer(net: Any) -> Iterator[Obstacle]:
    optimizer = net.optimizer_
    if type(optimizer) not in _ELEMENTWISE:
        known = ", ".join(each.__name__ for each in _ELEMENTWISE)
        found = type(optimizer).__name__
        yield Obstacle("optimizer", f"{found} is none of {known}, which are known")
    elif any(group.get("differentiable") for group in optimizer.param_groups):
        yield Obstacle("optimizer", "its steps have a graph")
    hooks = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    if any(getattr(optimizer, name, None) for name in hooks):
        yield Obstacle("callbacks", "the optimizer has hooks of its steps")


def _of_tasks(net: Any) -> Iterator[Obstacle]:
    if any(True for _ in net.criterion_.parameters()):
        yield Obstacle("tasks", "a loss has weights that it learns")
    for (name, task), loss in zip(
        net.tasks.items(), net.criterion_.losses, strict=True
    ):
        if not (is_ours(task) and is_ours(getattr(loss, "function", loss))):
            yield Obstacle("tasks", f"the task {name!r} has parts not known here")
        if task.n_columns == 0:
            yield Obstacle("tasks", f"the task {name!r} learns from X")


def _of_network(net: Any, tries: bool) -> Iterator[Obstacle]:
    if net.module_.n_members is not None:
        yield Obstacle("backbone", "it is one of many members itself")
    unknown = next(
        (each for each in modules_of(net) if not _is_known_layer(each)), None
    )
    hooked = not all(map(has_no_hook, parameters_of(net).values()))
    if unknown is not None or hooked:
        name = "a hook" if unknown is None else type(unknown).__name__
        yield Obstacle("backbone", f"it, a head or a loss has {name}, not known here")
    elif any(map(_holds_numbers, net.module_.modules())):
        yield Obstacle("backbone", "a layer holds numbers that are no buffer")
    elif tries:
        error = _error_of_trial(net)
        if error is not None:
            yield Obstacle("backbone", f"torch.func.vmap says: {short(error)}")


def _is_known_layer(module: Any) -> bool:
    """Tell whether a layer or loss, and a function in it, are of this package."""
    own_function = is_ours(getattr(module, "function", None))
    return is_quiet(module, "mtlearn.") and own_function


def _holds_numbers(module: Any) -> bool:
    return any(isinstance(value, Tensor) for value in vars(module).values())


def _is_known(callback: Callback) -> bool:
    """Tell whether what a callback does with a batch is done here too."""
    own, base = type(callback), Callback
    if isinstance(callback, LRScheduler):
        by_epoch = callback.step_every == "epoch"
        plain = callback.event_name is None
        return own is LRScheduler and (by_epoch or (plain and _counts(callback.policy)))
    if own is GradientNormClipping:
        return callback.gradient_clip_norm_type == 2
    if own in _KNOWN:
        return True
    return all(getattr(own, name) is getattr(base, name) for name in _HOOKS)


def _counts(policy: Any) -> bool:
    """Tell whether a schedule of batches depends on their number alone."""
    return policy is OneCycleLR or getattr(policy, "__module__", "").startswith(
        "mtlearn."
    )


def _name(callback: Callback) -> str:
    return type(callback).__name__


@torch.no_grad()
def _error_of_trial(net: Any) -> Exception | None:
    """Give the error that the network, taken twice, raises; it is not changed."""
    stack = Stack([net.module_, net.module_])
    x = torch.zeros(2, 2, *net.module__input_shape, dtype=net.precision.dtype)
    try:
        with drawing_from_each([torch.Generator(), torch.Generator()]):
            stack(x.to("cpu"))
    except Exception as error:  # of whatever kind torch's is
        return error
    return None
