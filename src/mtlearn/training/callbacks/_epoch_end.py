"""The end of an epoch, when all others have seen it."""

from collections.abc import Callable
from typing import Any

from skorch.callbacks import Callback

from mtlearn._utils._logging import logger
from mtlearn.training._checkpoint import Checkpoints
from mtlearn.training._loop import StopTraining
from mtlearn.training._processes import current_processes
from mtlearn.training._state import StateEncoder, restore_state, state_of

# skorch's hooks have public names and no parameters of interest.


class EpochEnd(Callback):
    """End an epoch when all others have seen it: write a checkpoint, stop or go on.

    Parameters
    ----------
    begin, end : callable
        Called without arguments; training stops when `end` returns True.
    rows : list of dict
        The history, which another callback fills.
    checkpoints : Checkpoints or None, default=None
        Where to write to, and what to begin from.
    """

    def __init__(
        self,
        begin: Callable[[], None],
        end: Callable[[], bool],
        rows: list[dict[str, Any]],
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.begin = begin
        self.end = end
        self.rows = rows
        self.checkpoints = checkpoints

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.n_before_ = len(self.rows)
        if self.checkpoints is None:
            return
        found = self.checkpoints.take()
        if found is None:
            # A callback that no file can hold shall fail now, not after an epoch.
            StateEncoder().encode(state_of(net)["callbacks"], "callbacks")
            return
        restore_state(net, found["net"])
        self.rows.extend(found["rows"])
        logger.info("going on after epoch %d of a checkpoint", len(self.rows))
        if found["stops"]:
            raise StopTraining

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self.begin()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        stops = bool(self.end() or getattr(net, "stopping_", False))
        processes = current_processes()
        if processes is not None:
            stops = any(processes.of_each(stops))
        if self.checkpoints is not None:
            state = {
                "net": state_of(net),
                "rows": self.rows[self.n_before_ :],
                "stops": stops,
            }
            self.checkpoints.write(len(self.rows), state)
        if stops:
            raise StopTraining
