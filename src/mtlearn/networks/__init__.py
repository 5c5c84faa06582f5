"""Torch modules: backbones, heads and the network that joins them."""

from mtlearn.networks._autocast import autocast_error
from mtlearn.networks._build import build_network
from mtlearn.networks._heads import HeadSpec, make_head
from mtlearn.networks._inference import (
    Fingerprint,
    fingerprint,
    for_inference,
)
from mtlearn.networks._mlp import MLP
from mtlearn.networks._multitask import MultiTaskNetwork, needs_batch
from mtlearn.networks._registry import get_backbone
from mtlearn.networks._resnet import ResNet

__all__ = [
    "Fingerprint",
    "HeadSpec",
    "MLP",
    "MultiTaskNetwork",
    "ResNet",
    "autocast_error",
    "build_network",
    "fingerprint",
    "for_inference",
    "get_backbone",
    "make_head",
    "needs_batch",
]
