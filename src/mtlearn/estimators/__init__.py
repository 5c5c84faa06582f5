"""The front doors: scikit-learn estimators for images and tables."""

from mtlearn.estimators._around import AroundOne
from mtlearn.estimators._choices import AugmentationLike
from mtlearn.estimators._columns import names_of_categories
from mtlearn.estimators._images import MultiTaskImageEstimator
from mtlearn.estimators._in_bulk import InBulk, InnerStream, Stream, in_step
from mtlearn.estimators._meta import BaseMetaEstimator
from mtlearn.estimators._mixin import MultiTaskMixin, laid_out
from mtlearn.estimators._reconstructing import reconstructing
from mtlearn.estimators._tables import MultiTaskEstimator
from mtlearn.estimators._view import (
    TaskClassifier,
    TaskMultiLabel,
    TaskRegressor,
    TaskView,
)
from mtlearn.estimators._watching import watched

__all__ = [
    "AroundOne",
    "AugmentationLike",
    "BaseMetaEstimator",
    "InBulk",
    "InnerStream",
    "MultiTaskEstimator",
    "MultiTaskImageEstimator",
    "MultiTaskMixin",
    "Stream",
    "TaskClassifier",
    "TaskMultiLabel",
    "TaskRegressor",
    "TaskView",
    "in_step",
    "laid_out",
    "names_of_categories",
    "reconstructing",
    "watched",
]
