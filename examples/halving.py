"""A network for pictures of twice the size, at the cost of small ones.

A module of its own, as workers cannot load what a script has defined itself.
"""

import torch

from mtlearn.networks import ResNet


class HalvedResNet(torch.nn.Module):
    """A residual network that begins by halving the sides of large pictures."""

    def __init__(self, in_channels=3, **kwargs):
        super().__init__()
        self.halve = torch.nn.Sequential(
            torch.nn.Conv2d(in_channels, 32, 3, stride=2, padding=1, bias=False),
            torch.nn.BatchNorm2d(32),
            torch.nn.ReLU(),
        )
        self.rest = ResNet(in_channels=32, **kwargs)

    def forward(self, x):
        """Give the features of a batch."""
        return self.rest(self.halve(x))
