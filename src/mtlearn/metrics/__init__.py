"""Figures of each task: scorers for scikit-learn, and reports."""

from mtlearn.metrics._calibration import (
    calibration_bins,
    calibration_error,
    confidences,
    expected_calibration_error,
)
from mtlearn.metrics._ensemble_report import EnsembleReport, ensemble_report
from mtlearn.metrics._figures import ScoredLabels, scored_labels
from mtlearn.metrics._outputs import (
    ScoredOutputs,
    has_spread,
    scored_outputs,
    task_spread,
)
from mtlearn.metrics._report import TaskReport, fitted_tasks, task_report
from mtlearn.metrics._scorers import task_scorers

__all__ = [
    "EnsembleReport",
    "ScoredLabels",
    "ScoredOutputs",
    "TaskReport",
    "calibration_bins",
    "calibration_error",
    "confidences",
    "ensemble_report",
    "expected_calibration_error",
    "fitted_tasks",
    "has_spread",
    "scored_labels",
    "scored_outputs",
    "task_report",
    "task_scorers",
    "task_spread",
]
