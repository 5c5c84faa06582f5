"""Masked arrays, whose masks numpy drops without a word."""

from typing import Any

import numpy as np

from mtlearn.exceptions import DataTypeError


def refuse_mask(value: Any, name: str, remedy: str) -> None:
    """Raise where something is masked, which would be used all the same.

    Parameters
    ----------
    value : object
        What the user gave: an array, or one in or around others.
    name : str
        What it is called, for the message.
    remedy : str
        What to do instead.

    Raises
    ------
    DataTypeError
        If a mask has a true entry.
    """
    if _is_masked(value):
        verb = "is" if isinstance(value, np.ma.MaskedArray) else "holds"
        raise DataTypeError(
            f"{name} {verb} a masked array, whose mask would be lost. {remedy}"
        )


def _is_masked(value: Any) -> bool:
    if isinstance(value, np.ma.MaskedArray):
        return bool(np.ma.is_masked(value))
    if isinstance(value, list | tuple):
        return any(map(_is_masked, value))
    if getattr(getattr(value, "dtype", None), "kind", None) == "O":
        return np.ndim(value) > 0 and any(map(_is_masked, value))
    return False
