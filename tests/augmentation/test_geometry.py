import math
from functools import partial

import pytest
import torch
from seeded_batches import batch, seeded
from torch.nn import functional

from mtlearn.augmentation import Augmentation
from mtlearn.augmentation._draws import draw_symmetric
from mtlearn.augmentation._geometry import (
    affine_matrices,
    flip,
    random_affine,
    random_crop,
    warp,
)

images = partial(batch, dtype=torch.float64)


def matrices_of(degrees, size, height, width):
    angle = torch.tensor([math.radians(degrees)], dtype=torch.float64)
    sizes = torch.tensor([size], dtype=torch.float64)
    return affine_matrices(angle, sizes, height, width)


MIDDLE = torch.zeros(1, 2)


def shifted(x, matrices, shifts, fill):
    """Move what has been turned by `shifts`; 2 is a whole side."""
    return warp(x, matrices, -(matrices @ shifts[:, :, None])[:, :, 0], fill)


# Turns, zooms and shifts.


@pytest.mark.parametrize("size", [5, 8])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_is_rot90(size, turns):
    x = images(1, 2, size, size)

    turned = warp(x, matrices_of(90 * turns, 1, size, size), MIDDLE, "zeros")

    torch.testing.assert_close(turned, x.rot90(turns, (2, 3)))


@pytest.mark.parametrize(("height", "width"), [(6, 10), (11, 5)])
def test_a_quarter_turn_is_rigid_in_images_that_are_not_square(height, width):
    x = images(1, 1, height, width)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = (..., slice(top, top + side), slice(left, left + side))

    turned = warp(x, matrices_of(90, 1, height, width), MIDDLE, "border")

    torch.testing.assert_close(turned[middle], x[middle].rot90(1, (2, 3)))


@pytest.mark.parametrize(("height", "width"), [(9, 9), (7, 13)])
def test_a_turn_keeps_distances_in_pixels(height, width):
    scale = torch.tensor([width / 2, height / 2], dtype=torch.float64)

    (matrix,) = matrices_of(33, 1, height, width)
    in_pixels = scale[:, None] * matrix / scale

    torch.testing.assert_close(in_pixels @ in_pixels.T, torch.eye(2).double())
    assert in_pixels[0, 0].item() == pytest.approx(math.cos(math.radians(33)))


def test_a_zoom_by_two_is_the_enlarged_middle():
    x = images(1, 1, 8, 8)
    # Both put a new pixel a quarter of a pixel beside an old one.
    enlarged = functional.interpolate(x, scale_factor=2, mode="bilinear")

    zoomed = warp(x, matrices_of(0, 2, 8, 8), MIDDLE, "border")

    torch.testing.assert_close(zoomed, enlarged[..., 4:-4, 4:-4])


def test_a_zoom_leaves_the_centre_where_it_is():
    x = images(1, 1, 7, 9)

    zoomed = warp(x, matrices_of(0, 1.37, 7, 9), MIDDLE, "zeros")

    torch.testing.assert_close(zoomed[0, 0, 3, 4], x[0, 0, 3, 4])


@pytest.mark.parametrize(("right", "down"), [(2, 0), (0, -3), (-1, 2)])
def test_a_shift_by_whole_pixels_is_roll_inside_the_border(right, down):
    x = images(1, 1, 8, 10)
    shifts = torch.tensor([[2 * right / 10, 2 * down / 8]], dtype=torch.float64)

    moved = shifted(x, matrices_of(0, 1, 8, 10), shifts, "zeros")

    inside = (..., slice(3, -3), slice(3, -3))
    torch.testing.assert_close(
        moved[inside], x.roll((down, right), (2, 3))[inside], atol=1e-12, rtol=0
    )


def test_a_turned_image_is_shifted_along_the_axes_of_the_frame():
    x = images(1, 1, 8, 8)
    shifts = torch.tensor([[2 * 2 / 8, 0.0]], dtype=torch.float64)

    moved = shifted(x, matrices_of(90, 1, 8, 8), shifts, "zeros")

    expected = x.rot90(1, (2, 3))[..., :-2]
    torch.testing.assert_close(moved[..., 2:], expected)
    assert moved[..., :2].abs().max() < 1e-12


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("zeros", [0.0, 0.0, 1.0, 2.0]),
        ("border", [1.0, 1.0, 1.0, 2.0]),
        ("reflection", [2.0, 1.0, 1.0, 2.0]),
    ],
)
def test_fill_is_what_lies_beyond_the_border(fill, expected):
    x = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])

    moved = warp(x, torch.eye(2)[None], torch.tensor([[-1.0, 0.0]]), fill)

    torch.testing.assert_close(moved, torch.tensor([[[expected]]]))


def test_the_grid_is_that_of_torch():
    x = images(4, 2, 6, 9)
    angles, sizes = torch.linspace(-1, 1, 4), torch.linspace(0.8, 1.2, 4)
    matrices = affine_matrices(angles, sizes, 6, 9).double()
    centres = torch.linspace(-0.3, 0.2, 8).double().view(4, 2)

    theta = torch.cat([matrices, centres[:, :, None]], 2)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    expected = functional.grid_sample(x, grid, align_corners=False)

    torch.testing.assert_close(warp(x, matrices, centres, "zeros"), expected)


# What is drawn.


def affine(x, generator, **changes):
    still = {
        "flips": None, "translate": 0.0, "rotate": 0.0, "zoom": 0.0,
        "resized_crop": None, "crop_ratio": (3 / 4, 4 / 3), "fill": "border",
    }  # fmt: skip
    return random_affine(x, generator, **still | changes)


@pytest.mark.parametrize(
    ("flips", "axes"), [("horizontal", (3,)), ("vertical", (2,)), ("both", (2, 3))]
)
def test_flips_are_torch_flip_of_half_the_samples(flips, axes):
    x = images(200, 2, 3, 4, dtype=torch.float32)
    versions = {(): x, (2,): x.flip(2), (3,): x.flip(3), (2, 3): x.flip((2, 3))}

    flipped = affine(x, seeded(), flips=flips)

    for i, image in enumerate(flipped):
        found = [key for key, version in versions.items() if image.equal(version[i])]
        assert len(found) == 1
        assert set(found[0]) <= set(axes)
    for axis in axes:
        others = {key: v for key, v in versions.items() if axis in key}
        share = sum(
            any(image.equal(v[i]) for v in others.values())
            for i, image in enumerate(flipped)
        )
        assert 70 <= share <= 130


def test_the_flips_of_both_axes_are_independent():
    drawn = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0]])
    x = images(4, 1, 2, 3)

    flipped = flip(x, "both", drawn)

    expected = [x[0].flip((1, 2)), x[1].flip(1), x[2].flip(2), x[3]]
    assert torch.equal(flipped, torch.stack(expected))


@pytest.mark.parametrize("flips", ["horizontal", "vertical", "both"])
def test_a_flip_within_the_resampling_is_the_flip_before_it(flips):
    x = images(16, 1, 6, 7)
    changes = {"translate": 0.1, "rotate": 20.0, "zoom": 0.1}

    together = affine(x, seeded(), flips=flips, **changes)

    before = flip(x, flips, draw_symmetric(6, x, seeded()))
    torch.testing.assert_close(together, affine(before, seeded(), **changes))


def test_translations_are_uniform_to_both_sides():
    # A ramp shows how far each image was moved.
    x = torch.arange(64.0, dtype=torch.float64).expand(400, 1, 64, 64)

    moved = affine(x, seeded(), translate=0.25)

    pixels = 32 - moved[:, 0, 32, 32]
    assert pixels.abs().max() <= 16
    assert abs(pixels.mean()) < 1.5
    assert pixels.var() == pytest.approx(16**2 / 3, rel=0.1)


def test_height_and_width_are_translated_apart():
    ramp = torch.arange(32.0, dtype=torch.float64).expand(300, 1, 32, 32)

    across = affine(ramp, seeded(), translate=0.2)[:, 0, 16, 16]
    down = affine(ramp.mT, seeded(), translate=0.2)[:, 0, 16, 16]

    assert abs(torch.corrcoef(torch.stack([across, down]))[0, 1]) < 0.15


@pytest.mark.parametrize("degrees", [10.0, 60.0])
def test_rotations_are_uniform_to_both_sides(degrees):
    # Ramps across and down tell the angle: its cosine and sine.
    ramp = torch.linspace(-1, 1, 21, dtype=torch.float64).expand(400, 1, 21, 21)

    across = affine(ramp, seeded(), rotate=degrees)[:, 0, 10]
    down = affine(ramp.mT, seeded(), rotate=degrees)[:, 0, 10]

    step = across[:, 11] - across[:, 10], down[:, 11] - down[:, 10]
    angles = torch.atan2(step[1], step[0]).rad2deg()
    assert angles.abs().max() <= degrees
    assert abs(angles.mean()) < 0.1 * degrees
    assert angles.var() == pytest.approx(degrees**2 / 3, rel=0.1)


def test_zooms_are_uniform_around_one_and_the_same_for_both_axes():
    ramp = torch.linspace(-1, 1, 21, dtype=torch.float64).expand(400, 1, 21, 21)

    across = affine(ramp, seeded(), zoom=0.3)[:, 0, 10]
    down = affine(ramp.mT, seeded(), zoom=0.3)[:, 0, :, 10]

    torch.testing.assert_close(across, down)
    sizes = 0.1 / (across[:, 11] - across[:, 10])
    assert sizes.min() >= 0.7
    assert sizes.max() <= 1.3
    assert sizes.mean() == pytest.approx(1, abs=0.02)
    assert sizes.var() == pytest.approx(0.3**2 / 3, rel=0.1)


# Crops.


def test_a_crop_is_a_slice_of_the_padded_image():
    x = 1 + images(150, 2, 4, 5)
    padded = functional.pad(x, (1, 1, 1, 1))
    places = {
        (i, j): padded[..., i : i + 4, j : j + 5] for i in range(3) for j in range(3)
    }

    cropped = random_crop(x, 1, seeded())

    found = [
        [place for place, window in places.items() if image.equal(window[i])]
        for i, image in enumerate(cropped)
    ]
    assert all(len(matching) == 1 for matching in found)
    assert {matching[0] for matching in found} == set(places)


def test_a_crop_may_be_wider_than_the_image():
    cropped = random_crop(torch.ones(300, 1, 1, 2), 3, seeded())

    assert cropped.shape == (300, 1, 1, 2)
    # The one row is met at one of seven heights.
    assert 20 <= cropped.amax((1, 2, 3)).sum() <= 70


def test_a_flip_alone_does_not_resample():
    x = images(8, 1, 5, 5, dtype=torch.float32)

    flipped = Augmentation(flip="both")(x, seeded())

    values = flipped.flatten(1).sort(1).values
    assert torch.equal(values, x.flatten(1).sort(1).values)
