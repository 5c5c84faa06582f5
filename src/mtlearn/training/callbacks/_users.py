"""Callbacks that a user passes: which fit, and when each of them has its turn."""

from typing import Any

from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    PassthroughScoring,
)

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training.callbacks._history import WholeRow
from mtlearn.training.callbacks._logs import CSVLogger
from mtlearn.training.callbacks._task_metric import TaskMetric

# They score what skorch's own nets predict: one output, compared with all of y.
_SCORING = (EpochScoring, BatchScoring, PassthroughScoring)


def check_callbacks(value: Any, owner: str) -> tuple[Any, ...]:
    """Check the callbacks of an estimator.

    Parameters
    ----------
    value : object
        What the user gave.
    owner : str
        The estimator's class, for messages.

    Returns
    -------
    tuple
        skorch callbacks, their classes, and pairs of a name and either.

    Raises
    ------
    ParameterTypeError
        If it is no list of callbacks.
    InvalidParameterError
        If one of them scores the net as skorch does.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(map(_is_callback, value)):
        raise ParameterTypeError(
            f"The 'callbacks' parameter of {owner} must be None or a list of skorch "
            f"callbacks. Got {short(value)} instead. Pass those of scikit-learn to "
            "set_callbacks."
        )
    for each in value:
        found = _class_of(each)
        scoring = next((kind for kind in _SCORING if issubclass(found, kind)), None)
        if scoring is not None:
            what = found.__name__
            if found is not scoring:
                what += f", which is a skorch.callbacks.{scoring.__name__}"
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {owner} has {what}: it scores a net of "
                "one output. The history has each task's loss and metric already; for "
                "another one pass mtlearn.training.TaskMetric(metric, task), such as "
                "TaskMetric(f1_score, 'digit', average='macro')."
            )
    return tuple(value)


def has_callback(callbacks: tuple[Any, ...], kind: type[Callback]) -> bool:
    """Tell whether one of a user's callbacks is of a class.

    Parameters
    ----------
    callbacks : tuple
        From `check_callbacks`.
    kind : type
        A class of skorch callbacks.

    Returns
    -------
    bool
        Also of a subclass.
    """
    return any(issubclass(_class_of(each), kind) for each in callbacks)


def _is_callback(value: Any) -> bool:
    """Tell whether skorch takes it: a callback, its class, or either with a name."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        value = value[1]
    return isinstance(value, Callback) or (
        isinstance(value, type) and issubclass(value, Callback)
    )


def _class_of(callback: Any) -> type:
    if isinstance(callback, tuple):
        callback = callback[1]
    return callback if isinstance(callback, type) else type(callback)


def in_turn(callbacks: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """Sort callbacks by when they have their turn at the end of an epoch.

    Parameters
    ----------
    callbacks : tuple
        As from `check_callbacks`.

    Returns
    -------
    metrics : list
        Before the history, which has their figures in their place.
    others : list
        After it: they may read it, and record figures of their own, which are added to
        it before logs write it down.
    """
    metrics: list[Any] = []
    others: list[Any] = []
    logs: list[Any] = []
    for each in callbacks:
        kind = _class_of(each)
        if issubclass(kind, TaskMetric):
            metrics.append(each)
        elif issubclass(kind, CSVLogger):
            logs.append(each)
        else:
            others.append(each)
    return metrics, [*others, WholeRow(), *logs]


class LoadedEpoch(Callback):
    """Notices whose weights skorch's callbacks have loaded when training ends.

    It stands behind them. Epochs count from the first one of this training: 0 stands
    for those before it, which a LoadInitState has brought back.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.epoch_: int | None = None
        self.n_before_ = len(net.history)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        for _, callback in net.callbacks_:
            loaded = _loaded_epoch(callback, net.history)
            if loaded is not None:
                self.epoch_ = max(0, loaded - self.n_before_)


def _loaded_epoch(callback: Any, history: Any) -> int | None:
    """Give the epoch whose weights a callback has loaded; None if it has not."""
    if not getattr(callback, "load_best", False) or not len(history):
        return None
    if isinstance(callback, EarlyStopping):
        # It loads nothing where the last epoch was the best.
        is_last = callback.best_epoch_ == history[-1, "epoch"]
        has_weights = callback.best_model_weights_ is not None
        return callback.best_epoch_ if has_weights and not is_last else None
    if isinstance(callback, Checkpoint) and callback.monitor is not None:
        key = callback.event_name or callback.monitor
        written = [row["epoch"] for row in history if row.get(key)]
        return written[-1] if written else None
    return None
