"""Kinds of other shapes than one column of labels: several columns, and none."""

import numpy as np
import torch

from mtlearn.losses import Inputs
from mtlearn.tasks import Figure, Task


class Several(Task):
    """Base of both: real values, as they are."""

    kind = "several"
    losses = ("mse",)
    metric = "closeness"

    def __init__(self, size=2, weight=1.0, column=None, head=None, loss="mse"):
        self.size = size
        self.weight = weight
        self.column = column
        self.head = head
        self.loss = loss

    @property
    def n_outputs(self):
        return self.size

    def encode(self, labels, rows, name):
        return labels.astype(float) - self.mean_

    def restore(self, encoded):
        return encoded + self.mean_

    def activate(self, output):
        return output.double() + torch.as_tensor(self.mean_)

    def decode(self, activated):
        return activated

    def metric_from(self, statistics):
        error, weight = statistics
        return float(-error / weight) if weight else float("nan")

    def figures(self):
        return {"closeness": Figure(closeness)}

    def baseline(self):
        return self.mean_


def squared_errors(output, target):
    return (output - target) ** 2


def closeness(labels):
    """Give minus the mean squared error over the cells that have a label."""
    there = labels.weight > 0
    errors = (labels.true[there] - labels.predicted[there]) ** 2
    return float(-np.average(errors, weights=labels.weight[there]))


class Vector(Several):
    """As many real values as it has columns, each of which may be missing."""

    kind = "vector"

    @property
    def n_columns(self):
        return self.size

    def find_columns(self, name, names):
        return [f"{name}_{i}" for i in range(self.size)]

    def fit(self, labels, sample_weight, name, rows=None):
        there = np.where(sample_weight > 0, labels, 0)
        self.mean_ = (there * sample_weight).sum(axis=0) / sample_weight.sum(axis=0)
        return self

    def loss_spec(self):
        return squared_errors, {}

    def statistics(self, output, target, weight, inputs=None):
        errors = torch.where(weight > 0, (output - target) ** 2, 0.0).double()
        return torch.stack([(weight * errors).sum(), weight.double().sum()])

    def score(self, labels, predicted, sample_weight):
        there = sample_weight > 0
        errors = (labels[there] - predicted[there]) ** 2
        return float(-np.average(errors, weights=sample_weight[there]))


class Echo(Several):
    """Gives back what the network was given, of which it has no labels."""

    kind = "echo"

    @property
    def n_columns(self):
        return 0

    def fit(self, labels, sample_weight, name, rows=None):
        self.mean_ = np.zeros(self.size)
        return self

    def loss_spec(self):
        return squared_errors, {}

    def loss_sums(self, loss, output, target, weight, inputs: Inputs | None = None):
        assert target is None
        assert len(output) == len(inputs.given) == len(inputs.seen) == len(weight)
        losses = loss(output, inputs.given.flatten(1)[:, : self.size]).mean(dim=1)
        return (weight * losses).sum(), weight.sum()

    def statistics(self, output, target, weight, inputs=None):
        assert target is None
        given = inputs.given.flatten(1)[:, : self.size]
        errors = ((output - given) ** 2).mean(dim=1).double()
        return torch.stack([(weight * errors).sum(), weight.double().sum()])

    def score(self, labels, predicted, sample_weight):
        raise AssertionError("there is nothing to score")
