"""Nets with balanced losses, of tiny problems."""

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn.losses import (
    DWA,
    FAMO,
    GLS,
    RLW,
    Balancing,
    BalancingState,
    GradNorm,
    Uncertainty,
)
from mtlearn.networks import HeadSpec
from tiny_nets import make_net, make_problem, train

METHODS = [
    Uncertainty(lr=0.1),
    DWA(temperature=0.1),
    RLW(),
    GLS(),
    FAMO(lr=0.1, every=2),
    GradNorm(alpha=1.0, lr=0.1),
]
NORMS = {"module__backbone_params": {"hidden": (4,), "batch_norm": True}}
# With dropout in a head, and batch normalisation.
NOISY = {
    **NORMS,
    "module__heads": (HeadSpec(2, hidden=(5,), dropout=0.5), HeadSpec(1, hidden=())),
}
TASK_WEIGHTS = (2.0, 0.5)


class Same(Balancing):
    """Weights of one, which may look again and note what they are shown."""

    def __init__(self, looks=False, norms=False, closures=True):
        self.looks = looks
        self.norms = norms
        self.closures = closures

    @property
    def needs_norms(self):
        return self.norms

    def start(self, factors, seed):
        return SameState(self.looks)


class SameState(BalancingState):
    def __init__(self, looks):
        self.looks = looks
        self.records = []
        self.epochs = []

    @property
    def looks_again(self):
        return self.looks

    def weights(self, losses, present):
        return np.ones(len(present))

    def end_step(self, record):
        self.records.append(record)

    def end_epoch(self, losses):
        self.epochs.append(losses)


def run(value, *callbacks, samples=None, epochs=3, balance=None, **params):
    """Train a net with balanced losses; one step an epoch, of all rows."""
    found, tasks = make_problem()
    net = make_net(tasks, **{"batch_size": 30, **params})
    net.criterion_.task_weights = TASK_WEIGHTS
    net.set_balancing(value, 7, keep_state=False)
    samples = found if samples is None else samples
    return train(net, samples, *callbacks, epochs=epochs)


def weights_of(net):
    return {k: v.clone() for k, v in net.module_.state_dict().items()}


def assert_equal(one, other):
    for name, value in weights_of(one).items():
        assert torch.equal(value, weights_of(other)[name]), name


def mean_losses(net, samples):
    """Return the weighted mean loss of each task, with its graph."""
    output = net.module_(torch.from_numpy(samples.X))
    values, weights = samples.labels.values, samples.labels.weights
    losses = [
        nn.functional.cross_entropy(output[0], values[0], reduction="none"),
        (output[1].squeeze(1) - values[1]) ** 2,
    ]
    pairs = zip(losses, weights, strict=True)
    means = torch.stack([(w * each).sum() / w.sum() for each, w in pairs])
    return means * torch.tensor(TASK_WEIGHTS, dtype=means.dtype)


class Weights(Callback):
    """Keeps the weights of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        self.weights.append([row["weight_sign"], row["weight_value"]])
