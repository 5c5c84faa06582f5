"""Penalties across tasks: which weights they are about, and what they come to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses.penalties import Penalty, TaskWeights
from mtlearn.networks import output_layer
from mtlearn.tasks import Tasks

_NO_LAYER = "no linear last layer of this package, as decoders and your own heads have"


class TaskCovariances(NamedTuple):
    """What a penalty has learned of how columns of W vary together.

    Attributes
    ----------
    matrix : ndarray of shape (n_columns, n_columns)
        Covariances, of trace 1.
    columns : list of (str, int)
        The task of each column, and the number of its output.
    """

    matrix: np.ndarray
    columns: list[tuple[str, int]]


class Penalties:
    """All penalties of a fit, and their mean over the steps of an epoch.

    Parameters
    ----------
    values : sequence of Penalty, default=()
        Checked, as `resolve_penalty` gives them.
    owner : str, default="the net"
        The estimator, for messages.
    """

    def __init__(self, values: Sequence[Penalty] = (), owner: str = "the net") -> None:
        # One of no strength would add zeros, and take time.
        self.values = [each for each in values if each.strength]
        self.owner = owner
        self._parts: list[tuple[Penalty, TaskWeights]] = []
        self.begin()

    def __bool__(self) -> bool:
        return bool(self.values)

    def find(self, heads: Sequence[nn.Module], tasks: Tasks) -> None:
        """Find the weights that the penalties are about.

        Parameters
        ----------
        heads : sequence of Module
            In task order.
        tasks : Tasks
            Fitted tasks.

        Raises
        ------
        InvalidParameterError
            If a penalty is not defined for them.
        """
        layers = {
            name: output_layer(head)
            for name, head in zip(tasks.names, heads, strict=True)
        }
        self._parts = [
            (each, _weights_for(each, layers, tasks, self.owner))
            for each in self.values
        ]

    def total(self) -> Tensor:
        """Compute the sum of the penalties, with its graph."""
        return torch.stack([each(weights) for each, weights in self._parts]).sum()

    def covariances(
        self, heads: Sequence[nn.Module], tasks: Tasks
    ) -> TaskCovariances | None:
        """Give what a penalty has learned of tasks, if one of them does.

        Parameters
        ----------
        heads : sequence of Module
            Those that training has ended with, in task order.
        tasks : Tasks
            Fitted tasks.

        Returns
        -------
        TaskCovariances or None
            None if there is no such penalty.
        """
        self.find(heads, tasks)
        for penalty, weights in self._parts:
            found = penalty.covariance(weights)
            if found is not None:
                columns = [
                    (name, place)
                    for name, each in weights.items()
                    for place in range(len(each))
                ]
                return TaskCovariances(found.cpu().numpy(), columns)
        return None

    def begin(self) -> None:
        """Begin the mean of an epoch."""
        self._sum: Tensor | float = 0.0
        self._n_steps = 0

    def add(self, value: Tensor) -> None:
        """Add what the penalties came to in a step."""
        self._sum = self._sum + value.double()
        self._n_steps += 1

    def mean(self) -> float:
        """Compute the mean over the steps of the epoch so far; NaN of none."""
        return float(self._sum) / self._n_steps if self._n_steps else np.nan


def resolve_penalty(value: Any, owner: str) -> tuple[Penalty, ...]:
    """Return the penalties that a user gave.

    Parameters
    ----------
    value : None, Penalty or list of Penalty
        What the user gave.
    owner : str
        The estimator, for messages.

    Returns
    -------
    tuple of Penalty
        Checked.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If one is no penalty, or a parameter of it is not what it must be.
    """
    if value is None:
        return ()
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    for each in found:
        if not isinstance(each, Penalty):
            made = f": pass {each.__name__}(...)" if isinstance(each, type) else ""
            raise ParameterTypeError(
                f"The 'penalty' parameter of {owner} must be None, a penalty such as "
                f"TraceNorm(0.1), or a list of such. Got {short(value)} instead{made}."
            )
        each.validate(owner)
    learn = [each for each in found if type(each).covariance is not Penalty.covariance]
    if len(learn) > 1:
        raise InvalidParameterError(
            f"The 'penalty' parameter of {owner} must have at most one penalty that "
            f"learns a covariance of tasks. Got {len(learn)} instead: "
            f"{bracketed(learn)}."
        )
    return found


def _weights_for(
    penalty: Penalty,
    layers: Mapping[str, nn.Linear | None],
    tasks: Tasks,
    owner: str,
) -> TaskWeights:
    """Find the weights of the last layers that a penalty is about, in task order."""
    named = penalty.named()
    where = f"the {type(penalty).__name__} of {owner}"
    if named is None:
        named = tuple(name for name in tasks.labelled.names if layers[name] is not None)
        if not named:
            raise InvalidParameterError(
                f"The 'penalty' parameter of {owner} has nothing to act on: every head "
                f"has {_NO_LAYER}. Set penalty=None, or give a task a Head."
            )
    unknown = [name for name in named if name not in layers]
    if unknown:
        raise InvalidParameterError(
            f"There are no tasks {bracketed(unknown)}, which {where} names. The tasks "
            f"are: {listed(layers)}."
        )
    weights = {}
    for name, layer in layers.items():
        if name in named:
            if layer is None:
                raise InvalidParameterError(
                    f"Task {name!r}, which {where} names, has a head with {_NO_LAYER}. "
                    "Take its name out, or give the task a Head."
                )
            weights[name] = layer.weight
    _check_widths(weights, where)
    penalty.check(weights, owner)
    return weights


def _check_widths(weights: TaskWeights, where: str) -> None:
    widths = {name: each.shape[1] for name, each in weights.items()}
    if len(set(widths.values())) > 1:
        told = listed(f"{name!r} has {width}" for name, width in widths.items())
        raise InvalidParameterError(
            f"The last layers that {where} compares get different numbers of features: "
            f"{told}. Give these heads the same last width of 'hidden', or name tasks "
            "that have one by the penalty's parameter 'tasks'."
        )
