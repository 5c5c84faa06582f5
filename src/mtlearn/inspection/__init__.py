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
from mtlearn.inspection._cooccurrence import (
    CooccurrenceDisplay,
    LabelPair,
)
from mtlearn.inspection._embedding import EmbeddingDisplay
from mtlearn.inspection._ensemble_gain import EnsembleGainDisplay
from mtlearn.inspection._example_images import example_images
from mtlearn.inspection._find_lr import find_lr
from mtlearn.inspection._gates import GateDisplay
from mtlearn.inspection._label_counts import LabelErrors
from mtlearn.inspection._label_curves import LabelCurves, PrecisionRecallCurve
from mtlearn.inspection._label_errors import LabelErrorsDisplay
from mtlearn.inspection._label_rows import LabelRows, label_rows
from mtlearn.inspection._labelwise import LabelFigures, LabelwiseDisplay
from mtlearn.inspection._learning_curves import LearningCurvesDisplay
from mtlearn.inspection._method_display import MethodComparisonDisplay
from mtlearn.inspection._method_table import MethodComparison
from mtlearn.inspection._methods import compare_methods
from mtlearn.inspection._open_set_curve import OpenSetCurve
from mtlearn.inspection._open_set_curves import OpenSetCurveDisplay
from mtlearn.inspection._open_set_images import OpenSetCase, OpenSetImagesDisplay
from mtlearn.inspection._open_set_scores import OpenSetScoreDisplay, OpenSetScores
from mtlearn.inspection._precision_recall import PrecisionRecallDisplay
from mtlearn.inspection._rate_display import LearningRateDisplay
from mtlearn.inspection._reconstruction import ReconstructionDisplay
from mtlearn.inspection._rejection import RejectionDisplay
from mtlearn.inspection._rejection_curve import RejectionCurve
from mtlearn.inspection._residuals import ResidualFigures, ResidualsDisplay
from mtlearn.inspection._sharing import sharing_report
from mtlearn.inspection._sharing_table import SharingReport
from mtlearn.inspection._task_conflict import TaskConflictDisplay
from mtlearn.inspection._task_covariance import (
    TaskCorrelation,
    TaskCovarianceDisplay,
)

__all__ = [
    "CalibrationCurve",
    "CalibrationDisplay",
    "ClassFigures",
    "ClasswiseDisplay",
    "Confusion",
    "ConfusionDisplay",
    "CooccurrenceDisplay",
    "Correlation",
    "EmbeddingDisplay",
    "EnsembleGainDisplay",
    "GateDisplay",
    "LabelCurves",
    "LabelErrors",
    "LabelErrorsDisplay",
    "LabelFigures",
    "LabelPair",
    "LabelRows",
    "LabelwiseDisplay",
    "LearningCurvesDisplay",
    "LearningRateDisplay",
    "MethodComparison",
    "MethodComparisonDisplay",
    "OpenSetCase",
    "OpenSetCurve",
    "OpenSetCurveDisplay",
    "OpenSetImagesDisplay",
    "OpenSetScoreDisplay",
    "OpenSetScores",
    "PrecisionRecallCurve",
    "PrecisionRecallDisplay",
    "RejectionCurve",
    "RejectionDisplay",
    "ReconstructionDisplay",
    "ResidualFigures",
    "ResidualsDisplay",
    "SharingReport",
    "TaskConflict",
    "TaskConflictDisplay",
    "TaskCorrelation",
    "TaskCovarianceDisplay",
    "compare_methods",
    "example_images",
    "find_lr",
    "label_rows",
    "reliability",
    "sharing_report",
]
