import inspect
import pickle
import random

import numpy as np
import pytest
import torch
from seeded_batches import batch as images
from seeded_batches import seeded
from sklearn.base import clone

from mtlearn.augmentation import Augmentation, _drawn_policies
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

CHANGES = {
    "flip": "both",
    "translate": 0.2,
    "rotate": 20.0,
    "zoom": 0.2,
    "crop": 2,
    "resized_crop": (0.3, 0.9),
    "policy": "randaugment",
    "brightness": 0.3,
    "contrast": 0.3,
    "gamma": 0.5,
    "saturation": 0.5,
    "hue": 0.2,
    "greyscale": 0.5,
    "noise": 0.1,
    "blur": 1.0,
    "cutout": 0.5,
}
# What says how, and changes nothing by itself.
SETTINGS = {
    "fill": "reflection",
    "crop_ratio": (3 / 4, 4 / 3),
    "value_range": (0.0, 1.0),
}
EACH = [{name: value} for name, value in CHANGES.items()]
each_change = pytest.mark.parametrize(
    "changes", [*EACH, CHANGES], ids=lambda c: "-".join(c)
)


def test_every_change_is_tested():
    names = set(inspect.signature(Augmentation).parameters)

    assert names - set(SETTINGS) == set(CHANGES)


@pytest.mark.parametrize(
    "settings",
    [{"fill": "zeros"}, {"fill": "border"}, SETTINGS, {"value_range": (0, 255)}],
)
def test_the_defaults_return_x_itself(settings):
    x = images(3, 1, 4, 4)
    generator = seeded()

    assert Augmentation(**settings)(x, generator) is x
    assert torch.equal(generator.get_state(), seeded().get_state())


@each_change
def test_a_change_changes_and_leaves_x_as_it_was(changes):
    x = images(8, 3, 6, 7)
    before = x.clone()

    changed = Augmentation(**changes)(x, seeded())

    assert changed.shape == x.shape
    assert changed.isfinite().all()
    assert not torch.equal(changed, x)
    assert torch.equal(x, before)
    assert changed.data_ptr() != x.data_ptr()


@each_change
def test_the_same_state_gives_the_same_bits(changes):
    x = images(8, 3, 6, 7)
    augmentation = Augmentation(**changes)
    generator = seeded()

    first, second = augmentation(x, generator), augmentation(x, generator)

    assert torch.equal(augmentation(x, seeded()), first)
    assert not torch.equal(second, first)


@each_change
def test_samples_are_changed_apart(changes):
    x = images(1, 3, 6, 7).expand(12, 3, 6, 7)

    changed = Augmentation(**changes)(x, seeded())

    # Two of four flips are the same, or of two colours; all other changes are not.
    expected = {"flip": 4, "greyscale": 2}.get(*changes, 8) if len(changes) == 1 else 8
    assert len(changed.unique(dim=0)) >= expected


@each_change
def test_a_sample_does_not_depend_on_the_others(changes):
    x = images(6, 3, 6, 7)
    others = x.clone()
    others[1:] = 0.7 * (1 - x[1:])

    changed = Augmentation(**changes)(x, seeded())
    beside_others = Augmentation(**changes)(others, seeded())

    torch.testing.assert_close(beside_others[0], changed[0])


@each_change
def test_no_global_random_state_is_touched(changes):
    x = images(4, 1, 5, 5)
    augmentation = Augmentation(**changes)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = augmentation(x, seeded())

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        assert torch.equal(augmentation(x, seeded()), first)


@pytest.mark.parametrize("changes", [c for c in EACH if "noise" not in c])
def test_float64_sees_the_same_change(changes):
    x = images(5, 3, 6, 7)

    single = Augmentation(**changes)(x, seeded())
    double = Augmentation(**changes)(x.double(), seeded())

    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, atol=1e-5, rtol=1e-5)


def test_noise_in_float64_is_float64():
    x = images(5, 2, 6, 7, dtype=torch.float64)

    assert Augmentation(noise=0.1)(x, seeded()).dtype == torch.float64


@each_change
def test_the_layout_in_memory_does_not_matter(changes):
    x = images(4, 3, 6, 7)
    augmentation = Augmentation(**changes)
    expected = augmentation(x, seeded())
    wide = torch.zeros(4, 3, 6, 14)
    wide[..., ::2] = x

    last = augmentation(x.contiguous(memory_format=torch.channels_last), seeded())

    torch.testing.assert_close(last, expected)
    torch.testing.assert_close(augmentation(wide[..., ::2], seeded()), expected)


@each_change
@pytest.mark.parametrize(
    "shape", [(1, 1, 8, 8), (3, 1, 1, 1), (2, 3, 1, 5), (0, 1, 4, 4), (0, 3, 4, 4)]
)
def test_few_samples_and_few_pixels(changes, shape):
    changed = Augmentation(**changes)(images(*shape), seeded())

    assert changed.shape == shape
    assert changed.isfinite().all()


@each_change
def test_what_is_drawn_moves_to_the_device_of_x(changes, monkeypatch):
    # Tensors of the meta device refuse to meet those of the CPU, and have no values.
    monkeypatch.setattr(_drawn_policies, "check_values", lambda *_: None)
    x = images(4, 3, 6, 7).to("meta")

    changed = Augmentation(**changes)(x, seeded())

    assert changed.device == x.device
    assert changed.shape == x.shape


def test_changes_take_place_in_their_order():
    x = images(4, 3, 6, 7)
    together = ("flip", "translate", "rotate", "zoom", "resized_crop")
    geometry = {name: CHANGES[name] for name in together}
    order = (
        "policy", "blur", "brightness", "contrast", "gamma", "saturation", "hue",
        "greyscale", "noise", "cutout",
    )  # fmt: skip
    steps = [{"crop": 2}, geometry, *({name: CHANGES[name]} for name in order)]
    generator = seeded()

    expected = x
    for changes in steps:
        expected = Augmentation(**changes)(expected, generator)

    assert torch.equal(Augmentation(**CHANGES)(x, seeded()), expected)


def test_a_constant_image_stays_constant_under_geometry():
    x = torch.full((6, 1, 7, 5), 0.25)

    changed = Augmentation(flip="both", translate=0.9, rotate=180, zoom=0.5)(
        x, seeded()
    )

    torch.testing.assert_close(changed, x)


# A value.


def test_get_and_set_params():
    augmentation = Augmentation(**CHANGES)

    assert augmentation.get_params() == CHANGES | SETTINGS
    assert augmentation.set_params(rotate=3.0).rotate == 3.0
    with pytest.raises(ValueError, match="Invalid parameter 'turn'"):
        augmentation.set_params(turn=3.0)


def test_the_repr_shows_what_is_set():
    assert repr(Augmentation(rotate=5.0)) == "Augmentation(rotate=5.0)"


@pytest.mark.parametrize(
    "copy", [clone, lambda a: pickle.loads(pickle.dumps(a))], ids=["clone", "pickle"]
)
def test_a_copy_does_the_same(copy):
    x = images(4, 1, 6, 6)
    augmentation = Augmentation(**CHANGES)

    copied = copy(augmentation)

    assert copied is not augmentation
    assert copied.get_params() == augmentation.get_params()
    assert torch.equal(copied(x, seeded()), augmentation(x, seeded()))


# Checks.


def test_what_is_allowed_is_allowed():
    Augmentation().validate("Owner")
    Augmentation(**CHANGES).validate("Owner")
    Augmentation(rotate=180, translate=1, cutout=1.0, gamma=9, fill="zeros").validate(
        "O"
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flip", "sideways", "one of None, 'horizontal', 'vertical', 'both'"),
        ("flip", True, "one of None, 'horizontal'"),
        ("fill", "wrap", "one of 'zeros', 'border', 'reflection'"),
        ("crop", -1, "an integer not below 0"),
        ("translate", 1.5, r"a finite number in \[0, 1\]"),
        ("rotate", -5.0, r"a finite number in \[0, 180\]"),
        ("zoom", 1.0, r"a finite number in \[0, 1\)"),
        ("brightness", -0.1, r"a finite number in \[0, 1\]"),
        ("contrast", 2, r"a finite number in \[0, 1\]"),
        ("cutout", 1.01, r"a finite number in \[0, 1\]"),
        ("saturation", 1.1, r"a finite number in \[0, 1\]"),
        ("resized_crop", 0.5, r"a pair \(low, high\) of numbers above 0 and at most 1"),
        ("resized_crop", (0.5, 1.2), "a pair"),
        ("resized_crop", (0.5, 0.2), "a pair"),
        ("resized_crop", (0, 0.2), "a pair"),
        ("resized_crop", (0.1, 0.2, 0.3), "a pair"),
        ("resized_crop", ("0.1", "0.2"), "a pair"),
        ("resized_crop", (0.1, True), "a pair"),
        ("crop_ratio", None, "a pair .* above 0 and finite"),
        ("crop_ratio", (1, float("inf")), "a pair"),
        ("crop_ratio", (float("nan"), 1), "a pair"),
        ("crop_ratio", "12", "a pair"),
        ("hue", 0.6, r"a finite number in \[0, 0.5\]"),
        ("greyscale", -0.5, r"a finite number in \[0, 1\]"),
        ("value_range", (1, 0), r"'imagenet' or a pair \(low, high\)"),
        ("gamma", -1, r"a finite number in \[0, inf\)"),
        ("noise", float("nan"), r"a finite number in \[0, inf\)"),
        ("blur", float("inf"), r"a finite number in \[0, inf\)"),
    ],
)
def test_a_wrong_value_is_refused(name, value, expected):
    message = f"The '{name}' parameter of the Augmentation of Owner must be {expected}"
    with pytest.raises(InvalidParameterError, match=message):
        Augmentation(**{name: value}).validate("Owner")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("crop", 0.5, "an integer"), ("rotate", "5", "a real number")],
)
def test_a_wrong_type_is_refused(name, value, expected):
    message = f"The '{name}' parameter of the Augmentation of Owner must be {expected}"
    with pytest.raises(ParameterTypeError, match=message):
        Augmentation(**{name: value}).validate("Owner")


def test_the_constructor_checks_nothing():
    assert Augmentation(rotate="far").rotate == "far"


def test_a_batch_without_channels_is_refused():
    message = r"shape \(n_samples, n_channels, height, width\). Got \(4, 6, 6\) instead"
    with pytest.raises(InvalidDataError, match=message):
        Augmentation(rotate=5.0)(images(4, 6, 6), seeded())


def test_integers_are_refused():
    x = torch.zeros(4, 1, 6, 6, dtype=torch.uint8)

    with pytest.raises(
        DataTypeError, match=r"Got torch.uint8 instead: call x.float\(\)"
    ):
        Augmentation(rotate=5.0)(x, seeded())
