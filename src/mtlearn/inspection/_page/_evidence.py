"""What a report knows: predictions, figures, histories; computed once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from mtlearn._utils._datasets import item_labels
from mtlearn._utils._unwrap import reach_network, single_networks, task_outputs
from mtlearn.inspection._task_conflict import TaskConflictDisplay
from mtlearn.metrics import (
    Resampling,
    ScoredLabels,
    TaskReport,
    fitted_tasks,
    report_of,
)
from mtlearn.tasks import TargetColumn, Task, Tasks, read_targets

_MOST_ROWS = 1000  # that gradients are computed on


@dataclass(frozen=True)
class TaskEvidence:
    """What is known of one task.

    Attributes
    ----------
    name : str
        The task.
    task : Task
        Fitted.
    column : TargetColumn
        Its labels in y, some of them missing.
    rows : ndarray of shape (n_labelled,)
        Where labels are.
    output : ndarray of shape (n_labelled, n_outputs)
        Probabilities or values of these rows.
    labels : ScoredLabels
        True and predicted labels of these rows.
    figures : dict of str to dict
        The rows of its report, by metric.
    """

    name: str
    task: Task
    column: TargetColumn
    rows: np.ndarray
    output: np.ndarray
    labels: ScoredLabels
    figures: dict[str, dict[str, Any]]

    @property
    def is_classification(self) -> bool:
        """Whether it has classes."""
        return self.task.kind == "classification"

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
        Of the tasks in the loss.
    """

    history: list[dict[str, Any]]
    best_epoch: int
    weights: dict[str, float]

    @property
    def validates(self) -> bool:
        """Whether it has losses of validation rows."""
        return "valid_loss" in self.history[0]

    def losses(self, name: str, rows: str) -> np.ndarray:
        """Give the losses of a task by epoch."""
        return np.array([each[f"{rows}_{name}_loss"] for each in self.history])

    def loss_shares(self) -> dict[str, float]:
        """Give the share of each task in the training loss, over all epochs."""
        sums = {
            name: weight * np.nansum(self.losses(name, "train"))
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
    """

    estimator: Any
    X: Any
    y: Any
    tasks: list[TaskEvidence]
    table: TaskReport
    networks: list[tuple[Any, Network]]
    conflict: TaskConflictDisplay | None = None


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
    columns = read_targets(y, tasks)
    outputs = task_outputs(estimator, X)
    check_consistent_length(outputs[0], columns[0].values)
    rows = [np.flatnonzero(column.present) for column in columns]
    shown = [output[each] for output, each in zip(outputs, rows, strict=True)]
    labels = {
        name: ScoredLabels(column.values[each], task.decode(output), np.ones(len(each)))
        for (name, task), column, each, output in zip(
            tasks.items(), columns, rows, shown, strict=True
        )
    }
    table = report_of(tasks, labels, resampling)
    return Evidence(
        estimator,
        X,
        y,
        [
            TaskEvidence(
                name,
                task,
                columns[place],
                rows[place],
                shown[place],
                labels[name],
                {row["metric"]: row for row in table.rows if row["task"] == name},
            )
            for place, (name, task) in enumerate(tasks.items())
        ],
        table,
        [(each, _network(each, tasks)) for each in single_networks(estimator)],
        _conflict(estimator, X, y, resampling.random_state),
    )


def _conflict(
    estimator: Any, X: Any, y: Any, random_state: Any
) -> TaskConflictDisplay | None:
    """Compare the gradients of tasks, where there is a network to share."""
    networks = list(single_networks(estimator))
    module = networks[0].net_.module_
    trainable = any(each.requires_grad for each in module.backbone.parameters())
    if len(networks) > 1 or len(module.heads) == 1 or not trainable:
        return None
    network, X = reach_network(estimator, X)
    return TaskConflictDisplay.from_estimator(
        network, X, y, max_samples=_MOST_ROWS, random_state=random_state
    )


def _network(fitted: Any, tasks: Tasks) -> Network:
    weights = fitted.net_.criterion_.task_weights
    return Network(
        fitted.history_,
        fitted.best_epoch_,
        dict(zip(tasks.names, weights, strict=True)),
    )
