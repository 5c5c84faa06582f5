import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage
from seeded_batches import batch, seeded

from mtlearn.augmentation._draws import draw_symmetric
from mtlearn.augmentation._intensity import (
    blur,
    random_blur,
    random_brightness,
    random_contrast,
    random_cutout,
    random_gamma,
    random_noise,
    random_rectangles,
)

images = partial(batch, dtype=torch.float64)


def drawn_for(x):
    """Return the number in [-1, 1) that a change draws first for each sample."""
    return draw_symmetric(1, x, seeded())[0].view(-1, 1, 1, 1)


def test_brightness_multiplies_each_sample():
    x = images(6, 2, 3, 4)

    changed = random_brightness(x, 0.4, seeded())

    torch.testing.assert_close(changed, x * (1 + 0.4 * drawn_for(x)))


def test_brightness_factors_are_uniform_around_one():
    factors = random_brightness(torch.ones(2000, 1, 1, 1), 0.5, seeded())

    assert factors.min() >= 0.5
    assert factors.max() <= 1.5
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert factors.var() == pytest.approx(0.5**2 / 3, rel=0.05)


def test_contrast_keeps_the_mean_and_multiplies_the_deviation():
    x = images(6, 2, 3, 4)

    changed = random_contrast(x, 0.5, seeded())

    torch.testing.assert_close(changed.mean((1, 2, 3)), x.mean((1, 2, 3)))
    factors = (1 + 0.5 * drawn_for(x)).flatten()
    torch.testing.assert_close(changed.std((1, 2, 3)), factors * x.std((1, 2, 3)))


def test_gamma_is_a_power_of_the_scaled_sample():
    x = 5 * images(6, 2, 3, 4) - 2

    changed = random_gamma(x, 0.8, seeded())

    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    power = 1.8 ** drawn_for(x)
    expected = low + (high - low) * ((x - low) / (high - low)) ** power
    torch.testing.assert_close(changed, expected)


def test_gamma_keeps_the_range_and_the_order():
    x = images(6, 1, 4, 4)

    changed = random_gamma(x, 2.0, seeded())

    torch.testing.assert_close(changed.amin((1, 2, 3)), x.amin((1, 2, 3)))
    torch.testing.assert_close(changed.amax((1, 2, 3)), x.amax((1, 2, 3)))
    assert torch.equal(changed.flatten(1).argsort(1), x.flatten(1).argsort(1))


def test_the_powers_of_gamma_are_as_often_above_one_as_below():
    x = torch.tensor([0.0, math.exp(-1), 1.0]).view(1, 1, 1, 3).expand(2000, 1, 1, 3)

    powers = -random_gamma(x, 1.0, seeded())[:, 0, 0, 1].log()

    assert powers.min() >= 0.499
    assert powers.max() <= 2.001
    assert powers.log2().mean() == pytest.approx(0, abs=0.04)


def test_gamma_leaves_constant_images_as_they_are():
    x = torch.tensor([0.3, -7.0, 0.0]).view(3, 1, 1, 1).expand(3, 2, 4, 4)

    assert torch.equal(random_gamma(x, 1.0, seeded()), x)


def test_noise_is_normal_with_the_given_deviation():
    x = images(20, 1, 30, 30)

    noise = random_noise(x, 0.3, seeded()) - x

    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    kurtosis = (noise**4).mean() / noise.var() ** 2
    assert kurtosis == pytest.approx(3, abs=0.15)


def test_noise_differs_from_pixel_to_pixel():
    noise = random_noise(torch.zeros(3, 2, 4, 4), 1.0, seeded())

    assert len(noise.unique()) == noise.numel()


@pytest.mark.parametrize("shape", [(3, 2, 9, 12), (2, 1, 3, 2), (2, 1, 1, 1)])
@pytest.mark.parametrize("radius", [1, 4, 9])
def test_blur_is_that_of_scipy(shape, radius):
    x = images(*shape)
    deviations = torch.linspace(0.4, 2.0, shape[0], dtype=torch.float64)

    blurred = blur(x, deviations, radius)

    for image, result, deviation in zip(x, blurred, deviations, strict=True):
        expected = ndimage.gaussian_filter(
            image.numpy(),
            deviation.item(),
            mode="reflect",
            radius=radius,
            axes=(1, 2),
        )
        np.testing.assert_allclose(result, expected, atol=1e-12)


def test_blur_draws_the_deviation_and_ends_where_scipy_ends():
    x = images(4, 1, 15, 15)

    blurred = random_blur(x, 1.2, seeded())

    deviations = ((drawn_for(x) + 1) / 2 * 1.2).flatten()
    torch.testing.assert_close(blurred, blur(x, deviations, 5))
    assert deviations.min() > 0


def test_a_deviation_of_zero_blurs_nothing():
    x = images(2, 1, 5, 5)

    assert torch.equal(blur(x, torch.zeros(2, dtype=torch.float64), 3), x)


def test_blur_keeps_the_sum():
    x = images(5, 2, 6, 7)

    blurred = random_blur(x, 3.0, seeded())

    torch.testing.assert_close(blurred.sum((2, 3)), x.sum((2, 3)))
    assert (blurred.std((1, 2, 3)) < x.std((1, 2, 3))).all()


def erased(x, fraction):
    """Return which pixels of each image a cutout has changed."""
    return (random_cutout(x, fraction, seeded()) != x).all(1)


def test_cutout_fills_a_square_with_the_means_of_the_channels():
    x = images(200, 3, 10, 12)

    changed = random_cutout(x, 0.4, seeded())

    mask = (changed != x).all(1)
    means = x.mean((2, 3), keepdim=True).expand_as(x)
    inside = mask[:, None].expand_as(x)
    assert torch.equal(changed[inside], means[inside])
    assert torch.equal(changed[~inside], x[~inside])
    heights, widths = mask.any(2).sum(1), mask.any(1).sum(1)
    assert torch.equal(mask.sum((1, 2)), heights * widths)
    # The side is 0.4 of the shorter one, and half of it at the least in a corner.
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3, 4}


def test_the_centre_of_a_cutout_is_anywhere():
    mask = erased(images(1000, 1, 5, 5), 0.2)

    # A square of one pixel, with 25 places.
    assert set(mask.sum((1, 2)).tolist()) == {1}
    counts = mask.sum(0)
    assert counts.sum() == 1000
    assert counts.min() >= 15
    assert counts.max() <= 70


def test_a_cutout_of_the_whole_side_reaches_a_quarter_at_least():
    shares = erased(images(100, 1, 8, 8), 1.0).double().mean((1, 2))

    assert shares.min() >= 1 / 4
    assert shares.max() <= 1


def test_a_small_cutout_is_a_pixel():
    assert erased(images(5, 1, 4, 4), 0.01).sum((1, 2)).tolist() == [1] * 5


def test_rectangles_have_their_own_sides():
    x = torch.empty(400, 3, 9, 11)
    sides = torch.tensor([[0, 1, 5, 30], [4, 2, 0, 30]]).repeat(1, 100)

    mask = random_rectangles(x, sides, seeded())

    assert mask.shape == (400, 1, 9, 11)
    areas = mask.sum((1, 2, 3)).view(100, 4)
    assert areas[:, 0].max() == areas[:, 2].max() == 0
    # Clipped at the left border if its centre is the first column, else whole.
    assert set(areas[:, 1].tolist()) == {1, 2}
    assert torch.equal(areas[:, 3], torch.full((100,), 99))
