import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from seeded_batches import batch, seeded

from mtlearn.augmentation import Augmentation
from mtlearn.augmentation._colour import (
    blend_with_grey,
    luma,
    random_greyscale,
    random_hue,
    random_saturation,
    turn_hue,
)
from mtlearn.augmentation._draws import draw_symmetric
from mtlearn.exceptions import InvalidDataError


def images(*shape):
    return batch(*shape, dtype=torch.float64)


def bytes_of(*shape):
    """Return images of whole numbers, and the same from 0 to 1."""
    drawn = torch.randint(256, shape, generator=seeded(3))
    return drawn, drawn.double() / 255


def picture(whole):
    """Return an image of Pillow's."""
    return Image.fromarray(whole.permute(1, 2, 0).numpy().astype(np.uint8))


def tensor(picture):
    """Return the values of an image of Pillow's."""
    return torch.from_numpy(np.array(picture, dtype=np.float64)).permute(2, 0, 1)


def drawn_for(x):
    """Return what a change draws first, by sample, as numbers."""
    return draw_symmetric(1, x, seeded())[0]


# Saturation.


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.8])
def test_saturation_is_that_of_pillow(factor):
    whole, x = bytes_of(1, 3, 9, 11)

    (changed,) = blend_with_grey(x, torch.tensor([factor]))

    expected = tensor(ImageEnhance.Color(picture(whole[0])).enhance(factor))
    # Pillow rounds the grey and the result, and ends at 0 and 255.
    assert (255 * changed.clamp(0, 1) - expected).abs().max() <= 1.5


def test_the_greys_are_those_of_the_formula():
    x = images(2, 3, 4, 5)

    grey = luma(x)

    expected = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(grey[:, 0], expected)


def test_each_sample_has_its_own_saturation():
    x = images(200, 3, 4, 5)

    changed = random_saturation(x, 0.6, seeded())

    torch.testing.assert_close(luma(changed), luma(x))
    spread = (changed[:, 0] - changed[:, 1]) / (x[:, 0] - x[:, 1])
    factors = 1 + 0.6 * drawn_for(x)
    torch.testing.assert_close(spread, factors[:, None, None].expand_as(spread))
    assert factors.min() < 0.45
    assert factors.max() > 1.55


# Hue.


def turned_by_colorsys(x, turns):
    expected = torch.empty_like(x)
    for sample, image in enumerate(x):
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                hue, *rest = colorsys.rgb_to_hsv(*image[:, row, column].tolist())
                pixel = colorsys.hsv_to_rgb((hue + turns[sample].item()) % 1, *rest)
                expected[sample, :, row, column] = torch.tensor(pixel)
    return expected


@pytest.mark.parametrize("turn", [-0.5, -0.21, 0.0, 0.1, 1 / 3, 0.5])
def test_hue_is_that_of_colorsys(turn):
    x = torch.cat([images(2, 3, 6, 7), bytes_of(2, 3, 6, 7)[1].round(decimals=1)])
    turns = torch.full((4,), turn, dtype=torch.float64)

    turned = turn_hue(x, turns)

    torch.testing.assert_close(turned, turned_by_colorsys(x, turns))


def test_a_third_of_a_turn_makes_red_green_and_green_blue():
    primaries = torch.eye(3).view(1, 3, 1, 3)
    turned = turn_hue(primaries, torch.tensor([1 / 3]))

    expected = torch.eye(3).roll(1, 0).view(1, 3, 1, 3)
    torch.testing.assert_close(turned, expected, atol=1e-6, rtol=0)


def test_grey_has_no_hue():
    grey = images(4, 1, 5, 5).expand(4, 3, 5, 5) - 0.5

    assert torch.equal(random_hue(grey, 0.5, seeded()), grey)


def test_each_sample_has_its_own_hue():
    x = images(30, 3, 2, 3)

    turned = random_hue(x, 0.25, seeded())

    turns = 0.25 * drawn_for(x)
    torch.testing.assert_close(turned, turned_by_colorsys(x, turns))
    assert turns.min() < -0.15
    assert turns.max() > 0.15


# Greyscale.


def test_grey_images_are_those_of_pillow():
    whole, x = bytes_of(5, 3, 6, 7)

    grey = random_greyscale(x, 1.0, seeded())

    for image, result in zip(whole, grey, strict=True):
        expected = torch.from_numpy(np.array(picture(image).convert("L"), dtype=float))
        assert (255 * result - expected).abs().max() <= 0.51


def test_a_probability_is_the_share_of_grey_images():
    x = images(1000, 3, 2, 2)

    changed = random_greyscale(x, 0.3, seeded())

    is_grey = (changed == changed[:, :1]).all((1, 2, 3))
    assert is_grey.double().mean() == pytest.approx(0.3, abs=0.04)
    assert torch.equal(changed[~is_grey], x[~is_grey])


# Channels.

COLOURS = ["saturation", "hue", "greyscale"]


@pytest.mark.parametrize("name", COLOURS)
def test_one_channel_stays_as_it_is(name):
    x = images(4, 1, 5, 6)

    assert torch.equal(Augmentation(**{name: 0.5})(x, seeded()), x)


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("n_channels", [2, 4])
def test_other_channels_have_no_colour(name, n_channels):
    message = f"{name} of an Augmentation need images with three .* Got {n_channels} ch"
    with pytest.raises(InvalidDataError, match=message):
        Augmentation(**{name: 0.5})(images(4, n_channels, 5, 6), seeded())


@pytest.mark.parametrize("n_channels", [2, 4])
def test_other_changes_bear_any_number_of_channels(n_channels):
    x = images(4, n_channels, 5, 6)

    changed = Augmentation(brightness=0.2, gamma=0.5, rotate=5.0)(x, seeded())

    assert changed.shape == x.shape
