"""Pictures as text, to stand in a page."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from mtlearn._utils._optional import import_optional

_DPI = 100
_THUMBNAIL = 128  # pixels of the longer side, at most


@dataclass(frozen=True)
class Picture:
    """A picture of a page.

    Attributes
    ----------
    source : str
        A ``data:`` address with the PNG itself.
    width, height : int
        In pixels.
    text : str
        What it shows.
    """

    source: str
    width: int
    height: int
    text: str


def drawn(plot: Callable[[], Any], text: str) -> Picture:
    """Draw a display for a page.

    Parameters
    ----------
    plot : callable
        Draws, and returns a display with a `figure_`.
    text : str
        What it shows.

    Returns
    -------
    Picture
        The figure is closed; what the user draws with stays as it was.
    """
    pyplot = import_optional("matplotlib.pyplot", "report", "report")
    # However many figures the user has open, this one is closed at once.
    no_limit = pyplot.rc_context({"figure.max_open_warning": 0})
    with pyplot.ioff(), pyplot.style.context("default"), no_limit:
        figure = plot().figure_
        data = BytesIO()
        figure.savefig(data, format="png", dpi=_DPI)
        pyplot.close(figure)
    return _picture(data, text)


def thumbnail(image: np.ndarray, text: str) -> Picture:
    """Make a small picture of an image.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3)
        In [0, 1], as `example_images` gives it.
    text : str
        What it shows.

    Returns
    -------
    Picture
        Larger images have every second pixel, or every third, and so on.
    """
    pyplot_image = import_optional("matplotlib.image", "report", "report")
    step = -(-max(image.shape[:2]) // _THUMBNAIL)
    shown = image[::step, ::step]
    data = BytesIO()
    pyplot_image.imsave(data, shown, format="png", cmap="gray", vmin=0, vmax=1)
    return _picture(data, text)


def _picture(data: BytesIO, text: str) -> Picture:
    content = data.getvalue()
    # Of every PNG, bytes 16 to 24 are its width and height.
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    encoded = base64.b64encode(content).decode("ascii")
    return Picture(f"data:image/png;base64,{encoded}", width, height, text)
