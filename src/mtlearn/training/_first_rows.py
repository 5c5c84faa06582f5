"""Training rows that a backbone sees once, before the first step."""

from math import ceil, prod
from typing import Any

import numpy as np
import torch

from mtlearn.data import Samples, choose_inputs
from mtlearn.training._inference import prediction_batch

# Quantiles of so many rows are off by a hundredth of the rows, and seldom by more.
_MOST_ROWS = 10_000
_MOST_VALUES = 2**25


def show_rows(net: Any, samples: Samples) -> None:
    """Hand training rows to the parts of a new network that have a use for them.

    They are what is in front of the backbone of a table, and a backbone with a method
    `fit_inputs`, which gets a tensor of rows in the type that the network computes in,
    unless its weights are from a file, which they would no longer suit.

    Parameters
    ----------
    net : MultiTaskNet
        New.
    samples : Samples
        Training rows, with labels. Those that no task learns from are left out, as they
        are from all else; of many rows some are taken, always the same ones.
    """
    network = net.module_
    learns = hasattr(network.backbone, "fit_inputs")
    learns &= net.module__backbone_params.get("weights") is None
    if not learns and network.columns is None:
        return
    rows = _chosen(samples)
    device = torch.device(net.device)
    shown = Samples(samples.X, rows=rows)
    inputs = choose_inputs(shown, net.precision.dtype, device, again=False)
    order = torch.arange(len(rows), device="cpu")
    n_batches = ceil(len(rows) / prediction_batch(shown, device))
    x = torch.cat(list(inputs.batches(list(order.tensor_split(n_batches)))))
    network.fit_inputs(x, backbone=learns)


def _chosen(samples: Samples) -> np.ndarray:
    """Choose the rows that are shown, by their numbers in X."""
    assert samples.labels is not None
    of_tasks = [
        (each > 0).view(len(each), -1).any(dim=1) for each in samples.labels.weights
    ]
    learned = torch.stack(of_tasks).any(dim=0).cpu().numpy()
    numbers = np.arange(len(samples.X)) if samples.rows is None else samples.rows
    rows = numbers[learned] if learned.any() else numbers
    most = max(1, min(_MOST_ROWS, _MOST_VALUES // max(1, prod(samples.X.shape[1:]))))
    if len(rows) <= most:
        return rows
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(rows), generator=generator, device="cpu")
    return rows[np.sort(order[:most].numpy())]
