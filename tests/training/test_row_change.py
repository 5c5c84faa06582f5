"""One change of all rows: in one call of the package's own, row by row of others."""

import torch

from mtlearn.augmentation import Augmentation
from mtlearn.training import SameChange, TwoChanges


def test_how_often_an_augmentation_is_called(monkeypatch):
    sizes = []
    original = Augmentation.__call__

    def counted(self, x, generator):
        sizes.append(len(x))
        return original(self, x, generator)

    monkeypatch.setattr(Augmentation, "__call__", counted)
    x = torch.rand(5, 1, 4, 4)
    noisy = Augmentation(noise=1.0)
    shared = SameChange(noisy, 3)(x)
    assert sizes == [5]
    apart = SameChange(lambda row, generator: noisy(row, generator), 3)(x)
    assert sizes[1:] == [1] * 5
    noise = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(shared, x + noise)
    torch.testing.assert_close(apart, x + noise)


def test_one_and_then_the_other():
    x = torch.ones(2, 1, 1, 1)
    change = TwoChanges(lambda x: x + 1, lambda x: 3 * x)
    assert (change(x) == 6).all()
