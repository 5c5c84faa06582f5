"""Colour pictures of several digits, each of which is a label."""

import colorsys

import numpy as np
from sklearn.datasets import load_digits

from mtlearn.datasets._digits import (
    Seed,
    check_whole,
    draw_rows,
    make_generator,
    place_glyph,
    prepare_glyphs,
    wrong,
)
from mtlearn.exceptions import InvalidParameterError

_OWNER = "make_multilabel_mosaics"
# Each digit is drawn in bright ink, or cut out of a bright disc.
_N_KINDS = 20
_CELLS = 3  # in a row, and in a column
_COMMON, _RARE = 0.9, 0.01
# Share of each label's variance that all labels of a picture have in common.
_SHARED = (0.0, 0.25)
_SIDES = (0.72, 0.98)
_TURNS = (-20.0, 20.0)


def make_multilabel_mosaics(
    n_samples: int = 4000,
    *,
    labels: int = 17,
    image_size: int = 64,
    random_state: Seed = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make colour pictures of up to nine digits, with a column of y for each kind.

    Each picture has three by three cells, some of them empty. A kind is one of
    scikit-learn's digits in bright ink (0 to 9), or cut out of a bright disc (10 to
    19). Those that have a label are in a known share of the pictures, from 0.9 for the
    first to 0.01 for the last one, evenly in their logarithms; kinds without one are
    there as well. Colours, sizes, angles and places are drawn and say nothing.

    Parameters
    ----------
    n_samples : int, default=4000
        Number of pictures. Each of the 1,797 source digits is used once before any of
        its kind is used again.
    labels : int, default=17
        How many kinds have a label, from 1 to 20.
    image_size : int, default=64
        Height and width of the pictures in pixels, at least 24.
    random_state : int, Generator, RandomState or None, default=None
        An int gives the same data every time; None gives fresh data every time.

    Returns
    -------
    X : ndarray of shape (n_samples, image_size, image_size, 3)
        The pictures, uint8.
    y : ndarray of shape (n_samples, labels)
        1 where the kind is in the picture, else 0, int64.

    Raises
    ------
    InvalidParameterError
        If a parameter is outside its range.
    ParameterTypeError
        If a parameter is not of the type above.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI
    Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49.

    Examples
    --------
    >>> from mtlearn.datasets import make_multilabel_mosaics
    >>> X, y = make_multilabel_mosaics(200, labels=5, random_state=0)
    >>> X.shape, y.mean(axis=0).tolist()
    ((200, 64, 64, 3), [0.9, 0.29, 0.095, 0.03, 0.01])
    """
    check_whole("n_samples", n_samples, 1, "an int of at least 1", _OWNER)
    check_whole("image_size", image_size, 24, "an int of at least 24", _OWNER)
    expected = f"an int from 1 to {_N_KINDS}"
    check_whole("labels", labels, 1, expected, _OWNER)
    if labels > _N_KINDS:
        raise InvalidParameterError(wrong("labels", expected, labels, _OWNER))
    rng = make_generator(random_state, _OWNER)
    y = _draw_labels(n_samples, labels, rng)
    digits = load_digits()
    glyphs = prepare_glyphs(digits.images)
    sources = _Sources(digits.target, rng)
    X = np.empty((n_samples, image_size, image_size, 3), dtype=np.uint8)
    for row in range(n_samples):
        kinds = _kinds_of(y[row], rng)
        cells = [(glyphs[sources.draw(kind % 10)], kind >= 10) for kind in kinds]
        X[row] = _draw_picture(cells, image_size, rng)
    return X, y


def _draw_labels(n_samples: int, labels: int, rng: np.random.Generator) -> np.ndarray:
    """Draw which labels are there, in exact numbers, some more often together."""
    shares = np.geomspace(_COMMON, _RARE, labels) if labels > 1 else np.array([_COMMON])
    counts = np.rint(shares * n_samples).astype(int)
    common = rng.standard_normal(n_samples)
    y = np.zeros((n_samples, labels), dtype=np.int64)
    for label, count in enumerate(counts):
        weight = np.sqrt(rng.uniform(*_SHARED)) * rng.choice([-1, 1])
        own = np.sqrt(1 - weight**2) * rng.standard_normal(n_samples)
        y[np.argsort(weight * common + own)[n_samples - count :], label] = 1
    _make_room(y)
    return y


def _make_room(y: np.ndarray) -> None:
    """Give labels of pictures that have too many to those that have few, in place."""
    most = _CELLS**2
    for row in np.flatnonzero(y.sum(axis=1) > most):
        for label in np.flatnonzero(y[row])[: y[row].sum() - most]:
            lacking = np.flatnonzero(y[:, label] == 0)
            other = lacking[np.argmin(y[lacking].sum(axis=1))]
            y[row, label], y[other, label] = 0, 1


def _kinds_of(line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give the kinds of a picture: those of its labels, and some without one."""
    there = np.flatnonzero(line)
    others = np.arange(len(line), _N_KINDS)
    free = min(len(others), _CELLS**2 - len(there))
    chosen = rng.permutation(others)[: rng.integers(0, 1 + min(free, 2))]
    return np.concatenate([there, chosen])


class _Sources:
    """The digits that there are, each used once before any is used again."""

    def __init__(self, target: np.ndarray, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows = [np.flatnonzero(target == digit) for digit in range(10)]
        self.queues: list[list[int]] = [[] for _ in range(10)]

    def draw(self, digit: int) -> int:
        """Give the row of a digit."""
        queue = self.queues[digit]
        if not queue:
            rows = self.rows[digit]
            queue.extend(rows[draw_rows(len(rows), len(rows), self.rng)].tolist())
        return queue.pop()


def _draw_picture(
    cells: list[tuple[np.ndarray, bool]], size: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw digits into cells, in any order, on a dark ground with noise."""
    side = size // _CELLS
    picture = rng.uniform(0.05, 0.25, 3) + 0.04 * rng.standard_normal((size, size, 3))
    places = rng.permutation(_CELLS**2)[: len(cells)]
    for (glyph, is_cut_out), place in zip(cells, places, strict=True):
        ink = place_glyph(glyph, side, _SIDES, _TURNS, rng)
        if is_cut_out:
            ink = np.clip(_disc(side) - ink, 0, 1)
        colour = np.array(
            colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.6, 1))
        )
        top, left = np.array(divmod(place, _CELLS)) * side
        part = picture[top : top + side, left : left + side]
        part += ink[..., np.newaxis] * (colour - part)
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _disc(side: int) -> np.ndarray:
    """Draw a disc that fills a cell, with a soft edge."""
    away = np.arange(side) - (side - 1) / 2
    radius = np.hypot(away, away[:, np.newaxis])
    return np.clip(side / 2 - radius, 0, 1)
