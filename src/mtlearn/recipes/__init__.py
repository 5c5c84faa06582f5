"""Whole pipelines by name."""

from mtlearn.recipes._residual import resnet_v1, resnet_v2_separable

__all__ = ["resnet_v1", "resnet_v2_separable"]
