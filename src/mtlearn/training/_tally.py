"""Adding up an epoch's losses and metrics, task by task."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mtlearn.data import Labels
from mtlearn.losses import Inputs, LossParts
from mtlearn.tasks import Tasks
from mtlearn.training._processes import Processes

# Rows that are summed up together.
AT_ONCE = 4096


class Tally:
    """Losses and default metrics of every task over one pass through the rows.

    Parameters
    ----------
    tasks : Tasks
        Fitted tasks.
    task_weights : sequence of float
        Factor of each task in the total loss.
    """

    def __init__(self, tasks: Tasks, task_weights: Sequence[float]) -> None:
        self.tasks = tasks
        self._tasks = list(tasks)
        self.task_weights = np.asarray(task_weights)
        self.losses: Tensor | None = None
        self.statistics: dict[int, Tensor] = {}
        self._waiting: list[tuple[Tensor, Sequence[Tensor], Labels]] = []
        self._n_waiting = 0
        self._latest = torch.zeros(2, len(self.task_weights), device="cpu")

    def add(self, parts: LossParts, outputs: Sequence[Tensor], labels: Labels) -> None:
        """Add one batch.

        Parameters
        ----------
        parts : LossParts
            The batch's losses.
        outputs : sequence of Tensor of shape (n_samples, n_outputs)
            Outputs on the scale of the loss.
        labels : Labels
            What they are compared with.
        """
        outputs = [output.detach() for output in outputs]
        sums = torch.stack([parts.weighted_sums, parts.weight_sums])
        self._latest = sums
        inputs, labels = labels.inputs, labels._replace(inputs=None)
        for i, values in enumerate(labels.values):
            if values is None:  # outputs as large as the inputs do not wait
                self._count(i, outputs[i], None, labels.weights[i], inputs)
                outputs[i] = outputs[i].new_empty(0)
        self._waiting.append((sums, outputs, labels))  # without the graph of the total
        self._n_waiting += len(labels.weights[0])
        if self._n_waiting >= AT_ONCE:
            self._sum_up()

    def latest(self) -> dict[str, float]:
        """Compute the losses of the last batch.

        Returns
        -------
        dict of float
            By task; those with a label in that batch.
        """
        pairs = zip(self.tasks.names, self._latest.T.tolist(), strict=True)
        return {name: loss / weight for name, (loss, weight) in pairs if weight}

    def share(self, processes: Processes, *, losses: bool) -> None:
        """Add up what the processes have counted.

        Parameters
        ----------
        processes : Processes
            All with batches of the same tasks.
        losses : bool
            Whether their losses too are of their own rows only.
        """
        self._sum_up()
        if self.losses is None:
            return
        numbers = sorted(self.statistics)
        parts = [self.statistics[number] for number in numbers]
        if losses:
            parts.append(self.losses)
        flat = torch.cat([each.double().flatten() for each in parts])
        sums = processes.summed(flat).split([each.numel() for each in parts])
        shared = [a.view_as(b).to(b) for a, b in zip(sums, parts, strict=True)]
        self.statistics = dict(zip(numbers, shared, strict=False))
        if losses:
            self.losses = shared[-1]

    def _sum_up(self) -> None:
        """Add the batches that wait: many small sums would cost more than one."""
        if not self._waiting:
            return
        sums, outputs, labels = zip(*self._waiting, strict=True)
        self._waiting, self._n_waiting = [], 0
        losses = torch.stack(sums).double().sum(dim=0)
        self.losses = losses if self.losses is None else self.losses + losses
        for i, values in enumerate(labels[0].values):
            if values is not None:
                self._count(
                    i,
                    torch.cat([each[i] for each in outputs]),
                    torch.cat([each.values[i] for each in labels]),
                    torch.cat([each.weights[i] for each in labels]),
                )

    def _count(
        self,
        number: int,
        output: Tensor,
        target: Tensor | None,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> None:
        """Add what the metric of a task is made of."""
        task = self._tasks[number]
        with torch.no_grad():
            sums = task.statistics(output, target, weight, inputs)
        before = self.statistics.get(number)
        self.statistics[number] = sums if before is None else before + sums

    def mean_losses(self) -> np.ndarray:
        """Compute each task's mean loss.

        Returns
        -------
        ndarray of shape (n_tasks,)
            NaN where a task had no label, and everywhere if no batch was added.
        """
        self._sum_up()
        if self.losses is None:
            return np.full(len(self.task_weights), np.nan)
        sums, weights = self.losses.cpu().numpy()
        unknown = np.full_like(sums, np.nan)
        return np.divide(sums, weights, out=unknown, where=weights > 0)

    def summary(self, prefix: str) -> dict[str, float]:
        """Compute what the history keeps.

        Parameters
        ----------
        prefix : {"train", "valid"}
            Beginning of the keys.

        Returns
        -------
        dict of float
            ``{prefix}_loss``, ``{prefix}_score`` (mean of the default metrics), and
            ``{prefix}_{task}_loss`` and ``{prefix}_{task}_{metric}`` of every task.
            Empty if no batch was added; NaN where a task had no label, as had all that
            the total is made of.
        """
        losses = self.mean_losses()
        if self.losses is None:
            return {}
        labelled = self.losses[1].cpu().numpy() > 0
        total = float(self.task_weights[labelled] @ losses[labelled])
        if not (labelled & counted_tasks(self.task_weights)).any():
            total = float("nan")  # a sum of nothing is no loss of zero
        each: dict[str, float] = {}
        metrics = []
        for number, ((name, task), loss) in enumerate(
            zip(self.tasks.items(), losses, strict=True)
        ):
            each[f"{prefix}_{name}_loss"] = float(loss)
            metric = task.metric_from(self.statistics[number].cpu().numpy())
            each[f"{prefix}_{name}_{task.metric}"] = metric
            metrics.append(metric)
        # Left out are those that these labels do not define, not those of outputs that
        # are no numbers: an epoch without them would look better than it is. So is what
        # has no labels, as in `score` of an estimator.
        defined = ~np.isnan(metrics) | (labelled & ~np.isfinite(losses))
        defined &= [task.n_columns != 0 for task in self.tasks]
        score = float(np.mean(np.array(metrics)[defined])) if defined.any() else np.nan
        return {f"{prefix}_loss": total, f"{prefix}_score": score, **each}


def counted_tasks(task_weights: ArrayLike) -> np.ndarray:
    """Tell which tasks the total loss is made of.

    Parameters
    ----------
    task_weights : array-like of shape (n_tasks,)
        Factor of each task.

    Returns
    -------
    ndarray of bool of shape (n_tasks,)
        True where the weight is positive; everywhere if none is.
    """
    counted = np.asarray(task_weights) > 0
    return counted if counted.any() else ~counted
