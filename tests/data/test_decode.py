"""Files of every kind, against Pillow or values by hand."""

import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from mtlearn._utils import _optional
from mtlearn.data import _decode
from mtlearn.data._decode import read_image
from pictures_on_disk import smooth_pictures

PICTURE = smooth_pictures(1)[0]  # (30, 40, 3)
WHOLE = {"size": (30, 40), "mode": "RGB", "fit": "crop"}
GREY = {**WHOLE, "mode": "L"}


@pytest.fixture(params=["simplejpeg", "Pillow"])
def decoder(request, monkeypatch):
    _optional.find_optional.cache_clear()
    if request.param == "Pillow":
        monkeypatch.setitem(sys.modules, "simplejpeg", None)
    yield request.param
    _optional.find_optional.cache_clear()


def saved(folder, picture, name, **options):
    path = folder / name
    picture.save(path, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.gif", "a.webp"])
def test_formats_that_lose_nothing(tmp_path, name):
    options = {"lossless": True} if name == "a.webp" else {}
    colours = Image.fromarray(PICTURE).quantize(64).convert("RGB")
    file = saved(tmp_path, colours, name, **options)

    np.testing.assert_array_equal(read_image(file, **WHOLE), np.asarray(colours))
    expected = np.asarray(colours.convert("L"))[..., None]
    np.testing.assert_array_equal(read_image(file, **GREY), expected)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpegs_are_those_of_pillow(tmp_path, decoder, options):
    file = saved(tmp_path, Image.fromarray(PICTURE), "a.jpg", quality=90, **options)
    with Image.open(file) as picture:
        expected = np.asarray(picture)
    with Image.open(file) as picture:
        picture.draft("L", picture.size)
        grey = np.asarray(picture)[..., None]

    np.testing.assert_array_equal(read_image(file, **WHOLE), expected)
    np.testing.assert_array_equal(read_image(file, **GREY), grey)
    assert np.abs(expected.astype(int) - PICTURE).mean() < 5


def test_grey_jpegs(tmp_path, decoder):
    grey = Image.fromarray(PICTURE).convert("L")
    file = saved(tmp_path, grey, "a.jpg", quality=95)
    with Image.open(file) as picture:
        expected = np.asarray(picture)[..., None]

    np.testing.assert_array_equal(read_image(file, **GREY), expected)
    np.testing.assert_array_equal(read_image(file, **WHOLE), expected.repeat(3, axis=2))


@pytest.mark.parametrize("by", [2, 4, 8])
def test_large_jpegs_are_decoded_at_less(tmp_path, decoder, by):
    large = Image.fromarray(PICTURE).resize((40 * 2 * by + 3, 30 * 2 * by + 5))
    file = saved(tmp_path, large, "a.jpg", quality=95)
    with Image.open(file) as picture:
        picture.draft("RGB", (picture.width // by, picture.height // by))
        assert picture.width == -(-large.width // by)
        reduced = picture.resize((40, 30), Image.Resampling.BILINEAR)

    found = read_image(file, (30, 40), "RGB", "stretch").astype(int)

    np.testing.assert_allclose(found, np.asarray(reduced), atol=1)
    in_full = np.asarray(large.resize((40, 30), Image.Resampling.BILINEAR))
    assert np.abs(found - in_full).mean() < 3


def test_what_telephones_write_is_a_jpeg(tmp_path, decoder):
    large = Image.fromarray(PICTURE).resize((640, 480))
    file = saved(tmp_path, large, "a.jpg", quality=95)
    both = saved(
        tmp_path, large, "a.mpo", quality=95, save_all=True, append_images=[large]
    )
    with Image.open(both) as picture:
        assert picture.format == "MPO"

    found = read_image(both, (30, 40), "RGB", "pad")

    # To the bit only if it is decoded at less, too.
    np.testing.assert_array_equal(found, read_image(file, (30, 40), "RGB", "pad"))


@pytest.mark.parametrize("orientation", range(1, 10))
@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
def test_photographs_are_upright(tmp_path, decoder, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(tmp_path, Image.fromarray(PICTURE), name, exif=exif)
    with Image.open(file) as picture:
        upright = ImageOps.exif_transpose(picture)
    assert (upright.size == (30, 40)) == (orientation in (5, 6, 7, 8))

    shape = upright.size[::-1]
    np.testing.assert_array_equal(
        read_image(file, shape, "RGB", "crop"), np.asarray(upright)
    )


def test_a_part_of_a_photograph_on_its_side(tmp_path, decoder):
    large = np.asarray(Image.fromarray(PICTURE).resize((800, 600)))
    large = large.copy()
    large[:, :100] = 255  # on top, once it is upright
    exif = Image.Exif()
    exif[0x0112] = 6
    file = saved(tmp_path, Image.fromarray(large), "a.jpg", exif=exif, quality=95)

    found = read_image(file, (80, 60), "RGB", "crop")  # at less, and all of it

    assert found[:8].min() > 240
    expected = Image.fromarray(np.rot90(large, -1)).resize((60, 80))
    assert np.abs(found.astype(int) - np.asarray(expected))[12:].mean() < 3


@pytest.mark.parametrize(
    ("orientation", "turn"), [(5, lambda x: x.swapaxes(0, 1)), (6, np.rot90)]
)
def test_how_much_less_is_told_upright(tmp_path, decoder, orientation, turn):
    noise = np.random.default_rng(0).integers(0, 256, (80, 640, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = saved(tmp_path, Image.fromarray(noise), "a.jpg", quality=95)
    file = saved(tmp_path, Image.fromarray(noise), "b.jpg", quality=95, exif=exif)

    found = turn(read_image(file, (40, 20), "RGB", "stretch"))

    # Half of its size, as 80 / 20 allows, and not all of it.
    expected = read_image(lying, (20, 40), "RGB", "stretch")
    np.testing.assert_allclose(found.astype(int), expected, atol=2)


def test_the_faster_decoder_is_used(tmp_path, monkeypatch):
    pytest.importorskip("simplejpeg")
    file = saved(tmp_path, Image.fromarray(PICTURE), "a.jpg")
    monkeypatch.delattr(_decode, "_pixels")
    assert read_image(file, **WHOLE).shape == PICTURE.shape


def part_of_jpeg(marker, content):
    return b"\xff" + marker + struct.pack(">H", len(content) + 2) + content


EXIF = Image.Exif()
EXIF[0x0112] = 6
TURNED = part_of_jpeg(b"\xe1", EXIF.tobytes())
XMP = part_of_jpeg(
    b"\xe1",
    b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    b'<rdf:Description tiff:Orientation="6"/></x:xmpmeta>',
)
# What looks like the beginning of the pixels may stand in a profile or a comment.
PROFILE = part_of_jpeg(b"\xe2", b"ICC_PROFILE\0\1\1 \xff\xda \xff\xe1")
COMMENT = part_of_jpeg(b"\xfe", b"\xff\xda")


@pytest.mark.parametrize("turned", [TURNED, XMP], ids=["EXIF", "XMP"])
@pytest.mark.parametrize("first", [b"", PROFILE, COMMENT, PROFILE + COMMENT], ids=len)
def test_where_a_jpeg_says_how_it_was_held(tmp_path, decoder, first, turned):
    file = tmp_path / "a.jpg"
    Image.fromarray(PICTURE).save(file)
    start, rest = file.read_bytes()[:2], file.read_bytes()[2:]
    upright = read_image(str(file), **WHOLE)
    file.write_bytes(start + first + rest)
    np.testing.assert_array_equal(read_image(str(file), **WHOLE), upright)
    file.write_bytes(start + first + turned + rest)
    with Image.open(file) as picture:  # which reads XMP in its later versions
        shown = np.asarray(ImageOps.exif_transpose(picture))
    found = read_image(str(file), shown.shape[:2], "RGB", "crop")
    np.testing.assert_array_equal(found, shown)
    assert shown.shape == (40, 30, 3) or turned is XMP


@pytest.mark.parametrize("mark", [b"\xff", b"\xff\xd0"], ids=["padding", "restart"])
def test_marks_without_a_length(tmp_path, decoder, mark):
    file = saved(tmp_path, Image.fromarray(PICTURE), "a.jpg")
    upright = read_image(file, **WHOLE)
    rest = (tmp_path / "a.jpg").read_bytes()[2:]
    filler = part_of_jpeg(b"\xfe", bytes(65000))
    content = bytearray(b"\xff\xd8" + mark + TURNED + filler + filler + rest)
    # Were what follows the mark a length, the pixels would begin behind it.
    seeming = 4 + int.from_bytes(content[4:6], "big")
    content[seeming : seeming + 2] = b"\xff\xda"
    (tmp_path / "a.jpg").write_bytes(content)
    found = read_image(file, (40, 30), "RGB", "crop")
    np.testing.assert_array_equal(found, np.rot90(upright, -1))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"x"}])
def test_plain_jpegs_need_no_pillow(tmp_path, monkeypatch, options):
    pytest.importorskip("simplejpeg")
    plain = saved(tmp_path, Image.fromarray(PICTURE), "a.jpg", **options)
    turned = saved(tmp_path, Image.fromarray(PICTURE), "b.jpg", exif=EXIF)
    expected = read_image(plain, **WHOLE)

    def refuse(*args):
        raise AssertionError("by Pillow")

    monkeypatch.setattr(Image, "open", refuse)
    np.testing.assert_array_equal(read_image(plain, **WHOLE), expected)
    with pytest.raises(AssertionError, match="by Pillow"):
        read_image(turned, **WHOLE)


@pytest.mark.parametrize("end", [2, 3, 4, 5, 20, 200])
def test_parts_of_a_plain_jpeg(tmp_path, decoder, end):
    file = tmp_path / "a.jpg"
    Image.fromarray(PICTURE).save(file)
    file.write_bytes(file.read_bytes()[:end])
    with pytest.raises(Exception, match=r"(?i)cannot identify|truncated|broken"):
        read_image(str(file), **WHOLE)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_over_white(tmp_path, mode):
    values = np.zeros((1, 4, len(mode)), dtype=np.uint8)
    values[..., :-1] = 100
    values[0, :, -1] = [0, 51, 102, 255]  # 0, 0.2, 0.4 and 1
    file = saved(tmp_path, Image.fromarray(values), "a.png")

    found = read_image(file, (1, 4), "RGB", "crop")

    expected = np.array([255, 255 - 0.2 * 155, 255 - 0.4 * 155, 100])
    np.testing.assert_allclose(found[0, :, 0], expected, atol=1)
    np.testing.assert_array_equal(found[..., 0], found[..., 2])


def test_a_transparent_colour_of_a_palette(tmp_path):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    file = saved(tmp_path, picture, "a.png", transparency=0)

    found = read_image(file, (1, 2), "RGB", "crop")

    np.testing.assert_array_equal(found, [[[255, 255, 255], [200, 100, 50]]])


def test_ink(tmp_path):
    picture = Image.new("CMYK", (8, 8), (255, 0, 0, 0))  # cyan alone
    for name in ("a.jpg", "a.tif"):
        file = saved(tmp_path, picture, name)
        found = read_image(file, (8, 8), "RGB", "crop").astype(int)
        np.testing.assert_allclose(found, np.full((8, 8, 3), [0, 255, 255]), atol=4)


def test_black_and_white(tmp_path):
    picture = Image.fromarray(np.eye(4) > 0)
    assert picture.mode == "1"
    file = saved(tmp_path, picture, "a.png")

    found = read_image(file, (4, 4), "L", "crop")

    np.testing.assert_array_equal(found[..., 0], 255 * np.eye(4))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits(tmp_path, name):
    values = np.array([[0, 257, 300, 65535]], dtype=np.uint16)
    file = saved(tmp_path, Image.fromarray(values), name)

    found = read_image(file, (1, 4), "RGB", "crop")

    # 300 / 257 = 1.17
    np.testing.assert_array_equal(found[..., 0], [[0, 1, 1, 255]])
    np.testing.assert_array_equal(found[..., 1], found[..., 0])
    # The filter's weights are 5, 7, 7 and 5 of 24, and nothing is rounded before.
    mean = (7 * 257 + 7 * 300 + 5 * 65535) / 24 / 257
    found = read_image(file, (1, 1), "L", "stretch")
    assert found[0, 0, 0] == round(mean) == 54


def test_a_transparent_grey_of_sixteen_bits(tmp_path):
    values = np.array([[0, 257, 65535]], dtype=np.uint16)
    file = saved(tmp_path, Image.fromarray(values), "a.png", transparency=257)

    found = read_image(file, (1, 3), "L", "crop")

    np.testing.assert_array_equal(found[..., 0], [[0, 255, 255]])


def write_tiff(path, content, *, bits, kind, white_is_zero=False):
    """Write a TIFF of one row of four values, tag by tag: Pillow writes no such."""
    shorts = {256: 4, 257: 1, 258: bits, 259: 1, 262: int(not white_is_zero)}
    longs = {273: 8, 277: 1, 278: 1, 279: len(content), 339: kind}
    assert len(content) % 2 == 0
    tags = b"".join(
        struct.pack("<HHII", tag, 4 if tag in longs else 3, 1, value)
        for tag, value in {**shorts, **longs}.items()
    )
    head = struct.pack("<2sHI", b"II", 42, 8 + len(content))
    count = struct.pack("<H", len(shorts) + len(longs))
    path.write_bytes(head + content + count + tags + bytes(4))
    return str(path)


@pytest.mark.parametrize(
    ("values", "bits", "kind"),
    [
        (np.array([0, 51, 102, 255], np.uint8), 8, 1),
        (257 * np.array([0, 51, 102, 255], np.uint16), 16, 1),
        (np.array([0, 0.2, 0.4, 1], np.float32), 32, 3),
    ],
    ids=["8", "16", "real"],
)
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_white_is_zero(tmp_path, values, bits, kind, white_is_zero):
    file = write_tiff(
        tmp_path / "a.tif",
        values.tobytes(),
        bits=bits,
        kind=kind,
        white_is_zero=white_is_zero,
    )

    found = read_image(file, (1, 4), "L", "crop").ravel()

    expected = [255, 204, 153, 0] if white_is_zero else [0, 51, 102, 255]
    np.testing.assert_array_equal(found, expected)


def test_twelve_bits(tmp_path):
    # 0x000, 0x333, 0x666, 0xfff: none, a fifth, two fifths and all of the light.
    content = bytes.fromhex("000333666fff")
    file = write_tiff(tmp_path / "a.tif", content, bits=12, kind=1)

    found = read_image(file, (1, 4), "L", "crop").ravel()

    np.testing.assert_array_equal(found, [0, 51, 102, 255])


def test_real_values(tmp_path):
    values = np.array([[0, 0.5, 1]], dtype=np.float32)
    file = saved(tmp_path, Image.fromarray(values), "a.tif")

    found = read_image(file, (1, 3), "L", "crop")

    np.testing.assert_array_equal(found[..., 0], [[0, 128, 255]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0, 2]], np.float32), "real values from 0.0 to 2.0, and 0 to 1"),
        (np.array([[0, np.nan]], np.float32), "real values from nan to nan"),
        (np.array([[-1, 2]], np.int32), "whole numbers from -1 to 2, and 0 to 65535"),
        (np.array([[0, 65536]], np.int32), "whole numbers from 0 to 65536"),
    ],
)
def test_values_without_a_known_range(tmp_path, values, message):
    file = saved(tmp_path, Image.fromarray(values), "a.tif")

    with pytest.raises(ValueError, match=message):
        read_image(file, (1, 2), "L", "crop")


def test_the_first_of_an_animation(tmp_path):
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    file = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])

    assert (read_image(file, (4, 4), "L", "crop") == 10).all()


def test_damaged_exif_is_left_alone(tmp_path):
    file = saved(tmp_path, Image.fromarray(PICTURE), "a.jpg", exif=b"Exif\0\0nonsense")

    assert read_image(file, **WHOLE).shape == (30, 40, 3)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_images_of_too_many_pixels(tmp_path, monkeypatch, name):
    file = saved(tmp_path, Image.fromarray(PICTURE), name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1199)
    with pytest.raises(Exception, match=r"1200 pixels|40 x 30 pixels.*MAX_IMAGE_PIXEL"):
        read_image(file, **WHOLE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1200)
    assert read_image(file, **WHOLE).shape == (30, 40, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_image(file, **WHOLE).shape == (30, 40, 3)
