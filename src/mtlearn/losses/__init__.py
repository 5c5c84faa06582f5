"""Per-sample losses and the weighted loss of all tasks."""

from mtlearn.losses._multitask import LossParts, MultiTaskLoss
from mtlearn.losses._sample import sample_loss

__all__ = ["LossParts", "MultiTaskLoss", "sample_loss"]
