"""The weights of the losses in the steps of a fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import BALANCINGS, Balancing, LossParts, StepRecord
from mtlearn.training._fingerprint import same_value
from mtlearn.training._second_look import loss_sums
from mtlearn.training._shared_norms import SharedNorms
from mtlearn.training._tally import Tally


def resolve_balancing(value: Any, owner: str) -> Balancing | None:
    """Return the way to balance losses that a user named.

    Parameters
    ----------
    value : None, str, Balancing, sequence or mapping
        What the user gave as `loss_weights`.
    owner : str
        The estimator, for messages.

    Returns
    -------
    Balancing or None
        Checked; None for weights that stay the same, which the tasks check.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is no such way, or a parameter of it is not what it must be.
    """
    if isinstance(value, Balancing):
        value.validate(owner)
        return value
    if isinstance(value, str):
        if value in BALANCINGS:
            return BALANCINGS[value]()
        names = ", ".join(map(repr, BALANCINGS))
        raise InvalidParameterError(
            f"The 'loss_weights' parameter of {owner} must be None, weights in the "
            f"order of tasks or by name, {names}, or an object such as "
            f"FAMO(lr=0.025). Got {short(value)} instead."
        )
    if isinstance(value, type) and issubclass(value, Balancing):
        raise ParameterTypeError(
            f"The 'loss_weights' parameter of {owner} must be an object. Got the class "
            f"{value.__name__} instead: pass {value.__name__}()."
        )
    return None


class Balance:
    """Balances the losses of one fit, step by step.

    Parameters
    ----------
    value : Balancing
        How.
    tasks : Tasks
        Fitted tasks.
    task_weights : sequence of float
        What each loss is multiplied by before.
    seed : int
        Of what is drawn.
    """

    def __init__(
        self, value: Balancing, tasks: Any, task_weights: Sequence[float], seed: int
    ) -> None:
        self.value = value
        self.names = tuple(tasks.names)
        factors = np.array([task.noise_factor for task in tasks])
        self.state = value.start(factors, seed)
        self.use(task_weights)
        self.begin_epoch()
        self.begin_step(None)

    def use(self, task_weights: Sequence[float]) -> None:
        """Take other weights of tasks, as those of today."""
        self.task_weights = np.asarray(task_weights, float)

    def goes_on_as(self, value: Balancing) -> bool:
        """Tell whether a value of today is the one that this one was made of."""
        return same_value(self.value, value)

    def begin_epoch(self) -> None:
        """Begin new means of the weights, and look for the shared layer anew."""
        self._norms = SharedNorms()
        self._weight_sums = np.zeros(len(self.names))
        self._counts = np.zeros(len(self.names))

    def begin_step(self, net: Any) -> None:
        """Begin a step.

        Parameters
        ----------
        net : MultiTaskNet or None
            Whose generators give the same numbers to a second look.
        """
        again = net is not None and self.state.looks_again
        self._numbers = net.randomness_.state() if again else None
        # The weights of the step's first pass, and what this has read of its parts.
        self._weights: np.ndarray | None = None
        self._first: tuple[LossParts, tuple[np.ndarray, np.ndarray]] | None = None
        # The weights of a batch that goes through the network in pieces.
        self._of_whole: np.ndarray | None = None
        self._norms.begin()

    def weigh_whole(self, net: Any, batch: Any) -> None:
        """Find the weights of a batch that is to go through the network in pieces.

        Parameters
        ----------
        net : MultiTaskNet
            In training.
        batch : tuple of (Tensor, Labels)
            Rows.
        """
        self._norms.begin()
        if self.value.reads_losses:
            sums, weight_sums = loss_sums(net, batch)
        else:
            own = torch.stack([each.sum() for each in batch[1].loss_weights])
            weight_sums = net.summed(own)
            sums = torch.zeros_like(weight_sums)
        self._of_whole = self._weigh(*self._read(sums, weight_sums))

    def total(self, parts: LossParts) -> Tensor:
        """Give the loss to minimise, with its graph.

        Parameters
        ----------
        parts : LossParts
            Of a batch or a piece of one.

        Returns
        -------
        Tensor of shape ()
            Weighted by this step.
        """
        weights = self._of_whole
        if weights is None:
            found = self._read(parts.weighted_sums, parts.weight_sums)
            weights = self._weigh(*found)
            if self._first is None:
                self._first = parts, found
        if self._weights is None:
            self._weights = weights
        factors = torch.from_numpy(weights * self.task_weights)
        return (parts.means * factors.to(parts.means)).sum()

    def look_at_gradients(self, net: Any, parts: LossParts) -> None:
        """Note the gradients of each task in a shared layer, if they are wanted.

        Parameters
        ----------
        net : MultiTaskNet
            In training.
        parts : LossParts
            Of a batch or a piece of one, before the gradients of the total.
        """
        if self.value.needs_norms:
            if self._of_whole is None:  # a pass may be taken again
                self._norms.begin()
            self._norms.add(net, parts.means)

    def end_step(self, net: Any, batch: Any, parts: LossParts) -> None:
        """Let the state learn from a step that was taken.

        Parameters
        ----------
        net : MultiTaskNet
            With the weights after it.
        batch : tuple of (Tensor, Labels)
            Rows, augmented and mixed.
        parts : LossParts
            Of the whole batch, before it.
        """
        if self._first is not None and self._first[0] is parts:
            losses, present = self._first[1]
        else:
            losses, present = self._read(parts.weighted_sums, parts.weight_sums)
        self._check(losses, present)
        after = norms = None
        if self._numbers is not None:
            after, _ = self._read(*loss_sums(net, batch, self._numbers))
            self._check(after, present)
        if self.value.needs_norms:
            norms = self._norms.lengths(net, self.task_weights)
        self.state.end_step(StepRecord(losses, present, after, norms))
        self._weight_sums += 0.0 if self._weights is None else self._weights
        self._counts += present
        self.begin_step(None)  # lets go of graphs

    def end_epoch(self, tally: Tally) -> dict[str, float]:
        """Let the state learn from an epoch.

        Parameters
        ----------
        tally : Tally
            Of its training rows.

        Returns
        -------
        dict of float
            By task, ``weight_{task}``: the mean over the steps in which it was present,
            NaN if there was none.
        """
        losses = tally.mean_losses() * self.task_weights
        losses[self.task_weights == 0] = np.nan
        self.state.end_epoch(losses)
        means = np.full(len(self.names), np.nan)
        np.divide(self._weight_sums, self._counts, out=means, where=self._counts > 0)
        return {
            f"weight_{name}": float(mean)
            for name, mean in zip(self.names, means, strict=True)
        }

    def _read(self, sums: Tensor, weights: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Give mean losses on the CPU, and which tasks are present."""
        both = torch.stack([sums, weights]).cpu().double().numpy()
        present = (both[1] > 0) & (self.task_weights > 0)
        losses = np.zeros(len(present))
        np.divide(both[0], both[1], out=losses, where=present)
        return losses * self.task_weights, present

    def _weigh(self, losses: np.ndarray, present: np.ndarray) -> np.ndarray:
        reads = self.value.reads_losses
        if reads:
            self._check(losses, present)
        given = self.state.weights(losses if reads else None, present)
        weights = np.asarray(given, float)
        if weights.shape != present.shape:
            raise InvalidParameterError(
                f"The weights of {type(self.value).__name__} must have the shape "
                f"{present.shape}, one for each task. Got {weights.shape} instead."
            )
        return np.where(present, weights, 0.0)

    def _check(self, losses: np.ndarray, present: np.ndarray) -> None:
        """Raise where a loss is not above 0, and has to be."""
        if not self.value.needs_positive:
            return
        bad = present & (losses <= 0)
        if bad.any():
            found = listed(
                f"{name!r} ({loss:g})"
                for name, loss, is_bad in zip(self.names, losses, bad, strict=True)
                if is_bad
            )
            raise InvalidParameterError(
                f"The 'loss_weights' parameter is {self.value!r}, which needs losses "
                f"above 0. Not above 0 in a batch is the loss of {found}. Choose "
                "'uncertainty', 'dwa' or 'rlw', a larger batch_size, or another loss."
            )
