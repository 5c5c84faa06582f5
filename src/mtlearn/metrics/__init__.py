"""Figures of each task: scorers for scikit-learn, and reports."""

from mtlearn.metrics._calibration import expected_calibration_error
from mtlearn.metrics._ensemble_report import EnsembleReport, ensemble_report
from mtlearn.metrics._report import TaskReport, task_report
from mtlearn.metrics._scorers import task_scorers

__all__ = [
    "EnsembleReport",
    "TaskReport",
    "ensemble_report",
    "expected_calibration_error",
    "task_report",
    "task_scorers",
]
