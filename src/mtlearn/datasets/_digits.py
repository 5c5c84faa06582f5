"""What the generators of images from scikit-learn's digits share."""

import math
from numbers import Integral, Real

import numpy as np
from scipy import ndimage

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

Seed = int | np.random.Generator | np.random.RandomState | None

_MARGIN = 3  # empty pixels around a source digit


def draw_rows(n_samples: int, n_digits: int, rng: np.random.Generator) -> np.ndarray:
    """Choose source digits in random order, none again before all were used."""
    n_rounds = math.ceil(n_samples / n_digits)
    rounds = [rng.permutation(n_digits) for _ in range(n_rounds)]
    return np.concatenate(rounds)[:n_samples]


def prepare_glyphs(images: np.ndarray) -> np.ndarray:
    """Scale the digits to [0, 1] and filter them once for cubic splines."""
    glyphs = images / images.max(axis=(1, 2), keepdims=True)
    # With a margin, so that strokes that touch the border fade out there.
    glyphs = np.pad(glyphs, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    for axis in (1, 2):
        glyphs = ndimage.spline_filter1d(glyphs, axis=axis)
    return glyphs


def place_glyph(
    glyph: np.ndarray,
    size: int,
    sides: tuple[float, float],
    turns: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Enlarge a digit, turn it a little and put it anywhere in a square.

    Parameters
    ----------
    glyph : ndarray
        One of `prepare_glyphs`.
    size : int
        Side of the square in pixels.
    sides : tuple of float
        From the smallest to the largest side of the digit, as shares of the square's.
    turns : tuple of float
        From the lowest to the highest angle, in degrees.
    rng : Generator
        Draws.

    Returns
    -------
    ndarray of shape (size, size)
        From 0 (paper) to 1 (ink).
    """
    angle = np.deg2rad(rng.uniform(*turns))
    side = size * rng.uniform(*sides)
    centre = rng.uniform(side / 2, size - side / 2, size=2)
    cosine, sine = np.cos(angle), np.sin(angle)
    # affine_transform asks where each pixel of the image lies in the glyph.
    n_pixels = len(glyph) - 2 * _MARGIN
    to_glyph = n_pixels / side * np.array([[cosine, -sine], [sine, cosine]])
    middle = (len(glyph) - 1) / 2
    offset = middle - to_glyph @ (centre - 0.5)
    placed = ndimage.affine_transform(
        glyph, to_glyph, offset, output_shape=(size, size), prefilter=False
    )
    return np.clip(placed, 0.0, 1.0)


def make_generator(random_state: Seed, owner: str) -> np.random.Generator:
    """Make a generator that shares nothing with numpy's global random state."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31, size=4))
    if isinstance(random_state, np.random.Generator) or random_state is None:
        return np.random.default_rng(random_state)
    expected = "an int of at least 0, a Generator, a RandomState or None"
    check_whole("random_state", random_state, 0, expected, owner)
    return np.random.default_rng(random_state)


def check_whole(
    name: str, value: object, least: int, expected: str, owner: str
) -> None:
    """Raise if a parameter is no whole number, or too small."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ParameterTypeError(wrong(name, expected, value, owner))
    if value < least:
        raise InvalidParameterError(wrong(name, expected, value, owner))


def check_real(name: str, value: object, expected: str, owner: str) -> None:
    """Raise if a parameter is no number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ParameterTypeError(wrong(name, expected, value, owner))


def wrong(name: str, expected: str, value: object, owner: str) -> str:
    """Say what a parameter must be."""
    return (
        f"The {name!r} parameter of {owner} must be {expected}. "
        f"Got {short(value)} instead."
    )
