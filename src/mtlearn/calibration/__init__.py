"""Probabilities that come true."""

from mtlearn.calibration._temperature import TemperatureScaled
from mtlearn.calibration._thresholds import TunedThresholds

__all__ = ["TemperatureScaled", "TunedThresholds"]
