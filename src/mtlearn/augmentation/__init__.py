"""Random changes of a batch, each drawn per sample from a given generator."""

from mtlearn.augmentation._drawn_policies import RandAugment, TrivialAugment
from mtlearn.augmentation._draws import SharedGenerator
from mtlearn.augmentation._mixing import CutMix, Mixed, MixUp, United, resolve_mixing
from mtlearn.augmentation._policy import Augmentation
from mtlearn.augmentation._registry import (
    Policy,
    get_augmentation,
    resolve_augmentation,
)

__all__ = [
    "Augmentation",
    "CutMix",
    "MixUp",
    "Mixed",
    "Policy",
    "RandAugment",
    "SharedGenerator",
    "TrivialAugment",
    "United",
    "get_augmentation",
    "resolve_augmentation",
    "resolve_mixing",
]
