"""Pictures of Pillow, as they look."""

import sys

import numpy as np
import pytest
from PIL import Image

from mtlearn.data import DatasetRows, read_rows
from mtlearn.data._pictures import is_picture
from mtlearn.exceptions import InvalidDataError
from tiny_datasets import Items

INDICES = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
COLOURS = np.array([[250, 0, 0], [0, 200, 0], [0, 0, 150]], dtype=np.uint8)
OPAQUE = np.concatenate([COLOURS, np.full((3, 1), 255, np.uint8)], axis=1)


def palette(**info):
    picture = Image.fromarray(INDICES).convert("L")
    picture = Image.frombytes("P", (3, 2), INDICES.tobytes())
    picture.putpalette(COLOURS.ravel().tolist())
    picture.info.update(info)
    return picture


def clear_first():
    seen = OPAQUE.copy()
    seen[0, 3] = 0
    return seen


def with_alpha():
    picture = Image.frombytes("P", (3, 2), INDICES.tobytes())
    picture.putpalette(clear_first().ravel().tolist(), rawmode="RGBA")
    return picture


def with_alpha_band():
    pairs = np.stack([INDICES, np.where(INDICES, 255, 0).astype(np.uint8)], axis=-1)
    picture = Image.frombytes("PA", (3, 2), pairs.tobytes())
    picture.putpalette(COLOURS.ravel().tolist())
    return picture


PALETTES = {
    "colours": (palette, COLOURS[INDICES]),
    "a transparent one": (lambda: palette(transparency=0), clear_first()[INDICES]),
    "a palette with alpha": (with_alpha, clear_first()[INDICES]),
    "a band of alpha": (with_alpha_band, clear_first()[INDICES]),
}


def read(pictures):
    return read_rows(pictures, "It")


def read_items(pictures):
    layouts = {2: "(height, width)", 3: "(height, width, n_channels)"}
    return DatasetRows(Items(pictures), "It", layouts)[:]


both_ways = pytest.mark.parametrize("read", [read, read_items])


@both_ways
@pytest.mark.parametrize(("make", "seen"), PALETTES.values(), ids=PALETTES)
def test_palettes_give_the_colours_that_are_seen(read, make, seen):
    np.testing.assert_array_equal(read([make(), make()]), [seen, seen])


NUMBERS = {
    "1": (INDICES > 0, bool),
    "L": (INDICES * 90, np.uint8),
    "I;16": (INDICES.astype(np.uint16) * 30000, np.uint16),
    "I": (INDICES.astype(np.int32) * 10**9 - 7, np.int32),
    "F": (INDICES.astype(np.float32) / 3, np.float32),
    "LA": (np.stack([INDICES, INDICES + 9], axis=-1), np.uint8),
    "RGB": (COLOURS[INDICES], np.uint8),
    "RGBA": (clear_first()[INDICES], np.uint8),
    "CMYK": (clear_first()[INDICES], np.uint8),
    "YCbCr": (COLOURS[INDICES], np.uint8),
}


@both_ways
@pytest.mark.parametrize("mode", NUMBERS)
def test_other_modes_give_their_numbers(read, mode):
    values, dtype = NUMBERS[mode]
    data = np.packbits(values, axis=1) if mode == "1" else values
    picture = Image.frombytes(mode, (3, 2), data.tobytes())
    found = read([picture] * 2)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.reshape(2, *values.shape), [values] * 2)


def test_the_order_of_bytes_is_no_mode():
    little = Image.frombytes("I;16", (3, 2), INDICES.astype("<u2").tobytes())
    big = Image.frombytes("I;16B", (3, 2), INDICES.astype(">u2").tobytes())
    np.testing.assert_array_equal(read([little, big]), [INDICES, INDICES])


@both_ways
def test_palettes_beside_colours(read):
    np.testing.assert_array_equal(
        read([Image.fromarray(COLOURS[INDICES]), palette()])[1], COLOURS[INDICES]
    )


MIXED = {
    "the same bands": (("RGBA", "RGBA", "CMYK"), "RGBA", "CMYK"),
    "other bands": (("RGB", "RGB", "L"), "RGB", "L"),
    "one band": (("L", "L", "1"), "L", "1"),
}


@both_ways
@pytest.mark.parametrize(("modes", "first", "other"), MIXED.values(), ids=MIXED)
def test_modes_that_differ_are_named(read, modes, first, other):
    pictures = [Image.new(mode, (3, 2)) for mode in modes]
    message = f"of one mode.* has the mode {first}, (image|item) 2 has {other}\\. Conv"
    with pytest.raises(InvalidDataError, match=message):
        read(pictures)


@both_ways
def test_a_transparent_palette_among_opaque_ones(read):
    with pytest.raises(InvalidDataError, match=r"mode RGB, (image|item) 1 has RGBA"):
        read([palette(), palette(transparency=0)])


def test_without_pillow_nothing_is_a_picture(monkeypatch):
    picture = palette()
    assert is_picture(picture)
    monkeypatch.delitem(sys.modules, "PIL.Image")
    assert not is_picture(picture)
