"""The hand-written network in plain skorch, as its documentation does it."""

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from benchmarks._hand import PlainNetwork, count_weights, summed_loss
from benchmarks._problem import Problem
from benchmarks._process import Contender


class SummedLoss(nn.Module):
    """The sum of the three losses, from one array of targets."""

    def forward(self, outputs: tuple[Tensor, ...], y: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return summed_loss(outputs, y[:, 0].long(), y[:, 1].long(), y[:, 2])


def make_net(problem: Problem, threads: int | None, **options: object) -> NeuralNet:
    """Return a net that is ready to train; its data loader is skorch's default."""
    if threads is not None:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    return NeuralNet(
        PlainNetwork,
        SummedLoss,
        module__problem=problem,
        optimizer=torch.optim.Adam,
        lr=problem.lr,
        train_split=None,
        verbose=0,
        **options,
    ).initialize()


def training(
    X: np.ndarray, y: np.ndarray, problem: Problem, threads: int | None
) -> Contender:
    """Return a net that trains one epoch a call."""
    net = make_net(
        problem, threads, batch_size=problem.batch_size, iterator_train__shuffle=True
    )
    images = X[:, None]
    return Contender(
        lambda: net.partial_fit(images, y, epochs=1),
        lambda: count_weights(net.module_),
    )


def prediction(X: np.ndarray, problem: Problem, threads: int | None) -> Contender:
    """Return a net that computes its outputs for all rows, in its default batches."""
    net = make_net(problem, threads)
    images = X[:, None]
    return Contender(lambda: net.forward(images), lambda: count_weights(net.module_))
