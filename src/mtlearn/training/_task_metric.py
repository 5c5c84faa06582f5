"""Where pickles of earlier versions look for `TaskMetric`."""

from mtlearn.training.callbacks import TaskMetric

__all__ = ["TaskMetric"]
