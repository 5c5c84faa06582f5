"""Augmentations by name, and what else may stand for one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn.augmentation._drawn_policies import (
    DRAWN_POLICIES,
    RandAugment,
    TrivialAugment,
)
from mtlearn.augmentation._policy import Augmentation
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

Policy = Augmentation | TrivialAugment | RandAugment

_POLICIES: dict[str, Callable[[], Policy]] = {
    "light": partial(Augmentation, translate=0.05, rotate=5.0, zoom=0.05),
    "standard": partial(
        Augmentation, flip="horizontal", translate=0.05, rotate=18.0, zoom=0.1
    ),
    **DRAWN_POLICIES,
}


def get_augmentation(name: str) -> Policy:
    """Return the augmentation of a name.

    "light" and "standard" are for images in which a little more to the left, turned or
    larger is still the same; the others are far stronger, and made for photographs. A
    change that changes the label is your own affair: "standard" flips, which makes
    other things of digits and letters, and all of them rotate, which an angle as the
    target does not bear. On a spectrum none makes sense.

    Parameters
    ----------
    name : {"light", "standard", "trivial", "randaugment"}
        "light" translates by up to 5 % of the side, rotates by up to 5 degrees and
        zooms by up to 5 %. "standard" also flips horizontally, translates by up to
        5 %, rotates by up to 18 degrees and zooms by up to 10 %. "trivial" is a
        `TrivialAugment`, "randaugment" a `RandAugment`.

    Returns
    -------
    Augmentation, TrivialAugment or RandAugment
        A new one, whose parameters may be set.

    Raises
    ------
    InvalidParameterError
        If no augmentation has this name.

    Examples
    --------
    >>> from mtlearn.augmentation import get_augmentation
    >>> get_augmentation("light")
    Augmentation(rotate=5.0, translate=0.05, zoom=0.05)
    """
    if name not in _POLICIES:
        raise InvalidParameterError(
            f"The name of an augmentation must be one of "
            f"{', '.join(map(repr, _POLICIES))}. Got {short(name)} instead. "
            "For one of your own, make an Augmentation."
        )
    return _POLICIES[name]()


def resolve_augmentation(
    value: Any, owner: str
) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None:
    """Return the augmentation that a user named or made.

    What a callable of the user's own returns is not checked here.

    Parameters
    ----------
    value : None, str, Augmentation, TrivialAugment, RandAugment or callable
        What the user gave: nothing, a name of `get_augmentation`, one of its objects,
        or anything that maps a batch and a generator to a batch. A `Partial` of a
        function is such a thing too.
    owner : str
        The estimator, for the message.

    Returns
    -------
    callable or None
        What takes a batch and a `torch.Generator` and returns the changed batch.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is none of these, or one of our objects with a wrong parameter.

    Examples
    --------
    >>> from mtlearn.augmentation import resolve_augmentation
    >>> resolve_augmentation("light", "MyEstimator")
    Augmentation(rotate=5.0, translate=0.05, zoom=0.05)
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value not in _POLICIES:
            raise InvalidParameterError(
                f"The 'augmentation' parameter of {owner} must be None, one of "
                f"{', '.join(map(repr, _POLICIES))}, an Augmentation, or a callable. "
                f"Got {short(value)} instead."
            )
        return get_augmentation(value)
    if isinstance(value, Policy):
        value.validate(owner)
        return value
    return check_change(value, "augmentation", "(x, generator) to x", owner)


def check_change(value: Any, name: str, signature: str, owner: str) -> Any:
    """Return a callable that changes batches, or raise.

    Parameters
    ----------
    value : object
        What the user gave.
    name, owner : str
        The parameter and the estimator it belongs to, for the message.
    signature : str
        What the callable maps, for the message.

    Returns
    -------
    callable
        The value.

    Raises
    ------
    ParameterTypeError
        If it is a class, or cannot be called.
    """
    cls = value.cls if isinstance(value, Partial) else value
    if isinstance(cls, type):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be an object and not a class. "
            f"Got {short(value)} instead: pass {cls.__name__}(...)."
        )
    if not callable(value):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be None, a name, an object of "
            f"mtlearn.augmentation, or a callable that maps {signature}. "
            f"Got {short(value)} instead."
        )
    return value
