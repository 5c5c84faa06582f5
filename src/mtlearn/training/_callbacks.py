"""What happens around epochs: history, best weights, stopping, showing."""

import copy
import numbers
import time
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from mtlearn.training._learned import load_weights_of, weights_of
from mtlearn.training._member import current_member, named_line
from mtlearn.training._monitor import LOSS, Monitor
from mtlearn.training._net import MultiTaskNet

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
        known |= {
            key: value
            for key, value in _figures(net.history[-1]).items()
            if key not in known
        }


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


class BestWeights(Callback):
    """Watch a figure: keep the best weights, notice when it stalls.

    Parameters
    ----------
    restore : bool
        Whether the network gets the best epoch's weights back at the end.
    patience : int or None, default=None
        Epochs without a better figure before `stalled_` becomes true; None for never.
    monitor : Monitor, default=LOSS
        The figure.
    lags : bool, default=False
        Whether an epoch's figure tells of the weights that it began with, as one does
        that is collected while they change, rather than of those that it ends with.
    keep : bool, default=False
        Whether the best weights are kept even if `restore` is false, since it may
        become true before the end.
    """

    def __init__(
        self,
        restore: bool,
        patience: int | None = None,
        *,
        monitor: Monitor = LOSS,
        lags: bool = False,
        keep: bool = False,
    ) -> None:
        self.restore = restore
        self.patience = patience
        self.monitor = monitor
        self.lags = lags
        self.keep = keep
        self.stalled_ = False

    def on_train_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        self.best_ = self.monitor.worst
        self.best_epoch_ = 0
        self.weights_: dict | None = None
        self.before_: tuple[int, dict | None] | None = None
        self.waited_ = 0
        self.epochs_ = 0

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        self.epochs_ += 1
        value = net.history[-1, self.monitor.key]
        better = self.monitor.is_better(value, self.best_)
        if self.lags:
            if better and self.before_ is not None:
                self.best_ = value
                self.best_epoch_, self.weights_ = self.before_
            self.before_ = self.epochs_, self._copy(net)
        elif better:
            self.best_ = value
            self.best_epoch_, self.weights_ = self.epochs_, self._copy(net)
        self.waited_ = 0 if better else self.waited_ + 1
        self.stalled_ = self.patience is not None and self.waited_ >= self.patience

    @property
    def found_epoch_(self) -> int:
        """The best epoch, if it was looked for or its weights are back; else 0."""
        return self.best_epoch_ if self.restore or not self.lags else 0

    def _copy(self, net: MultiTaskNet) -> dict | None:
        keeps = self.restore or self.keep
        return copy.deepcopy(weights_of(net)) if keeps else None

    def on_train_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        if self.restore and self.weights_ is not None:
            load_weights_of(net, self.weights_)
        self.weights_ = self.before_ = None


class ProgressBar(Callback):
    """Show a bar over epochs with the latest losses.

    Parameters
    ----------
    epochs : int
        Epochs at most.
    rows : list of dict
        The history, which another callback fills.
    """

    def __init__(self, epochs: int, rows: list[dict[str, Any]]) -> None:
        self.epochs = epochs
        self.rows = rows

    def on_train_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        # Only now: in a notebook without ipywidgets it warns when it is imported.
        from tqdm.auto import tqdm

        member = current_member()
        name = "fit" if member is None else f"member {member.name}"
        self.bar_ = tqdm(total=self.epochs, unit="epoch", desc=name)

    def on_epoch_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        # Epochs that a checkpoint has brought back.
        self.bar_.update(len(net.history) - 1 - self.bar_.n)

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        last = self.rows[-1]
        shown = {key: last[key] for key in _HEADLINE if key in last}
        labels = {key: f"{value:.4g}" for key, value in shown.items()}
        self.bar_.set_postfix(labels, refresh=False)
        self.bar_.update()

    def state_dict(self) -> dict[str, Any]:
        """Give nothing: the rows say how far the bar is."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing over."""

    def close_bar(self) -> None:
        """Leave the bar as it is, if training has begun."""
        if hasattr(self, "bar_"):
            self.bar_.close()


_HEADLINE = ("train_loss", "train_score", "valid_loss", "valid_score")


class EpochLine(Callback):
    """Print a line an epoch with the loss of each task.

    Parameters
    ----------
    rows : list of dict
        The history, which another callback fills.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        print(named_line(format_row(self.rows[-1], net.tasks.names)))


def format_row(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """Write a row of the history as one line.

    Parameters
    ----------
    row : dict
        A row of the history.
    names : tuple of str
        The tasks.

    Returns
    -------
    str
        Epoch, total and per-task losses (validation after a slash), rate, seconds.
    """

    def pair(key: str) -> str:
        train, valid = row[f"train_{key}"], row.get(f"valid_{key}")
        return f"{train:.4f}" + ("" if valid is None else f"/{valid:.4f}")

    losses = ", ".join(f"{name} {pair(f'{name}_loss')}" for name in names)
    return (
        f"epoch {row['epoch']}: loss {pair('loss')} ({losses}), "
        f"lr {row['lr']:.2e}, {row['seconds']:.1f} s"
    )
