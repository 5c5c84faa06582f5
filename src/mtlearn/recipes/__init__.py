"""Whole pipelines by name."""

from mtlearn.recipes._autoencoder import autoencoder
from mtlearn.recipes._residual import resnet_v1, resnet_v2_separable

__all__ = ["autoencoder", "resnet_v1", "resnet_v2_separable"]
