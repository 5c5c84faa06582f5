"""Operations are those of Pillow, on values from 0 to 255."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from seeded_batches import batch, seeded

from mtlearn.augmentation._operations import (
    MOVES,
    OPERATIONS,
    TONES,
    Drawn,
    Reach,
    has_drawn,
    move,
)

REACH = Reach(
    shear=0.8, shift_pixels=6.0, shift_share=1.0, turn=70.0, blend=0.9, bits=6
)
SHARES = [-1.0, -0.4, 0.0, 0.3, 1.0]


def pictures(n=3, n_channels=3, height=24, width=31):
    """Return images of Pillow's whose channels differ in their range, and tensors."""
    drawn = torch.rand((n, n_channels, height, width), generator=seeded(5))
    tops = torch.tensor([255.0, 140.0, 60.0])[:n_channels].view(-1, 1, 1)
    whole = (drawn**2 * tops + 20 * (tops < 200)).round().to(torch.uint8)
    arrays = whole.permute(0, 2, 3, 1).numpy()
    images = [Image.fromarray(array.squeeze()) for array in arrays]
    return images, whole.double() / 255


def values(image):
    """Return an image of Pillow's as (c, h, w), from 0 to 255."""
    array = torch.from_numpy(np.array(image, dtype=np.float64))
    return array.permute(2, 0, 1) if array.ndim == 3 else array[None]


def factor(share):
    return 1 + 0.9 * share


EXPECTED = {
    "brightness": lambda p, share: ImageEnhance.Brightness(p).enhance(factor(share)),
    "colour": lambda p, share: ImageEnhance.Color(p).enhance(factor(share)),
    "contrast": lambda p, share: ImageEnhance.Contrast(p).enhance(factor(share)),
    "sharpness": lambda p, share: ImageEnhance.Sharpness(p).enhance(factor(share)),
    "posterize": lambda p, share: ImageOps.posterize(p, 8 - round(6 * abs(share))),
    "solarize": lambda p, share: ImageOps.solarize(p, 255 - 255 * abs(share)),
    "autocontrast": lambda p, share: ImageOps.autocontrast(p),
    "equalize": lambda p, share: ImageOps.equalize(p),
}
# Pillow cuts results to whole numbers, and rounds grey, means and smoothed values.
ROUNDED = {"brightness": 1.0, "autocontrast": 1.0}
ROUNDED |= dict.fromkeys(("colour", "contrast", "sharpness"), 1.5)


def test_every_tone_is_compared():
    assert set(EXPECTED) == set(TONES)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", TONES)
def test_a_tone_is_that_of_pillow(name, share, n_channels):
    images, x = pictures(n_channels=n_channels)
    amounts = torch.full((3,), share, dtype=torch.float64)

    found = 255 * TONES[name](x, amounts, REACH).clamp(0, 1)

    for result, image in zip(found, images, strict=True):
        expected = values(EXPECTED[name](image, share))
        atol = ROUNDED.get(name, 1e-9)
        torch.testing.assert_close(result, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", [name for name in TONES if name not in ROUNDED])
@pytest.mark.parametrize("share", SHARES)
def test_bytes_in_float32_are_the_same_bytes(name, share):
    images, x = pictures(n=1)
    amounts = torch.full((1,), share, dtype=torch.float64)

    (found,) = 255 * TONES[name](x.float(), amounts, REACH)

    expected = values(EXPECTED[name](images[0], share))
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("step", range(31))
def test_thresholds_and_bits_are_those_of_torchvision(step, dtype):
    levels = torch.arange(256).view(1, 1, 16, 16)
    x = levels.to(dtype) * (1 / 255)
    amounts = torch.tensor([step / 30], dtype=torch.float64)

    solarized = 255 * TONES["solarize"](x, amounts, REACH)
    posterized = 255 * TONES["posterize"](x, amounts, REACH)

    threshold = np.linspace(255.0, 0.0, 31)[step]
    expected = torch.where(levels >= threshold, 255 - levels, levels)
    torch.testing.assert_close(solarized, expected.to(dtype), atol=1e-3, rtol=0)
    bits = 8 - int((torch.arange(31) / (30 / 6)).round()[step])
    expected = levels & (256 - 2 ** (8 - bits))
    torch.testing.assert_close(posterized, expected.to(dtype), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", TONES)
def test_each_sample_has_its_own_amount(name):
    _, x = pictures(n=3)
    amounts = torch.tensor([-0.7, 0.1, 0.9], dtype=torch.float64)

    together = TONES[name](x, amounts, REACH)

    for row in range(3):
        alone = TONES[name](x[row : row + 1], amounts[row : row + 1], REACH)
        torch.testing.assert_close(together[row], alone[0])


@pytest.mark.parametrize("name", ["autocontrast", "equalize"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_channels_stay_as_they_are(name, value):
    x = torch.full((2, 3, 20, 20), value)

    assert torch.equal(TONES[name](x, torch.zeros(2), REACH), x)


@pytest.mark.parametrize("shape", [(2, 2), (1, 9), (9, 2), (1, 1)])
def test_images_without_an_inside_are_not_sharpened(shape):
    x = batch(2, 3, *shape)

    assert torch.equal(TONES["sharpness"](x, torch.ones(2), REACH), x)


# Moves.


def drawn_for(*rows):
    """Return what samples draw; of each, a tuple of names and amounts."""
    places = [[OPERATIONS.index(name) for name, _ in row] for row in rows]
    amounts = [[amount for _, amount in row] for row in rows]
    return Drawn(torch.tensor(places).T, torch.tensor(amounts, dtype=torch.float64).T)


def coefficients(name, share, height, width):
    """Return Pillow's, from pixels of the new image to those of the old."""
    if name == "shear_x":
        return 1, 0.8 * share, 0, 0, 1, 0
    if name == "shear_y":
        return 1, 0, 0, 0.8 * share, 1, 0
    if name == "translate_x":
        return 1, 0, 6 * share, 0, 1, 0
    if name == "translate_y":
        return 1, 0, 0, 0, 1, 6 * share
    angle = math.radians(70 * share)
    cos, sin = math.cos(angle), math.sin(angle)
    middle_x, middle_y = width / 2, height / 2
    return (
        cos, -sin, middle_x - cos * middle_x + sin * middle_y,
        sin, cos, middle_y - sin * middle_x - cos * middle_y,
    )  # fmt: skip


@pytest.mark.parametrize("share", [-0.9, -0.2, 0.5])
@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize(("height", "width"), [(24, 24), (18, 31)])
def test_a_move_is_that_of_pillow(name, share, height, width):
    (array,) = batch(1, height, width)
    size, bilinear = (width, height), Image.Resampling.BILINEAR
    numbers = coefficients(name, share, height, width)

    moved = move(array[None, None], drawn_for([(name, share)]), REACH, "zeros")[0, 0]

    def by_pillow(array):
        image = Image.fromarray(array.numpy())
        changed = image.transform(size, Image.Transform.AFFINE, numbers, bilinear)
        return torch.from_numpy(np.array(changed))

    # Pillow repeats the border, half a pixel wide, and then ends at once.
    inner = torch.zeros_like(array)
    inner[1:-1, 1:-1] = 1
    inside = by_pillow(inner) == 1
    assert inside.float().mean() > 0.3
    torch.testing.assert_close(
        moved[inside], by_pillow(array)[inside], atol=2e-5, rtol=0
    )


def test_a_turn_is_that_of_pillows_rotate():
    (array,) = batch(1, 21, 21)
    image = Image.fromarray(array.numpy())
    expected = torch.from_numpy(np.array(image.rotate(35, Image.Resampling.BILINEAR)))

    turned = move(array[None, None], drawn_for([("rotate", 0.5)]), REACH, "zeros")[0, 0]

    middle = (slice(5, -5), slice(5, -5))
    torch.testing.assert_close(turned[middle], expected[middle], atol=1e-4, rtol=0)


@pytest.mark.parametrize("first", MOVES)
@pytest.mark.parametrize("second", MOVES)
def test_moves_follow_each_other(first, second):
    # On ramps, moves one by one are as exact as all at once.
    ramp = torch.arange(40.0, dtype=torch.float64).expand(1, 1, 30, 40)
    rows = (
        torch.arange(30.0, dtype=torch.float64).view(1, 1, 30, 1).expand(1, 1, 30, 40)
    )
    x = torch.cat([ramp, rows], 1)
    moves = [(first, 0.3), (second, -0.2)]

    together = move(x, drawn_for(moves), REACH, "border")

    apart = x
    for each in moves:
        apart = move(apart, drawn_for([each]), REACH, "border")
    middle = (..., slice(11, 19), slice(16, 24))
    torch.testing.assert_close(together[middle], apart[middle])


def test_shifts_end_at_the_share_of_the_side():
    x = torch.ones(1, 1, 8, 20)
    reach = REACH._replace(shift_pixels=16.0, shift_share=0.5)

    across = move(x, drawn_for([("translate_x", 1.0)]), reach, "zeros")
    down = move(x, drawn_for([("translate_y", 1.0)]), reach, "zeros")

    torch.testing.assert_close(across.sum(), torch.tensor(8.0 * 10))
    torch.testing.assert_close(down.sum(), torch.tensor(20.0 * 4))


def test_what_is_no_move_moves_nothing():
    x = batch(2, 1, 6, 6)
    drawn = drawn_for([("identity", 0.5)], [("equalize", 1.0)])

    torch.testing.assert_close(move(x, drawn, REACH, "zeros"), x)


def test_what_was_drawn_is_found():
    drawn = drawn_for(
        [("rotate", 0.5), ("shear_x", 0.1)], [("equalize", 1), ("rotate", 0)]
    )

    assert has_drawn(drawn, ("rotate",)).tolist() == [[True, False], [False, True]]
    assert has_drawn(drawn, MOVES).tolist() == [[True, False], [True, True]]
