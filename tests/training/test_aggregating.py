"""Gradients of tasks that become one in what they share."""

import numpy as np
import pytest
import torch
from aggregated_steps import (
    Records,
    assert_close,
    by_task,
    expected_of,
    gradients_of,
    net_of_three,
    plain_net,
    shared,
    step_of,
)
from torch import nn

from mtlearn.losses import MGDA, sample_loss
from mtlearn.training._aggregating import present_tasks


@pytest.mark.parametrize("factors", [(1.0, 1.0), (0.5, 3.0)])
def test_the_backbone_has_the_weighted_sum_and_each_head_its_own(factors):
    net, batch = plain_net()
    net.criterion_.task_weights = factors
    found = by_task(net, batch)
    records = Records(2.0, -0.5)
    step = step_of(net, batch, records)
    assert_close(gradients_of(net), expected_of(found, (2.0, -0.5)))
    rows = shared(found)
    np.testing.assert_allclose(records.gramians, [(rows @ rows.T).numpy()], rtol=1e-10)
    assert not step["loss"].requires_grad
    assert step["loss"] == net.forward_step(batch, training=True)["loss"]


def test_weights_follow_from_the_gramian_of_what_is_shared():
    net, batch = plain_net()
    rows = shared(by_task(net, batch))
    weights = MGDA()(rows @ rows.T)
    expected = expected_of(by_task(net, batch), weights)
    step_of(net, batch, MGDA())
    assert_close(gradients_of(net), expected)


def test_a_gradient_that_is_there_is_added_to():
    net, batch = plain_net()
    step_of(net, batch, Records(2.0, -0.5))
    once = gradients_of(net)
    net.train_step_single(batch)
    assert_close(gradients_of(net), {name: 2 * each for name, each in once.items()})


@pytest.mark.parametrize("aggregation", [MGDA(), Records(1.0, 1.0)])
def test_pieces_are_combined_once(aggregation):
    net, batch = plain_net(batch_size=30)
    step_of(net, batch, aggregation)
    whole = gradients_of(net)
    net.batch_size, net.accumulate = 7, 5
    step_of(net, batch, aggregation)
    assert_close(gradients_of(net), whole)
    if isinstance(aggregation, Records):
        one, other = aggregation.gramians
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("absent", ["no label", "no weight", "zero"])
def test_a_single_task_that_is_present_has_a_plain_step(absent):
    net, batch = plain_net()
    x, labels = batch
    if absent == "zero":
        net.criterion_.task_weights = (1.0, 0.0)
    else:
        weights = (labels.weights[0], torch.zeros_like(labels.weights[1]))
        labels = labels._replace(weights=weights)
        if absent == "no weight":
            labels = labels._replace(weights=batch[1].weights, class_weighted=weights)
    assert present_tasks(labels, net.criterion_.task_weights) == [0]
    step_of(net, (x, labels))
    expected = gradients_of(net)
    records = Records(5.0, 5.0)
    step_of(net, (x, labels), records)
    assert records.gramians == []
    assert_close(gradients_of(net), expected, rtol=0, atol=0)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_an_absent_task_is_left_out_and_its_head_has_zeros(absent):
    net, batch = net_of_three(absent)
    found = by_task(net, batch)
    records = Records(2.0, -0.5)
    step_of(net, batch, records)
    ((gramian,),) = [records.gramians]
    rows = shared(found)[[task for task in range(3) if task != absent]]
    np.testing.assert_allclose(gramian, rows @ rows.T)
    weights = np.insert([2.0, -0.5], absent, 0.0)
    assert_close(gradients_of(net), expected_of(found, weights))
    for weight in net.module_.heads[absent].parameters():
        assert not weight.grad.any()


def test_a_frozen_backbone_has_plain_steps_meanwhile():
    net, batch = plain_net()
    net.module_.freeze_backbone(True)
    step_of(net, batch)
    expected = gradients_of(net)
    records = Records(5.0, 5.0)
    step_of(net, batch, records)
    assert_close(gradients_of(net), expected, rtol=0, atol=0)
    assert records.gramians == []
    net.module_.freeze_backbone(False)
    step_of(net, batch, records)
    assert len(records.gramians) == 1


def test_weights_that_do_not_train_have_no_part():
    net, batch = plain_net()
    first = next(net.module_.backbone.parameters())
    first.requires_grad_(False)
    found = by_task(net, batch)
    records = Records(1.0, 1.0)
    step_of(net, batch, records)
    assert first.grad is None
    kept = [{k: v for k, v in each.items() if v is not None} for each in found]
    rows = shared(kept)
    np.testing.assert_allclose(records.gramians, [(rows @ rows.T).numpy()])


class Apart(nn.Module):
    """A backbone with a layer of each task's own, one of which nobody reaches."""

    def __init__(self, in_features):
        super().__init__()
        self.shared = nn.Linear(in_features, 4, dtype=torch.float64)
        self.own = nn.ModuleList(nn.Linear(4, 3, dtype=torch.float64) for _ in range(2))
        self.unused = nn.Linear(2, 2, dtype=torch.float64)
        self.n_features = 3

    def shared_parameters(self):
        return [*self.shared.parameters(), *self.unused.parameters()]

    def forward(self, x):
        x = self.shared(x).relu()
        return tuple(layer(x) for layer in self.own)


def test_what_the_tasks_do_not_share_is_none_of_the_gramian():
    net, batch = plain_net(module__backbone=Apart, module__backbone_params={})
    found = by_task(net, batch)
    records = Records(2.0, -0.5)
    step_of(net, batch, records)
    got = gradients_of(net)
    rows = [
        torch.cat([each[f"backbone.shared.{k}"].flatten() for k in ("weight", "bias")])
        for each in found
    ]
    np.testing.assert_allclose(
        records.gramians[0], [[float(a @ b) for b in rows] for a in rows]
    )
    name = "backbone.shared.weight"
    expected = 2.0 * found[0][name] - 0.5 * found[1][name]
    torch.testing.assert_close(got[name], expected)
    for task in range(2):
        name = f"backbone.own.{task}.weight"
        torch.testing.assert_close(got[name], found[task][name])
    assert got["backbone.unused.weight"] is None


class Uncertain(nn.Module):
    """The squared error with a variance that is learned."""

    def __init__(self):
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, output, target):
        error = (output - target) ** 2
        return error * torch.exp(-self.log_variance) + self.log_variance


def test_what_a_loss_learns_has_the_gradient_of_the_loss():
    losses = sample_loss("cross_entropy"), sample_loss(Uncertain())
    net, batch = plain_net(criterion__losses=losses)
    net.criterion_.task_weights = (1.0, 0.25)
    step_of(net, batch)
    (learned,) = net.criterion_.parameters()
    expected = learned.grad.clone()
    step_of(net, batch, Records(3.0, 7.0))
    torch.testing.assert_close(learned.grad, expected)
