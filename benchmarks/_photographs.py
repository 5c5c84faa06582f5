"""JPEGs with the look of photographs, and hand-written ways of reading them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader, Dataset

HEIGHT, WIDTH = 375, 500
BATCH = 32


def write_jpegs(folder: Path, n_files: int) -> list[str]:
    """Write parts of the two photographs that scikit-learn ships, each another one."""
    photographs = [Image.fromarray(each) for each in load_sample_images().images]
    rng = np.random.default_rng(0)
    names = []
    for number in range(n_files):
        photograph = photographs[number % 2]
        share = rng.uniform(0.5, 0.95)
        width, height = (int(share * side) for side in photograph.size)
        left = rng.integers(photograph.width - width)
        top = rng.integers(photograph.height - height)
        box = (left, top, left + width, top + height)
        part = photograph.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box)
        names.append(str(folder / f"{number:05d}.jpg"))
        part.save(names[-1], quality=90)
    return names


def _middle(shape: Sequence[int]) -> tuple[int, int, int]:
    side = min(shape)
    return (shape[0] - side) // 2, (shape[1] - side) // 2, side


def with_simplejpeg(file: str, size: int) -> np.ndarray:
    """Decode with simplejpeg, and resize with torch."""
    import simplejpeg

    with open(file, "rb") as opened:
        image = simplejpeg.decode_jpeg(opened.read(), colorspace="RGB")
    return _resized_by_torch(image, size)


def with_pillow(file: str, size: int) -> np.ndarray:
    """Decode with Pillow, and resize with torch."""
    with Image.open(file) as picture:
        return _resized_by_torch(np.array(picture), size)


def with_opencv(file: str, size: int) -> np.ndarray:
    """Decode with OpenCV, and resize with torch."""
    import cv2

    return _resized_by_torch(cv2.imread(file, cv2.IMREAD_COLOR_RGB), size)


def with_pillow_alone(file: str, size: int) -> np.ndarray:
    """Decode and resize with Pillow."""
    with Image.open(file) as picture:
        left, top, side = _middle(picture.size)
        box = (left, top, left + side, top + side)
        resized = picture.resize((size, size), Image.Resampling.BILINEAR, box)
        return np.array(resized)


def _resized_by_torch(image: np.ndarray, size: int) -> np.ndarray:
    top, left, side = _middle(image.shape[:2])
    part = torch.from_numpy(image[top : top + side, left : left + side])
    x = part[None].permute(0, 3, 1, 2)
    x = interpolate(x, (size, size), mode="bilinear", antialias=True)
    return x.permute(0, 2, 3, 1)[0].numpy()


def in_threads(
    read: Callable[[str, int], np.ndarray], files: Sequence[str], size: int, n: int
) -> np.ndarray:
    """Read all files by a function that several threads call."""
    images = np.empty((len(files), size, size, 3), dtype=np.uint8)

    def fill(number: int) -> None:
        images[number] = read(files[number], size)

    with ThreadPoolExecutor(n, initializer=_one_torch_thread) as pool:
        list(pool.map(fill, range(len(files))))
    return images


def _one_torch_thread() -> None:
    torch.set_num_threads(1)


class Photographs(Dataset):
    """What a user writes: an image by Pillow for each number."""

    def __init__(self, files: Sequence[str], size: int) -> None:
        self.files = files
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(with_pillow_alone(self.files[number], self.size))


def by_data_loader(files: Sequence[str], size: int, n: int) -> int:
    """Read all files in batches of torch's DataLoader with so many processes."""
    loader = DataLoader(Photographs(files, size), BATCH, num_workers=n)
    return sum(len(batch) for batch in loader)


class Glance(torch.nn.Module):
    """A backbone of one layer, whose activations are a few numbers an image."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(in_channels, 8, 16, stride=16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the features of a batch."""
        return self.layer(x).relu().mean(dim=(2, 3))
