"""What an estimator does not know."""

from mtlearn.openset._classifier import OpenSetClassifier
from mtlearn.openset._detector import OpenSetDetector

__all__ = ["OpenSetClassifier", "OpenSetDetector"]
