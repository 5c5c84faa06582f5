"""What the parameters of both estimators may be, for type checkers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from mtlearn._utils._partial import Partial
from mtlearn.augmentation import (
    Augmentation,
    CutMix,
    MixUp,
    RandAugment,
    TrivialAugment,
)
from mtlearn.data import RaritySampler
from mtlearn.losses import Aggregation, Balancing, Penalty
from mtlearn.training import EMA, SWA

Changes = Callable[..., Any]

BackboneLike = str | type[nn.Module] | Partial
AugmentationLike = (
    Literal["light", "standard", "trivial", "randaugment"]
    | Augmentation
    | TrivialAugment
    | RandAugment
    | Changes
    | None
)
MixingLike = Literal["mixup", "cutmix"] | MixUp | CutMix | Changes | None
LossWeightsLike = (
    Sequence[float]
    | Mapping[str, float]
    | Literal["uncertainty", "dwa", "rlw", "gls", "famo", "gradnorm"]
    | Balancing
    | None
)
# The name of a task, or "balanced".
SamplerLike = str | RaritySampler | None
OptimizerLike = Literal["adam", "adamw", "sgd"] | type[torch.optim.Optimizer] | Partial
RateLike = float | Literal["auto"] | None
EpochsLike = int | Literal["auto"]
ScheduleLike = (
    Literal["auto", "cosine", "warmup_cosine", "plateau", "one_cycle"]
    | type[torch.optim.lr_scheduler.LRScheduler]
    | Partial
    | None
)
AveragingLike = Literal["ema", "swa"] | EMA | SWA | None
AggregationLike = (
    Literal[
        "pcgrad", "upgrad", "mgda", "cagrad", "imtl_g", "aligned", "nash", "fairgrad"
    ]
    | Aggregation
    | Callable[[Any], Any]
    | None
)
PenaltyLike = Penalty | Sequence[Penalty] | None
OnDivergence = Literal["raise", "restore_best"]
PrecisionName = Literal["auto", "float32", "bfloat16", "float16", "float64"]
DeviceLike = str | torch.device
FolderLike = str | Path | None
RandomState = int | np.random.RandomState | None
