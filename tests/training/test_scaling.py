"""Steps in float16: the loss is scaled, and infinite gradients are left out."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.amp import GradScaler

from mtlearn.training._scaling import loss_scaler
from tiny_nets import (
    BFLOAT16,
    CPU,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    batch_losses,
    make_net,
    make_problem,
    train,
)

# Linear layers compute in float16 on every processor, so no hardware is asked for.
OPTIMIZERS = [
    {"optimizer": torch.optim.SGD},
    {"optimizer": torch.optim.SGD, "optimizer__fused": True},
    {"optimizer": torch.optim.Adam, "lr": 0.02, "optimizer__fused": True},
]


def name_of(params):
    return "-".join(str(getattr(value, "__name__", value)) for value in params.values())


class Gradients(Callback):
    """Keeps the gradients of every step."""

    def __init__(self):
        self.steps = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.steps.append({name: w.grad.clone() for name, w in named_parameters})


def weights_of(net):
    return {name: value.clone() for name, value in net.module_.state_dict().items()}


@pytest.mark.parametrize("params", OPTIMIZERS, ids=name_of)
def test_training_lowers_the_loss(params):
    samples, tasks = make_problem(dtype=torch.float32)
    net, types = make_net(tasks, FLOAT16, **params), set()
    layer = net.module_.backbone.layers[0]
    layer.register_forward_hook(lambda *args: types.add(args[-1].dtype))
    before = weights_of(net)
    losses = batch_losses(train(net, samples, epochs=20))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-1]) < 0.7 * np.mean(losses[0])
    assert net.scaler_.is_enabled()
    assert types == {torch.float16}
    for name, value in net.module_.state_dict().items():
        assert value.dtype == torch.float32
        assert not value.equal(before[name])


def scaled_net(tasks, **params):
    """Return a net whose scale is low enough for every step to be taken."""
    net = make_net(tasks, FLOAT16, **params)
    net.scaler_ = GradScaler("cpu", init_scale=1024)
    return net


def test_steps_are_those_of_float32():
    samples, tasks = make_problem(dtype=torch.float32)
    nets = scaled_net(tasks), make_net(tasks, FLOAT32)
    short, long = (train(net, samples, epochs=4) for net in nets)
    assert short.scaler_.get_scale() == 1024
    np.testing.assert_allclose(batch_losses(short), batch_losses(long), rtol=0.02)


@pytest.mark.parametrize("params", OPTIMIZERS, ids=name_of)
def test_an_infinite_gradient_skips_the_step(params):
    samples, tasks = make_problem(dtype=torch.float32)
    net = train(make_net(tasks, FLOAT16, **params), samples)
    (batch, *_) = net.get_iterator(samples, training=True)
    before, scale = weights_of(net), net.scaler_.get_scale()
    bias = net.module_.heads[1][-1].bias
    hook = bias.register_hook(lambda gradient: gradient * np.inf)
    step = net.train_step(batch)
    assert torch.isfinite(step["loss"])
    assert net.scaler_.get_scale() == scale / 2
    for name, value in weights_of(net).items():
        assert value.equal(before[name])
    hook.remove()
    net.train_step(batch)
    assert net.scaler_.get_scale() == scale / 2
    for name, value in weights_of(net).items():
        assert torch.isfinite(value).all()
        assert not value.equal(before[name])


def test_callbacks_see_unscaled_gradients():
    samples, tasks = make_problem(dtype=torch.float32)
    short, long = Gradients(), Gradients()
    train(scaled_net(tasks, batch_size=30), samples, short, epochs=1)
    train(make_net(tasks, FLOAT32, batch_size=30), samples, long, epochs=1)
    ((found,), (expected,)) = short.steps, long.steps
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[name], gradient, rtol=0.02, atol=2e-3)


class Clip(Callback):
    def on_grad_computed(self, net, named_parameters, **kwargs):
        for _, weight in named_parameters:
            weight.grad.zero_()


def test_callbacks_may_change_gradients():
    samples, tasks = make_problem(dtype=torch.float32)
    net = make_net(tasks, FLOAT16)
    before = weights_of(net)
    train(net, samples, Clip())
    for name, value in weights_of(net).items():
        assert value.equal(before[name])


@pytest.mark.parametrize(
    "precision", [BFLOAT16, FLOAT32, FLOAT64], ids=lambda p: p.name
)
def test_no_other_precision_is_scaled(precision):
    samples, tasks = make_problem(dtype=precision.dtype)
    net = train(make_net(tasks, precision), samples, epochs=1)
    assert not net.scaler_.is_enabled()
    loss = torch.tensor(3.0)
    assert net.scaler_.scale(loss) is loss


def test_the_scale_is_kept_from_training_to_training():
    samples, tasks = make_problem(dtype=torch.float32)
    net = train(make_net(tasks, FLOAT16), samples)
    scaler = net.scaler_
    assert train(net, samples).scaler_ is scaler
    net.move("cpu", FLOAT32)
    assert not train(net, samples).scaler_.is_enabled()


def test_only_float16_has_a_scaler_that_works():
    assert loss_scaler(FLOAT16, CPU).is_enabled()
    for other in (FLOAT32, BFLOAT16, FLOAT64):
        assert not loss_scaler(other, "cpu").is_enabled()
