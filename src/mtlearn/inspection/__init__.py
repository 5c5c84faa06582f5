"""What a fitted estimator has learned, as data first and pictures then."""

from mtlearn.inspection._confusion import Confusion, ConfusionDisplay
from mtlearn.inspection._learning_curves import LearningCurvesDisplay

__all__ = ["Confusion", "ConfusionDisplay", "LearningCurvesDisplay"]
