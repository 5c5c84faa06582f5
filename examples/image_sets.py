"""Small grey images to know, and others to know nothing of, for two of the examples.

scikit-learn's digits, parts of its two photographs and printed letters need nothing
else; archives as those of MNIST take their place.
"""

from itertools import product
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# No letters that look like a digit.
LETTERS = "ACEFHKMNPRUVWXadefhkmnrtuvwx"
FONTS = [
    f"DejaVu{family}.ttf"
    for family in ("Sans", "Sans-Bold", "Serif", "Serif-Italic", "SansMono")
]


def load_known(path=None):
    """Return images to learn from, their labels, and others of the same kind.

    Without a path, scikit-learn's digits. An archive has `X_train`, `y_train`, `X_test`
    and `y_test`, in capitals or not.
    """
    if path is None:
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype(np.float32).reshape(-1, 8, 8)
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=0.4, stratify=y, random_state=0
        )
        return X, y, X_test, y_test
    arrays = _arrays(path)
    X, X_test = (as_grey(arrays[name]) for name in ("x_train", "x_test"))
    return X, arrays["y_train"], X_test, arrays["y_test"]


def load_unknown(path, size):
    """Return the images of an archive, those to test with, grey and of a size."""
    arrays = _arrays(path)
    return as_grey(arrays["x_test"], size)


def _arrays(path):
    with np.load(path) as archive:
        return {name.lower(): archive[name] for name in archive.files}


def as_grey(images, size=None):
    """Return images of values from 0 to 255 as grey ones of values from 0 to 1."""
    images = images.astype(np.float32) / 255
    if images.ndim == 4:
        images = images @ GREY if images.shape[-1] == 3 else images[..., 0]
    if size is None or images.shape[1:] == size:
        return images
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(images)[:, None], size, mode="bilinear", antialias=True
    )
    return resized[:, 0].numpy()


def photograph_parts(size, n_samples, random_state=0):
    """Return grey parts of the two photographs that scikit-learn ships."""
    rng = np.random.default_rng(random_state)
    photographs = as_grey(np.stack(load_sample_images().images))
    found = []
    for _ in range(n_samples):
        photograph = photographs[rng.integers(len(photographs))]
        side = int(rng.integers(2 * max(size), min(photograph.shape)))
        top, left = (int(rng.integers(0, n - side + 1)) for n in photograph.shape)
        part = photograph[top : top + side, left : left + side]
        found.append(as_grey(255 * part[None], size)[0])
    return np.stack(found)


def printed_letters(size, n_samples, random_state=0):
    """Return letters of matplotlib's fonts, white on black and a little askew.

    As in MNIST the longer side takes 20 of 28 pixels, and the mass is in the middle.
    """
    rng = np.random.default_rng(random_state)
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    fonts = [ImageFont.truetype(str(folder / name), 80) for name in FONTS]
    kinds = list(product(LETTERS, fonts))
    chosen = rng.permutation(np.arange(n_samples) % len(kinds))
    return np.stack([_letter(*kinds[kind], size, rng) for kind in chosen])


def _letter(letter, font, size, rng):
    canvas = Image.new("L", (160, 160))
    ImageDraw.Draw(canvas).text((40, 30), letter, fill=255, font=font)
    canvas = canvas.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR)
    canvas = canvas.crop(canvas.getbbox())
    scale = 20 / 28 * min(size) / max(canvas.size)
    width, height = (max(1, round(scale * side)) for side in canvas.size)
    drawn = canvas.resize((width, height), Image.Resampling.BOX)
    values = np.asarray(drawn, dtype=np.float32) / 255
    places = np.indices(values.shape)
    means = [(each * values).sum() / values.sum() for each in places]
    image = np.zeros(size, dtype=np.float32)
    top, left = (
        int(np.clip(round(side / 2 - 0.5 - mean), 0, side - own))
        for side, own, mean in zip(size, values.shape, means, strict=True)
    )
    image[top : top + height, left : left + width] = values
    return image
