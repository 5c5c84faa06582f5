import pickle

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from seeded_batches import batch, seeded
from sklearn.base import clone

from mtlearn import Partial
from mtlearn.augmentation import CutMix, Mixed, MixUp, resolve_mixing
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

each_class = pytest.mark.parametrize("cls", [MixUp, CutMix])


def numbered(n_samples, height=8, width=8):
    """Return images whose every pixel is the row's number."""
    numbers = torch.arange(n_samples, dtype=torch.float64)
    return numbers.view(-1, 1, 1, 1).expand(-1, 2, height, width)


# Both.


@each_class
def test_a_mixed_batch_has_its_parts(cls):
    x = batch(10, 2, 5, 6)
    before = x.clone()

    mixed = cls(alpha=1.0)(x, seeded())

    assert isinstance(mixed, Mixed)
    assert mixed.x.shape == x.shape
    assert mixed.permutation.dtype == torch.int64
    assert sorted(mixed.permutation.tolist()) == list(range(10))
    assert mixed.lam.shape == (10,)
    assert mixed.lam.dtype == mixed.x.dtype == torch.float32
    assert 0 <= mixed.lam.min() < mixed.lam.max() <= 1
    assert torch.equal(x, before)


@each_class
def test_the_same_state_gives_the_same_bits(cls):
    x = batch(10, 2, 5, 6)
    generator = seeded()

    first, second = cls(1.0)(x, generator), cls(1.0)(x, generator)

    for part, same, other in zip(first, cls(1.0)(x, seeded()), second, strict=True):
        assert torch.equal(part, same)
        assert not torch.equal(part, other)


@each_class
def test_probability_zero_is_the_identity(cls):
    x = batch(10, 2, 5, 6)

    mixed = cls(1.0, probability=0.0)(x, seeded())

    assert torch.equal(mixed.x, x)
    assert torch.equal(mixed.lam, torch.ones(10))


@each_class
def test_a_probability_is_the_share_of_mixed_samples(cls):
    x = numbered(1000)

    mixed = cls(1.0, probability=0.3)(x, seeded())

    unmixed = mixed.lam == 1
    assert 0.25 <= (~unmixed).double().mean() <= 0.35
    assert torch.equal(mixed.x[unmixed], x[unmixed])


@each_class
def test_no_global_random_state_is_touched(cls):
    x = batch(10, 2, 5, 6)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()

    first = cls(1.0)(x, seeded())

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        assert torch.equal(cls(1.0)(x, seeded()).x, first.x)


@each_class
def test_float64_is_mixed_in_the_same_way(cls):
    x = batch(10, 2, 5, 6)

    single, double = cls(1.0)(x, seeded()), cls(1.0)(x.double(), seeded())

    assert double.x.dtype == double.lam.dtype == torch.float64
    assert torch.equal(double.permutation, single.permutation)
    torch.testing.assert_close(double.lam.float(), single.lam)
    torch.testing.assert_close(double.x.float(), single.x)


@each_class
def test_channels_last_is_mixed_in_the_same_way(cls):
    x = batch(10, 3, 5, 6)

    last = cls(1.0)(x.contiguous(memory_format=torch.channels_last), seeded())

    assert torch.equal(last.x, cls(1.0)(x, seeded()).x)


@each_class
@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (4, 1, 1, 1), (0, 1, 4, 4)])
def test_few_samples_and_few_pixels(cls, shape):
    x = batch(*shape)

    mixed = cls(1.0)(x, seeded())

    assert mixed.x.shape == shape
    assert mixed.lam.shape == mixed.permutation.shape == (shape[0],)
    if shape[0] == 1:
        # There is nothing else to be mixed with.
        torch.testing.assert_close(mixed.x, x)


@each_class
def test_all_parts_are_on_the_device_of_x(cls):
    mixed = cls()(batch(4, 1, 5, 5).to("meta"), seeded())

    assert {part.device.type for part in mixed} == {"meta"}


@each_class
def test_integers_are_refused(cls):
    x = torch.zeros(4, 1, 6, 6, dtype=torch.uint8)

    with pytest.raises(DataTypeError, match=f"{cls.__name__} changes .*torch.uint8"):
        cls()(x, seeded())


# MixUp.


@pytest.mark.parametrize("shape", [(20, 3), (20, 2, 4, 5)])
def test_mixup_is_a_weighted_mean(shape):
    x = batch(*shape, dtype=torch.float64)

    mixed = MixUp(1.0)(x, seeded())

    lam = mixed.lam.view(-1, *[1] * (x.ndim - 1))
    expected = lam * x + (1 - lam) * x[mixed.permutation]
    torch.testing.assert_close(mixed.x, expected)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_follow_a_beta_distribution(alpha):
    lam = MixUp(alpha)(batch(5000, 1, dtype=torch.float64), seeded()).lam

    assert lam.mean() == pytest.approx(0.5, abs=0.02)
    assert lam.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
    assert kstest(lam.numpy(), "beta", args=(alpha, alpha)).pvalue > 0.01


def test_an_unmixed_row_does_not_see_the_other():
    x = torch.tensor([[1.0, -0.0], [torch.inf, torch.nan]])

    mixed = MixUp(probability=0.0)(x, seeded(1))

    assert mixed.permutation.tolist() == [1, 0]
    assert torch.equal(mixed.x[0], x[0])
    assert torch.equal(mixed.x.signbit(), x.signbit())


def test_the_loss_of_a_linear_target_is_that_of_the_mixed_target():
    # The docstring's formula, for a loss that is linear in y.
    x, y = batch(8, 3, dtype=torch.float64), batch(8, dtype=torch.float64)

    _, permutation, lam = MixUp(1.0)(x, seeded())
    together = MixUp(1.0)(y[:, None], seeded()).x[:, 0]

    torch.testing.assert_close(lam * y + (1 - lam) * y[permutation], together)


# CutMix.


def test_the_share_of_cutmix_is_what_was_really_kept():
    x = numbered(300, 7, 10)

    mixed = CutMix()(x, seeded())

    other = mixed.permutation != torch.arange(300)
    kept = (mixed.x == x).double().mean((1, 2, 3))
    torch.testing.assert_close(mixed.lam[other], kept[other])
    assert len(mixed.lam.unique()) > 15


def test_cutmix_pastes_one_rectangle_of_the_partner():
    x = numbered(200)

    mixed = CutMix()(x, seeded())

    assert torch.equal(mixed.x[:, 0], mixed.x[:, 1])
    pasted = mixed.x[:, 0] != x[:, 0]
    partners = x[mixed.permutation][:, 0]
    assert torch.equal(mixed.x[:, 0][pasted], partners[pasted])
    heights, widths = pasted.any(2).sum(1), pasted.any(1).sum(1)
    assert torch.equal(pasted.sum((1, 2)), heights * widths)


def test_the_sides_of_cutmix_are_the_root_of_the_share():
    # A large alpha draws shares next to one half.
    x = numbered(400, 20, 40)

    pasted = (CutMix(1e6)(x, seeded()).x != x)[:, 0]

    assert pasted.any(2).sum(1).max() == int(20 * 0.5**0.5)
    assert pasted.any(1).sum(1).max() == int(40 * 0.5**0.5)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5)])
def test_cutmix_needs_images(shape):
    message = r"needs a batch of shape .*Got \(4, 3.*\) instead: for a table, use MixUp"
    with pytest.raises(InvalidDataError, match=message):
        CutMix()(torch.zeros(shape), seeded())


# Values.


@each_class
@pytest.mark.parametrize(
    "copy", [clone, lambda a: pickle.loads(pickle.dumps(a))], ids=["clone", "pickle"]
)
def test_a_copy_does_the_same(cls, copy):
    x = batch(6, 1, 4, 4)
    mixing = cls(0.7, probability=0.5)

    copied = copy(mixing)

    assert copied.get_params() == {
        "alpha": 0.7, "probability": 0.5, "labels": "soft",
    }  # fmt: skip
    assert torch.equal(copied(x, seeded()).x, mixing(x, seeded()).x)


@each_class
def test_params_can_be_set(cls):
    assert cls().set_params(alpha=3.0).alpha == 3.0


@each_class
@pytest.mark.parametrize(
    ("params", "error", "expected"),
    [
        ({"alpha": 0.0}, InvalidParameterError, r"a finite number in \(0, inf\)"),
        ({"alpha": "1"}, ParameterTypeError, "a real number"),
        ({"probability": 1.1}, InvalidParameterError, r"a finite number in \[0, 1\]"),
        ({"labels": "hard"}, InvalidParameterError, "one of 'soft', 'union'"),
    ],
)
def test_a_wrong_value_is_refused(cls, params, error, expected):
    (name,) = params
    cls().validate("Owner")
    message = (
        f"The '{name}' parameter of the {cls.__name__} of Owner must be {expected}"
    )
    with pytest.raises(error, match=message):
        resolve_mixing(cls(**params), "Owner")


# What may be given.


@pytest.mark.parametrize(("name", "cls"), [("mixup", MixUp), ("cutmix", CutMix)])
def test_a_name_stands_for_the_defaults(name, cls):
    resolved = resolve_mixing(name, "Owner")

    assert type(resolved) is cls
    assert resolved.get_params() == cls().get_params()


def test_an_unknown_name_is_refused():
    message = "'mixing' parameter of Owner must be None, one of 'mixup', 'cutmix'"
    with pytest.raises(InvalidParameterError, match=message):
        resolve_mixing("mix", "Owner")


def halves(x, generator):
    permutation = torch.randperm(len(x), generator=generator)
    return (x + x[permutation]) / 2, permutation, torch.full((len(x),), 0.5)


@pytest.mark.parametrize("value", [None, MixUp(), CutMix(), halves])
def test_other_values_are_returned_as_they_are(value):
    assert resolve_mixing(value, "Owner") is value


@pytest.mark.parametrize("value", [MixUp, Partial(MixUp, alpha=1.0)])
def test_a_class_is_refused(value):
    message = r"'mixing' parameter of Owner must be an object .*: pass MixUp\(...\)"
    with pytest.raises(ParameterTypeError, match=message):
        resolve_mixing(value, "Owner")


def test_what_cannot_be_called_is_refused():
    message = r"a callable that maps \(x, generator\) to \(x, permutation, lam\). Got 3"
    with pytest.raises(ParameterTypeError, match=message):
        resolve_mixing(3, "Owner")
