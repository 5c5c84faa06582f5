"""A backbone that stays as it is for some epochs."""

from typing import Any

from skorch.callbacks import Callback

from mtlearn.training._joining import give_momentum
from mtlearn.training._net import MultiTaskNet


class Thaw(Callback):
    """Let a frozen backbone train again after some epochs.

    Parameters
    ----------
    n_epochs : int
        Epochs of this training that it stays frozen for.
    """

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs

    def on_epoch_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        # The row of this epoch is there; a checkpoint brings back those before it.
        is_frozen = net.module_.frozen_names is not None
        if is_frozen and len(net.history) > self.n_epochs:
            net.module_.freeze_backbone(False)
            give_momentum(net.optimizer_)
