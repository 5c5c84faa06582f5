"""Checks of the parameters of images on disk."""

from numbers import Integral
from typing import Any

from mtlearn._utils._short import short
from mtlearn.data._image_cache import ImageCache
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


def read_size(size: Any) -> tuple[int, int]:
    """Check a size, and give it as height and width."""
    sides = (size, size) if isinstance(size, Integral) else size
    rule = (
        "The 'size' parameter of ImageFiles ('image_size' of ImageReader) must be a "
        f"positive int, or (height, width) of such. Got {short(size)} instead."
    )
    if (
        not isinstance(sides, tuple | list)
        or len(sides) != 2
        or not all(_is_int(side) for side in sides)
    ):
        raise ParameterTypeError(rule)
    if min(sides) < 1:
        raise InvalidParameterError(rule)
    return int(sides[0]), int(sides[1])


def read_cache(cache: Any) -> ImageCache:
    """Check a cache, or the name of its folder."""
    return cache if isinstance(cache, ImageCache) else ImageCache(cache)


def read_workers(n_workers: Any) -> int | None:
    """Check a number of threads."""
    rule = (
        "The 'n_workers' parameter of ImageFiles must be None or a positive int. Got "
        f"{short(n_workers)} instead."
    )
    if n_workers is not None and not _is_int(n_workers):
        raise ParameterTypeError(rule)
    if n_workers is not None and n_workers < 1:
        raise InvalidParameterError(rule)
    return n_workers


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def one_of(value: Any, name: str, choices: tuple[str, ...], alias: str = "") -> str:
    """Check that a parameter is one of some words; an alias is its other name."""
    if isinstance(value, str) and value in choices:
        return value
    raise InvalidParameterError(
        f"The {name!r} parameter of ImageFiles{alias} must be one of {list(choices)}. "
        f"Got {short(value)} instead."
    )
