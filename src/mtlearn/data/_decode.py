"""One file as the pixels of an image."""

from contextlib import suppress
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from mtlearn._utils._optional import find_optional, import_optional
from mtlearn.data._image_fit import fitted, reduction_of

CHANNELS = {"RGB": 3, "L": 1}
_ORIENTATION = 0x0112  # of EXIF
_JPEG = ("JPEG", "MPO")  # the second is what telephones write: several, one shown
_JPEG_START = b"\xff\xd8\xff"
# Parts of a JPEG: EXIF data or the like, and where the pixels begin.
_METADATA, _START_OF_SCAN = b"\xe1", b"\xda"
# Marks that begin no part and have no length: padding, and those of the pixels.
_BARE = [bytes([mark]) for mark in (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)]
_INKS = ("CMYK", "YCCK")
# Of TIFF: how many bits a value has, and what is white.
_BITS, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0


def read_image(file: str, size: tuple[int, int], mode: str, fit: str) -> np.ndarray:
    """Read an image, and bring it to a size.

    Parameters
    ----------
    file : str
        Its name.
    size : tuple (height, width)
        That is wanted.
    mode : {"RGB", "L"}
        Colours, or grey.
    fit : {"crop", "pad", "stretch"}
        See `fit_of`.

    Returns
    -------
    ndarray of shape (*size, n_channels)
        Of dtype uint8.

    Raises
    ------
    Exception
        Whatever the decoder says of a file that it cannot read.
    """
    pillow = import_optional("PIL.Image", "images", "ImageFiles")
    with open(file, "rb") as opened:
        plain = _plain_jpeg(opened, size, mode, fit, pillow)
        if plain is not None:
            return fitted(plain, size, fit)
        opened.seek(0)
        return _by_pillow(opened, size, mode, fit, pillow)


def _by_pillow(
    opened: BinaryIO, size: tuple[int, int], mode: str, fit: str, pillow: ModuleType
) -> np.ndarray:
    """Read an image of any format, as it says that it is to be shown."""
    with pillow.open(opened) as picture:
        _check_size(picture.size, pillow)
        if picture.format in _JPEG and picture.mode in CHANNELS:
            orientation = _orientation(picture)
            shape = picture.size if orientation > 4 else picture.size[::-1]
            pixels = _jpeg(picture, opened, mode, reduction_of(shape, size, fit))
        else:
            picture.load()  # which turns some of them
            orientation = _orientation(picture)
            pixels = _pixels(picture, mode)
    return fitted(_turned(pixels, orientation), size, fit)


def _plain_jpeg(
    opened: BinaryIO, size: tuple[int, int], mode: str, fit: str, pillow: ModuleType
) -> np.ndarray | None:
    """Decode a JPEG that needs no Pillow: it says nothing of how it is to be shown."""
    decoder = find_optional("simplejpeg")
    if decoder is None or opened.read(len(_JPEG_START)) != _JPEG_START:
        return None
    opened.seek(0)
    data = opened.read()
    if _says_more(data):
        return None
    with suppress(ValueError):  # Pillow says better what is wrong, or forgives it
        height, width, colours, _ = decoder.decode_jpeg_header(data)
        if colours in _INKS:
            return None
        _check_size((width, height), pillow)
        shape = height, width
        return _decoded(decoder, data, mode, shape, reduction_of(shape, size, fit))
    return None


def _says_more(data: bytes) -> bool:
    """Tell whether a JPEG has EXIF data or the like, or is built in another way."""
    at = 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1 : at + 2]
        if marker in (_START_OF_SCAN, _METADATA, *_BARE):
            return marker != _START_OF_SCAN
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return True


def _decoded(
    decoder: ModuleType,
    data: bytes,
    mode: str,
    shape: tuple[int, int],
    reduction: int,
) -> np.ndarray:
    """Decode a JPEG of a shape, at less than its size; to the bits of Pillow."""
    height, width = shape
    return decoder.decode_jpeg(
        data,
        colorspace="RGB" if mode == "RGB" else "GRAY",
        min_height=-(-height // reduction),
        min_width=-(-width // reduction),
    )


def _check_size(size: tuple[int, int], pillow: ModuleType) -> None:
    width, height = size
    most = pillow.MAX_IMAGE_PIXELS
    if min(width, height) < 1:
        raise ValueError(f"it has {width} x {height} pixels")
    if most is not None and width * height > most:
        raise ValueError(
            f"it has {width} x {height} pixels, more than PIL.Image.MAX_IMAGE_PIXELS = "
            f"{most}; set that if you trust the file"
        )


def _orientation(picture: Any) -> int:
    """Return how a camera was held: 1 upright, above 4 on its side."""
    with suppress(Exception):  # what says it is as damaged as it likes
        orientation = picture.getexif().get(_ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    return 1


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation == 1:
        return pixels
    if orientation > 4:
        pixels = pixels.transpose(1, 0, 2)
    # What is left is a reflection of the columns, of the rows, or of both.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _pixels(picture: Any, mode: str) -> np.ndarray:
    """Return all pixels, of shape (height, width, n_channels), in [0, 255]."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        grey = _deep(picture)
        return np.repeat(grey[..., None], CHANNELS[mode], axis=2)
    pixels = np.array(_on_white(picture).convert(mode))
    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])


def _jpeg(picture: Any, opened: BinaryIO, mode: str, reduction: int) -> np.ndarray:
    """Decode the usual kinds of JPEG, at less than their size."""
    decoder = find_optional("simplejpeg")
    width, height = picture.size
    if decoder is not None:
        opened.seek(0)
        with suppress(ValueError):
            return _decoded(decoder, opened.read(), mode, (height, width), reduction)
    picture.draft(mode, (width // reduction, height // reduction))
    return _pixels(picture, mode)


def _deep(picture: Any) -> np.ndarray:
    """Bring grey values of more than 8 bits to [0, 255]."""
    values = np.array(picture)
    tags = getattr(picture, "tag_v2", {})
    # A format may have fewer bits than 16, which Pillow does not spread.
    bits = min((16, *tags.get(_BITS, ())))
    grey = _real(values) if picture.mode == "F" else _whole(values, 2**bits - 1)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # of bytes Pillow sees to it
        grey = 255 - grey
    if "transparency" in picture.info:
        grey[values == picture.info["transparency"]] = 255
    return grey


def _real(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"it has real values from {low} to {high}, and 0 to 1 are read as "
            "black to white; write it so, or pass an array"
        )
    return (values * np.float32(255)).astype(np.float32)


def _whole(values: np.ndarray, white: int) -> np.ndarray:
    low, high = values.min(), values.max()
    if low < 0 or high > white:
        raise ValueError(
            f"it has whole numbers from {low} to {high}, and 0 to {white} are read as "
            "black to white; write it so, or pass an array"
        )
    return (values / (white / 255)).astype(np.float32)


def _on_white(picture: Any) -> Any:
    """Lay what is transparent over white."""
    sees_through = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if not sees_through and "transparency" not in picture.info:
        return picture
    pillow = import_optional("PIL.Image", "images", "ImageFiles")
    front = picture.convert("RGBA")
    white = pillow.new("RGBA", front.size, "white")
    return pillow.alpha_composite(white, front)
