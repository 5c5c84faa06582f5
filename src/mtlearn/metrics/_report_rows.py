"""Rows of figures beside those of a baseline, and a row for each label."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn.metrics._intervals import Resampling, bootstrap_intervals
from mtlearn.metrics._task_report import ENDS
from mtlearn.tasks import Figure, LabelFigure, ScoredLabels, Task

AnyFigures = Mapping[str, Figure] | Mapping[str, LabelFigure]


class Scored:
    """What the figures of a task are computed on: labels, or outputs.

    Parameters
    ----------
    task : Task
        Fitted.
    labels : ScoredLabels
        True and predicted labels.
    output : ndarray of shape (n_labelled, n_outputs)
        What the predicted ones are decoded from.
    """

    def __init__(self, task: Task, labels: ScoredLabels, output: np.ndarray) -> None:
        self.task = task
        self.n_rows = len(labels)
        self._given = labels
        self.labels = task.by_cell(labels)
        self.outputs = self.labels
        if any(figure.of_outputs for figure in task.figures().values()):
            self.outputs = task.by_cell(replace(labels, predicted=output))

    def of(self, figure: Figure | LabelFigure) -> ScoredLabels:
        """Give what a figure is computed on."""
        return self.outputs if figure.of_outputs else self.labels

    def baseline(self, figure: Figure) -> float:
        """Compute a figure of what a constant predicts."""
        task = self.task
        value = task.baseline_output() if figure.of_outputs else task.baseline()
        constant = np.repeat([value], self.n_rows, axis=0)
        return figure(task.by_cell(replace(self._given, predicted=constant)))

    def intervals(
        self, figures: AnyFigures, resampling: Resampling
    ) -> dict[str, tuple[Any, Any]]:
        """Give the ends of an interval of each figure; none where none are drawn."""
        if not resampling.n_bootstraps:
            return {}
        found: dict[str, tuple[Any, Any]] = {}
        for of_outputs in (False, True):
            chosen = {
                name: figure if isinstance(figure, Figure) else figure.compute
                for name, figure in figures.items()
                if figure.of_outputs is of_outputs
            }
            if chosen:
                found |= bootstrap_intervals(
                    self.outputs if of_outputs else self.labels,
                    chosen,
                    resampling,
                    discrete=self.task.has_classes and not of_outputs,
                )
        return found


def figure_rows(
    name: str, scored: Scored, resampling: Resampling
) -> list[dict[str, Any]]:
    """Give a row for each figure of a task.

    Parameters
    ----------
    name : str
        The task.
    scored : Scored
        Its labels and outputs.
    resampling : Resampling
        Of the intervals; without any sample there are none.

    Returns
    -------
    list of dict
        As `TaskReport` has them.
    """
    task = scored.task
    figures = task.figures()
    intervals = scored.intervals(figures, resampling)
    rows = []
    for metric, figure in figures.items():
        labels = scored.of(figure)
        left_out, n_labels = figure.left_out(labels)
        rows.append(
            {
                "task": name,
                "kind": task.kind,
                "n_labelled": scored.n_rows,
                "metric": metric,
                "value": figure(labels),
                "baseline": scored.baseline(figure),
                **dict(zip(ENDS, intervals.get(metric, ()), strict=False)),
                **({"left_out": left_out, "n_labels": n_labels} if left_out else {}),
                "greater_is_better": figure.greater_is_better,
            }
        )
    return rows


def label_rows(
    name: str, scored: Scored, resampling: Resampling
) -> list[dict[str, Any]]:
    """Give a row for each label of a task with several.

    Parameters
    ----------
    name, scored, resampling
        As for `figure_rows`.

    Returns
    -------
    list of dict
        As `TaskReport` has them; none for another task, or without a label.
    """
    figures, decisions = scored.task.figures_by_label(), scored.task.decisions
    if not figures or decisions is None or not scored.n_rows:
        return []
    varying = {name: each for name, each in figures.items() if each.varies}
    intervals = scored.intervals(varying, resampling)
    columns = {
        figure: each.compute(scored.of(each)) for figure, each in figures.items()
    }
    columns["threshold"] = decisions.own_thresholds()
    for figure, ends in intervals.items():
        for end, found in zip(ENDS, ends, strict=True):
            columns[f"{figure}_{end}"] = np.broadcast_to(found, len(columns[figure]))
    return [
        {"task": name, "label": label}
        | {figure: column[place].item() for figure, column in columns.items()}
        for place, label in enumerate(scored.task.classes_.tolist())
    ]
