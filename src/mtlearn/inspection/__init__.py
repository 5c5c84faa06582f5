"""What a fitted estimator has learned, as data first and pictures then."""

from mtlearn.inspection._calibration import CalibrationDisplay
from mtlearn.inspection._calibration_curve import CalibrationCurve, reliability
from mtlearn.inspection._classwise import (
    ClassFigures,
    ClasswiseDisplay,
    Correlation,
)
from mtlearn.inspection._conflict_pairs import TaskConflict
from mtlearn.inspection._confusion import Confusion, ConfusionDisplay
from mtlearn.inspection._embedding import EmbeddingDisplay
from mtlearn.inspection._ensemble_gain import EnsembleGainDisplay
from mtlearn.inspection._learning_curves import LearningCurvesDisplay
from mtlearn.inspection._residuals import ResidualFigures, ResidualsDisplay
from mtlearn.inspection._sharing import sharing_report
from mtlearn.inspection._sharing_table import SharingReport
from mtlearn.inspection._task_conflict import TaskConflictDisplay

__all__ = [
    "CalibrationCurve",
    "CalibrationDisplay",
    "ClassFigures",
    "ClasswiseDisplay",
    "Confusion",
    "ConfusionDisplay",
    "Correlation",
    "EmbeddingDisplay",
    "EnsembleGainDisplay",
    "LearningCurvesDisplay",
    "ResidualFigures",
    "ResidualsDisplay",
    "SharingReport",
    "TaskConflict",
    "TaskConflictDisplay",
    "reliability",
    "sharing_report",
]
