"""Batch norms of several processes see what one of all rows sees."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from mtlearn.training._synchronised import SynchronisedNorms


class Threads:
    """Stands for processes: threads that wait for each other."""

    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size, timeout=20)
        self.values = [None] * size

    def of(self, rank):
        return _Thread(self, rank)


class _Thread:
    def __init__(self, threads, rank):
        self.threads = threads
        self.rank = rank
        self.size = threads.size

    def gathered(self, tensor):
        self.threads.values[self.rank] = tensor.clone()
        self.threads.barrier.wait()
        found = torch.stack(self.threads.values)
        self.threads.barrier.wait()
        return found

    def summed(self, tensor):
        return self.gathered(tensor).sum(dim=0)


def parts_of_all(norm, x, direction, sizes):
    """Run a copy of a layer for each part of the rows, side by side."""
    threads = Threads(len(sizes))

    def run(rank, x, direction, is_counted):
        own = copy.deepcopy(norm)
        x = x.clone().requires_grad_()
        with SynchronisedNorms(threads.of(rank), is_counted):
            out = own(x)
        (out * direction).sum().backward()
        return own, out.detach(), x.grad

    # A part without rows has one that does not count, whose loss has no weight.
    xs = [each if len(each) else torch.full_like(x[:1], 1e3) for each in x.split(sizes)]
    ds = [
        each if len(each) else torch.zeros_like(direction[:1])
        for each in direction.split(sizes)
    ]
    with ThreadPoolExecutor(len(sizes)) as pool:
        calls = zip(range(len(sizes)), xs, ds, map(bool, sizes), strict=True)
        return [each.result() for each in [pool.submit(run, *call) for call in calls]]


@pytest.mark.parametrize("sizes", [[4, 3], [2, 0, 5]])
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (nn.BatchNorm1d, (7, 3)),
        (nn.BatchNorm2d, (7, 3, 2, 4)),
        (lambda n, **kw: nn.BatchNorm2d(n, affine=False, **kw), (7, 3, 2, 4)),
    ],
)
def test_all_rows_are_normalised_together(make, shape, momentum, sizes):
    generator = torch.Generator().manual_seed(0)
    x = 1e3 + torch.randn(shape, generator=generator, dtype=torch.float64)
    direction = torch.randn(shape, generator=generator, dtype=torch.float64)
    norm = make(3, momentum=momentum).double()
    if norm.affine:
        norm.weight.data.uniform_(1, 2, generator=generator)
        norm.bias.data.uniform_(1, 2, generator=generator)
    expected = copy.deepcopy(norm)
    whole = x.clone().requires_grad_()
    out = expected(whole)
    (out * direction).sum().backward()

    parts = parts_of_all(norm, x, direction, sizes)
    there = [part for part, size in zip(parts, sizes, strict=True) if size]
    close = {"rtol": 0, "atol": 1e-9}
    torch.testing.assert_close(torch.cat([p[1] for p in there]), out.detach(), **close)
    torch.testing.assert_close(torch.cat([p[2] for p in there]), whole.grad, **close)
    for own, _, gradient in parts:
        torch.testing.assert_close(dict(own.named_buffers()), _buffers(expected))
        if len(there) < len(parts) and gradient.shape[0] == 1:
            assert not gradient.any()
    for name, weight in expected.named_parameters():
        total = sum(own.get_parameter(name).grad for own, _, _ in parts)
        torch.testing.assert_close(total, weight.grad, **close)


def _buffers(norm):
    return dict(norm.named_buffers())


def test_short_types_are_added_up_in_a_longer_one():
    x = 100 + torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    x = x.bfloat16()
    norm = nn.BatchNorm1d(3)
    expected = copy.deepcopy(norm)(x.float())

    parts = parts_of_all(norm, x, torch.ones_like(x), [30, 34])
    found = torch.cat([out for _, out, _ in parts])
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.02)


def test_evaluation_is_as_ever():
    norm = nn.BatchNorm1d(3).eval()
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))

    with SynchronisedNorms(None, True):
        torch.testing.assert_close(norm(x), x / (1 + norm.eps) ** 0.5)


def test_one_value_of_a_channel_has_no_deviation():
    with pytest.raises(ValueError, match=r"more than 1 value .* 2 processes"):
        parts_of_all(nn.BatchNorm1d(3), torch.ones(1, 3), torch.ones(1, 3), [1, 0])
