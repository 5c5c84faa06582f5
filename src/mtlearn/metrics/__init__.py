"""Figures of each task: scorers for scikit-learn, and a report."""

from mtlearn.metrics._report import TaskReport, task_report
from mtlearn.metrics._scorers import task_scorers

__all__ = ["TaskReport", "task_report", "task_scorers"]
