"""The pictures of Debian's packages openclipart-png and openclipart-svg, with tags.

8,121 drawings, nearly all in the public domain, with the keywords that their authors
gave them: real tags, of which many are missing and some are wrong. `read_openclipart`
gives those that have at least one of 17 tags, as small pictures. The packages put them
into ``/usr/share/openclipart``, with the folders ``png`` and ``svg``.

Run from anywhere: ``python examples/openclipart.py /usr/share/openclipart``
"""

import argparse
import hashlib
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

# From the commonest to the rarest; a mammal is an animal too, so far as its author
# has said so.
TAGS = (
    "sign",
    "symbol",
    "flag",
    "food",
    "people",
    "shape",
    "mapsym",
    "animal",
    "mammal",
    "transport",
    "fruit",
    "map",
    "tool",
    "arrow",
    "building",
    "plant",
    "music",
)
# Series of hundreds of drawings that differ in a detail, and copies of others.
SERIES = ("stars", "gradients", "patterns", "duplicates", "themes", "icons", "cards")
MOST_PIXELS = 40_000_000  # the largest drawing has fifteen times as many
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_AGENT_TITLE = f"{_DUBLIN_CORE}creator//{_DUBLIN_CORE}title"


def read_openclipart(folder, size=64):
    """Read the drawings that have one of the tags.

    Parameters
    ----------
    folder : path
        Has the folders ``png`` and ``svg``.
    size : int, default=64
        Height and width of the pictures.

    Returns
    -------
    X : ndarray of shape (n_samples, size, size, 3)
        The pictures on white, uint8.
    y : ndarray of shape (n_samples, 17)
        1 where a drawing has the tag.
    authors : ndarray of shape (n_samples,)
        Who drew it: an author's drawings are alike.
    """
    pictures, labels, authors, seen = [], [], [], set()
    root = Path(folder)
    for file in sorted((root / "svg").rglob("*.svg")):
        place = file.relative_to(root / "svg")
        picture = root / "png" / place.with_suffix(".png")
        if any(part in SERIES for part in place.parts) or not picture.exists():
            continue
        keywords, author = read_keywords(file)
        digest = hashlib.sha256(picture.read_bytes()).digest()
        if not keywords or digest in seen:
            continue
        seen.add(digest)
        pixels = read_picture(picture, size)
        if pixels is not None:
            pictures.append(pixels)
            labels.append([tag in keywords for tag in TAGS])
            authors.append(author)
    return np.stack(pictures), np.array(labels, dtype=int), np.array(authors)


def read_keywords(file):
    """Return the keywords of a drawing, and its author."""
    tree = ElementTree.parse(file)
    subjects = tree.iter(f"{_DUBLIN_CORE}subject")
    words = {
        each.text.strip().lower()
        for subject in subjects
        for each in subject.iter()
        if each.tag.endswith("}li") and each.text
    }
    author = next((each.text for each in tree.iterfind(f".//{_AGENT_TITLE}")), None)
    return words, author or "unknown"


def read_picture(file, size):
    """Return a picture on a white square, None if it is far too large to be read."""
    from PIL import Image, ImageOps

    with file.open("rb") as opened:
        width, height = struct.unpack(">II", opened.read(24)[16:])  # of a PNG
    if width * height > MOST_PIXELS:
        return None
    with Image.open(file) as picture:
        drawing = picture.convert("RGBA")
    ground = Image.new("RGBA", drawing.size, "white")
    ground.alpha_composite(drawing)
    square = ImageOps.pad(ground.convert("RGB"), (size, size), color="white")
    return np.asarray(square)


def main():
    """Say how often each tag is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    options = parser.parse_args()
    X, y, authors = read_openclipart(options.folder)
    print(f"{len(X)} drawings of {len(set(authors))} authors, {y.sum() / len(y):.2f}")
    for tag, count in zip(TAGS, y.sum(axis=0), strict=True):
        print(f"{tag:10} {count}")


if __name__ == "__main__":
    main()
