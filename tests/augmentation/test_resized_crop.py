import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import kstest
from seeded_batches import batch, seeded

from mtlearn.augmentation import Augmentation
from mtlearn.augmentation._geometry import random_windows

USUAL = (3 / 4, 4 / 3)


def images(*shape):
    return batch(*shape, dtype=torch.float64)


def windows(areas, ratios, n=4000):
    return random_windows(images(n, 1, 1, 1), areas, ratios, seeded())


@pytest.mark.parametrize(("height", "width"), [(16, 16), (9, 20)])
def test_a_resized_crop_is_that_of_pillow(height, width):
    x = images(12, 3, height, width)

    changed = Augmentation(resized_crop=(0.1, 0.9))(x, seeded())

    # The flips and moves of the same resampling are drawn first.
    generator = seeded()
    torch.rand(6, 12, generator=generator)
    sides, centres = random_windows(x, (0.1, 0.9), USUAL, generator)
    lengths = torch.tensor([width, height])
    starts = ((centres + 1 - sides) / 2 * lengths).tolist()
    ends = ((centres + 1 + sides) / 2 * lengths).tolist()
    for image, result, start, end in zip(x, changed, starts, ends, strict=True):
        for channel, found in zip(image, result, strict=True):
            picture = Image.fromarray(channel.numpy().astype(np.float32))
            box = (*start, *end)
            expected = picture.resize((width, height), Image.Resampling.BILINEAR, box)
            np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


def test_areas_are_uniform_and_ratios_logarithmically():
    # Small enough that every one of them fits.
    sides, _ = windows((0.1, 0.5), (0.5, 2.0))

    areas, ratios = sides[:, 0] * sides[:, 1], sides[:, 0] / sides[:, 1]
    assert kstest(areas.numpy(), "uniform", args=(0.1, 0.4)).pvalue > 0.01
    logs = ratios.log2().numpy()
    assert kstest(logs, "uniform", args=(-1, 2)).pvalue > 0.01
    assert abs(np.corrcoef(areas, logs)[0, 1]) < 0.05


def test_a_part_lies_anywhere_inside():
    sides, centres = windows((0.1, 0.6), USUAL)

    free = 1 - sides
    assert (centres.abs() <= free).all()
    for share in (centres / free).T:
        assert kstest(share.numpy(), "uniform", args=(-1, 2)).pvalue > 0.01
    assert abs(np.corrcoef(centres.T)[0, 1]) < 0.05


def drawn_by_torchvision(areas, ratios, n):
    """Draw sides as torchvision's RandomResizedCrop, of a square, one by one."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(n):
        for _ in range(10):
            area = random.uniform(*areas)
            ratio = np.exp(random.uniform(*np.log(ratios)))
            sides = np.sqrt(area * ratio), np.sqrt(area / ratio)
            if max(sides) <= 1:
                break
        else:
            if min(ratios) > 1:
                sides = 1, 1 / min(ratios)
            elif max(ratios) < 1:
                sides = max(ratios), 1
            else:
                sides = 1, 1
        found.append(sides)
    return np.array(found)


@pytest.mark.parametrize(
    ("areas", "ratios"),
    [((0.08, 1.0), USUAL), ((0.9, 1.0), USUAL), ((0.8, 1.0), (0.3, 0.9))],
)
def test_what_does_not_fit_is_drawn_again(areas, ratios):
    sides, _ = windows(areas, ratios)

    expected = drawn_by_torchvision(areas, ratios, 4000)
    for column in range(2):
        assert kstest(sides[:, column].numpy(), expected[:, column]).pvalue > 0.01
    areas_of = sides.prod(1).numpy(), expected.prod(1)
    assert kstest(*areas_of).pvalue > 0.01


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [((3, 4), (1, 1 / 3)), ((0.2, 0.25), (0.25, 1)), ((0.1, 9), (1, 1))],
)
def test_what_never_fits_is_as_large_as_its_shape_allows(ratios, expected):
    sides, centres = windows((1.0, 1.0), ratios, n=20)

    torch.testing.assert_close(sides, torch.tensor([expected] * 20).double())
    assert (centres.abs() <= 1 - sides).all()


def test_the_whole_image_is_the_image():
    x = images(5, 2, 7, 8)

    changed = Augmentation(resized_crop=(1, 1), crop_ratio=(1, 1))(x, seeded())

    torch.testing.assert_close(changed, x)


def test_a_flip_is_one_of_the_part():
    # A ramp, whose part is a ramp: down where it has been flipped.
    x = torch.arange(32.0, dtype=torch.float64).expand(200, 1, 32, 32)
    crop = {"resized_crop": (0.2, 0.6), "fill": "border"}

    plain = Augmentation(**crop)(x, seeded())
    changed = Augmentation(**crop, flip="horizontal")(x, seeded())

    flipped = changed[:, 0, 16, 17] < changed[:, 0, 16, 16]
    assert 70 <= flipped.sum() <= 130
    expected = torch.where(flipped[:, None, None, None], plain.flip(3), plain)
    torch.testing.assert_close(changed, expected)


def test_beside_the_part_lies_the_image():
    # Where neither border of a ramp comes in, it goes on evenly.
    x = torch.arange(64.0, dtype=torch.float64).expand(50, 1, 64, 64)
    crop = Augmentation(resized_crop=(0.05, 0.05), translate=0.4, fill="zeros")

    changed = crop(x, seeded())[:, 0, 32]

    steps = changed.diff(dim=1)
    inside = (changed.amin(1) > 1) & (changed.amax(1) < 62)
    assert inside.sum() > 20
    torch.testing.assert_close(steps[inside], steps[inside][:, :1].expand(-1, 63))


def test_moves_are_drawn_as_without_a_crop():
    x = images(6, 1, 8, 8)
    moves = {"translate": 0.2, "rotate": 30.0, "flip": "both"}

    moved = Augmentation(**moves)(x, seeded())
    whole = Augmentation(**moves, resized_crop=(1, 1), crop_ratio=(1, 1))(x, seeded())

    torch.testing.assert_close(whole, moved)


def test_a_part_is_stretched_before_it_is_turned():
    # A quarter of the width, at the whole height.
    crop = {"resized_crop": (0.25, 0.25), "crop_ratio": (0.25, 0.25)}
    augmentation = Augmentation(**crop, rotate=40.0, fill="border")
    ramp = torch.arange(64.0, dtype=torch.float64).expand(50, 1, 64, 64)

    across, down = augmentation(ramp, seeded()), augmentation(ramp.mT, seeded())

    # How far one step across the new image goes in the old one.
    step = (across[:, 0, 32, 33] - across[:, 0, 32, 32]) / 0.25
    climb = (down[:, 0, 32, 33] - down[:, 0, 32, 32]) / 1
    angles = torch.atan2(climb, step).rad2deg()
    torch.testing.assert_close(step**2 + climb**2, torch.ones(50).double())
    assert 30 < angles.abs().max() <= 40
