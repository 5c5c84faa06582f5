import numpy as np
import pytest
import torch
from seeded_batches import batch as images
from seeded_batches import seeded
from sklearn.base import clone

from mtlearn.augmentation import Augmentation
from mtlearn.augmentation._range import change_in_range, check_value_range
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.preprocessing import ImageNormalizer

TONES = {
    "brightness": 0.4,
    "contrast": 0.4,
    "gamma": 0.8,
    "saturation": 0.7,
    "hue": 0.3,
    "greyscale": 0.3,
}
each_tone = pytest.mark.parametrize("name", TONES)

# As torchvision gives them, and written down a second time.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SCALED = [
    (lambda x: 255 * x, (0, 255)),
    (lambda x: 2 * x - 1, (-1.0, 1.0)),
    (lambda x: (x - MEAN) / STD, "imagenet"),
    (
        lambda x: torch.stack([x[:, 0], 4 * x[:, 1] + 1, x[:, 2] - 7], 1),
        ((0, 1, -7), (1, 5, -6)),
    ),
    (
        lambda x: torch.stack([2 * x[:, 0], 4 * x[:, 1], x[:, 2]], 1),
        (0, np.array([2, 4, 1])),
    ),
    (lambda x: x, (np.zeros(3), np.ones(3))),
]


@each_tone
@pytest.mark.parametrize(("scale", "value_range"), SCALED)
def test_a_change_is_that_of_the_picture(name, scale, value_range):
    x = images(8, 3, 5, 6)
    change = {name: TONES[name]}

    changed = Augmentation(**change, value_range=value_range)(scale(x), seeded())

    expected = scale(Augmentation(**change)(x, seeded()))
    torch.testing.assert_close(changed, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["saturation", "hue", "greyscale", "contrast", "gamma"]
)
def test_one_scale_for_all_channels_needs_no_range(name):
    x = images(8, 3, 5, 6)
    augmentation = Augmentation(**{name: TONES[name]})

    changed = augmentation(5 * x - 2, seeded())

    torch.testing.assert_close(changed, 5 * augmentation(x, seeded()) - 2)


def test_a_range_does_not_matter_to_other_changes():
    x = images(4, 3, 5, 6)
    changes = {"flip": "both", "rotate": 9.0, "noise": 0.1, "blur": 1.0, "cutout": 0.5}

    changed = Augmentation(**changes, value_range=(-3, 7))(x, seeded())

    assert torch.equal(changed, Augmentation(**changes)(x, seeded()))


@pytest.mark.parametrize("value_range", [(0.0, 1.0), [0, 1], (np.float32(0), 1)])
def test_what_is_from_black_to_white_is_not_scaled(value_range):
    x = images(4, 3, 5, 6)
    seen = []

    change_in_range(x, value_range, "Owner", lambda given: seen.append(given) or given)

    assert seen[0] is x


@pytest.mark.parametrize(
    ("value_range", "n_channels"),
    [("imagenet", 4), (((0, 0), 1), 3), ((0, [1] * 4), 3)],
)
def test_as_many_values_as_channels(value_range, n_channels):
    augmentation = Augmentation(brightness=0.1, value_range=value_range)
    augmentation.validate("Owner")

    message = (
        rf"'value_range' of an Augmentation has [234] .* images with {n_channels}:"
    )
    with pytest.raises(InvalidDataError, match=message):
        augmentation(images(2, n_channels, 4, 4), seeded())


def test_grey_of_imagenet_is_that_of_the_normalizer():
    X = np.array([0, 100, 255], dtype=np.uint8).reshape(1, 1, 3, 1)
    x = torch.from_numpy(ImageNormalizer().fit_transform(X)).permute(0, 3, 1, 2)
    seen = []

    change_in_range(
        x, "imagenet", "Owner", lambda scaled: seen.append(scaled) or scaled
    )

    torch.testing.assert_close(255 * seen[0].flatten(), torch.tensor([0.0, 100, 255]))


@pytest.mark.parametrize(
    "value",
    [
        None, 1.0, "cifar", "ab", (0,), (0, 1, 2), (1, 1), (1, 0), (0, np.nan),
        (0, np.inf), ("0", "1"), (True, False), ((0, 0), (1, 0)), ((0, 0), (1, 1, 1)),
        ((), ()), ([[0]], [[1]]), {0, 1}, ((0, "1"), 2), (0, (1, (2, 3))),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused(value):
    message = "'value_range' parameter of Owner must be 'imagenet' or a pair .*Got "
    with pytest.raises(InvalidParameterError, match=message):
        check_value_range(value, "Owner")


def test_a_range_is_cloned_as_it_is():
    augmentation = Augmentation(hue=0.1, value_range=((0, 1, 2), 3))

    assert clone(augmentation).value_range == ((0, 1, 2), 3)
    assert "value_range=((0, 1, 2), 3)" in repr(augmentation)
