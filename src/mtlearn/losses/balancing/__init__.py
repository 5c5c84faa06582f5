"""How much each task counts in a step, found while training."""

from mtlearn.losses.balancing._base import Balancing, BalancingState, StepRecord
from mtlearn.losses.balancing._dwa import DWA
from mtlearn.losses.balancing._famo import FAMO
from mtlearn.losses.balancing._gls import GLS
from mtlearn.losses.balancing._gradnorm import GradNorm
from mtlearn.losses.balancing._rlw import RLW
from mtlearn.losses.balancing._uncertainty import Uncertainty

# What a name stands for, with its defaults.
BALANCINGS: dict[str, type[Balancing]] = {
    "uncertainty": Uncertainty,
    "dwa": DWA,
    "rlw": RLW,
    "gls": GLS,
    "famo": FAMO,
    "gradnorm": GradNorm,
}

__all__ = [
    "BALANCINGS",
    "Balancing",
    "BalancingState",
    "DWA",
    "FAMO",
    "GLS",
    "GradNorm",
    "RLW",
    "StepRecord",
    "Uncertainty",
]
