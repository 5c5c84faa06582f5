import pytest
import torch

from mtlearn.training._joining import give_momentum


def made(cls, **kwargs):
    """Make an optimiser that has moved the first of two weights once."""
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    optimizer = cls(weights, lr=0.1, **kwargs)
    weights[0].grad = torch.full((2,), 3.0)
    optimizer.step()
    return optimizer, weights


def test_a_weight_that_joins_has_no_momentum_before():
    optimizer, (first, second) = made(torch.optim.SGD, momentum=0.5, fused=True)
    give_momentum(optimizer)
    second.grad = torch.full((2,), 4.0)
    optimizer.step()

    # 1 - .1 * 3 - .1 * (.5 * 3 + 3), and 1 - .1 * 4.
    torch.testing.assert_close(first.data, torch.full((2,), 0.25))
    torch.testing.assert_close(second.data, torch.full((2,), 0.6))


def test_a_weight_that_is_frozen_gets_none():
    optimizer, (_, second) = made(torch.optim.SGD, momentum=0.5, fused=True)
    second.requires_grad_(False)
    give_momentum(optimizer)

    assert "momentum_buffer" not in optimizer.state[second]


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (torch.optim.SGD, {"momentum": 0.5}),
        (torch.optim.SGD, {"fused": True}),
        (torch.optim.Adam, {"fused": True}),
    ],
)
def test_others_need_none(cls, kwargs):
    optimizer, (_, second) = made(cls, **kwargs)
    give_momentum(optimizer)

    assert "momentum_buffer" not in optimizer.state[second]


def test_nothing_is_begun_before_the_first_step():
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.5, fused=True)
    give_momentum(optimizer)

    assert not any(optimizer.state[each] for each in weights)
