"""The geometry of another size, by hand, and its values, as Pillow computes them."""

import numpy as np
import pytest
from PIL import Image

from mtlearn.data._image_fit import fit_of, fitted, reduction_of


@pytest.mark.parametrize(
    ("shape", "size", "how", "source", "target"),
    [
        ((30, 40), (8, 8), "stretch", (0, 0, 30, 40), (0, 0, 8, 8)),
        ((30, 40), (8, 8), "crop", (0, 5, 30, 30), (0, 0, 8, 8)),
        ((40, 30), (8, 8), "crop", (5, 0, 30, 30), (0, 0, 8, 8)),
        ((30, 40), (8, 16), "crop", (5, 0, 20, 40), (0, 0, 8, 16)),
        ((30, 41), (8, 8), "crop", (0, 5, 30, 30), (0, 0, 8, 8)),
        ((30, 40), (30, 40), "crop", (0, 0, 30, 40), (0, 0, 30, 40)),
        ((30, 40), (8, 8), "pad", (0, 0, 30, 40), (1, 0, 6, 8)),
        ((40, 30), (8, 8), "pad", (0, 0, 40, 30), (0, 1, 8, 6)),
        ((10, 40), (8, 16), "pad", (0, 0, 10, 40), (2, 0, 4, 16)),
        # A half is rounded up: 8 * 5 / 16 = 2.5 columns.
        ((16, 5), (8, 8), "pad", (0, 0, 16, 5), (0, 2, 8, 3)),
        # Never less than a pixel.
        ((1000, 1), (8, 8), "pad", (0, 0, 1000, 1), (0, 3, 8, 1)),
        ((1000, 1), (1, 1000), "crop", (499, 0, 1, 1), (0, 0, 1, 1000)),
    ],
)
def test_what_is_seen_where(shape, size, how, source, target):
    assert fit_of(shape, size, how) == (source, target)


@pytest.mark.parametrize(
    ("shape", "size", "how", "expected"),
    [
        ((375, 500), (224, 224), "crop", 1),
        ((895, 2000), (224, 224), "crop", 1),
        ((896, 2000), (224, 224), "crop", 2),  # 896 = 2 * 2 * 224
        ((1792, 1792), (224, 224), "stretch", 4),
        ((3584, 9000), (224, 224), "crop", 8),
        ((99999, 99999), (224, 224), "crop", 8),
        # All of it is seen in 112 x 224.
        ((448, 896), (224, 224), "pad", 2),
        ((447, 896), (224, 224), "pad", 1),
        ((20, 20), (224, 224), "pad", 1),
    ],
)
def test_how_much_less_may_be_decoded(shape, size, how, expected):
    assert reduction_of(shape, size, how) == expected


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("size", [(9, 7), (45, 60), (30, 80), (1, 1)])
def test_the_values_are_those_of_pillow(size, n_channels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, size=(30, 40, n_channels), dtype=np.uint8)
    picture = Image.fromarray(image.squeeze())
    resized = picture.resize(size[::-1], Image.Resampling.BILINEAR)
    expected = np.asarray(resized).reshape(*size, n_channels)

    found = fitted(image, size, "stretch")

    assert found.dtype == np.uint8
    # Both round twice.
    np.testing.assert_allclose(found.astype(int), expected, atol=1)
    deep = fitted(image.astype(np.float32), size, "stretch")
    np.testing.assert_allclose(deep.astype(int), expected, atol=1)


def test_the_middle_is_cut_out():
    image = np.zeros((4, 8, 1), dtype=np.uint8)
    image[:, 2:6] = 200

    assert (fitted(image, (2, 2), "crop") == 200).all()
    assert (fitted(image, (4, 4), "crop") == 200).all()


def test_a_margin_is_black():
    image = np.full((4, 8, 3), 200, dtype=np.uint8)

    found = fitted(image, (8, 8), "pad")

    assert (found[2:6] == 200).all()
    assert not found[:2].any()
    assert not found[6:].any()


def test_deep_values_are_rounded_once():
    image = np.array([[[0.4], [0.6]], [[254.5], [300.0]]], dtype=np.float32)

    np.testing.assert_array_equal(
        fitted(image, (2, 2), "crop")[..., 0], [[0, 1], [254, 255]]
    )
