"""Estimators with parts that draw where nobody gives them a generator."""

import torch
from skorch.callbacks import Callback, Initializer
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.networks import MLP
from tiny_problems import (
    image_estimator,
    table_estimator,
)


class Noisy(nn.Module):
    """A backbone that draws in many ways, in its constructor and in each pass."""

    def __init__(self, in_features):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(in_features))
        self.linear = nn.Linear(in_features, 6)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        x = self.dropout(self.linear(x * self.scale))
        if self.training:
            x = functional.rrelu(x + torch.randn(x.shape, dtype=x.dtype), training=True)
        return functional.dropout(x, 0.1)  # in evaluation too


class NoisyStep(torch.optim.SGD):
    """An optimiser that adds noise to the weights."""

    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for weights in self.param_groups[0]["params"]:
                weights.add_(torch.randn_like(weights), alpha=1e-3)
        return loss


class NoisyGradients(Callback):
    def on_grad_computed(self, net, named_parameters, **kwargs):
        for _, weights in named_parameters:
            weights.grad.add_(torch.rand_like(weights))


class NoisyEpochs(Callback):
    """Adds noise to the weights after each epoch."""

    def on_epoch_end(self, net, **kwargs):
        with torch.no_grad():
            for weights in net.module_.parameters():
                weights.add_(torch.rand_like(weights))


class NoisyLayer(Callback):
    """Puts noise behind a layer of a network that is known not to draw."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            net.module_.heads[0].register_forward_hook(
                lambda module, inputs, output: output + torch.rand_like(output)
            )


class NoisyBackwardHook(Callback):
    """Adds noise to a gradient that a layer hands on."""

    def on_train_begin(self, net, **kwargs):
        net.module_.heads[0].register_full_backward_hook(
            lambda module, inputs, outputs: (inputs[0] + torch.rand_like(inputs[0]),)
        )


class NoisyForward(Callback):
    """Puts another function in the place of what a layer does."""

    def on_train_begin(self, net, **kwargs):
        layer = net.module_.heads[0][0]
        forward = layer.forward
        layer.forward = lambda x: forward(x + torch.rand_like(x))


class NoisyGradientHook(Callback):
    """Adds noise to a gradient while the others are computed."""

    def on_train_begin(self, net, **kwargs):
        weights = next(net.module_.parameters())
        weights.register_hook(lambda gradient: gradient + torch.rand_like(gradient))


def noisy_rate(epoch):
    return 0.5 + float(torch.rand(()))


def noisy_mixing(x, generator):
    return x, torch.randperm(len(x)), 0.5


def noisy_augmentation(x, generator):
    return x + torch.rand(x.shape)


def noisy_loss(output, target):
    return (output - target + torch.rand_like(target)).square()


def noisy_table(*tasks, **params):
    return table_estimator(*tasks, batch_size=10, max_epochs=3, **params)


def noisy_images(**params):
    return image_estimator(augmentation=noisy_augmentation, **params)


class NoisyRegression(Regression):
    def link(self, output):
        return super().link(output) + torch.rand_like(output)


def with_noisy_loss(**params):
    estimator = noisy_table(**params)
    return estimator.set_params(tasks__size__loss=noisy_loss)


NOISY = {
    "dropout": lambda: noisy_table(backbone=Partial(MLP, hidden=(8,), dropout=0.5)),
    "backbone": lambda: noisy_table(backbone=Noisy),
    "validation": lambda: noisy_table(backbone=Noisy, early_stopping=True),
    "averages": lambda: noisy_table(backbone=Noisy, averaging="swa"),
    "loss": with_noisy_loss,
    "task": lambda: noisy_table(Tasks(kind=Classification(3), size=NoisyRegression())),
    "optimizer": lambda: noisy_table(optimizer=NoisyStep),
    "callback": lambda: noisy_table(callbacks=[NoisyGradients()]),
    "epochs": lambda: noisy_table(callbacks=[NoisyEpochs()]),
    "filled": lambda: noisy_table(callbacks=[Initializer("*weight", nn.init.normal_)]),
    "schedule": lambda: noisy_table(
        lr_schedule=Partial(LambdaLR, lr_lambda=noisy_rate)
    ),
    "rates": lambda: noisy_table(lr_schedule=Partial(LambdaLR, lr_lambda=[noisy_rate])),
    "forward": lambda: noisy_table(callbacks=[NoisyForward()]),
    "hook": lambda: noisy_table(callbacks=[NoisyLayer()]),
    "augmentation": noisy_images,
    "mixing": lambda: noisy_table(mixing=noisy_mixing),
}
