"""A skorch net whose random numbers are those of its fit."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from mtlearn.losses import MultiTaskLoss
from mtlearn.training._balancing import Balance
from mtlearn.training._changes import Changes
from mtlearn.training._kept_graph import kept_graph
from mtlearn.training._learned import modules_of, parameters_of
from mtlearn.training._meeting import taken_at_meeting
from mtlearn.training._randomness import Randomness
from mtlearn.training._rerouting import DrawsInBackward, watched_backward

# Layers that draw nothing, as those of this package's networks; others may.
_QUIET = frozenset(
    {
        MultiTaskLoss,
        nn.BatchNorm1d,
        nn.BatchNorm2d,
        nn.Conv2d,
        nn.Identity,
        nn.Linear,
        nn.ModuleDict,
        nn.ModuleList,
        nn.ReLU,
        nn.Sequential,
        nn.Unflatten,
    }
)
# Where callbacks, and the functions that they hold, draw nothing from torch.
_QUIET_HOMES = (
    "mtlearn.",
    "skorch.",
    "sklearn.",
    "numpy.",
    "builtins.",
    "torch.optim.",
)


class OwnNumbers(NeuralNet):
    """A skorch net that draws from the generators of its fit.

    Layers of this package know where to draw from. Where code may run that does not,
    all calls of torch are watched; it is not done everywhere as it takes time. Nothing
    is watched in an optimiser of torch's, nor where gradients are computed, unless the
    network does more than that.
    """

    randomness_: Randomness
    changes_: Changes
    compile_options: dict[str, Any] | None
    # What weighs the losses of a step, if that is found while training.
    balance_: Balance | None
    # What may run code that is not known: the network and its loss, and callbacks.
    watches_: bool
    watches_callbacks_: bool
    # Whether a part of it was compiled when training last looked.
    is_compiled_: bool = False

    def own_numbers(self, watches: bool) -> AbstractContextManager[None]:
        """Let numbers that are drawn come from the generators of the fit.

        Parameters
        ----------
        watches : bool
            Whether code may run that is not known.

        Returns
        -------
        context manager
            For the calling thread.
        """
        if watches:
            return self.randomness_.for_all()
        return self.randomness_.for_layers()

    def own_pass(self) -> AbstractContextManager[None]:
        """Let a pass through the network draw from the generators of the fit.

        Returns
        -------
        context manager
            For the calling thread; for all if there is no other way.
        """
        if self.lends_:
            return self.randomness_.for_all_threads()
        return self.own_numbers(self.watches_)

    @property
    def lends_(self) -> bool:
        """Tell whether torch's default generators must draw for the network."""
        return self.is_compiled_ or self.randomness_.draws_again

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks.

        Parameters
        ----------
        method_name : str
            Such as "on_epoch_end".
        **cb_kwargs : object
            What they get.
        """
        with self.own_numbers(self.watches_callbacks_):
            super().notify(method_name, **cb_kwargs)

    def run_single_epoch(self, iterator: Any, training: bool, **kwargs: Any) -> None:
        """Run all batches once, and look before what they may draw.

        Parameters
        ----------
        iterator : Batches or None
            The batches.
        training : bool
            Whether to train on them, together with other nets if these meet.
        **kwargs : object
            As in skorch.
        """
        self.look_for_draws()  # a callback may have changed the network
        if not (training and taken_at_meeting(self, iterator)):
            super().run_single_epoch(iterator, training, **kwargs)

    def look_for_draws(self) -> None:
        """Find out whether code may run that is not known."""
        modules = list(modules_of(self))
        self.is_compiled_ = any(map(_is_compiled, modules))
        self.watches_ = not (
            all(map(is_quiet, modules))
            and all(map(has_no_hook, parameters_of(self).values()))
            and all(map(is_ours, self.criterion_.losses))
            and all(map(is_ours, self.tasks))
        )
        self.watches_callbacks_ = self.watches_ or not all(
            _is_quiet_callback(callback) for _, callback in self.callbacks_
        )

    def _step_optimizer(self, step_fn: Callable[..., Any]) -> None:
        is_torchs = type(self.optimizer_).__module__.startswith("torch.")
        with nullcontext() if is_torchs else self.randomness_.for_all():
            super()._step_optimizer(step_fn)

    def changed(self, x: Tensor, labels: Any, generator: torch.Generator) -> Any:
        """Augment and mix a batch; see `Changes.apply`."""
        changes = self.changes_
        watches = not (is_ours(changes.augmentation) and is_ours(changes.mixing))
        with self.randomness_.for_all() if watches else nullcontext():
            unites = [task.unites for task in self.tasks]
            denoises = any(task.denoises for task in self.tasks)
            return changes.apply(x, labels, generator, unites, denoises=denoises)

    def step_through(self, batch: Any) -> dict[str, Any]:
        """Go forward and backward through the network.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.

        Returns
        -------
        dict
            ``loss`` and ``y_pred``.
        """
        if not self.lends_:
            try:
                return self._gradients_of(batch)
            except DrawsInBackward:
                # What is dropped when activations are computed again must be what was
                # dropped before; torch.utils.checkpoint sees to that for the default
                # generator only.
                self.randomness_.draws_again = True
                self._zero_grad_optimizer()
        with self.randomness_.for_all_threads():
            return self._gradients_of(batch)

    def _gradients_of(self, batch: Any) -> dict[str, Any]:
        """Compute the gradients of a batch, by one pass or several."""
        return self.backward_step(batch)

    def backward_step(
        self, batch: Any, divisors: Tensor | None = None
    ) -> dict[str, Any]:
        """Go forward and backward once.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows, all at once.
        divisors : Tensor of shape (n_tasks,), default=None
            What the losses are divided by where these rows are a piece of a batch.

        Returns
        -------
        dict
            What `forward_step` returns.
        """
        looks = self.balance_ is not None and self.balance_.value.needs_norms
        with kept_graph(self) if looks else nullcontext():
            with nullcontext() if self.lends_ else self.own_pass():
                step = self.forward_step(batch, training=True, divisors=divisors)
                if self.balance_ is not None:
                    step["loss"] = self.balance_.total(step["counted"][0])
                loss = self.scaler_.scale(step["loss"])
            if self.balance_ is not None:
                self.balance_.look_at_gradients(self, step["counted"][0])
        if self.watches_ and not self.lends_:
            watched_backward(loss)
        else:
            loss.backward()
        return step


def is_ours(part: Any) -> bool:
    """Tell whether a callable, a task or a callback is one of this package."""
    return part is None or _home_of(part).startswith("mtlearn.")


def _home_of(part: Any) -> str:
    """Name the module of a function or class, or of the class of an object."""
    while isinstance(part, partial):
        part = part.func
    owner = part if hasattr(part, "__qualname__") else type(part)
    return f"{getattr(owner, '__module__', None)}."


def is_quiet(module: nn.Module, home: str = "mtlearn.networks.") -> bool:
    """Tell whether a layer draws nothing, or knows where from.

    It is one of torch's that are known, or of a class from below `home`.
    """
    known = type(module) in _QUIET or type(module).__module__.startswith(home)
    hooks = module._forward_hooks or module._forward_pre_hooks
    hooks = hooks or module._backward_hooks or module._backward_pre_hooks
    return known and not hooks and "forward" not in vars(module)


def _is_quiet_callback(callback: Any) -> bool:
    """Tell whether a callback is known, and holds no function that may draw.

    Such as the one of skorch that fills weights by a function of `torch.nn.init`.
    """
    parts = [callback]
    for held in vars(callback).values():
        several = held if isinstance(held, list | tuple) else [held]
        parts.extend(each for each in several if callable(each))
    return all(_home_of(part).startswith(_QUIET_HOMES) for part in parts)


def has_no_hook(weights: nn.Parameter) -> bool:
    return not (weights._backward_hooks or weights._post_accumulate_grad_hooks)


def _is_compiled(module: nn.Module) -> bool:
    return (
        module._compiled_call_impl is not None
        or isinstance(module, torch.jit.ScriptModule)
        or type(module).__name__ == "OptimizedModule"  # of torch.compile
    )
