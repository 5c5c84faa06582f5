"""The weights of the best epoch, by the figure that decides."""

import copy
from typing import Any

from skorch.callbacks import Callback

from mtlearn.training._learned import load_weights_of, weights_of
from mtlearn.training._monitor import LOSS, Monitor
from mtlearn.training._net import MultiTaskNet

# skorch's hooks have public names and no parameters of interest.


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
