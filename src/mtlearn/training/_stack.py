"""The weights of several networks of one kind, one on top of the other."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from mtlearn.networks import MultiTaskNetwork
from mtlearn.training._dense_passes import DensePasses


class Stack:
    """Networks of one kind that compute in one pass.

    Parameters
    ----------
    networks : sequence of MultiTaskNetwork
        Of the same layers, in the same modes. Their weights and buffers are copied.

    Attributes
    ----------
    weights, buffers : dict of str to Tensor of shape (n_networks, ...)
        By name. Weights that train have a gradient of their own.
    """

    def __init__(self, networks: Sequence[MultiTaskNetwork]) -> None:
        self.networks = list(networks)
        self.weights = _stacked(each.named_parameters() for each in networks)
        self.buffers = _stacked(each.named_buffers() for each in networks)
        for name, weight in networks[0].named_parameters():
            self.weights[name].requires_grad_(weight.requires_grad)
        self.dense = DensePasses.of(networks[0], self.weights)

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs of each network of its own rows.

        Parameters
        ----------
        x : Tensor of shape (n_networks, n_samples, ...)
            Rows of each.

        Returns
        -------
        tuple of Tensor of shape (n_networks, n_samples, n_outputs)
            One a task.
        """
        if self.dense is not None:
            return self.dense(x)
        first = self.networks[0]
        # The order in memory is no part of a number, and vmap knows none.
        order, first.memory_format = first.memory_format, None
        try:
            # Whatever draws for itself is an error here: all would draw the same.
            compute: Callable[..., Any] = vmap(self._one, randomness="error")
            return compute(self.weights, self.buffers, x)
        finally:
            first.memory_format = order

    def _one(
        self, weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor
    ) -> tuple[Tensor, ...]:
        return tuple(functional_call(self.networks[0], (weights, buffers), (x,)))

    @torch.no_grad()
    def give_back(self) -> None:
        """Give the networks their weights and buffers."""
        for number, network in enumerate(self.networks):
            for name, weight in network.named_parameters():
                if weight.requires_grad:
                    weight.copy_(self.weights[name][number])
            for name, buffer in network.named_buffers():
                buffer.copy_(self.buffers[name][number])


def _stacked(
    named: Iterable[Iterable[tuple[str, Tensor]]],
) -> dict[str, Tensor]:
    of_each = [dict(each) for each in named]
    return {
        name: torch.stack([own[name].detach() for own in of_each])
        for name in of_each[0]
    }


class StackedOptimizer:
    """An optimiser of a stack, that goes on with the states of those of its networks.

    What it does is the same for every number by itself, so that a step for all of them
    is that of each.

    Parameters
    ----------
    stack : Stack
        The networks.
    own : sequence of torch optimiser
        Of each network, of the same class, options and number of steps.
    """

    def __init__(self, stack: Stack, own: Sequence[torch.optim.Optimizer]) -> None:
        self.own = list(own)
        self.stack = stack
        names = {id(w): name for name, w in stack.networks[0].named_parameters()}
        self.weights = [
            [stack.weights[names[id(w)]] for w in group["params"]]
            for group in own[0].param_groups
        ]
        groups = [
            {**group, "params": weights}
            for group, weights in zip(own[0].param_groups, self.weights, strict=True)
        ]
        made: Any = type(own[0])
        self.optimizer: torch.optim.Optimizer = made(groups)
        for several in self._pairs():
            states = [each.state[w] for each, w in zip(own, several[1:], strict=True)]
            if states[0]:
                self.optimizer.state[several[0]] = {
                    key: _joined(key, [state[key] for state in states])
                    for key in states[0]
                }

    def _pairs(self) -> list[tuple[Tensor, ...]]:
        """Give each stacked weight beside those of the networks."""
        parts = [
            [w for group in each.param_groups for w in group["params"]]
            for each in self.own
        ]
        stacked = [w for group in self.weights for w in group]
        return list(zip(stacked, *parts, strict=True))

    def take_options(self) -> None:
        """Take the rates of the networks' optimisers, which a schedule may change."""
        for mine, group in zip(
            self.optimizer.param_groups, self.own[0].param_groups, strict=True
        ):
            mine.update({k: v for k, v in group.items() if k != "params"})

    def clip(self, most: float) -> None:
        """Scale the gradients of each network so that their norm is not above this.

        References
        ----------
        .. [1] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training
           recurrent neural networks", ICML 2013.
        """
        gradients = [w.grad for w in self.stack.weights.values() if w.grad is not None]
        if not gradients:
            return
        squares = torch.stack(
            [g.reshape(len(g), -1).square().sum(1) for g in gradients]
        )
        factors = (most / (squares.sum(dim=0).sqrt() + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))

    @torch.no_grad()
    def give_back(self) -> None:
        """Give the networks' optimisers their states, and weights their gradients."""
        for stacked, *parts in self._pairs():
            state = self.optimizer.state.get(stacked, {})
            for number, (each, weight) in enumerate(zip(self.own, parts, strict=True)):
                each.state[weight].update(
                    {key: _of(key, value, number) for key, value in state.items()}
                )
                gradient = stacked.grad
                weight.grad = None if gradient is None else gradient[number].clone()


def _joined(key: str, values: Sequence[Any]) -> Any:
    first = values[0]
    if not isinstance(first, Tensor):
        return first
    return first.clone() if key == "step" else torch.stack(tuple(values))


def _of(key: str, value: Any, number: int) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.clone() if key == "step" else value[number].clone()
