"""What a fitted estimator has learned, as data first and pictures then."""

from mtlearn.inspection._learning_curves import LearningCurvesDisplay

__all__ = ["LearningCurvesDisplay"]
