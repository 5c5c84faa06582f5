import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy.stats import chisquare
from seeded_batches import batch as images
from seeded_batches import seeded
from sklearn.base import clone

from mtlearn.augmentation import RandAugment, TrivialAugment, _drawn_policies
from mtlearn.augmentation._operations import OPERATIONS, Drawn
from mtlearn.exceptions import DataTypeError, InvalidDataError

POLICIES = [TrivialAugment(), RandAugment(), RandAugment(3, 30, fill="reflection")]
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=repr)
each_class = pytest.mark.parametrize("cls", [TrivialAugment, RandAugment])


def drawing(policy, monkeypatch, *rows):
    """Let samples draw what they are given: names and shares of the reach."""
    places = [[OPERATIONS.index(name) for name, _ in row] for row in rows]
    shares = [[share for _, share in row] for row in rows]
    drawn = Drawn(torch.tensor(places).T, torch.tensor(shares, dtype=torch.float64).T)
    monkeypatch.setattr(policy, "_draw", lambda n_samples, generator: drawn)
    return policy


# What is drawn.


def test_trivial_augment_draws_all_alike():
    drawn = TrivialAugment()._draw(20_000, seeded())

    assert drawn.operations.shape == drawn.amounts.shape == (1, 20_000)
    counts = torch.bincount(drawn.operations[0])
    assert len(counts) == 14
    assert chisquare(counts).pvalue > 0.01
    steps = (30 * drawn.amounts.abs()).round().long()[0]
    torch.testing.assert_close(drawn.amounts.abs()[0], steps.double() / 30)
    counts = torch.bincount(steps)
    assert len(counts) == 31
    assert chisquare(counts).pvalue > 0.01
    assert (drawn.amounts > 0).double().mean() == pytest.approx(15 / 31, abs=0.02)
    # Operation, strength and direction say nothing of each other.
    together = torch.stack([drawn.operations[0].double(), steps, drawn.amounts[0]])
    assert (torch.corrcoef(together) - torch.eye(3)).abs().max() < 0.03


def test_rand_augment_draws_operations_of_one_strength():
    drawn = RandAugment(3, 12)._draw(10_000, seeded())

    assert drawn.operations.shape == drawn.amounts.shape == (3, 10_000)
    assert set(drawn.amounts.unique().tolist()) == {-0.4, 0.4}
    for operations in drawn.operations:
        assert chisquare(torch.bincount(operations)).pvalue > 0.01
    assert (drawn.amounts > 0).double().mean() == pytest.approx(0.5, abs=0.02)
    assert torch.corrcoef(drawn.operations.double()).triu(1).abs().max() < 0.03


# What happens then: torchvision's tables, by hand, at half of the reach.

HALF = {
    TrivialAugment: {
        "shear": 0.495, "shift": 8, "turn": 67.5, "blend": 0.495, "bits": 5,
    },
    RandAugment: {
        "shear": 0.15, "shift": 16 * 75 / 331, "turn": 15.0, "blend": 0.45, "bits": 6,
    },
}  # fmt: skip


def tones_of_pillow(blend, bits):
    """Return what Pillow makes of an image, by operation."""
    return {
        "identity": lambda p: p,
        "brightness": lambda p: ImageEnhance.Brightness(p).enhance(1 + blend),
        "colour": lambda p: ImageEnhance.Color(p).enhance(1 + blend),
        "contrast": lambda p: ImageEnhance.Contrast(p).enhance(1 + blend),
        "sharpness": lambda p: ImageEnhance.Sharpness(p).enhance(1 + blend),
        "posterize": lambda p: ImageOps.posterize(p, bits),
        "solarize": lambda p: ImageOps.solarize(p, 127.5),
        "autocontrast": ImageOps.autocontrast,
        "equalize": ImageOps.equalize,
    }


@each_class
def test_tones_are_as_strong_as_torchvisions(cls, monkeypatch):
    half = HALF[cls]
    expected = tones_of_pillow(half["blend"], half["bits"])
    whole = (255 * images(len(expected), 20, 20, 3) ** 2).to(torch.uint8)
    x = whole.permute(0, 3, 1, 2) / 255
    policy = drawing(cls(), monkeypatch, *([(name, 0.5)] for name in expected))

    changed = policy(x, seeded())

    assert torch.equal(changed[0], x[0])
    for image, result, change in zip(whole, changed, expected.values(), strict=True):
        by_pillow = np.array(change(Image.fromarray(image.numpy())), dtype=np.float32)
        found = 255 * result.permute(1, 2, 0).numpy()
        np.testing.assert_allclose(found, by_pillow, atol=1.6)


@each_class
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("shear_x", lambda half: (1, half["shear"], 0, 0, 1, 0)),
        ("shear_y", lambda half: (1, 0, 0, half["shear"], 1, 0)),
        ("translate_x", lambda half: (1, 0, half["shift"], 0, 1, 0)),
        ("translate_y", lambda half: (1, 0, 0, 0, 1, half["shift"])),
        ("rotate", None),
    ],
)
def test_moves_are_as_far_as_torchvisions(cls, name, numbers, monkeypatch):
    # On ramps, Pillow's bilinear values are exact.
    ramp = torch.linspace(0, 1, 16).expand(1, 1, 16, 16)
    x = torch.cat([ramp, ramp, ramp.mT])
    rows = [("identity", 0.1)], [(name, 0.5)], [(name, 0.5)]
    policy = drawing(cls(fill="border"), monkeypatch, *rows)

    changed = policy(x, seeded())

    for (image,), (result,) in zip(x[1:], changed[1:], strict=True):
        picture = Image.fromarray(image.numpy())
        bilinear = Image.Resampling.BILINEAR
        if numbers is None:
            expected = picture.rotate(HALF[cls]["turn"], bilinear)
        else:
            affine = Image.Transform.AFFINE
            expected = picture.transform((16, 16), affine, numbers(HALF[cls]), bilinear)
        middle = (slice(5, 7), slice(5, 7))
        expected = torch.from_numpy(np.array(expected))
        torch.testing.assert_close(result[middle], expected[middle], atol=1e-4, rtol=0)


def test_no_shift_is_longer_than_32_pixels(monkeypatch):
    policy = drawing(TrivialAugment(), monkeypatch, [("translate_x", -1.0)])

    (moved,) = policy(torch.ones(1, 1, 4, 100), seeded())

    torch.testing.assert_close(moved[0, 0], (torch.arange(100) >= 32).float())


def test_operations_follow_each_other(monkeypatch):
    x = images(2, 1, 9, 9)
    posterized = [("posterize", 1.0), ("solarize", 0.5)]
    solarized = posterized[::-1]
    policy = drawing(RandAugment(), monkeypatch, posterized, solarized)

    first, second = policy(x, seeded())

    # Four bits are left.
    whole = 255 * x.double()
    kept = whole.round() // 16 * 16
    expected = torch.where(kept >= 127.5, 255 - kept, kept)
    torch.testing.assert_close(255 * first.double(), expected[0], atol=1e-3, rtol=0)
    inverted = torch.where(whole >= 127.5, 255 - whole, whole).round() // 16 * 16
    torch.testing.assert_close(255 * second.double(), inverted[1], atol=1e-3, rtol=0)


def test_moves_come_first_and_fill_is_black(monkeypatch):
    x = torch.full((1, 1, 10, 10), 0.75)
    moves = [("solarize", 1.0), ("translate_x", -0.5)]
    policy = drawing(TrivialAugment(), monkeypatch, moves)

    (changed,) = policy(x, seeded())

    expected = torch.tensor([1.0] * 5 + [0.25] * 5)
    torch.testing.assert_close(changed[0], expected.expand(10, 10))


# As any augmentation.


@each_policy
def test_the_same_state_gives_the_same_bits(policy):
    x = images(16, 3, 12, 13)
    before = x.clone()
    generator = seeded()

    first, second = policy(x, generator), policy(x, generator)

    assert first.shape == x.shape
    assert first.isfinite().all()
    assert torch.equal(policy(x, seeded()), first)
    assert not torch.equal(second, first)
    assert torch.equal(x, before)


@each_policy
def test_samples_are_changed_apart(policy):
    x = images(1, 3, 16, 17).expand(30, 3, 16, 17)

    assert len(policy(x, seeded()).unique(dim=0)) >= 20


@each_policy
def test_a_sample_does_not_depend_on_the_others(policy):
    x = images(30, 3, 12, 13)

    changed = policy(x, seeded())

    for row in (0, 7, 29):
        others = (1 - x) * 0.7
        others[row] = x[row]
        torch.testing.assert_close(policy(others, seeded())[row], changed[row])


@each_policy
def test_no_global_random_state_is_touched(policy):
    x = images(4, 1, 12, 12)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = policy(x, seeded())

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        assert torch.equal(policy(x, seeded()), first)


@each_policy
def test_float64_and_channels_last_see_the_same_change(policy):
    x = images(40, 3, 12, 13)
    expected = policy(x, seeded())

    double = policy(x.double(), seeded())
    last = policy(x.contiguous(memory_format=torch.channels_last), seeded())

    assert double.dtype == torch.float64
    assert last.is_contiguous(memory_format=torch.channels_last)
    for changed in (double, last):
        # A rounding may cross the threshold of a pixel.
        is_same = (changed - expected).abs() < 1e-4
        assert is_same.double().mean() > 0.999


@each_policy
@pytest.mark.parametrize(
    "shape", [(1, 1, 8, 8), (9, 1, 1, 1), (9, 3, 1, 5), (0, 1, 4, 4), (0, 3, 4, 4)]
)
def test_few_samples_and_few_pixels(policy, shape):
    changed = policy(images(*shape), seeded())

    assert changed.shape == shape
    assert changed.isfinite().all()


@each_policy
def test_what_is_drawn_moves_to_the_device_of_x(policy, monkeypatch):
    # Tensors of the meta device refuse to meet those of the CPU, and have no values.
    monkeypatch.setattr(_drawn_policies, "check_values", lambda *_: None)
    x = images(40, 3, 6, 7).to("meta")

    assert policy(x, seeded()).device == x.device


# Black and white.


@each_policy
@pytest.mark.parametrize(
    ("scale", "value_range"),
    [
        (lambda x: 255 * x, (0, 255)),
        (lambda x: 2 * x - 1, (-1.0, 1.0)),
        (
            lambda x: torch.stack([x[:, 0], 4 * x[:, 1], x[:, 2] - 7], 1),
            ((0, 0, -7), (1, 4, -6)),
        ),
    ],
)
def test_a_change_is_that_of_the_picture(policy, scale, value_range):
    x = images(60, 3, 8, 9)
    policy = clone(policy)
    expected = scale(policy(x.double(), seeded()))

    changed = policy.set_params(value_range=value_range)(scale(x.double()), seeded())

    torch.testing.assert_close(changed, expected, atol=1e-9, rtol=1e-9)


def test_what_draws_nothing_keeps_its_bits(monkeypatch):
    x = (images(2, 3, 6, 6) - 0.4) / 0.3
    rows = [[("identity", 1.0)], [("brightness", 0.1)]]
    policy = drawing(TrivialAugment(value_range=(-4 / 3, 2.0)), monkeypatch, *rows)

    changed = policy(x, seeded())

    assert torch.equal(changed[0], x[0])
    assert not torch.equal(changed[1], x[1])


@pytest.mark.parametrize("name", OPERATIONS[6:])
def test_tones_end_at_black_and_white(name, monkeypatch):
    x = 1.6 * images(1, 3, 6, 6) - 0.3
    policy = drawing(TrivialAugment(), monkeypatch, [(name, 1.0)])

    changed = policy(x, seeded())

    assert changed.min() >= 0
    assert changed.max() <= 1


@each_class
@pytest.mark.parametrize(
    ("scale", "value_range"),
    [
        (lambda x: 255 * x, (0, 1)),
        (lambda x: 2 * x - 1, (0, 1)),
        (lambda x: (x - 0.45) / 0.22, (0, 1)),
        (lambda x: 4 * x, ((0, 0, 0), (4, 4, 1))),
        (lambda x: x - 0.7, ((-0.7, 0, -0.7), (0.3, 1, 0.3))),
    ],
)
def test_other_values_are_refused(cls, scale, value_range):
    message = (
        rf"'value_range' of a {cls.__name__} must be what is black and white in X\. "
        r".*from -?[\d.]+ to [\d.]+, lie far beyond: give \(0, 255\) for bytes"
    )
    with pytest.raises(InvalidDataError, match=message):
        cls(value_range=value_range)(scale(images(4, 3, 9, 9)), seeded())


@each_class
def test_half_a_range_beyond_is_borne(cls):
    x = 100 * images(4, 3, 9, 9)
    policy = cls(value_range=(0, 100))
    for value, beyond in ((-49.0, -51.0), (149.0, 151.0)):
        x[2, 1, 0, 0] = value
        policy(x, seeded())
        x[2, 1, 0, 0] = beyond
        with pytest.raises(InvalidDataError, match="'value_range'"):
            policy(x, seeded())
        x[2, 1, 0, 0] = 0.0


@each_class
@pytest.mark.parametrize("n_channels", [2, 4])
def test_other_channels_are_refused(cls, n_channels):
    message = f"The operations of a {cls.__name__} need .* Got {n_channels} channels"
    with pytest.raises(InvalidDataError, match=message):
        cls()(images(4, n_channels, 5, 6), seeded())


@each_class
def test_what_is_no_batch_of_numbers_is_refused(cls):
    with pytest.raises(InvalidDataError, match=rf"that a {cls.__name__} changes must"):
        cls()(images(4, 6, 6), seeded())
    with pytest.raises(DataTypeError, match=r"Got torch.uint8 instead"):
        cls()(torch.zeros(4, 1, 6, 6, dtype=torch.uint8), seeded())
