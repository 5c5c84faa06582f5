"""skorch callbacks: what happens around the batches and epochs of a training."""

from mtlearn.training.callbacks._averaging import EMACallback, SWACallback
from mtlearn.training.callbacks._best_task_weights import BestTaskWeights
from mtlearn.training.callbacks._best_weights import BestWeights
from mtlearn.training.callbacks._divergence import DivergenceGuard
from mtlearn.training.callbacks._epoch_end import EpochEnd
from mtlearn.training.callbacks._fresh_statistics import FreshStatistics
from mtlearn.training.callbacks._history import EpochHistory
from mtlearn.training.callbacks._logs import CSVLogger, EpochLog
from mtlearn.training.callbacks._showing import EpochLine, ProgressBar
from mtlearn.training.callbacks._task_metric import TaskMetric
from mtlearn.training.callbacks._thaw import Thaw
from mtlearn.training.callbacks._users import (
    LoadedEpoch,
    check_callbacks,
    has_callback,
    in_turn,
)

__all__ = [
    "BestTaskWeights",
    "BestWeights",
    "CSVLogger",
    "DivergenceGuard",
    "EMACallback",
    "EpochEnd",
    "EpochHistory",
    "EpochLine",
    "EpochLog",
    "FreshStatistics",
    "LoadedEpoch",
    "ProgressBar",
    "SWACallback",
    "TaskMetric",
    "Thaw",
    "check_callbacks",
    "has_callback",
    "in_turn",
]
