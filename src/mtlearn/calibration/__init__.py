"""Probabilities that come true."""

from mtlearn.calibration._conformal import ConformalPredictor
from mtlearn.calibration._folds import check_folds, make_folds
from mtlearn.calibration._held_out import HeldOut
from mtlearn.calibration._temperature import TemperatureScaled
from mtlearn.calibration._thresholds import TunedThresholds

__all__ = [
    "ConformalPredictor",
    "HeldOut",
    "TemperatureScaled",
    "TunedThresholds",
    "check_folds",
    "make_folds",
]
