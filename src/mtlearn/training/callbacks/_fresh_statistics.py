"""Batch norms get the statistics of the present weights before they are used."""

from typing import Any

from skorch.callbacks import Callback
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.data import Samples
from mtlearn.training._inference import prediction_batch
from mtlearn.training._processes import current_processes
from mtlearn.training._statistics import (
    FEWEST_ROWS,
    RecentInputs,
    refresh_batch_norms,
    refresh_if_stale,
    rows_for_statistics,
)

# skorch's hooks have public names and no parameters of interest.


class FreshStatistics(Callback):
    """Give batch norms the statistics of the present weights before they are used.

    That is before validation, and at the end of a training without; callbacks that
    predict in between get them too, by `refresh_if_stale`.

    Parameters
    ----------
    rows : Samples
        Training rows.
    validates : bool
        Whether there are validation rows.
    n_more : int or None, default=None
        How many rows pass through a network that has learned from others; None for a
        new one. Too few say less than the running averages, which are kept then.
    """

    def __init__(
        self, rows: Samples, validates: bool, n_more: int | None = None
    ) -> None:
        self.rows = rows
        self.validates = validates
        self.n_more = n_more

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        if self.n_more is not None and self.n_more < FEWEST_ROWS:
            return
        if any(isinstance(module, _BatchNorm) for module in net.module_.modules()):
            n_rows = rows_for_statistics(len(self.rows))
            # As many as a pass of a step has need no more memory than that does.
            at_once = max(prediction_batch(self.rows, net.device), net.batch_size)
            net.recent_ = RecentInputs(n_rows, at_once, not self.validates)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self.is_shared_ = False

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        if not training:
            refresh_if_stale(net)
            if current_processes() is not None and not self.is_shared_:
                net.share_buffers()
                self.is_shared_ = True

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        if net.recent_ is not None and net.recent_.due:
            n_rows = rows_for_statistics(len(self.rows), len(net.history))
            refresh_batch_norms(net, self.rows, n_rows)

    def state_dict(self) -> dict[str, Any]:
        """Give nothing: after an epoch the statistics are in the network."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing over."""
