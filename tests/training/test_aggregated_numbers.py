"""Combined gradients in every layout and precision, and what is drawn for them."""

import numpy as np
import pytest
import torch
from aggregated_steps import (
    Records,
    net_of_three,
    plain_net,
    step_of,
)
from torch import nn
from torch.amp import GradScaler

from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import MGDA, PCGrad
from mtlearn.networks import MLP, HeadSpec
from mtlearn.training._aggregating import Collected, checked_weights
from tiny_nets import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    batch_losses,
    make_net,
    make_problem,
    train,
)


class Laid(nn.Module):
    """A layer whose weight lies channels last, and whose gradient does not."""

    def __init__(self, in_features):
        super().__init__()
        weight = torch.randn(6, 3, 2, 2, dtype=torch.float64)
        self.weight = nn.Parameter(weight.to(memory_format=torch.channels_last))
        self.n_features = 6

    def forward(self, x):
        pixels = torch.cat([x, x**2, x**3, -x], dim=1)
        return torch.tanh(pixels @ self.weight.flatten(1).T)


class LaidHead(nn.Module):
    """The same as a head."""

    def __init__(self, in_features, out_features):
        super().__init__()
        weight = torch.randn(out_features, 3, 2, 1, dtype=torch.float64)
        self.weight = nn.Parameter(weight.to(memory_format=torch.channels_last))

    def forward(self, features):
        return features @ self.weight.flatten(1).T


FUSED = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


@pytest.mark.parametrize("optimizer", FUSED.values(), ids=FUSED)
@pytest.mark.parametrize("batch_size", [10, 30])
def test_fused_optimisers_read_gradients_right(optimizer, batch_size):
    samples, tasks = make_problem()
    heads = HeadSpec(2, module=LaidHead), HeadSpec(1, module=LaidHead)
    losses = []
    for form in ("fused", "foreach"):
        net = make_net(
            tasks,
            module__backbone=Laid,
            module__backbone_params={},
            module__heads=heads,
            optimizer=optimizer,
            batch_size=10,
            accumulate=batch_size // 10,
            **{f"optimizer__{form}": True},
        )
        train(net, samples, epochs=3, aggregation=MGDA())
        losses.append(batch_losses(net))
        for weight in net.module_.parameters():
            assert weight.stride() == weight.grad.stride()
            assert not weight.is_contiguous()
    np.testing.assert_allclose(*losses, rtol=1e-10)


def test_the_gramian_in_float16_is_that_of_losses_without_a_scale():
    gramians = []
    for precision in (FLOAT16, FLOAT32):
        net, batch = plain_net(precision)
        net.scaler_ = GradScaler("cpu", init_scale=1024, enabled=precision is FLOAT16)
        records = Records(1.0, 1.0)
        step_of(net, batch, records)
        gramians += records.gramians
    np.testing.assert_allclose(*gramians, rtol=0.02, atol=1e-3)


def test_products_of_gradients_in_float32_are_summed_up_in_float64():
    samples, tasks = make_problem()
    net = train(make_net(tasks, precision=FLOAT32), samples)
    shared = [nn.Parameter(torch.zeros(2))]
    collected = Collected(net, [0, 1], shared)
    # Of which float32 would keep 1e8.
    collected._by_task = {0: [torch.tensor([1e4, 1.0])], 1: [None]}
    np.testing.assert_array_equal(collected.gramian(), [[1e8 + 1, 0], [0, 0]])


@pytest.mark.parametrize("where", ["backbone", "head"])
def test_an_infinite_gradient_skips_a_step_in_float16(where):
    net, batch = plain_net(FLOAT16)
    net.scaler_ = GradScaler("cpu", init_scale=1024)
    weights = {k: v.clone() for k, v in net.module_.state_dict().items()}
    parts = {"backbone": net.module_.backbone, "head": net.module_.heads[1]}
    hook = list(parts[where].parameters())[-1].register_hook(lambda g: g * np.inf)
    step_of(net, batch, MGDA())
    net.scaler_.unscale_(net.optimizer_)
    net.scaler_.step(net.optimizer_)
    net.scaler_.update()
    assert net.scaler_.get_scale() == 512
    for name, value in net.module_.state_dict().items():
        assert value.equal(weights[name])
    hook.remove()


@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16, FLOAT32], ids=str)
def test_training_in_every_precision(precision):
    samples, tasks = make_problem(dtype=precision.dtype)
    net = make_net(tasks, precision)
    losses = batch_losses(train(net, samples, epochs=15, aggregation=PCGrad()))
    assert np.mean(losses[-1]) < 0.8 * np.mean(losses[0])


def test_gradients_that_are_not_finite_are_those_of_the_loss():
    net, (x, labels) = plain_net()
    values = labels.values[0], labels.values[1] * np.inf
    records = Records(0.0, 0.0)
    step_of(net, (x, labels._replace(values=values)), records)
    assert records.gramians == []
    assert not torch.isfinite(next(net.module_.backbone.parameters()).grad).all()


class Sparse(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.table = nn.Embedding(3, 4, sparse=True, dtype=torch.float64)

    def forward(self, x):
        return self.table((x[:, 0] > 0).long())


def test_sparse_gradients():
    net, batch = plain_net(module__backbone=Sparse, module__backbone_params={})
    step_of(net, batch)
    expected = net.module_.backbone.table.weight.grad.to_dense()
    step_of(net, batch, Records(1.0, 1.0))
    torch.testing.assert_close(net.module_.backbone.table.weight.grad, expected)


def test_pcgrad_draws_from_the_generator_of_the_training():
    net, batch = net_of_three([])
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(0)
        before = torch.get_rng_state()
        step_of(net, batch, PCGrad())
        assert torch.equal(torch.get_rng_state(), before)
    # An order of the two others for each of three tasks.
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        torch.randperm(2, generator=generator)
    assert torch.equal(net.aggregation_generator_.get_state(), generator.get_state())


def test_what_a_callable_draws_comes_from_the_training():
    net, batch = plain_net()
    drawn = []

    def random(gramian):
        drawn.append(torch.rand(len(gramian)))
        return drawn[-1]

    before = torch.get_rng_state()
    step_of(net, batch, random)
    net.randomness_.generators["cpu"].manual_seed(0)
    step_of(net, batch, random)
    assert torch.equal(torch.get_rng_state(), before)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn[1], expected)


@pytest.mark.parametrize(
    "found",
    [
        np.ones(2),
        [1.0, 1.0],
        torch.ones(2, requires_grad=True),
        torch.ones(2, dtype=torch.float32),
    ],
    ids=lambda found: type(found).__name__,
)
def test_weights_of_many_types(found):
    checked = checked_weights(found, 2)
    assert checked.dtype == np.float64
    assert checked.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "found",
    [np.ones(3), 1.0, [1.0, np.nan], torch.ones(1, 2), None, "one", [np.inf] * 2],
)
def test_weights_that_are_none(found):
    message = r"'aggregation' parameter is a callable, .* in shape \(2,\)\. Got "
    with pytest.raises(InvalidParameterError, match=message):
        checked_weights(found, 2)


def test_a_callable_that_returns_no_weights_ends_the_training():
    samples, tasks = make_problem()
    net = make_net(tasks, module__backbone=MLP)
    with pytest.raises(InvalidParameterError, match=r"shape \(2,\)"):
        train(net, samples, aggregation=lambda gramian: gramian)
    assert net.aggregation_ is None
    assert net.collected_ is None
