"""Weights of the tasks' gradients in what they share, from their inner products."""

from mtlearn.losses.aggregation._aligned import AlignedMTL
from mtlearn.losses.aggregation._bargaining import FairGrad, NashMTL
from mtlearn.losses.aggregation._base import Aggregation
from mtlearn.losses.aggregation._cagrad import CAGrad
from mtlearn.losses.aggregation._imtl_g import IMTLG
from mtlearn.losses.aggregation._mgda import MGDA
from mtlearn.losses.aggregation._pcgrad import PCGrad
from mtlearn.losses.aggregation._registry import AGGREGATIONS, resolve_aggregation
from mtlearn.losses.aggregation._upgrad import UPGrad

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "AlignedMTL",
    "CAGrad",
    "FairGrad",
    "IMTLG",
    "MGDA",
    "NashMTL",
    "PCGrad",
    "UPGrad",
    "resolve_aggregation",
]
