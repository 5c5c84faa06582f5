"""Figures of each task: scorers for scikit-learn, and reports."""

from mtlearn.metrics._calibration import expected_calibration_error
from mtlearn.metrics._ensemble_report import EnsembleReport, ensemble_report
from mtlearn.metrics._figures import FIGURES, ScoredLabels, scored_labels
from mtlearn.metrics._report import TaskReport, fitted_tasks, task_report
from mtlearn.metrics._scorers import task_scorers
from mtlearn.metrics._table import format_figure, html_table, text_table

__all__ = [
    "FIGURES",
    "EnsembleReport",
    "ScoredLabels",
    "TaskReport",
    "ensemble_report",
    "expected_calibration_error",
    "fitted_tasks",
    "format_figure",
    "html_table",
    "scored_labels",
    "task_report",
    "task_scorers",
    "text_table",
]
