"""Penalties across tasks: what the last layers of the heads have in common."""

from mtlearn.losses.penalties._base import Penalty, TaskWeights
from mtlearn.losses.penalties._common_mean import CommonMean
from mtlearn.losses.penalties._graph import GraphLaplacian
from mtlearn.losses.penalties._group_lasso import GroupLasso
from mtlearn.losses.penalties._ridge import Ridge
from mtlearn.losses.penalties._spectrum import TaskCovariance, TraceNorm

__all__ = [
    "CommonMean",
    "GraphLaplacian",
    "GroupLasso",
    "Penalty",
    "Ridge",
    "TaskCovariance",
    "TaskWeights",
    "TraceNorm",
]
