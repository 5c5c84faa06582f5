"""The focal loss against its formula, and where a plain formula breaks down."""

import math

import pytest
import torch
from torch import nn

from mtlearn import Partial
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import MultiTaskLoss, focal_loss, sample_loss

LOGITS = torch.randn(
    20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)
CLASSES = torch.arange(20) % 4


def gradient(output, target, **options):
    output = output.clone().requires_grad_()
    focal_loss(output, target, **options).sum().backward()
    return output.grad


@pytest.mark.parametrize("gamma", [0.5, 1, 2.0, 5.0])
def test_the_formula(gamma):
    true = LOGITS.softmax(dim=1)[torch.arange(20), CLASSES]
    expected = -((1 - true) ** gamma) * true.log()
    torch.testing.assert_close(focal_loss(LOGITS, CLASSES, gamma=gamma), expected)


def test_gamma_is_two_by_default_and_by_name():
    expected = focal_loss(LOGITS, CLASSES, gamma=2.0)
    assert torch.equal(focal_loss(LOGITS, CLASSES), expected)
    assert torch.equal(sample_loss("focal")(LOGITS, CLASSES), expected)
    by_name = sample_loss("focal", gamma=0.5)(LOGITS, CLASSES)
    assert torch.equal(by_name, focal_loss(LOGITS, CLASSES, gamma=0.5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_gamma_it_is_the_cross_entropy_to_the_bit(dtype):
    logits = LOGITS.to(dtype)
    plain = nn.functional.cross_entropy(logits, CLASSES, reduction="none")
    assert torch.equal(focal_loss(logits, CLASSES, gamma=0), plain)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_are_those_of_finite_differences(gamma):
    logits = LOGITS[:5].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: focal_loss(x, CLASSES[:5], gamma=gamma), logits
    )


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("size", [20.0, 200.0, 1e6])
def test_extreme_logits_have_finite_losses_and_gradients(gamma, size):
    output = torch.tensor([[size, 0.0, -size], [-size, 0.0, size]])
    target = torch.tensor([0, 0])  # as sure as can be, and as wrong
    loss = focal_loss(output, target, gamma=gamma)
    assert torch.isfinite(loss).all()
    assert loss[1].item() == pytest.approx(2 * size)
    assert torch.isfinite(gradient(output, target, gamma=gamma)).all()


def test_it_stays_exact_where_one_less_p_is_a_rounding_error():
    # With the probability e of the other class, the loss is about e ** (gamma + 1).
    output = torch.tensor([[30.0, 0.0]], dtype=torch.float64)
    loss = focal_loss(output, torch.tensor([0]), gamma=1.0)
    other = 1 / (1 + math.exp(30.0))
    assert loss.item() == pytest.approx(-other * math.log1p(-other), rel=1e-3)


@pytest.mark.parametrize("shape", [(3, 1), (3,)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_of_a_single_class_it_is_zero(shape, gamma):
    output, target = torch.ones(shape), torch.zeros(3, dtype=torch.int64)
    loss = focal_loss(output, target, gamma=gamma)
    assert loss.tolist() == [0.0] * 3
    assert gradient(output, target, gamma=gamma).abs().max() == 0


def test_a_partial_of_it_is_a_loss():
    loss = sample_loss(Partial(focal_loss, gamma=1.0))
    expected = focal_loss(LOGITS, CLASSES, gamma=1.0)
    assert torch.equal(loss(LOGITS, CLASSES), expected)


def test_a_class_weight_equals_repeated_rows():
    loss = MultiTaskLoss([sample_loss("focal")], [1.0])
    factors = torch.tensor([1.0, 3.0, 2.0, 1.0], dtype=torch.float64)[CLASSES]
    times = factors.long()
    weighted = loss((LOGITS,), (CLASSES,), (factors,))
    rows = torch.arange(20).repeat_interleave(times)
    ones = torch.ones(len(rows), dtype=torch.float64)
    repeated = loss((LOGITS[rows],), (CLASSES[rows],), (ones,))
    for left, right in zip(weighted, repeated, strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf"), "2", None])
def test_gamma_is_checked(gamma):
    message = r"'gamma' parameter of focal_loss must be a finite number not below 0"
    with pytest.raises(InvalidParameterError, match=message):
        focal_loss(LOGITS, CLASSES, gamma=gamma)
