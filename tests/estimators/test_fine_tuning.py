"""Pre-trained and frozen backbones, and a learning rate of their own."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn import Partial
from mtlearn.exceptions import InvalidDataError, InvalidParameterError, NetworkError
from mtlearn.networks import MLP, ResNet, save_weights
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

SMALL = {"widths": (4,), "n_blocks": 1, "n_features": 6}


def split(weights):
    """Return the backbone's weights and those of the heads."""
    backbone = {k: v for k, v in weights.items() if k.startswith("backbone.")}
    return backbone, {k: v for k, v in weights.items() if k not in backbone}


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture
def pretrained(tmp_path):
    X, y = make_images()
    estimator = image_estimator(random_state=5).fit(X, y)
    path = tmp_path / "backbone.safetensors"
    save_weights(estimator.net_.module_.backbone, path)
    return path, split(weights_of(estimator))[0]


def test_a_frozen_pretrained_backbone_stays_to_the_bit(pretrained):
    path, expected = pretrained
    X, y = make_images(seed=1)
    backbone = Partial(ResNet, **SMALL, weights=path)

    estimator = image_estimator(
        backbone=backbone, freeze_backbone=True, optimizer="adamw", weight_decay=0.1
    ).fit(X, y)

    found, heads = split(weights_of(estimator))
    assert same(found, expected)
    before = split(weights_of(image_estimator(backbone=backbone, lr=1e-12).fit(X, y)))
    assert not same(heads, before[1])


def test_without_freezing_it_moves(pretrained):
    path, expected = pretrained
    backbone = Partial(ResNet, **SMALL, weights=path)

    estimator = image_estimator(backbone=backbone).fit(*make_images(seed=1))

    assert not same(split(weights_of(estimator))[0], expected)


def test_a_pickle_does_without_the_file(pretrained):
    path, _ = pretrained
    X, y = make_images()
    backbone = Partial(ResNet, **SMALL, weights=path)
    estimator = image_estimator(backbone=backbone).fit(X, y)
    stored = pickle.dumps(estimator)
    path.unlink()

    loaded = pickle.loads(stored)

    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    assert loaded.partial_fit(X, y).n_iter_ == 3


def test_going_on_does_not_read_the_file_again(pretrained):
    path, _ = pretrained
    X, y = make_images()
    backbone = Partial(ResNet, **SMALL, weights=path)
    estimator = image_estimator(backbone=backbone, warm_start=True).fit(X, y)
    path.unlink()

    assert estimator.fit(X, y).n_iter_ == 4


def test_weights_of_another_network_are_refused(pretrained):
    path, _ = pretrained
    backbone = Partial(ResNet, **{**SMALL, "widths": (5,)}, weights=path)

    with pytest.raises(NetworkError, match="do not fit ResNet"):
        image_estimator(backbone=backbone).fit(*make_images())


def test_a_frozen_backbone_thaws_when_training_goes_on():
    X, y = make_table()
    estimator = table_estimator(freeze_backbone=True, warm_start=True).fit(X, y)
    frozen = split(weights_of(estimator))[0]

    estimator.fit(X, y)
    assert same(split(weights_of(estimator))[0], frozen)

    estimator.set_params(freeze_backbone=False).fit(X, y)
    assert not same(split(weights_of(estimator))[0], frozen)


def test_a_backbone_with_a_rate_of_its_own_moves_by_it():
    X, y = make_table()
    start = table_estimator(lr=1e-12, max_epochs=1).fit(X, y)
    slow = table_estimator(
        lr=0.1, backbone_lr=1e-3, optimizer="sgd", max_epochs=1, batch_size=200
    ).fit(X, y)
    fast = table_estimator(lr=0.1, optimizer="sgd", max_epochs=1).fit(X, y)

    steps = []
    for estimator in (slow, fast):
        moved, origin = (split(weights_of(each)) for each in (estimator, start))
        steps.append(
            [{k: a[k] - b[k] for k in a} for a, b in zip(moved, origin, strict=True)]
        )
    (slow_backbone, slow_heads), (fast_backbone, fast_heads) = steps
    for name, step in fast_backbone.items():
        np.testing.assert_allclose(slow_backbone[name], step / 100, atol=1e-10)
    for name, step in fast_heads.items():
        np.testing.assert_allclose(slow_heads[name], step, atol=1e-10)


def group_rates(estimator):
    return [group["lr"] for group in estimator.net_.optimizer_.param_groups]


class RateRecorder(Callback):
    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            groups = net.optimizer_.param_groups
            self.rates.append([group["lr"] for group in groups])


@pytest.mark.parametrize("schedule", ["cosine", "warmup_cosine", "one_cycle"])
def test_schedules_keep_the_two_rates_apart(schedule):
    X, y = make_table()
    recorder = RateRecorder()
    table_estimator(
        lr=0.1,
        backbone_lr=1e-3,
        lr_schedule=schedule,
        max_epochs=10,
        callbacks=[recorder],
    ).fit(X, y)

    backbone, heads = np.array(recorder.rates).T
    assert np.all(backbone < heads)
    assert backbone.max() == pytest.approx(1e-3, rel=0.1)
    assert heads.max() == pytest.approx(0.1, rel=0.1)
    assert backbone[-1] < 3e-4


def test_the_history_shows_the_rate_of_the_heads():
    estimator = table_estimator(lr=0.02, backbone_lr=1e-4).fit(*make_table())

    assert [row["lr"] for row in estimator.history_] == [0.02] * 4


def test_both_rates_may_change_when_training_goes_on():
    X, y = make_table()
    estimator = table_estimator(backbone_lr=1e-3).fit(X, y)

    estimator.set_params(lr=0.5, backbone_lr=0.25).partial_fit(X, y)

    assert group_rates(estimator) == [0.25, 0.5]


def test_one_rate_for_both_is_the_default_to_the_bit():
    X, y = make_table()

    same_rate = table_estimator(lr=0.03, backbone_lr=0.03).fit(X, y)

    assert_same_bits(same_rate, table_estimator(lr=0.03).fit(X, y))


def test_an_optimiser_with_one_rate_says_so():
    estimator = table_estimator(optimizer=torch.optim.LBFGS, backbone_lr=0.1)

    with pytest.raises(InvalidParameterError, match=r"'backbone_lr'.*LBFGS"):
        estimator.fit(*make_table())


class TwoGroups(torch.optim.Adam):
    def __init__(self, params, lr=1e-3):
        weights = [w for group in params for w in group["params"]]
        groups = [
            {"params": [w for w in weights if (w.ndim > 1) == matrices]}
            for matrices in (True, False)
        ]
        super().__init__(groups, lr=lr)


def test_an_optimiser_may_make_groups_of_its_own():
    X, y = make_table()
    estimator = table_estimator(optimizer=TwoGroups, lr=0.01)

    assert group_rates(estimator.fit(X, y)) == [0.01, 0.01]
    assert group_rates(estimator.set_params(lr=0.02).partial_fit(X, y)) == [0.02] * 2


def test_a_rate_for_a_backbone_without_weights():
    estimator = table_estimator(backbone=Partial(MLP, hidden=()), backbone_lr=0.1)

    message = r"'backbone_lr' parameter must be None where.*Got 0\.1 instead"
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(*make_table())


class SubMLP(MLP):
    pass


def test_a_pickle_of_a_subclass_does_without_the_file(tmp_path):
    X, y = make_table()
    path = tmp_path / "mlp.safetensors"
    save_weights(MLP(4, hidden=(8,)), path)
    backbone = Partial(SubMLP, hidden=(8,), weights=path)
    estimator = table_estimator(backbone=backbone).fit(X, y)
    path.unlink()

    loaded = pickle.loads(pickle.dumps(estimator))

    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))


def test_single_rows_train_the_heads_of_a_frozen_backbone():
    X, y = make_images()
    settings = {"batch_size": 1, "max_epochs": 1}

    estimator = image_estimator(freeze_backbone=True, **settings).fit(X, y)

    assert np.isfinite(estimator.history_[0]["train_loss"])
    with pytest.raises(InvalidDataError, match="batch normalisation"):
        image_estimator(**settings).fit(X, y)


def test_a_failed_fit_leaves_the_backbone_frozen():
    X, y = make_table()
    estimator = table_estimator(freeze_backbone=True).fit(X, y)

    def fail(x, generator):
        raise RuntimeError("stop")

    estimator.set_params(freeze_backbone=False, augmentation=fail)
    with pytest.raises(RuntimeError, match="stop"):
        estimator.partial_fit(X, y)

    backbone = estimator.net_.module_.backbone
    assert not any(weight.requires_grad for weight in backbone.parameters())


def test_gradients_are_clipped():
    X, y = make_table()
    settings = {"optimizer": "sgd", "lr": 0.1, "max_epochs": 1}
    start = weights_of(table_estimator(lr=1e-12, max_epochs=1).fit(X, y))
    # The first step of Nesterov's momentum is 1.9 times the gradient.
    clipped = weights_of(table_estimator(clip_grad_norm=0.01, **settings).fit(X, y))

    squares = [((clipped[name] - start[name]) ** 2).sum() for name in start]
    assert np.sqrt(sum(squares)) == pytest.approx(1.9 * 0.1 * 0.01, rel=1e-4)


def test_clipping_far_away_changes_nothing():
    X, y = make_table()

    assert_same_bits(
        table_estimator(clip_grad_norm=1e6).fit(X, y), table_estimator().fit(X, y)
    )
    assert not same_bits(
        table_estimator(clip_grad_norm=1e-3).fit(X, y), table_estimator().fit(X, y)
    )


def test_mlp_takes_weights_too(tmp_path):
    X, y = make_table()
    first = table_estimator().fit(X, y)
    path = tmp_path / "mlp.safetensors"
    save_weights(first.net_.module_.backbone, path)

    second = table_estimator(
        backbone=Partial(MLP, hidden=(8,), weights=str(path)), freeze_backbone=True
    ).fit(X, y)

    np.testing.assert_array_equal(second.embed(X), first.embed(X))
