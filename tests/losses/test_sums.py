"""The reduction of losses, of one task and of many."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from mtlearn.losses import MultiTaskLoss, sample_loss, weighted_losses, weighted_sums

NAN = float("nan")


def by_cell(output, target):
    """Cross-entropy of a class a cell."""
    flat = cross_entropy(output.flatten(0, 1), target.flatten(), reduction="none")
    return flat.reshape(target.shape)


def test_cells_of_several_outputs_each():
    """As many classes as cells: a mask along the other axis would have the shape."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 2, 2))
    classes = np.array([[0, 1], [1, 0], [1, 1]])
    weight = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    chances = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    own = np.take_along_axis(chances, classes[:, :, None], axis=2)[:, :, 0]
    scores[weight == 0] = NAN
    output = torch.tensor(scores, requires_grad=True)
    total, weights = weighted_sums(
        by_cell, output, torch.tensor(classes), torch.tensor(weight)
    )
    assert total.item() == pytest.approx((weight * -np.log(own)).sum())
    assert weights.item() == 7
    total.backward()
    gradient = weight[:, :, None] * (chances - np.eye(2)[classes])
    np.testing.assert_allclose(output.grad, gradient, atol=1e-12)


def test_rows_of_many_outputs_each():
    def mean_square(output, target):
        return ((output - target[:, None, None, None]) ** 2).mean(dim=(1, 2, 3))

    output = torch.ones(3, 2, 4, 4) * torch.tensor([1.0, NAN, 5.0]).reshape(3, 1, 1, 1)
    target, weight = torch.tensor([3.0, 0.0, 4.0]), torch.tensor([2.0, 0.0, 1.0])
    total, weights = weighted_sums(mean_square, output, target, weight)
    assert (total.item(), weights.item()) == (2 * 4 + 1 * 1, 3)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_tasks_beside_others_keep_their_places(share):
    """Those of one label a row are summed up together, whatever stands between."""
    generator = torch.Generator().manual_seed(0)
    n = 7

    def doubled(loss, output, target, weight, inputs):
        return 2 * (weight * loss(output, target)).sum(), weight.sum()

    def squares(output, target):
        return (output - target) ** 2

    widths = [1, 2, 1, 1, 3]
    outputs = [torch.randn(n, k, generator=generator).double() for k in widths]
    targets = [torch.randn(n, generator=generator).double() for _ in widths]
    targets[1] = outputs[1] * 3 + 1  # of two cells a row
    targets[4] = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    weights = [
        torch.rand(each.shape, generator=generator).double()
        * (torch.rand(each.shape, generator=generator) >= share)
        for each in targets
    ]
    names = ["mse", squares, "mae", "mse", "cross_entropy"]
    reductions = [weighted_sums, weighted_sums, weighted_sums, doubled, weighted_sums]
    losses = [sample_loss(name) for name in names]
    parts = MultiTaskLoss(losses, [1.0] * 5, reductions)(outputs, targets, weights)
    error = [
        output[:, 0] - target if target.ndim == 1 else output - target
        for output, target in zip(outputs, targets, strict=True)
    ]
    chances = outputs[4].log_softmax(dim=1)[torch.arange(n), targets[4]]
    expected = [
        (weights[0] * error[0] ** 2).sum(),
        (weights[1] * error[1] ** 2).sum(),
        (weights[2] * error[2].abs()).sum(),
        2 * (weights[3] * error[3] ** 2).sum(),
        (weights[4] * -chances).sum(),
    ]
    torch.testing.assert_close(parts.weighted_sums, torch.stack(expected))
    sums = torch.stack([each.sum() for each in weights])
    torch.testing.assert_close(parts.weight_sums, sums)


def test_tasks_of_other_rows_are_summed_up_one_by_one():
    loss = MultiTaskLoss([sample_loss("mse")] * 2, [1.0, 1.0])
    outputs = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])
    targets = torch.zeros(2), torch.zeros(1)
    parts = loss(outputs, targets, (torch.ones(2), torch.ones(1)))
    assert parts.weighted_sums.tolist() == [5, 9]


def test_weighted_losses_are_zero_where_a_label_is_absent():
    output = torch.tensor([[1.0], [3.0], [float("inf")]], requires_grad=True)
    target, weight = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([2.0, 0.5, 0.0])
    losses = weighted_losses(sample_loss("mse"), output, target, weight)
    assert losses.tolist() == [2.0, 2.0, 0.0]
    losses.sum().backward()
    assert output.grad.tolist() == [[4.0], [2.0], [0.0]]
