"""Steps of a tiny net whose gradients are combined, and what they are made of."""

import numpy as np
import torch

from mtlearn import Classification, Regression, Tasks
from mtlearn.data import Samples, to_labels
from mtlearn.losses import sample_loss
from mtlearn.networks import HeadSpec
from mtlearn.tasks import fit_codec
from tiny_nets import CPU, FLOAT64, make_net, make_problem


class Records:
    """Keeps the Gramians, and weighs by given numbers."""

    def __init__(self, *weights):
        self.weights = weights
        self.gramians = []

    def __call__(self, gramian):
        self.gramians.append(gramian.numpy().copy())
        return np.array(self.weights[: len(gramian)])


def first_batch(net, samples):
    (batch, *_) = net.get_iterator(samples, training=False)
    return batch


def step_of(net, batch, aggregation=None):
    """Take the gradients of one step, without one of the optimiser."""
    net.look_for_draws()
    net.set_aggregation(aggregation, seed=0)
    net.optimizer_.zero_grad(set_to_none=True)
    return net.train_step_single(batch)


def gradients_of(net):
    named = dict(net.module_.named_parameters())
    return {
        name: None if weight.grad is None else weight.grad.clone()
        for name, weight in named.items()
    }


def by_task(net, batch):
    """Compute the gradients of each task's weighted loss, one pass for each."""
    found = []
    factors = net.criterion_.task_weights
    for task, factor in enumerate(factors):
        net.optimizer_.zero_grad(set_to_none=True)
        parts = net.forward_step(batch, training=True)["counted"][0]
        (parts.means[task] * factor).backward()
        found.append(gradients_of(net))
    return found


def expected_of(found, weights):
    """Combine the backbone's gradients by weights, and add up those of the heads."""
    expected = {}
    for name in found[0]:
        factors = weights if name.startswith("backbone.") else np.ones(len(found))
        expected[name] = sum(
            factor * each[name] for factor, each in zip(factors, found, strict=True)
        )
    return expected


def shared(found):
    """Put the gradients of each task in the backbone into a row."""
    return torch.stack(
        [
            torch.cat(
                [value.flatten() for k, value in each.items() if k[:8] == "backbone"]
            )
            for each in found
        ]
    )


def plain_net(precision=FLOAT64, **params):
    samples, tasks = make_problem(dtype=precision.dtype)
    net = make_net(tasks, precision, **params)
    net.callbacks_ = []
    return net, first_batch(net, samples)


def assert_close(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, **tolerance)


THREE = {
    "module__heads": (
        HeadSpec(2, hidden=()),
        HeadSpec(1, hidden=()),
        HeadSpec(1, hidden=()),
    ),
    "criterion__losses": (
        sample_loss("cross_entropy"),
        sample_loss("mse"),
        sample_loss("mae"),
    ),
}


def net_of_three(absent, **params):
    """Make a net whose third task is the second one again, with a task absent."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    y = np.column_stack([X[:, 0] > 0, X[:, 1], X[:, 2]]).astype(float)
    tasks = Tasks(sign=Classification(2), value=Regression(), other=Regression())
    codec = fit_codec(tasks, y)
    y[:, absent] = np.nan
    labels = to_labels(codec.encode(y), torch.float64, CPU)
    net = make_net(codec.tasks, FLOAT64, **{**THREE, **params})
    net.callbacks_ = []
    return net, first_batch(net, Samples(X, labels))
