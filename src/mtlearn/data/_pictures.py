"""Pictures of Pillow, as they look."""

import sys
from collections.abc import Sequence
from typing import Any

from mtlearn.exceptions import InvalidDataError


def is_picture(value: Any) -> bool:
    """Tell whether a value is a picture of Pillow, which is not imported for it."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def shown(value: Any) -> Any:
    """Return a picture with the colours of its palette, and all else as it is.

    Parameters
    ----------
    value : object
        A picture of Pillow, or anything.

    Returns
    -------
    object
        A picture of mode ``"P"`` as one of mode ``"RGB"``, or ``"RGBA"`` if it has
        transparent pixels: numpy would see the numbers of the colours.
    """
    if not is_picture(value) or value.mode not in ("P", "PA"):
        return value
    palette = value.palette
    is_transparent = (
        value.mode == "PA"
        or "transparency" in value.info
        or (palette is not None and palette.mode.endswith("A"))
    )
    return value.convert("RGBA" if is_transparent else "RGB")


def mode_of(value: Any) -> str | None:
    """Return the mode of a picture, without the order of its bytes; None for others."""
    return value.mode.partition(";")[0] if is_picture(value) else None


def check_modes(modes: Sequence[str | None], owner: str) -> None:
    """Raise if pictures are of several modes, whose numbers mean other things.

    Parameters
    ----------
    modes : sequence of str or None
        From `mode_of`.
    owner : str
        Who asks, for messages.
    """
    named = [(index, mode) for index, mode in enumerate(modes) if mode is not None]
    for index, mode in named:
        first, expected = named[0]
        if mode != expected:
            raise InvalidDataError(
                f"{owner} expects pictures of one mode. Image {first} has the mode "
                f"{expected}, image {index} has {mode}. Convert them, such as by "
                "picture.convert('RGB')."
            )
