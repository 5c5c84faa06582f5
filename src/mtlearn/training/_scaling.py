"""Steps in float16, whose small gradients would vanish if the loss were not scaled."""

from typing import Any

import torch
from torch.amp import GradScaler

from mtlearn.training._precision import Precision


def loss_scaler(precision: Precision, device: torch.device | str) -> GradScaler:
    """Return what scales the loss; it does nothing in other precisions.

    Parameters
    ----------
    precision : Precision
        What the network computes in.
    device : torch.device or str
        Where it is.

    Returns
    -------
    GradScaler
        With torch's first scale, which settles within some steps.
    """
    enabled = precision.autocast is torch.float16
    return GradScaler(torch.device(device).type, enabled=enabled)


def scaled_step(net: Any, batch: Any) -> dict[str, Any]:
    """Take one step of the optimiser, unless a gradient is infinite.

    Parameters
    ----------
    net : MultiTaskNet
        The net.
    batch : tuple of (Tensor, Labels)
        Rows.

    Returns
    -------
    dict
        ``loss`` and ``y_pred``, as skorch's own step has them.
    """
    scaler, optimizer = net.scaler_, net.optimizer_
    optimizer.zero_grad(set_to_none=True)
    step = net.train_step_single(batch)
    scaler.unscale_(optimizer)  # callbacks see, and may clip, true gradients
    net.notify(
        "on_grad_computed",
        named_parameters=list(net.get_all_learnable_params()),
        batch=batch,
        training=True,
    )
    scaler.step(optimizer)
    scaler.update()
    return step
