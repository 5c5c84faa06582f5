"""Balanced training beside loops over torch alone."""

import numpy as np
import pytest
import torch
from torch import nn

from balanced_nets import METHODS, Weights, mean_losses, run, weights_of
from mtlearn.losses import GLS
from tiny_nets import batch_losses, make_net, make_problem


def hand_uncertainty(state, losses, norms):
    logs = state.setdefault("logs", nn.Parameter(torch.zeros(2).double()))
    optimizer = state.setdefault("optimizer", torch.optim.Adam([logs], lr=0.1))
    factors = torch.tensor([1.0, 0.5]).double() * (-logs).exp()
    yield factors.detach().clone()
    optimizer.zero_grad()
    (factors * losses + logs / 2).sum().backward()
    optimizer.step()


def hand_dwa(state, losses, norms):
    past = state.setdefault("past", [])
    weights = torch.ones(2).double()
    if len(past) > 1:
        weights = 2 * (past[-1] / past[-2] / 0.1).softmax(0)
    yield weights
    past.append(losses)


def hand_rlw(state, losses, norms):
    rng = state.setdefault("rng", np.random.default_rng(7))
    yield 2 * torch.from_numpy(rng.standard_normal(2)).softmax(0)


def hand_gls(state, losses, norms):
    yield losses.prod().sqrt() / 2 / losses


def hand_famo(state, losses, norms):
    logits = state.setdefault("logits", nn.Parameter(torch.zeros(2).double()))
    made = torch.optim.Adam([logits], lr=0.1, weight_decay=0.01)
    optimizer = state.setdefault("optimizer", made)
    z = logits.detach().softmax(0) / losses
    after = yield 2 * z / z.sum()
    state["step"] = state.get("step", 0) + 1
    if state["step"] % 2 == 0:
        fallen = losses.log() - after.log()
        (logits.grad,) = torch.autograd.grad(logits.softmax(0), logits, fallen)
        optimizer.step()


def hand_gradnorm(state, losses, norms):
    weights = state.setdefault("weights", nn.Parameter(torch.ones(2).double()))
    optimizer = state.setdefault("optimizer", torch.optim.Adam([weights], lr=0.1))
    yield weights.detach().clone()
    ratios = losses / state.setdefault("first", losses)
    lengths = weights * norms
    wanted = (lengths.mean() * ratios / ratios.mean()).detach()
    optimizer.zero_grad()
    (lengths - wanted).abs().sum().backward()
    optimizer.step()
    with torch.no_grad():
        weights *= 2 / weights.sum()


BY_HAND = {
    "Uncertainty": hand_uncertainty,
    "DWA": hand_dwa,
    "RLW": hand_rlw,
    "GLS": hand_gls,
    "FAMO": hand_famo,
    "GradNorm": hand_gradnorm,
}


def train_by_hand(name, epochs):
    """Train by gradient descent on all rows; return the net and all weights."""
    samples, tasks = make_problem()
    net, state, found = make_net(tasks), {}, []
    layer = list(net.module_.backbone.parameters())
    for _ in range(epochs):
        means = mean_losses(net, samples)
        gradients = [
            torch.autograd.grad(each, layer, retain_graph=True) for each in means
        ]
        norms = torch.stack(
            [torch.cat([g.flatten() for g in each]).norm() for each in gradients]
        )
        steps = BY_HAND[name](state, means.detach(), norms)
        found.append(next(steps))
        net.module_.zero_grad()
        (found[-1] * means).sum().backward()
        with torch.no_grad():
            for weight in net.module_.parameters():
                weight -= 0.1 * weight.grad
            after = mean_losses(net, samples)
        with pytest.raises(StopIteration):
            steps.send(after)
    return net, torch.stack(found)


@pytest.mark.parametrize("method", METHODS, ids=lambda each: type(each).__name__)
def test_weights_after_steps_are_those_by_hand(method):
    seen = Weights()
    net = run(method, seen, epochs=7)
    expected, weights = train_by_hand(type(method).__name__, 7)
    np.testing.assert_allclose(seen.weights, weights, rtol=1e-8)
    for name, value in weights_of(expected).items():
        torch.testing.assert_close(weights_of(net)[name], value, rtol=1e-8, atol=0)
    assert np.ptp(seen.weights, axis=0).min() > 0.01  # they do move


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_pieces_of_a_batch_are_balanced_as_the_whole(method):
    seen = Weights(), Weights()
    whole = run(method, seen[0], epochs=5)
    pieces = run(method, seen[1], epochs=5, batch_size=10, accumulate=3)
    np.testing.assert_allclose(seen[1].weights, seen[0].weights, rtol=1e-9)
    np.testing.assert_allclose(batch_losses(pieces), batch_losses(whole), rtol=1e-9)
    for name, value in weights_of(whole).items():
        torch.testing.assert_close(weights_of(pieces)[name], value, rtol=1e-9, atol=0)


@pytest.mark.parametrize("pieces", [{}, {"batch_size": 10, "accumulate": 3}])
def test_lbfgs_follows_the_geometric_mean(pieces):
    samples, tasks = make_problem()
    seen = Weights()
    net = run(GLS(), seen, optimizer=torch.optim.LBFGS, epochs=2, **pieces)
    expected = make_net(tasks)
    means = mean_losses(expected, samples).detach()
    # Of the first time that the step has computed its loss.
    first = means.prod().sqrt() / 2 / means
    np.testing.assert_allclose(seen.weights[0], first, rtol=1e-9)
    optimizer = torch.optim.LBFGS(expected.module_.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = mean_losses(expected, samples).prod().sqrt()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    for name, value in weights_of(expected).items():
        torch.testing.assert_close(weights_of(net)[name], value, rtol=1e-6, atol=0)
