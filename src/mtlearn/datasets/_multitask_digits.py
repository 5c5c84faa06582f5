"""Images that each carry three targets, made from scikit-learn's digits."""

import math

import numpy as np
from sklearn.datasets import load_digits

from mtlearn.datasets._digits import (
    Seed,
    check_real,
    check_whole,
    draw_rows,
    make_generator,
    place_glyph,
    prepare_glyphs,
    wrong,
)
from mtlearn.exceptions import InvalidParameterError

_OWNER = "make_multitask_digits"
DOMAINS = ("image", "spectrum")
N_ORIENTATIONS = 8
# In cycles per pixel. The strokes of a digit lie mostly below the first of them.
FREQUENCIES = (0.14, 0.20, 0.28, 0.39)
N_ITEMS = N_ORIENTATIONS * len(FREQUENCIES)

# What differs from image to image and is no target: a uniform draw from low to high,
# or a normal one where the comment gives the standard deviation. Chosen so that a
# small residual network learns all three targets well and none perfectly.
_DIGIT_SIZE = (0.52, 0.62)  # side of the digit, as a fraction of the image's
_ROTATION = (-10.0, 10.0)  # of the digit, in degrees
_PAPER = (0.70, 0.85)  # grey level of the background
_AMPLITUDE = (0.03, 0.07)  # of the grating, in grey levels
_ORIENTATION_JITTER = 5.0  # standard deviation, in degrees
_FREQUENCY_JITTER = 0.06  # standard deviation, as a fraction
# Paper minus ink, in grey levels, for shade 0 and for shade 1.
_CONTRAST = (0.25, 0.65)


def make_multitask_digits(
    n_samples: int = 3000,
    *,
    image_size: int = 32,
    domain: str = "image",
    noise: float = 0.02,
    missing_labels: float = 0.0,
    random_state: Seed = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make images of handwritten digits that carry three targets each.

    Every image shows one of scikit-learn's 8 x 8 digits, enlarged, turned a little
    and put at a random place on paper with a faint pattern of stripes:

    - ``digit`` (column 0 of y) is the digit, 0 to 9;
    - ``item`` (column 1) says which stripes: ``4 * orientation + frequency``, from 8
      orientations (22.5 degrees apart) and 4 frequencies (0.14 to 0.39 cycles per
      pixel, in rising order), 0 to 31;
    - ``shade`` (column 2) is how dark the ink is beside the paper, 0 to 1. Ink of
      shade 0 can still be seen.

    The grey level of the paper, the size, angle and place of the digit, and the
    strength and phase of the stripes are drawn at random and are no targets. The
    stripes' orientation and frequency vary a little around those of their item, so
    that a few items are mistaken for their neighbours by any method.

    Parameters
    ----------
    n_samples : int, default=3000
        Number of images. Each of the 1,797 source digits is used once before any
        is used again, so that with more images than that, a random split has
        different images of one handwritten digit on both sides.
    image_size : int, default=32
        Height and width of the images in pixels, at least 16.
    domain : {"image", "spectrum"}, default="image"
        What X holds. "image": grey levels from 0 (black) to 1 (white). "spectrum":
        ``log1p(abs(fftshift(fft2(image))))`` of the same images, real values from
        0 up to just below 7 for 32 x 32 pixels, the largest at frequency zero, in
        the middle. The targets are the same.
    noise : float, default=0.02
        Standard deviation of the Gaussian noise on every pixel, in grey levels.
    missing_labels : float, default=0.0
        Fraction of the labels of each task, rounded down, to replace by NaN; at
        least 0 and below 1. The rows are drawn for each task on its own.
    random_state : int, Generator, RandomState or None, default=None
        An int gives the same data every time; None gives fresh data every time.
        numpy's global random state is neither read nor changed.

    Returns
    -------
    X : ndarray of shape (n_samples, image_size, image_size)
        The images or spectra, float32.
    y : ndarray of shape (n_samples, 3)
        The columns digit, item and shade, float32.

    Raises
    ------
    InvalidParameterError
        If a parameter is outside its range.
    ParameterTypeError
        If a parameter is not of the type above.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI
    Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49 (the source
    digits: its test set, read with :func:`sklearn.datasets.load_digits`).

    Examples
    --------
    >>> from mtlearn.datasets import make_multitask_digits
    >>> X, y = make_multitask_digits(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 32, 32), (100, 3))
    >>> digit, item, shade = y.T
    >>> bool(digit.max() <= 9 and item.max() <= 31 and shade.max() <= 1)
    True
    """
    _check_parameters(n_samples, image_size, domain, noise, missing_labels)
    rng = make_generator(random_state, _OWNER)
    digits = load_digits()
    rows = draw_rows(n_samples, len(digits.images), rng)
    items = rng.integers(N_ITEMS, size=n_samples)
    shades = rng.uniform(size=n_samples).astype(np.float32)
    y = np.column_stack([digits.target[rows], items, shades]).astype(np.float32)
    # Before the images and always drawn, so that it changes nothing in X.
    _remove_labels(y, missing_labels, rng)
    X = np.empty((n_samples, image_size, image_size), dtype=np.float32)
    glyphs = prepare_glyphs(digits.images)
    for i in range(n_samples):
        glyph = glyphs[rows[i]]
        image = _draw_image(glyph, items[i], shades[i], image_size, noise, rng)
        X[i] = _log_spectrum(image) if domain == "spectrum" else image
    return X, y


def _remove_labels(y: np.ndarray, fraction: float, rng: np.random.Generator) -> None:
    """Set the same number of labels of each task to NaN, in place."""
    n_missing = int(fraction * len(y))
    for column in range(y.shape[1]):
        y[rng.permutation(len(y))[:n_missing], column] = np.nan


def _draw_image(
    glyph: np.ndarray,
    item: int,
    shade: float,
    size: int,
    noise: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw one image: paper, stripes, ink and noise, cut to [0, 1]."""
    contrast = _CONTRAST[0] + (_CONTRAST[1] - _CONTRAST[0]) * shade
    image = rng.uniform(*_PAPER) + _draw_grating(item, size, rng)
    image -= contrast * place_glyph(glyph, size, _DIGIT_SIZE, _ROTATION, rng)
    image += noise * rng.standard_normal((size, size))
    return np.clip(image, 0.0, 1.0)


def _draw_grating(item: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the sinusoid that encodes an item, with random phase and strength."""
    orientation, frequency = divmod(int(item), len(FREQUENCIES))
    angle = np.deg2rad(
        180.0 / N_ORIENTATIONS * orientation
        + _ORIENTATION_JITTER * rng.standard_normal()
    )
    cycles = FREQUENCIES[frequency] * (1.0 + _FREQUENCY_JITTER * rng.standard_normal())
    phase = rng.uniform(0.0, 2.0 * np.pi)
    pixels = np.arange(size)
    along = np.cos(angle) * pixels + np.sin(angle) * pixels[:, None]
    return rng.uniform(*_AMPLITUDE) * np.sin(2.0 * np.pi * cycles * along + phase)


def _log_spectrum(image: np.ndarray) -> np.ndarray:
    """Give the log-magnitude spectrum of an image, frequency zero in the middle."""
    return np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(image))))


def _check_parameters(
    n_samples: int, image_size: int, domain: str, noise: float, missing_labels: float
) -> None:
    """Raise for the first parameter that is not as documented."""
    check_whole("n_samples", n_samples, 1, "an int of at least 1", _OWNER)
    check_whole("image_size", image_size, 16, "an int of at least 16", _OWNER)
    if domain not in DOMAINS:
        raise InvalidParameterError(
            wrong("domain", f"one of {DOMAINS}", domain, _OWNER)
        )
    expected = "a finite float of at least 0"
    check_real("noise", noise, expected, _OWNER)
    if not 0.0 <= noise < math.inf:
        raise InvalidParameterError(wrong("noise", expected, noise, _OWNER))
    expected = "a float of at least 0 and below 1"
    check_real("missing_labels", missing_labels, expected, _OWNER)
    if not 0.0 <= missing_labels < 1.0:
        raise InvalidParameterError(
            wrong("missing_labels", expected, missing_labels, _OWNER)
        )
