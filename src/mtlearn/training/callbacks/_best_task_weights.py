"""The weights of each task's own best epoch."""

import copy
from collections.abc import Mapping
from typing import Any

from skorch.callbacks import Callback

from mtlearn.training._learned import weights_of
from mtlearn.training._monitor import Monitor
from mtlearn.training._net import MultiTaskNet
from mtlearn.training._own_epochs import give_own_epochs

# skorch's hooks have public names and no parameters of interest.


class BestTaskWeights(Callback):
    """Watch a figure of each task: keep its best weights, notice when all stall.

    A task that has stalled goes on training, for the others' sake.

    Parameters
    ----------
    restore : bool
        Whether each task gets the weights of its best epoch back at the end.
    patience : int or None
        Epochs without a better figure of any task before `stalled_` becomes true; None
        for never.
    monitors : mapping of str to Monitor
        The figure of each task, in task order.
    keep : bool, default=False
        Whether weights are kept even if `restore` is false, since it may become true
        before the end.
    """

    # The figures are of validation rows, which see the weights of the epoch's end.
    lags = False

    def __init__(
        self,
        restore: bool,
        patience: int | None,
        monitors: Mapping[str, Monitor],
        *,
        keep: bool = False,
    ) -> None:
        self.restore = restore
        self.patience = patience
        self.monitors = monitors
        self.keep = keep
        self.stalled_ = False

    def on_train_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        self.best_ = {name: each.worst for name, each in self.monitors.items()}
        self.best_epochs_ = dict.fromkeys(self.monitors, 0)
        self.weights_: dict[int, dict] = {}
        self.waited_ = dict.fromkeys(self.monitors, 0)
        self.epochs_ = 0

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        self.epochs_ += 1
        for name, monitor in self.monitors.items():
            value = net.history[-1, monitor.key]
            if monitor.is_better(value, self.best_[name]):
                self.best_[name], self.best_epochs_[name] = value, self.epochs_
            self.waited_[name] = self.epochs_ - self.best_epochs_[name]
        found = set(self.best_epochs_.values())
        if self.epochs_ in found and (self.restore or self.keep):
            self.weights_[self.epochs_] = copy.deepcopy(weights_of(net))
        self.weights_ = {k: v for k, v in self.weights_.items() if k in found}
        least = min(self.waited_.values())
        self.stalled_ = self.patience is not None and least >= self.patience

    @property
    def best_epoch_(self) -> int:
        """The last one of the tasks' best epochs; 0 if none has one."""
        return max(self.best_epochs_.values())

    @property
    def found_epoch_(self) -> int:
        """The same, if its weights are looked for."""
        return self.best_epoch_

    @property
    def undefined_(self) -> list[str]:
        """Tasks without any finite figure."""
        return [name for name, epoch in self.best_epochs_.items() if not epoch]

    def on_train_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        if self.restore and self.weights_:
            if self.undefined_:  # those keep what they have
                self.weights_[self.epochs_] = copy.deepcopy(weights_of(net))
            epochs = [each or self.epochs_ for each in self.best_epochs_.values()]
            give_own_epochs(net, self.weights_, epochs)
        self.weights_ = {}
