import pytest
import torch
from seeded_batches import seeded

from mtlearn.augmentation import (
    Augmentation,
    RandAugment,
    SharedGenerator,
    TrivialAugment,
    get_augmentation,
)
from mtlearn.augmentation._draws import draw_symmetric, per_sample


def test_draws_are_uniform_between_minus_one_and_one():
    drawn = draw_symmetric(4, torch.empty(5000, 1), seeded())

    assert drawn.shape == (4, 5000)
    assert drawn.min() >= -1
    assert drawn.max() < 1
    torch.testing.assert_close(drawn.mean(1), torch.zeros(4), atol=0.04, rtol=0)
    torch.testing.assert_close(drawn.var(1), torch.full((4,), 1 / 3), atol=0.02, rtol=0)


def test_each_row_and_each_sample_has_its_own_draw():
    drawn = draw_symmetric(3, torch.empty(20, 1), seeded())

    assert len(drawn.unique()) == 60


def test_the_draws_are_the_same_for_every_dtype():
    single = draw_symmetric(2, torch.empty(5, 1), seeded())
    double = draw_symmetric(2, torch.empty(5, 1, dtype=torch.float64), seeded())

    assert double.dtype == torch.float64
    assert torch.equal(single.double(), double)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 4, 5)])
def test_a_value_meets_all_values_of_its_sample(shape):
    values = torch.tensor([1.0, 2.0, 3.0])
    x = torch.ones(shape, dtype=torch.float64)

    product = x * per_sample(values, x)

    assert product.dtype == torch.float64
    for row, value in zip(product, values, strict=True):
        assert torch.equal(row, torch.full(shape[1:], value.item()).double())


ALL = {
    "crop": Augmentation(crop=3),
    "resized": Augmentation(resized_crop=(0.2, 0.8)),
    "flips": Augmentation(flip="both"),
    "moves": Augmentation(flip="both", translate=0.2, rotate=40, zoom=0.3),
    "tones": Augmentation(blur=2, brightness=0.5, contrast=0.5, gamma=1.0),
    "colours": Augmentation(saturation=0.7, hue=0.4, greyscale=0.5),
    "noise": Augmentation(noise=0.3),
    "cutout": Augmentation(cutout=0.4),
    "policy": Augmentation(policy="randaugment", crop=2, noise=0.1),
    "standard": get_augmentation("standard"),
    "trivial": TrivialAugment(),
    "randaugment": RandAugment(3, 15),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("seed", range(4))
def test_each_sample_is_changed_as_alone(name, seed):
    change = ALL[name]
    x = torch.rand(5, 3, 9, 11, generator=torch.Generator().manual_seed(9))
    before = x.clone()
    alone = [change(row, torch.Generator().manual_seed(seed)) for row in x.split(1)]
    together = change(x, SharedGenerator().manual_seed(seed))
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)
    assert torch.equal(x, before)


def test_without_it_each_sample_draws():
    x = torch.rand(1, 3, 9, 9).repeat(4, 1, 1, 1)
    for name in ("moves", "noise", "cutout", "randaugment"):
        apart = ALL[name](x, torch.Generator().manual_seed(0))
        shared = ALL[name](x, SharedGenerator().manual_seed(0))
        assert (shared == shared[:1]).all()
        assert (apart != apart[:1]).any()
