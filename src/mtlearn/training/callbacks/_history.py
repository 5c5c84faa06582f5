"""The history: a row for each epoch."""

import numbers
import time
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from mtlearn.training._net import MultiTaskNet
from mtlearn.training._processes import current_processes

# skorch's hooks have public names and no parameters of interest.


class EpochHistory(Callback):
    """Append a plain dict to a list at the end of each epoch.

    Numbers that callbacks before this one have recorded in the net's history are part
    of it; those of callbacks after it come by `WholeRow`. For these it is ``net.row_``.

    Parameters
    ----------
    rows : list of dict
        Grows by one an epoch.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def on_epoch_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        self.started_ = time.perf_counter()

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        row: dict[str, Any] = {"epoch": len(self.rows) + 1}
        row |= net.tallies_[True].summary("train")
        row |= net.tallies_[False].summary("valid")
        row |= _figures(net.history[-1])
        row["lr"] = float(net.optimizer_.param_groups[-1]["lr"])
        row["seconds"] = time.perf_counter() - self.started_
        processes = current_processes()
        if processes is not None:  # what is decided by it is decided by all
            row = processes.of_first(row)
        self.rows.append(row)
        net.row_ = row
        # For skorch's own callbacks, which read the net's history.
        for key, value in row.items():
            if key != "epoch":
                net.history.record(key, value)
        # By these, skorch's Checkpoint knows when to write.
        for key in ("train_loss", "valid_loss"):
            if key in row:
                net.history.record(f"{key}_best", _is_lowest(net.history, key))


def _is_lowest(history: Any, key: str) -> bool:
    """Tell whether the last row has the lowest loss; NaN is none, and hides none."""
    # Rows of another training, which a callback has loaded, may lack it.
    before = [past[key] for past in history[:-1] if key in past]
    lowest = min([loss for loss in before if loss == loss], default=np.inf)
    return bool(history[-1][key] < lowest)


class WholeRow(Callback):
    """Add to the history what callbacks after `EpochHistory` have recorded."""

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        known = net.row_
        more = {
            key: value
            for key, value in _figures(net.history[-1]).items()
            if key not in known
        }
        processes = current_processes()
        if processes is not None:
            more = processes.of_first(more)
        known |= more


# What skorch itself keeps for each epoch.
_COUNTS = ("epoch", "train_batch_count", "valid_batch_count")


def _figures(recorded: dict[str, Any]) -> dict[str, float]:
    """Give the numbers of a row of the net's history, as plain ones."""
    return {
        key: float(value)
        for key, value in recorded.items()
        if _is_number(value) and key not in _COUNTS
    }


def _is_number(value: Any) -> bool:
    """Tell a number from flags and lists; a tensor or array may hold one."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.ndim == 0 and value.dtype not in (torch.bool, np.bool_)
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
