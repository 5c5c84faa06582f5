"""Training that leaves the finite numbers, noticed at the batch where it does."""

from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn._utils._listing import listed
from mtlearn.exceptions import DivergenceError
from mtlearn.tasks import with_label
from mtlearn.training._learned import parameters_of, parts_of
from mtlearn.training._loop import StopTraining
from mtlearn.training.callbacks._best_weights import BestWeights

# skorch's hooks have public names and no parameters of interest.


class DivergenceGuard(Callback):
    """Look at the loss after every step, and at the weights after every epoch.

    It stands before all that would keep or show what is not finite.

    Parameters
    ----------
    rows : list of dict
        The history, which another callback fills.
    fallback : BestWeights or None
        What gives the best weights back, if training is to end with them; None raises.
    """

    def __init__(
        self, rows: list[dict[str, Any]], fallback: BestWeights | None = None
    ) -> None:
        self.rows = rows
        self.fallback = fallback
        # What has ended training with the weights of the fallback.
        self.error_: DivergenceError | None = None

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self.batch_ = 0

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        if not training:
            return
        self.batch_ += 1
        # skorch has it as a number anyway: looking at it costs nothing.
        if not np.isfinite(net.history[-1, "batches", -1, "train_loss"]):
            losses = net.tallies_[True].latest()
            bad = [name for name, loss in losses.items() if not np.isfinite(loss)]
            named = listed(map(repr, bad)) or "the sum of tasks"
            self._end(
                f"The training loss of {named} is not finite in epoch "
                f"{len(self.rows) + 1}, batch {self.batch_}, {_rate(net)}: {losses}. "
                f"{_extremes(net, batch)}."
            )

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        name = first_not_finite(net)
        if name is not None:
            self._end(_of_weights(name, len(self.rows) + 1, net))

    def check_end(self, net: Any) -> None:
        """Look at what training has ended with: its statistics are computed last.

        Parameters
        ----------
        net : MultiTaskNet
            Trained.

        Raises
        ------
        DivergenceError
            If they, or weights that a callback has loaded, are not finite.
        """
        name = first_not_finite(net)
        if name is not None:
            raise _error(_of_weights(name, len(self.rows), net))

    def _end(self, message: str) -> None:
        """Raise, or end training with the best weights so far if there are some."""
        error = _error(message)
        if self.fallback is None or not self.fallback.best_epoch_:
            raise error
        self.fallback.restore = True
        self.error_ = error
        raise StopTraining


def _error(message: str) -> DivergenceError:
    return DivergenceError(
        f"{message} Lower 'lr', scale X, or look for extreme values in y."
    )


def _of_weights(name: str, epoch: int, net: Any) -> str:
    return f"The weights {name!r} are not finite after epoch {epoch}, {_rate(net)}."


def _rate(net: Any) -> str:
    return f"at a learning rate of {net.optimizer_.param_groups[-1]['lr']:g}"


def _extremes(net: Any, batch: tuple[Tensor, Any]) -> str:
    """Say how large the numbers of a batch are, in the units of X and y."""
    x, labels = batch
    found = [f"the largest value of X is {x.abs().max().item():g}"]
    for i, (name, task) in enumerate(net.tasks.items()):
        values, weights = labels.values[i], labels.weights[i]
        if values is None or task.outcomes() is not None:
            continue
        there = weights.cpu().numpy() > 0
        rows = with_label(there)
        if rows.any():
            restored = task.restore(values.cpu().numpy()[rows])
            largest = np.abs(restored[there[rows]]).max()
            found.append(f"the largest target of {name!r} is {largest:g}")
    return "There " + ", ".join(found)


def first_not_finite(net: Any) -> str | None:
    """Find weights, or statistics of batch normalisation, that are not finite.

    Parameters
    ----------
    net : MultiTaskNet
        With a network and a loss. Other buffers may hold infinity on purpose, as a mask
        does.

    Returns
    -------
    str or None
        The first one's name.
    """
    for name, weights in parameters_of(net).items():
        if not torch.isfinite(weights).all():
            return name
    for start, part in parts_of(net):
        for prefix, inner in part.named_modules():
            if isinstance(inner, _BatchNorm):
                for name, statistics in inner.named_buffers():
                    if not torch.isfinite(statistics).all():
                        return f"{start}{prefix}.{name}"
    return None
