"""Steps of several passes are those of a batch so many times as large."""

import functools

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from skorch.callbacks import Callback
from torch import nn

from mtlearn import (
    Classification,
    MultiLabel,
    Partial,
    RaritySampler,
    Reconstruction,
    Regression,
    Tasks,
    load,
    save,
)
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.exceptions import InvalidDataError
from mtlearn.losses import focal_loss
from mtlearn.networks import MLP
from mtlearn.training import EMA, TaskMetric
from shaped_kinds import Echo, Vector
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

NAN = np.nan
N_ROWS = 75  # batches of 32, 32 and 11, in passes of 8, of which the last has 3


def assert_alike(one, other, rtol=1e-9, atol=1e-12):
    """Compare weights and histories, but for rounding and the time."""
    expected, got = weights_of(one), weights_of(other)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol, atol, err_msg=name)
    assert one.best_epoch_ == other.best_epoch_
    for row, found in zip(one.history_, other.history_, strict=True):
        assert row.keys() == found.keys()
        for key in row.keys() - {"seconds"}:
            same = pytest.approx(row[key], rel=rtol, abs=atol, nan_ok=True)
            assert found[key] == same, key


def both(make, *data, **given):
    """Fit with large batches, and with small ones that make up the same steps."""
    whole = make(batch_size=32).fit(*data, **given)
    pieces = make(batch_size=8, accumulate=4).fit(*data, **given)
    smaller = make(batch_size=8).fit(*data, **given)
    assert not same_bits(whole, smaller)
    return whole, pieces


def table(holes=False):
    X, y = make_table(N_ROWS)
    if holes:
        rng = np.random.default_rng(1)
        y[rng.random(y.shape) < 0.4] = NAN
        y[:, 0][y[:, 0] == 2] = np.where(rng.random((y[:, 0] == 2).sum()) < 0.7, 0, 2)
    return X, y


def shifted(x, generator):
    return x + 0.1 * torch.rand(x.shape, generator=generator, dtype=x.dtype)


def quartic(output, target):
    return (output - target) ** 4


class Uncertain(nn.Module):
    """The squared error with a variance that is learned."""

    def __init__(self):
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(0.0))

    def forward(self, output, target):
        error = (output - target) ** 2
        return error * torch.exp(-self.log_variance) + self.log_variance


LBFGS = Partial(torch.optim.LBFGS, max_iter=4)
SETTINGS = {
    "adam": {},
    "sgd": {"optimizer": "sgd", "weight_decay": 0.1, "lr": 0.01},
    "lbfgs": {"optimizer": LBFGS, "lr": 0.1},
    "clipped": {"clip_grad_norm": 0.05, "optimizer": "sgd"},
    "one cycle": {"lr_schedule": "one_cycle", "loss_weights": [1.0, 0.3]},
    "cosine": {"lr_schedule": "warmup_cosine", "backbone_lr": 1e-3},
    "thawed": {"freeze_epochs": 1},
    "ema": {"averaging": EMA(0.9), "early_stopping": True, "monitor": "score"},
    "swa": {"averaging": "swa"},
    "augmented": {"augmentation": shifted},
    "mixed": {"mixing": MixUp(alpha=1.0), "augmentation": shifted},
    "sampler": {"sampler": RaritySampler("kind", power=0.5)},
    "metric": {
        "callbacks": [TaskMetric(f1_score, "kind", on="train", average="macro")]
    },
    "compiled": {"compile": {"backend": "eager"}},
}


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
def test_the_update_of_a_larger_batch(params, holes):
    assert_alike(*both(functools.partial(table_estimator, **params), *table(holes)))


TASKS = {
    "class weights": Tasks(
        kind=Classification(3, class_weight="balanced", label_smoothing=0.1),
        size=Regression(loss="huber", weight=3.0),
    ),
    "focal": Tasks(
        kind=Classification(loss=Partial(focal_loss, gamma=1.0)), size=Regression()
    ),
    "own loss": Tasks(kind=Classification(), size=Regression(loss=quartic)),
    "loss that learns": Tasks(kind=Classification(), size=Regression(loss=Uncertain())),
}


@pytest.mark.parametrize("mixing", [None, "mixup"])
@pytest.mark.parametrize("tasks", TASKS.values(), ids=TASKS)
def test_every_loss(tasks, mixing):
    X, y = table(holes=True)
    weights = np.random.default_rng(2).exponential(size=y.shape)
    make = functools.partial(table_estimator, tasks, mixing=mixing)
    whole, pieces = both(make, X, y, weights)
    assert_alike(whole, pieces)
    for one, other in zip(
        whole.net_.criterion_.parameters(),
        pieces.net_.criterion_.parameters(),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    "mixing", [None, MixUp(1.0), MixUp(labels="union", probability=0.7)], ids=str
)
def test_kinds_of_any_shape(mixing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 3))
    place, tags = X[:, :2] * 2 + 1, X + rng.normal(size=X.shape) > 0.5
    y = np.column_stack([place, tags, X[:, 2] > 0])
    y[rng.random(y.shape) < 0.2] = NAN
    tasks = Tasks(
        place=Vector(2),
        tags=MultiLabel(3, pos_weight=2.0),
        sign=Classification(2),
        echo=Echo(3),
    )
    make = functools.partial(table_estimator, tasks, mixing=mixing)
    assert_alike(*both(make, X, y, rng.random(N_ROWS)))


class Scan(nn.Module):
    """A convolution without batch norm, whose passes are counted."""

    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, 3)
        self.n_features = 4
        self.sizes = []

    def forward(self, x):
        if self.training:
            self.sizes.append(len(x))
        return self.layer(x).relu().mean(dim=(2, 3))


def picture_estimator(**params):
    settings = {"augmentation": "light", "precision": "float64", "max_epochs": 3}
    return image_estimator(backbone=Scan, **{**settings, **params})


@pytest.mark.parametrize("mixing", [None, "mixup", "cutmix"])
def test_images(mixing):
    X, y = make_images(N_ROWS)
    y[::5, 0], y[1::7, 1] = NAN, NAN
    whole, pieces = both(functools.partial(picture_estimator, mixing=mixing), X, y)
    assert_alike(whole, pieces)
    passes = [*[8] * 4, *[8] * 4, 8, 3]
    assert pieces.net_.module_.backbone.sizes == 3 * passes


@pytest.mark.parametrize("mixing", [None, "mixup", "cutmix"])
@pytest.mark.parametrize("denoise", [False, True])
def test_tasks_that_make_the_images_again(denoise, mixing):
    X, y = make_images(N_ROWS)
    y[::5, 0], y[1::7, 1] = NAN, NAN
    head = Partial(nn.Linear)
    tasks = Tasks(
        kind=Classification(head=head),
        size=Regression(head=head),
        image=Reconstruction(denoise=denoise, weight=2.0),
    )
    spoils = Augmentation(rotate=10, noise=0.1, cutout=0.3)
    make = functools.partial(
        picture_estimator, tasks=tasks, augmentation=spoils, mixing=mixing
    )
    assert_alike(*both(make, X, y, np.arange(N_ROWS) % 3))


@pytest.mark.parametrize(
    ("precision", "rtol", "atol"),
    [("float32", 1e-3, 1e-5), ("bfloat16", 0.05, 0.02)],
)
def test_other_precisions(precision, rtol, atol):
    # Their sums are rounded otherwise, which Adam would make steps of.
    make = functools.partial(
        table_estimator, precision=precision, optimizer="sgd", lr=0.01, max_epochs=2
    )
    whole, pieces = both(make, *table())
    assert pieces.precision_ == precision
    assert_alike(whole, pieces, rtol, atol)


def test_more_training_takes_todays_number_of_passes():
    X, y = table()
    found = []
    for settings in ({"batch_size": 32}, {"batch_size": 8, "accumulate": 4}):
        estimator = table_estimator(max_epochs=2).fit(X, y)
        estimator.set_params(**settings, warm_start=True)
        found.append(estimator.partial_fit(X, y).fit(X, y))
    assert_alike(*found)


class Passes(Callback):
    """Notes what callbacks see of each step, and the size of each pass."""

    def on_train_begin(self, net, **kwargs):
        self.steps, self.sizes, self.gradients = [], [], 0
        net.module_.backbone.register_forward_hook(
            lambda module, inputs, output: self.sizes.append(len(inputs[0]))
        )

    def on_grad_computed(self, net, named_parameters, batch, **kwargs):
        self.gradients += 1
        assert all(weights.grad is not None for _, weights in named_parameters)

    def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
        x, labels = batch
        latest = net.tallies_[training].latest()
        figures = [loss.item(), *latest.values()]
        sizes = [len(x), *map(len, y_pred), *map(len, labels.values)]
        self.steps.append((figures, sizes, torch.cat(y_pred, dim=1).detach()))


def test_callbacks_see_whole_steps():
    X, y = table()
    seen = [Passes(), Passes()]
    for watch, given in zip(seen, [(32, 1), (8, 4)], strict=True):
        table_estimator(
            batch_size=given[0], accumulate=given[1], callbacks=[watch], max_epochs=1
        ).fit(X, y)
    whole, pieces = seen
    assert whole.sizes == [32, 32, 11]
    assert pieces.sizes == [8] * 9 + [3]
    assert pieces.gradients == len(pieces.steps) == 3
    for one, other in zip(whole.steps, pieces.steps, strict=True):
        np.testing.assert_allclose(other[0], one[0], rtol=1e-9)
        assert one[1] == other[1]
        torch.testing.assert_close(other[2], one[2], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "accumulate", "sizes"),
    [
        (25, 4, 3, [4, 4, 4, 4, 4, 5]),
        (9, 4, 1, [4, 5]),
        (9, 4, 2, [4, 5]),
        (9, 4, 5, [4, 5]),
        (7, 2, 2, [2, 2, 3]),
        (7, 2, 9, [2, 2, 3]),
        (10, 4, 9, [4, 4, 2]),
    ],
)
def test_no_batch_norm_gets_a_single_row(n_rows, batch_size, accumulate, sizes):
    X, y = make_table(n_rows)
    watch = Passes()
    table_estimator(
        backbone=Partial(MLP, hidden=(4,), batch_norm=True),
        batch_size=batch_size,
        accumulate=accumulate,
        max_epochs=1,
        callbacks=[watch],
    ).fit(X, y)
    # Later passes, without gradients, are for the statistics.
    assert watch.sizes[: len(sizes)] == sizes


def test_single_rows_are_no_batch():
    X, y = make_images()
    with pytest.raises(
        InvalidDataError, match=r"batch normalisation.*raise batch_size"
    ):
        image_estimator(batch_size=1, accumulate=8).fit(X, y)


def test_one_pass_a_step_is_as_before():
    X, y = make_images()
    assert_same_bits(
        image_estimator(accumulate=1).fit(X, y), image_estimator().fit(X, y)
    )


def test_more_passes_than_there_are_rows_for():
    X, y = table()
    found = table_estimator(batch_size=N_ROWS, accumulate=10**30).fit(X, y)
    assert_same_bits(found, table_estimator(batch_size=N_ROWS).fit(X, y))


def test_a_file_keeps_the_number_of_passes(tmp_path):
    X, y = table()
    estimator = table_estimator(batch_size=8, accumulate=4).fit(X, y)
    save(estimator, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.accumulate == loaded.net_.accumulate == 4
    assert loaded.net_.batch_size == 8
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
