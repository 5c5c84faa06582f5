"""Per-sample losses and the weighted loss of all tasks."""

from mtlearn.losses._binary import (
    asymmetric_loss,
    binary_cross_entropy,
    binary_focal_loss,
)
from mtlearn.losses._multitask import LossParts, MultiTaskLoss
from mtlearn.losses._sample import focal_loss, huber_loss, sample_loss
from mtlearn.losses._sums import Inputs, weighted_losses, weighted_sums
from mtlearn.losses.aggregation import (
    AGGREGATIONS,
    IMTLG,
    MGDA,
    Aggregation,
    AlignedMTL,
    CAGrad,
    FairGrad,
    NashMTL,
    PCGrad,
    UPGrad,
)
from mtlearn.losses.balancing import (
    BALANCINGS,
    DWA,
    FAMO,
    GLS,
    RLW,
    Balancing,
    BalancingState,
    GradNorm,
    StepRecord,
    Uncertainty,
)
from mtlearn.losses.penalties import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Penalty,
    Ridge,
    TaskCovariance,
    TraceNorm,
)

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "AlignedMTL",
    "BALANCINGS",
    "Balancing",
    "BalancingState",
    "CAGrad",
    "CommonMean",
    "DWA",
    "FAMO",
    "FairGrad",
    "GLS",
    "GradNorm",
    "IMTLG",
    "GraphLaplacian",
    "GroupLasso",
    "Inputs",
    "LossParts",
    "MGDA",
    "MultiTaskLoss",
    "NashMTL",
    "PCGrad",
    "RLW",
    "StepRecord",
    "UPGrad",
    "Penalty",
    "Ridge",
    "TaskCovariance",
    "TraceNorm",
    "Uncertainty",
    "asymmetric_loss",
    "binary_cross_entropy",
    "binary_focal_loss",
    "focal_loss",
    "huber_loss",
    "sample_loss",
    "weighted_losses",
    "weighted_sums",
]
