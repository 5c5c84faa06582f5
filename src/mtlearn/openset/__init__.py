"""What an estimator does not know."""

from mtlearn.openset._classifier import OpenSetClassifier
from mtlearn.openset._detector import OpenSetDetector
from mtlearn.openset._exported import Seen, exported_scores

__all__ = ["OpenSetClassifier", "OpenSetDetector", "Seen", "exported_scores"]
