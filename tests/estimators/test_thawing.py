"""Backbones that are frozen for the first epochs."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn import Partial
from mtlearn.exceptions import InvalidDataError
from mtlearn.networks import MLP
from tiny_problems import (
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)


def split(weights):
    """Return the backbone's weights and those of the heads."""
    backbone = {k: v for k, v in weights.items() if k.startswith("backbone.")}
    return backbone, {k: v for k, v in weights.items() if k not in backbone}


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


class Backbones(Callback):
    """Keeps the backbone's weights of each epoch's end, and its modes."""

    def on_train_begin(self, net, **kwargs):
        self.weights, self.modes = [], []

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            self.modes.append(net.module_.backbone.training)

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.backbone.state_dict()
        self.weights.append({k: v.clone().numpy() for k, v in state.items()})


def thawed(**params):
    """Fit images for four epochs of one batch, and return what became of them."""
    watch = Backbones()
    params = {"max_epochs": 4, "callbacks": [watch], "batch_size": 200, **params}
    estimator = image_estimator(optimizer="adamw", weight_decay=0.1, **params)
    return estimator.fit(*make_images()), watch


def test_a_backbone_is_frozen_for_some_epochs():
    _, watch = thawed(freeze_epochs=2)

    first, second, third, fourth = watch.weights
    assert same(first, second)
    assert not same(second, third)
    assert not same(third, fourth)
    assert watch.modes == [False, False, True, True]
    assert same(first, thawed(freeze_backbone=True)[1].weights[-1])


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ({"freeze_epochs": 0}, {}),
        ({"freeze_epochs": 4}, {"freeze_backbone": True}),
        ({"freeze_epochs": 9}, {"freeze_backbone": True}),
        ({"freeze_epochs": 1, "freeze_backbone": True}, {"freeze_backbone": True}),
    ],
)
def test_a_backbone_that_is_frozen_always_or_never(given, other):
    found, wanted = (weights_of(thawed(**each)[0]) for each in (given, other))

    assert found.keys() == wanted.keys()
    assert same(found, wanted)


def test_epochs_of_freezing_are_those_of_the_network():
    X, y = make_table()
    estimator = table_estimator(
        freeze_epochs=3, max_epochs=2, warm_start=True, random_state=0
    ).fit(X, y)
    found = [split(weights_of(estimator))[0]]
    for _ in range(2):
        estimator.set_params(max_epochs=1).fit(X, y)
        found.append(split(weights_of(estimator))[0])

    assert same(found[0], found[1])
    assert not same(found[1], found[2])


def test_a_backbone_thaws_in_the_midst_of_going_on():
    X, y = make_table()
    estimator = table_estimator(freeze_epochs=2, max_epochs=1, warm_start=True)
    frozen = split(weights_of(estimator.fit(X, y)))[0]
    watch = Backbones()
    estimator.set_params(max_epochs=3, callbacks=[watch]).fit(X, y)

    assert watch.modes[0] is False
    assert watch.modes[-1] is True
    moved = [
        any(not np.array_equal(each[k], frozen[f"backbone.{k}"]) for k in each)
        for each in watch.weights
    ]
    assert moved == [False, True, True]


def test_batches_of_one_row_are_refused_before_the_backbone_thaws():
    with pytest.raises(InvalidDataError, match="batch normalisation"):
        thawed(freeze_epochs=2, batch_size=1)


def momentum(fused):
    return Partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=fused)


@pytest.mark.parametrize("joins", ["within", "after"])
def test_weights_that_join_later_get_momentum(joins):
    X, y = make_table()
    found = []
    for fused in (True, False):
        estimator = table_estimator(
            optimizer=momentum(fused), max_epochs=2, warm_start=True, random_state=0
        )
        if joins == "within":
            estimator.set_params(freeze_epochs=1, max_epochs=4).fit(X, y)
        else:
            estimator.set_params(freeze_backbone=True).fit(X, y)
            estimator.partial_fit(X, y)
            estimator.set_params(freeze_backbone=False).partial_fit(X, y)
        found.append(weights_of(estimator))

    for name, weights in found[0].items():
        np.testing.assert_allclose(weights, found[1][name], rtol=1e-9, atol=1e-12)


def test_single_rows_are_trained_on_while_the_backbone_is_frozen():
    X, y = make_table(n_samples=20)
    watch = Backbones()
    table_estimator(freeze_epochs=1, max_epochs=2, batch_size=1, callbacks=[watch]).fit(
        X, y
    )

    assert watch.modes == [False] * 20 + [True] * 20


@pytest.mark.parametrize(
    "steps", [{"batch_size": 4}, {"batch_size": 4, "accumulate": 2}]
)
def test_no_row_is_alone_when_batch_norms_begin_to_train(steps):
    X, y = make_table(9)
    backbone = Partial(MLP, hidden=(4,), batch_norm=True)
    sizes = []

    class Sizes(Callback):
        def on_train_begin(self, net, **kwargs):
            net.module_.backbone.register_forward_hook(
                lambda module, inputs, output: sizes.append(len(inputs[0]))
            )

    params = {"backbone": backbone, "max_epochs": 3, "callbacks": [Sizes()], **steps}
    table_estimator(freeze_epochs=1, **params).fit(X, y)
    assert sizes[:6] == [4, 5] * 3
    sizes.clear()
    table_estimator(freeze_backbone=True, **params).fit(X, y)
    assert sizes[:9] == [4, 4, 1] * 3
