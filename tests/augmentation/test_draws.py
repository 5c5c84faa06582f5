import pytest
import torch
from seeded_batches import seeded

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
