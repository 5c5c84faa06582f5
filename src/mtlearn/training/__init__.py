"""How a network is trained: batches, schedules, callbacks, seeds and devices."""

from mtlearn.training._batches import Labels, Samples, to_labels
from mtlearn.training._callbacks import (
    BestWeights,
    EpochEnd,
    EpochHistory,
    EpochLine,
    ProgressBar,
)
from mtlearn.training._device import resolve_device, resolve_precision
from mtlearn.training._net import MultiTaskNet
from mtlearn.training._optimizers import resolve_optimizer
from mtlearn.training._parts import resolve_part
from mtlearn.training._schedules import (
    resolve_schedule,
    schedule_callback,
    watches_validation,
)
from mtlearn.training._seeding import Seeds, derive_seeds, draw_seed, isolated, threads
from mtlearn.training._split import validation_rows

__all__ = [
    "BestWeights",
    "EpochEnd",
    "EpochHistory",
    "EpochLine",
    "Labels",
    "MultiTaskNet",
    "ProgressBar",
    "Samples",
    "Seeds",
    "derive_seeds",
    "draw_seed",
    "isolated",
    "resolve_device",
    "resolve_optimizer",
    "resolve_part",
    "resolve_precision",
    "resolve_schedule",
    "schedule_callback",
    "threads",
    "to_labels",
    "validation_rows",
    "watches_validation",
]
