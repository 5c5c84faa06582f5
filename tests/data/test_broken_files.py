"""Files that are broken at random are named, and nothing hangs."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mtlearn.data import ImageFiles, check_files
from mtlearn.exceptions import InvalidDataError
from pictures_on_disk import smooth_pictures

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
PICTURE = Image.fromarray(smooth_pictures(1, height=60, width=80)[0])
SUFFIXES = (".jpg", ".png", ".tif", ".gif", ".bmp", ".webp")


def content_of(folder, suffix):
    path = folder / f"whole{suffix}"
    PICTURE.save(path)
    return path.read_bytes()


def png_of_size(width, height):
    """Return a PNG whose header says so, and which has next to nothing else."""
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def broken_contents(folder):
    """Give 50 broken contents, with what each is called."""
    rng = np.random.default_rng(0)
    for suffix in SUFFIXES:
        content = content_of(folder, suffix)
        for number in range(6):
            # A TIFF, a PNG or a WebP may have all that is needed before its last bytes.
            kept = int(len(content) * rng.uniform(0, 0.8))
            yield f"truncated {number}{suffix}", content[:kept]
        yield f"empty{suffix}", b""
    yield "text.jpg", b"file,label\na.jpg,1\n"
    yield "page.png", b"<!DOCTYPE html><html></html>"
    yield "zeros.jpg", bytes(1000)
    yield "no pixels.png", png_of_size(0, 0)
    yield "no height.png", png_of_size(5, 0)
    yield "huge.png", png_of_size(100_000, 100_000)
    yield "wide.png", png_of_size(2**31 - 1, 1)
    yield "noise.webp", rng.bytes(1000)


def test_fifty_broken_files(tmp_path):
    contents = dict(broken_contents(tmp_path))
    assert len(contents) == 50
    names = []
    for name, content in contents.items():
        names.append(tmp_path / name)
        names[-1].write_bytes(content)
    names.insert(25, tmp_path / "whole.png")
    X = ImageFiles(names, size=16)

    found = check_files(X, verbose=0)

    assert [broken.row for broken in found] == [n for n in range(51) if n != 25]
    for row in (0, 24, 26, 50):
        with pytest.raises(InvalidDataError, match=f"^Image {row} of X") as caught:
            X[row]
        assert str(names[row]) in str(caught.value)
    assert X[25].shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_flipped_bytes_give_an_image_or_an_error(tmp_path, suffix):
    rng = np.random.default_rng(1)
    content = np.frombuffer(content_of(tmp_path, suffix), dtype=np.uint8)
    names = []
    for number in range(20):
        flipped = content.copy()
        flipped[rng.integers(len(content), size=5)] ^= np.uint8(1 << rng.integers(8))
        names.append(tmp_path / f"{number}{suffix}")
        names[-1].write_bytes(flipped.tobytes())
    X = ImageFiles(names, size=16)

    broken = {each.row for each in check_files(X, verbose=0)}

    readable = [row for row in range(20) if row not in broken]
    assert X[readable].read().shape == (len(readable), 16, 16, 3)


def test_a_wrong_ending_does_no_harm(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(content_of(tmp_path, ".png"))

    np.testing.assert_array_equal(
        ImageFiles([path], size=(60, 80))[0], np.asarray(PICTURE)
    )
