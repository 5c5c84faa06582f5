"""A fit draws from generators of its own: whoever else draws changes nothing."""

import threading
from typing import ClassVar

import numpy as np
import pytest
import torch
from noisy_estimators import (
    NOISY,
    Noisy,
    NoisyBackwardHook,
    NoisyGradientHook,
    NoisyStep,
    noisy_table,
)
from sklearn.metrics import f1_score
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import StepLR
from torch.utils.checkpoint import checkpoint

from mtlearn import Partial, SeedEnsemble
from mtlearn.networks import MLP
from mtlearn.training import TaskMetric
from tiny_problems import (
    assert_same_bits,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

QUIET = {
    "none": {},
    "skorch": {"callbacks": [EarlyStopping("train_loss"), GradientNormClipping(1.0)]},
    "metric": {
        "callbacks": [TaskMetric(f1_score, "kind", on="train", average="macro")]
    },
    "schedule": {"lr_schedule": Partial(StepLR, step_size=1)},
    "plateau": {"lr_schedule": "plateau", "clip_grad_norm": 1.0},
    "average": {"averaging": "ema", "early_stopping": True, "verbose": 1},
}


@pytest.mark.parametrize("params", QUIET.values(), ids=QUIET)
def test_what_draws_nothing_is_not_watched(params):
    estimator = noisy_table(validation_fraction=0.3, **params)
    assert not estimator.fit(*make_table()).net_.watches_callbacks_


def rows_for(estimator):
    return make_images() if "Image" in type(estimator).__name__ else make_table()


@pytest.fixture(params=NOISY, ids=str)
def make_noisy(request):
    return NOISY[request.param]


@pytest.mark.parametrize("noise", [NoisyGradientHook, NoisyBackwardHook])
def test_noise_in_a_backward_pass_is_seeded(noise):
    X, y = make_table()
    first = noisy_table(callbacks=[noise()]).fit(X, y)
    with torch.random.fork_rng([]):
        torch.rand(3)
        again = noisy_table(callbacks=[noise()]).fit(X, y)
    assert_same_bits(first, again)
    assert not same_bits(first, noisy_table().fit(X, y))


def test_what_draws_draws_from_the_seed_alone(make_noisy):
    X, y = rows_for(make_noisy())
    before = torch.get_rng_state()
    first = make_noisy().fit(X, y)
    assert torch.get_rng_state().equal(before)
    with torch.random.fork_rng([]):
        torch.rand(3)
        moved = torch.get_rng_state()
        assert_same_bits(first, make_noisy().fit(X, y))
        assert torch.get_rng_state().equal(moved)
    assert not same_bits(first, make_noisy().set_params(random_state=1).fit(X, y))


class Drawing:
    """A dataset that draws from torch's generator, and gives the same rows anyway."""

    def __init__(self, X):
        self.X = X
        self.n_draws = 0

    def __len__(self):
        return len(self.X)

    def __getitem__(self, number):
        self.n_draws += 1
        return self.X[number] + 0.0 * torch.rand(()).item()


def test_a_dataset_that_draws_gives_the_bits_of_an_array(make_noisy):
    X, y = rows_for(make_noisy())
    expected = make_noisy().fit(X, y)
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(5)
        numbers = torch.rand(1000)
        torch.default_generator.manual_seed(5)
        rows = Drawing(X)
        assert_same_bits(expected, make_noisy().fit(rows, y))
        # Nor does the fit take from what the dataset draws, or give it back.
        assert 0 < rows.n_draws < 1000
        assert torch.rand(1) == numbers[rows.n_draws]


class DrawsElsewhere(Callback):
    """Lets another thread draw, at each batch."""

    def on_batch_begin(self, net, **kwargs):
        other = threading.Thread(target=lambda: torch.rand(7))
        other.start()
        other.join(30)


def test_what_another_thread_draws_changes_nothing():
    X, y = make_table()
    expected = noisy_table(backbone=Noisy).fit(X, y)
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(5)
        numbers = torch.rand(1000)
        torch.default_generator.manual_seed(5)
        disturbed = noisy_table(backbone=Noisy, callbacks=[DrawsElsewhere()]).fit(X, y)
        n_steps = 3 * 4
        assert torch.rand(1) == numbers[7 * n_steps]
    assert_same_bits(expected, disturbed)


class Waiting(Callback):
    """Takes a step, then lets another fit take one."""

    def __init__(self, barrier):
        self.barrier = barrier

    def on_batch_end(self, net, **kwargs):
        self.barrier.wait(30)


@pytest.mark.parametrize("backbone", [Partial(MLP, dropout=0.5), Noisy], ids=str)
def test_two_fits_that_take_turns_have_the_bits_of_each_alone(backbone):
    X, y = make_table()
    seeds = 3, 4
    alone = [noisy_table(backbone=backbone, random_state=s).fit(X, y) for s in seeds]
    barrier, fitted = threading.Barrier(2), {}

    def fit(seed):
        waiting = noisy_table(
            backbone=backbone, random_state=seed, callbacks=[Waiting(barrier)]
        )
        fitted[seed] = waiting.fit(X, y)

    threads = [threading.Thread(target=fit, args=(s,), daemon=True) for s in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for seed, expected in zip(seeds, alone, strict=True):
        assert_same_bits(expected, fitted[seed])


def test_a_fit_inside_of_a_fit_draws_for_itself():
    X, y = make_table()
    inner_alone = noisy_table(backbone=Noisy, random_state=9).fit(X, y)
    outer_alone = noisy_table(backbone=Noisy).fit(X, y)
    inner = []

    class FitsAnother(Callback):
        def on_epoch_end(self, net, **kwargs):
            inner.append(noisy_table(backbone=Noisy, random_state=9).fit(X, y))

    outer = noisy_table(backbone=Noisy, callbacks=[FitsAnother()]).fit(X, y)
    assert_same_bits(outer_alone, outer)
    for each in inner:
        assert_same_bits(inner_alone, each)


class Recomputing(nn.Module):
    """Keeps no activations, and notes what each pass drops."""

    noted: ClassVar = []

    def __init__(self, in_features, reentrant=False):
        super().__init__()
        self.linear = nn.Linear(in_features, 6)
        self.norm = nn.BatchNorm1d(6)
        self.reentrant = reentrant

    def forward(self, x):
        if not self.training:
            return self.linear(x)
        x = x + 0 * self.linear.weight.sum()  # whose gradient a reentrant one needs
        return checkpoint(self._inner, x, use_reentrant=self.reentrant)

    def _inner(self, x):
        kept = functional.dropout(torch.ones_like(x[:, :1]).expand(-1, 6), 0.5)
        self.noted.append(kept.detach().clone())
        return self.linear(x) * kept


@pytest.mark.parametrize("optimizer", ["adam", NoisyStep])
@pytest.mark.parametrize("reentrant", [False, True])
def test_what_is_computed_again_drops_the_same(reentrant, optimizer):
    X, y = make_table()
    backbone = Partial(Recomputing, reentrant=reentrant)
    params = {"backbone": backbone, "max_epochs": 2, "optimizer": optimizer}
    Recomputing.noted.clear()
    first = table_estimator(**params).fit(X, y)
    # The pass that found out, then a pass forward and back in either epoch.
    assert len(Recomputing.noted) == 5
    _, *rest = Recomputing.noted
    assert rest[0].equal(rest[1])
    assert rest[2].equal(rest[3])
    assert not rest[0].equal(rest[2])
    with torch.random.fork_rng([]):
        torch.rand(3)
        assert_same_bits(first, table_estimator(**params).fit(X, y))


def test_gradients_of_what_is_computed_again_are_those_of_what_was_dropped():
    seen = []

    class Gradients(Callback):
        def on_grad_computed(self, net, **kwargs):
            linear = net.module_.backbone.linear, net.module_.heads[0][0]
            seen.append([each.weight.grad.clone() for each in linear])

    class Kept(Recomputing):
        def forward(self, x):
            if not self.training:
                return self.linear(x)
            kept = Recomputing.noted[-1]  # of the pass that was computed again
            return self.linear(x) * kept

    X, y = make_table()
    for backbone in (Recomputing, Kept):
        table_estimator(backbone=backbone, max_epochs=1, callbacks=[Gradients()]).fit(
            X, y
        )
    torch.testing.assert_close(*seen)


def test_a_seed_ensemble_has_the_same_members_with_a_dataset_that_draws():
    X, y = make_table()
    estimator = noisy_table(backbone=Partial(MLP, hidden=(8,), dropout=0.5))
    expected, fitted = (
        SeedEnsemble(estimator, 2, random_state=0).fit(rows, y)
        for rows in (X, Drawing(X))
    )
    for one, other in zip(expected.estimators_, fitted.estimators_, strict=True):
        for name, value in weights_of(one).items():
            np.testing.assert_array_equal(weights_of(other)[name], value)
