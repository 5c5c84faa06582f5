"""A fitted estimator of one network as a torch module."""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn.estimators import MultiTaskImageEstimator, reconstructing
from mtlearn.networks import MLP, OwnHead, features_of, for_inference, vector_of
from mtlearn.openset import Seen
from mtlearn.tasks import Tasks


class Traced(NamedTuple):
    """What modules give of rows.

    Attributes
    ----------
    outputs : dict of str to Tensor
        Float64, by the name that each has in the file.
    seen : list of dict
        What each network inside makes of the rows, of what is needed.
    """

    outputs: dict[str, Tensor]
    seen: list[Seen]


def exported_tasks(estimator: Any) -> Tasks:
    """Give the tasks that a file has outputs of.

    Parameters
    ----------
    estimator : estimator
        Fitted, of this package.

    Returns
    -------
    Tasks
        Those that are predicted, and after them those that make X again.
    """
    tasks = estimator.tasks_
    names = [*tasks.labelled.names, *reconstructing(tasks)]
    return Tasks.from_mapping({name: tasks[name] for name in names})


def with_predicted(
    seen: Sequence[Seen], what: str, by_task: Mapping[str, Tensor]
) -> list[Seen]:
    """Put beside what each network sees what all of them predict together.

    Parameters
    ----------
    seen : sequence of dict
        Of each network.
    what : str
        The name to put it under.
    by_task : mapping of str to Tensor
        What is predicted.

    Returns
    -------
    list of dict
        With one entry more for each task.
    """
    return [
        {name: {**own, what: by_task[name]} for name, own in by.items()} for by in seen
    ]


class Activated(nn.Module):
    """A network with its softmax, or its outputs in the units of y.

    Parameters
    ----------
    estimator : estimator
        Fitted, of one network.
    needs : collection of str
        What the scores of its rows are made of.
    """

    def __init__(self, estimator: Any, needs: Collection[str]) -> None:
        super().__init__()
        # As a pickle: made anew on the CPU, with nothing that hangs on the old one.
        net = copy.deepcopy(estimator.net_)
        network = for_inference(net.module_)
        has_own = any(isinstance(head, OwnHead) for head in network.heads)
        if has_own or not isinstance(network.backbone, MLP):
            # onnxruntime has no convolutions in float64, and lacks other layers too.
            network.float()
        self.network = network
        self.dtype = next(network.parameters()).dtype
        self.tasks = exported_tasks(estimator)
        self.numbers = [estimator.tasks_.names.index(name) for name in self.tasks.names]
        self.activations = [task.exported_activation() for task in self.tasks]
        self.of_images = isinstance(estimator, MultiTaskImageEstimator)
        means = _means_of(estimator)
        self.means = None if means is None else means.to(self.dtype)
        is_remade = not {"errors", "variances"}.isdisjoint(needs)
        self.remaking = Remaking(net, estimator.tasks_) if is_remade else None

    def forward(self, x: Tensor) -> Traced:
        """Give what the network makes of rows of X."""
        given, has_channels = x, x.ndim == 4
        if self.of_images:
            given = x if has_channels else x.unsqueeze(-1)
            given = given.permute(0, 3, 1, 2)
        given = given.to(self.dtype)
        if self.means is not None:
            given = given.where(~given.isnan() | self.means.isnan(), self.means)
        found = self.network.features(given)
        scores = self.network.outputs(found, self.numbers)
        outputs = {
            name: _as_rows(activate(output), has_channels)
            for name, activate, output in zip(
                self.tasks.names, self.activations, scores, strict=True
            )
        }
        by_task = dict(zip(self.tasks.names, scores, strict=True))
        return Traced(outputs, [self._seen(given, found, by_task)])

    def _seen(self, x: Tensor, found: Any, scores: dict[str, Tensor]) -> Seen:
        """Give what the scores of tasks with classes are made of."""
        of_all = {}
        if self.remaking is not None:
            of_all = self.remaking(scores[self.remaking.name], x)
        return {
            name: {
                "features": vector_of(features_of(found, number)),
                "logits": scores[name],
                **of_all,
            }
            for (name, task), number in zip(
                self.tasks.items(), self.numbers, strict=True
            )
            if task.has_classes
        }


def _means_of(estimator: Any) -> Tensor | None:
    """Give what a table is filled with, NaN of columns with gaps that are known."""
    means = getattr(estimator, "_column_means", None)
    if means is None:
        return None
    return torch.from_numpy(np.where(estimator._has_missing, np.nan, means))


class Remaking(nn.Module):
    """How far the first reconstruction is off.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net.
    tasks : Tasks
        Its tasks.
    """

    def __init__(self, net: Any, tasks: Tasks) -> None:
        super().__init__()
        self.name = reconstructing(tasks)[0]
        self.task: Any = tasks[self.name]
        self.loss = net.criterion_.losses[tasks.names.index(self.name)]
        self.dtype = net.precision.dtype

    def forward(self, output: Tensor, x: Tensor) -> dict[str, Tensor]:
        """Give the error of each row, and the variance of what there is to be made."""
        output, x = output.to(self.dtype), x.to(self.dtype)
        return {
            "errors": self.task.errors(self.loss, self.task.link(output), x),
            "variances": x.flatten(1).double().var(dim=1, correction=0),
        }


def _as_rows(output: Tensor, has_channels: bool) -> Tensor:
    """Lay out images as X is laid out, in float64 as all outputs are."""
    output = output.double()
    if output.ndim != 4:
        return output
    images = output.permute(0, 2, 3, 1)
    return images if has_channels else images.squeeze(-1)
