"""Statistics of batch normalisation that belong to the weights as they are.

While a network learns quickly, the running averages that training leaves behind are
those of other weights, and through many layers their errors multiply.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.data import Samples, choose_inputs, draw_order
from mtlearn.training._inference import prediction_batch

# A pass without gradients takes about a third of a step: a sixteenth of an epoch's rows
# costs about 2 % of it.
_SHARE = 16
FEWEST_ROWS = 32
_MOST_ROWS = 4096
# So many bytes of inputs are kept beyond the fewest rows.
_MOST_BYTES = 2**25


def rows_for_statistics(n_rows: int, n_epochs: int = 1) -> int:
    """Choose how many rows statistics are computed on.

    Parameters
    ----------
    n_rows : int
        Rows of an epoch.
    n_epochs : int, default=1
        Epochs that they are computed for once.

    Returns
    -------
    int
        At most `n_rows`.
    """
    share = min(max(n_rows * n_epochs // _SHARE, FEWEST_ROWS), _MOST_ROWS)
    return min(n_rows, share)


class RecentInputs:
    """The inputs of the last training steps, which no row is read again for.

    Parameters
    ----------
    n_rows : int
        How many to keep; what is larger in memory than 32 MiB is kept to 32 rows.
    at_once : int
        Rows of a batch at most.
    due : bool
        Whether a pass over many rows is due at the end of training.

    Attributes
    ----------
    stale : bool
        Whether a step was taken since the statistics were computed.
    read : callable or None
        Reads rows by their numbers, where these are kept in the place of inputs.
    """

    def __init__(self, n_rows: int, at_once: int, due: bool) -> None:
        self.n_rows = n_rows
        self.at_once = at_once
        self.due = due
        self.stale = False
        self.read: Callable[[Tensor], Tensor] | None = None
        self.batches: deque[Tensor] = deque()

    def add(self, x: Tensor, rows: Tensor | None = None) -> None:
        """Keep the inputs of a step, which changes the weights.

        Parameters
        ----------
        x : Tensor of shape (n_batch, ...)
            Before any augmentation; copied, as that or the network may work in place.
        rows : Tensor of int64, default=None
            Numbers of the rows of the step, to be kept instead; `x` is then some of it.
        """
        fit = _MOST_BYTES // max(1, x[0].numel() * x.element_size())
        needed = min(self.n_rows, max(fit, FEWEST_ROWS))
        kept_rows = x if rows is None else rows
        self.batches.append(kept_rows[-needed:].clone())
        kept = sum(map(len, self.batches))
        while kept - len(self.batches[0]) >= needed:
            kept -= len(self.batches.popleft())
        self.stale = True

    def take(self) -> list[Tensor]:
        """Give the last rows, in batches of about the same size.

        Returns
        -------
        list of Tensor
            Their inputs.
        """
        rows = torch.cat(tuple(self.batches))[-self.n_rows :]
        return _cut(rows if self.read is None else self.read(rows), self.at_once)


def _some(samples: Samples, n_rows: int) -> Samples:
    """Choose rows as training draws them, always the same ones, without labels.

    With labels, all of X would be kept on the device.
    """
    rows = np.arange(len(samples.X)) if samples.rows is None else samples.rows
    if n_rows < len(samples) or samples.chances is not None:
        generator = torch.Generator().manual_seed(0)
        order = draw_order(len(samples), samples.chances, generator)
        rows = rows[np.sort(order[:n_rows].numpy())]
    return Samples(samples.X, rows=rows)


def refresh_if_stale(net: Any) -> None:
    """Compute the statistics on recent inputs, if steps were taken since.

    Parameters
    ----------
    net : MultiTaskNet
        In training, or fitted.
    """
    recent = net.recent_
    if recent is not None and recent.stale:
        _compute(net, recent.take())
        recent.stale = False


def refresh_batch_norms(net: Any, samples: Samples, n_rows: int | None = None) -> None:
    """Compute the statistics of batch normalisation anew, by one pass.

    Layers that stay in evaluation mode, as those of a frozen backbone do, keep theirs.

    Parameters
    ----------
    net : MultiTaskNet
        Its network is run without gradients, and without dropout, as in prediction.
    samples : Samples
        Training rows; their labels do not matter.
    n_rows : int or None, default=None
        How many of them; None for as many as there are.
    """
    rows = _some(samples, len(samples) if n_rows is None else n_rows)
    at_once = prediction_batch(rows, net.device)
    device = torch.device(net.device)
    inputs = choose_inputs(rows, net.precision.dtype, device, again=False)
    order = torch.arange(len(rows), device="cpu")
    _compute(net, inputs.batches(_cut(order, at_once)))
    if net.recent_ is not None:
        net.recent_.due = net.recent_.stale = False


def _cut(rows: Tensor, at_once: int) -> list[Tensor]:
    """Cut rows into batches of about the same size, as each counts the same."""
    return list(rows.tensor_split(math.ceil(len(rows) / at_once)))


@torch.no_grad()
def _compute(net: Any, batches: Iterable[Tensor]) -> None:
    network = net.module_
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return
    was_training = network.training
    network.train()  # which leaves out what is to stay, and tells that weights change
    norms = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm)
        and module.training
        and module.track_running_stats
    ]
    before = [(norm.momentum, deepcopy(norm.state_dict())) for norm in norms]
    network.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    if norms:
        with net.precision.context(net.device):
            for x in batches:
                network.forward(x)  # not compiled
    for norm, (momentum, state) in zip(norms, before, strict=True):
        norm.momentum = momentum
        if not norm.num_batches_tracked:  # nothing has passed through it
            norm.load_state_dict(state)
    network.train(was_training)
