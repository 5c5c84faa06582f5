"""Figures of each task: scorers for scikit-learn, and reports."""

from mtlearn.metrics._calibration import (
    calibration_bins,
    calibration_error,
    confidences,
    expected_calibration_error,
)
from mtlearn.metrics._comparison import delta_m, mean_rank
from mtlearn.metrics._ensemble_report import EnsembleReport, ensemble_report
from mtlearn.metrics._figures import scored_labels
from mtlearn.metrics._intervals import Resampling
from mtlearn.metrics._open_set_report import OpenSetReport, open_set_report
from mtlearn.metrics._open_set_rows import find_open_set, unknown_sets
from mtlearn.metrics._open_set_scorers import open_set_scorers
from mtlearn.metrics._outputs import (
    ScoredOutputs,
    has_spread,
    member_weights,
    scored_decisions,
    scored_outputs,
    task_spread,
)
from mtlearn.metrics._paired import paired_columns
from mtlearn.metrics._report import fitted_tasks, report_of, task_report
from mtlearn.metrics._scorers import task_scorers
from mtlearn.metrics._table import format_figure, html_table, text_table
from mtlearn.metrics._task_report import TaskReport, metric_words

__all__ = [
    "EnsembleReport",
    "OpenSetReport",
    "Resampling",
    "ScoredOutputs",
    "TaskReport",
    "calibration_bins",
    "calibration_error",
    "confidences",
    "delta_m",
    "ensemble_report",
    "expected_calibration_error",
    "find_open_set",
    "fitted_tasks",
    "format_figure",
    "has_spread",
    "html_table",
    "mean_rank",
    "member_weights",
    "metric_words",
    "open_set_report",
    "open_set_scorers",
    "paired_columns",
    "report_of",
    "scored_decisions",
    "scored_labels",
    "scored_outputs",
    "task_report",
    "task_scorers",
    "task_spread",
    "text_table",
    "unknown_sets",
]
