"""Reconstruction: its losses and figures, from formulas and other libraries."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, r2_score
from torch import nn

from mtlearn import Head, Partial, Reconstruction
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import Inputs, sample_loss
from mtlearn.networks import Decoder

rng = np.random.default_rng(0)
OUTPUT = torch.from_numpy(rng.normal(size=(4, 2, 3, 5)))
SEEN = torch.from_numpy(rng.uniform(size=(4, 2, 3, 5)))
CLEAN = torch.from_numpy(rng.uniform(size=(4, 2, 3, 5)))
WEIGHT = torch.tensor([1.0, 2.0, 0.0, 0.5], dtype=torch.float64)
INPUTS = Inputs(torch.zeros_like(SEEN), SEEN, CLEAN)


def sums(task):
    loss = sample_loss(*task.loss_spec()[:1])
    return task.loss_sums(loss, OUTPUT, None, WEIGHT, INPUTS)


def weighted(errors):
    """Give the weighted sum of the means over the values of each sample."""
    return (errors.reshape(4, -1).mean(axis=1) * WEIGHT.numpy()).sum()


@pytest.mark.parametrize(
    ("loss", "error"),
    [
        ("mse", lambda a, b: (a - b) ** 2),
        ("mae", lambda a, b: abs(a - b)),
        (nn.L1Loss(reduction="none"), lambda a, b: abs(a - b)),
        (lambda output, target: (output - target).pow(4), lambda a, b: (a - b) ** 4),
    ],
)
@pytest.mark.parametrize("denoise", [False, True])
def test_losses(loss, error, denoise):
    found, weight = sums(Reconstruction(loss=loss, denoise=denoise))
    target = CLEAN if denoise else SEEN
    assert float(found) == pytest.approx(weighted(error(OUTPUT, target).numpy()))
    assert float(weight) == 3.5


def test_cross_entropy_of_values_between_0_and_1():
    task = Reconstruction(loss="bce")
    chances = task.activate(OUTPUT).numpy()
    assert ((chances > 0) & (chances < 1)).all()
    target = SEEN.clone()
    target[0, 0, 0, :2] = torch.tensor([-0.5, 1.5])  # as noise makes them
    inputs = Inputs(target, target)
    loss = sample_loss("bce")
    found, _ = task.loss_sums(loss, OUTPUT, None, WEIGHT, inputs)
    bounded = target.clamp(0, 1).numpy()
    each = [
        log_loss([0, 1], [[1 - p, p]] * 2, sample_weight=[1 - t, t], labels=[0, 1])
        for p, t in zip(chances.ravel(), bounded.ravel(), strict=True)
    ]
    expected = weighted(np.reshape(each, bounded.shape))
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_r2_of_all_values(loss):
    task = Reconstruction(loss=loss)
    both = sum(
        task.statistics(OUTPUT[rows], None, WEIGHT[rows], Inputs(x, x))
        for rows in (slice(3), slice(3, 4))
        for x in [SEEN[rows]]
    )
    made = task.activate(OUTPUT).numpy()
    expected = r2_score(
        SEEN.ravel(), made.ravel(), sample_weight=np.repeat(WEIGHT.numpy(), 30)
    )
    assert task.metric_from(both.numpy()) == pytest.approx(expected)
    flat = torch.ones_like(SEEN)
    nothing = task.statistics(OUTPUT, None, WEIGHT, Inputs(flat, flat))
    assert np.isnan(task.metric_from(nothing.numpy()))


def r2_in_single_precision(seen, made):
    task = Reconstruction()
    weight = torch.ones(len(seen))
    found = task.statistics(made, None, weight, Inputs(seen, seen))
    return task.metric_from(found.numpy())


def test_r2_of_values_far_from_zero():
    values, errors = rng.normal(size=(2, 100, 1, 6, 6))
    seen = torch.from_numpy(1000 + values / 10).float()
    made = seen + torch.from_numpy(errors / 30).float()
    expected = r2_score(*(each.double().numpy().ravel() for each in (seen, made)))
    assert r2_in_single_precision(seen, made) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("value", [0.3, 0.7, 100.1])
def test_r2_of_values_that_are_all_the_same(value):
    seen = torch.full((5, 1, 28, 28), value)
    assert np.isnan(r2_in_single_precision(seen, seen + 0.1))


def test_what_it_is_told_stays_with_the_copy():
    task = Reconstruction()
    known = task.seeing((3, 4, 5))
    assert known.score_shape == (3, 4, 5)
    assert known.n_outputs == 60
    assert not hasattr(task, "input_shape_")


def test_what_the_user_gives_for_a_head():
    assert Reconstruction().own_head is None
    assert Reconstruction(head=Head((3,))).own_head.hidden == (3,)
    decoder = Partial(Decoder, widths=(4,))
    assert Reconstruction(decoder=decoder).own_head is decoder
    for task in (Reconstruction(decoder=decoder), Reconstruction(head=Head())):
        task.validate("image")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"loss": "focal"}, InvalidParameterError, "'loss'.*'mse', 'mae', 'huber'"),
        ({"denoise": 1}, ParameterTypeError, r"'denoise' .*task 'image'"),
        ({"decoder": Head()}, ParameterTypeError, r"'decoder' .* must be None, a sub"),
        ({"decoder": nn.Linear(2, 2)}, ParameterTypeError, "trained in place"),
        (
            {"decoder": Decoder, "head": Head()},
            InvalidParameterError,
            "'decoder' and 'head' .* one of them to None",
        ),
        ({"weight": -1}, InvalidParameterError, "'weight'"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        Reconstruction(**params).validate("image")
