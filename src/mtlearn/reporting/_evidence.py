"""What a report knows: predictions, figures, histories; computed once."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mtlearn._utils._unwrap import reach_network, single_networks
from mtlearn.data import item_labels
from mtlearn.inspection import (
    CalibrationDisplay,
    LabelRows,
    LabelwiseDisplay,
    TaskConflictDisplay,
    label_rows,
)
from mtlearn.metrics import (
    Resampling,
    ScoredOutputs,
    TaskReport,
    fitted_tasks,
    has_spread,
    report_of,
    scored_outputs,
)
from mtlearn.tasks import ScoredLabels, Task, Tasks

_MOST_ROWS = 1000  # that gradients are computed on


@dataclass(frozen=True)
class TaskEvidence:
    """What is known of one task.

    Attributes
    ----------
    name : str
        The task.
    scored : ScoredOutputs
        Its labels in y, where there are any, and probabilities or values of these rows.
    labels : ScoredLabels
        True and predicted labels of these rows.
    figures : dict of str to dict
        The rows of its report, by metric.
    """

    name: str
    scored: ScoredOutputs
    labels: ScoredLabels
    figures: dict[str, dict[str, Any]]

    @property
    def task(self) -> Task:
        """The fitted task."""
        return self.scored.task

    @property
    def n_samples(self) -> int:
        """How many rows y has."""
        return len(self.scored.rows)

    @property
    def rows(self) -> np.ndarray:
        """Where labels are."""
        return np.flatnonzero(self.scored.rows)

    @property
    def known(self) -> np.ndarray:
        """Whether the labels of each row are such that the task can learn."""
        known = self.task.knows(self.labels.true) | (self.labels.weight <= 0)
        return known if known.ndim == 1 else np.all(known, axis=1)

    @property
    def missing(self) -> float:
        """Share of the labels that are missing, each cell of a block for itself."""
        weight = self.labels.weight
        n_cells = self.n_samples * math.prod(weight.shape[1:])
        return (n_cells - np.count_nonzero(weight > 0)) / n_cells

    @cached_property
    def label_rows(self) -> LabelRows | None:
        """Which labels are there and predicted; None of a kind without such labels."""
        shows = LabelwiseDisplay.__name__ in self.task.displays
        return label_rows(self.scored) if shows else None

    @property
    def main(self) -> dict[str, Any]:
        """The row of its default metric."""
        return self.figures[self.task.metric]


@dataclass(frozen=True)
class Network:
    """What is known of the training of one network.

    Attributes
    ----------
    history : list of dict
        A row for each epoch.
    best_epoch : int
        That of the weights, from 1.
    weights : dict of str to float
        Of the tasks in the loss, also of those without labels.
    best_epochs : dict of str to int
        Those of tasks that have the weights of another epoch.
    """

    history: list[dict[str, Any]]
    best_epoch: int
    weights: dict[str, float]
    best_epochs: dict[str, int] = field(default_factory=dict)

    def kept(self, name: str) -> int:
        """Give the number, from 0 on, of the epoch whose weights a task has."""
        return self.best_epochs.get(name, self.best_epoch) - 1

    @property
    def validates(self) -> bool:
        """Whether it has losses of validation rows."""
        return any("valid_loss" in each for each in self.history)

    @property
    def valid_losses(self) -> np.ndarray:
        """The losses of validation rows by epoch; NaN in a fit without such rows."""
        return self._column("valid_loss")

    def losses(self, name: str, rows: str) -> np.ndarray:
        """Give the losses of a task by epoch; NaN where there is none."""
        return self._column(f"{rows}_{name}_loss")

    def _column(self, key: str) -> np.ndarray:
        return np.array([each.get(key, np.nan) for each in self.history])

    def _found(self, name: str) -> np.ndarray:
        """Give the weights of a task that were found while training, or ones."""
        return np.array([each.get(f"weight_{name}", 1.0) for each in self.history])

    def loss_shares(self) -> dict[str, float]:
        """Give the share of each task in the training loss, over all epochs.

        Where losses are balanced, they count as they were weighed.
        """
        sums = {
            name: weight * np.nansum(self.losses(name, "train") * self._found(name))
            for name, weight in self.weights.items()
        }
        total = sum(sums.values())
        return {name: float(each / total) for name, each in sums.items() if total > 0}


@dataclass(frozen=True)
class Evidence:
    """What a report is made from.

    Attributes
    ----------
    estimator : estimator
        What the user gave, fitted.
    X, y : array-like or dataset
        Samples and labels, as it takes them.
    tasks : list of TaskEvidence
        In task order.
    table : TaskReport
        Figures of all of them, with intervals.
    networks : list of (estimator, Network)
        The fitted estimators of a single network inside, one or an ensemble's members.
    conflict : TaskConflictDisplay or None
        Of several tasks in one network that can be trained.
    coverage : CalibrationDisplay or None
        Of the regressions of an ensemble.
    """

    estimator: Any
    X: Any
    y: Any
    tasks: list[TaskEvidence]
    table: TaskReport
    networks: list[tuple[Any, Network]]
    conflict: TaskConflictDisplay | None = None
    coverage: CalibrationDisplay | None = None


def gather(estimator: Any, X: Any, y: Any, resampling: Resampling) -> Evidence:
    """Compute what figures and findings are made from.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X, y : array-like
        Samples and labels.
    resampling : Resampling
        Of the intervals.

    Returns
    -------
    Evidence
        Of all tasks.
    """
    tasks = fitted_tasks(estimator, "report")
    y = item_labels(X, y)
    scored = scored_outputs(estimator, X, y)
    labels = {name: each.labels() for name, each in scored.items()}
    outputs = {name: each.output for name, each in scored.items()}
    table = report_of(tasks, labels, resampling, outputs)
    networks = list(single_networks(estimator))
    return Evidence(
        estimator,
        X,
        y,
        [
            TaskEvidence(
                name,
                scored[name],
                labels[name],
                {row["metric"]: row for row in table.rows if row["task"] == name},
            )
            for name in tasks.names
        ],
        table,
        [(each, _network(each)) for each in networks],
        _conflict(estimator, X, y, resampling.random_state)
        if len(networks) == 1
        else None,
        _coverage(estimator, X, y, tasks),
    )


def _conflict(
    estimator: Any, X: Any, y: Any, random_state: Any
) -> TaskConflictDisplay | None:
    """Compare the gradients of tasks, where they share weights that train."""
    network, X = reach_network(estimator, X)
    module = network.net_.module_
    shared = module.shared_parameters().values()
    trainable = any(weight.requires_grad for weight in shared)
    if len(module.heads) == 1 or not trainable:
        return None
    return TaskConflictDisplay.from_estimator(
        network, X, y, max_samples=_MOST_ROWS, random_state=random_state
    )


def _coverage(
    estimator: Any, X: Any, y: Any, tasks: Tasks
) -> CalibrationDisplay | None:
    """Compare the spread of members with the errors of all values."""
    display = CalibrationDisplay.__name__
    real = [
        name
        for name, task in tasks.items()
        if display in task.displays and not task.has_probabilities
    ]
    if not real or not has_spread(estimator):
        return None
    return CalibrationDisplay.from_estimator(estimator, X, y, tasks=real)


def _network(fitted: Any) -> Network:
    weights = fitted.net_.criterion_.task_weights
    return Network(
        fitted.history_,
        fitted.best_epoch_,
        dict(zip(fitted.tasks_.names, weights, strict=True)),
        # Which files of earlier versions lack.
        getattr(fitted, "best_epochs_", {}),
    )
