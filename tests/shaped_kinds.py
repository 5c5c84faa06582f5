"""Kinds of other shapes than one column of labels: several columns, and none."""

import numpy as np
import torch

from mtlearn.losses import Inputs
from mtlearn.tasks import Figure, Mistakes, ScoredLabels, Strata, Task


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


def bernoulli(output, target):
    return torch.nn.functional.binary_cross_entropy_with_logits(
        output, target.to(output.dtype), reduction="none"
    )


class Flags(Vector):
    """As many truth values as it has columns, with a probability each."""

    kind = "flags"
    metric = "exactness"
    estimator_type = "classifier"
    multi_label = True
    has_probabilities = True
    is_calibrated = True
    displays = frozenset({"CalibrationDisplay", "EmbeddingDisplay"})

    def encode(self, labels, rows, name):
        return np.where(np.isfinite(labels), labels, 0).astype(np.int64)

    def restore(self, encoded):
        return encoded.astype(float)

    def loss_spec(self):
        return bernoulli, {}

    def activate(self, output):
        return output.double().sigmoid()

    def decode(self, activated):
        return (activated >= 0.5).astype(float)

    def outcomes(self):
        return np.array([0.0, 1.0])

    def strata(self, values, present):
        columns = zip(values.T, present.T, strict=True)
        return [Strata(*column, True) for column in columns]

    def baseline(self):
        return (self.mean_ >= 0.5).astype(float)

    def statistics(self, output, target, weight, inputs=None):
        right = ((output >= 0) == (target > 0)).double()
        return torch.stack([(weight * right).sum(), weight.double().sum()])

    def metric_from(self, statistics):
        right, weight = statistics
        return float(right / weight) if weight else float("nan")

    def figures(self):
        return {"exactness": Figure(exactness)}

    def score(self, labels, predicted, sample_weight):
        return exactness(ScoredLabels(labels, predicted, sample_weight))

    def confidences(self, true, activated, weight):
        there = weight > 0
        right = self.decode(activated) == true
        sure = np.maximum(activated, 1 - activated)
        return sure[there], right[there], weight[there]

    def mistakes(self, true, predicted, activated, weight):
        wrong = np.where(weight > 0, true != predicted, 0)
        sure = np.abs(activated - 0.5) * wrong
        return Mistakes(
            sure.max(axis=1), lambda place: f"{wrong[place].sum():g} flags are wrong"
        )

    def never_predicted(self, true, predicted, weight):
        counts = np.where(weight > 0, true, 0).sum(axis=0).astype(int)
        never = (counts > 0) & (predicted.sum(axis=0) == 0)
        return {f"flag {place}": counts[place] for place in np.flatnonzero(never)}

    def coloured_by(self, values, present):
        return np.where(present, values, np.nan).sum(axis=1)

    def calibrate(self, activated, labels, sample_weight):
        """Give a temperature for each flag."""
        return np.linspace(2.0, 3.0, self.size)

    def calibrated(self, activated, temperature):
        scores = np.log(activated) - np.log1p(-activated)
        return 1 / (1 + np.exp(-scores / temperature))

    def exported_calibration(self):
        return lambda chances, temperature: torch.sigmoid(
            (chances.log() - (1 - chances).log()) / temperature
        )


def exactness(labels):
    """Give the share of the cells that have a label where it is right."""
    there = labels.weight > 0
    right = labels.true[there] == labels.predicted[there]
    return float(np.average(right, weights=labels.weight[there]))
