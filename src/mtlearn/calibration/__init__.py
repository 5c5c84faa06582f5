"""Probabilities that come true."""

from mtlearn.calibration._temperature import TemperatureScaled

__all__ = ["TemperatureScaled"]
