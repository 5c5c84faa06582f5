"""Figures of each task: scorers for scikit-learn, and reports."""

from mtlearn.metrics._calibration import (
    calibration_error,
    expected_calibration_error,
)
from mtlearn.metrics._ensemble_report import EnsembleReport, ensemble_report
from mtlearn.metrics._figures import ScoredLabels, scored_labels
from mtlearn.metrics._intervals import Resampling
from mtlearn.metrics._report import TaskReport, fitted_tasks, report_of, task_report
from mtlearn.metrics._scorers import task_scorers
from mtlearn.metrics._table import format_figure

__all__ = [
    "EnsembleReport",
    "Resampling",
    "ScoredLabels",
    "TaskReport",
    "calibration_error",
    "ensemble_report",
    "expected_calibration_error",
    "fitted_tasks",
    "format_figure",
    "report_of",
    "scored_labels",
    "task_report",
    "task_scorers",
]
