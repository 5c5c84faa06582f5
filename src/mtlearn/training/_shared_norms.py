"""How long the gradient of each task is in the last layer that they share."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn.training._gradients import shared_layers
from mtlearn.training._rerouting import watched_gradients


class SharedNorms:
    """The gradients of one step, whose lengths are wanted.

    Of an epoch, in which the same layers train.
    """

    def __init__(self) -> None:
        self._layer: list[nn.Parameter] | None = None
        self.begin()

    def begin(self) -> None:
        """Begin a step."""
        self._sums: list[Tensor] | None = None

    def add(self, net: Any, means: Tensor) -> None:
        """Add the gradients of a batch or a piece of one.

        Parameters
        ----------
        net : MultiTaskNet
            In training; while no shared layer trains, there is nothing to add.
        means : Tensor of shape (n_tasks,)
            Mean losses with their graph, which is kept.
        """
        if self._layer is None or not all(w.requires_grad for w in self._layer):
            self._layer = last_shared_layer(net)
        if not self._layer:
            return
        scale = net.scaler_.scale(means.new_ones(()))  # small ones would vanish
        watches = net.watches_ and not net.lends_
        found = [
            _flat_gradient(mean, self._layer, watches) / scale
            for mean in (means * scale).unbind()
        ]
        if self._sums is not None:
            found = [a + b for a, b in zip(self._sums, found, strict=True)]
        self._sums = found

    def lengths(self, net: Any, factors: np.ndarray) -> np.ndarray | None:
        """Give the lengths of the sums.

        Parameters
        ----------
        net : MultiTaskNet
            In training; of several processes the sums are those of all.
        factors : ndarray of shape (n_tasks,)
            What each task's gradient is multiplied by.

        Returns
        -------
        ndarray of shape (n_tasks,) or None
            None if nothing was added.
        """
        if self._sums is None:
            return None
        sums = self._sums
        if net.processes_ is not None:
            sums = list(net.summed(torch.stack(sums)).unbind())
        norms = torch.stack([each.norm() for each in sums])
        return norms.cpu().double().numpy() * factors


def last_shared_layer(net: Any) -> list[nn.Parameter]:
    """Find the last layer that all tasks share and that trains.

    Parameters
    ----------
    net : MultiTaskNet
        In training.

    Returns
    -------
    list of Parameter
        Those of it that train: of the last layer with a matrix, as the scales of batch
        normalisation say little. Empty while the backbone is frozen.

    Raises
    ------
    NetworkError
        If there is none at all.
    """
    if net.module_.frozen_names is not None:
        return []
    trained = [
        [weight for weight in own if weight.requires_grad]
        for own in shared_layers(net.module_).values()
    ]
    layers = [own for own in trained if own]
    matrices = [own for own in layers if any(weight.ndim > 1 for weight in own)]
    return [*layers[-1:], *matrices[-1:]][-1] if layers else []


def _flat_gradient(loss: Tensor, weights: list[nn.Parameter], watches: bool) -> Tensor:
    if watches:
        gradients = watched_gradients(loss, weights)
    else:
        gradients = torch.autograd.grad(
            loss, weights, retain_graph=True, allow_unused=True
        )
    return torch.cat(
        [
            torch.zeros_like(weight).flatten() if each is None else each.flatten()
            for weight, each in zip(weights, gradients, strict=True)
        ]
    )
