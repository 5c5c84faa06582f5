"""The training of a fit: its callbacks, in their order."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, GradientNormClipping

from mtlearn._utils._listing import listed
from mtlearn._utils._warn import warn
from mtlearn.data import Samples
from mtlearn.estimators._fit import FitState
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import (
    DivergenceError,
    InvalidDataError,
    InvalidParameterError,
)
from mtlearn.networks import check_memory
from mtlearn.training import (
    EMA,
    BestTaskWeights,
    BestWeights,
    Checkpoints,
    DivergenceGuard,
    EpochEnd,
    EpochHistory,
    EpochLine,
    EpochLog,
    FreshStatistics,
    LoadedEpoch,
    Monitor,
    MultiTaskNet,
    Penalties,
    ProgressBar,
    Randomness,
    Seeds,
    Thaw,
    averaging_callback,
    counted_tasks,
    current_processes,
    in_turn,
    schedule_callback,
    task_monitors,
    undefined_metrics,
    unlabelled_tasks,
)


def train(
    state: FitState,
    data: tuple[Samples, Samples | None],
    settings: Settings,
    *,
    seeds: Seeds,
    randomness: Randomness,
    on_epoch: tuple[Callable[[], None], Callable[[], bool]],
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train the net of a state, and fill its history.

    Parameters
    ----------
    state : FitState
        With a net; changed in place.
    data : tuple of (Samples, Samples or None)
        Training and validation rows.
    settings : Settings
        Checked parameters.
    seeds : Seeds
        Of the order of the rows, and of what happens to them.
    randomness : Randomness
        Draws all else.
    on_epoch : pair of callable
        Called before and after each epoch; the second one may say stop.
    checkpoints : Checkpoints or None, default=None
        Where each epoch's end is written to, and which one to begin from.
    """
    net, history, before = state.net, state.history, len(state.history)
    thaw = _thaw(settings, before)
    net.thaws_ = bool(thaw)
    _check_batches(net, data[0], settings)
    if data[1] is not None and settings.monitor.needs_validation:
        _check_validation(net, data[1], settings.monitor)
    best = _best_weights(data[1] is not None, settings, net)
    guard = DivergenceGuard(history, best if settings.falls_back else None)
    averages = _averages(data[0], settings)
    metrics, others = in_turn(settings.callbacks)
    loaded = LoadedEpoch()
    callbacks = [
        guard,
        *thaw,
        *metrics,
        *_recording(net, history, data[0], settings),
        *_keeping(best, averages, _statistics(data, settings, before), settings),
        *others,
        loaded,
        # Stops training, after everyone else has seen the epoch.
        EpochEnd(
            on_epoch[0], lambda: on_epoch[1]() or best.stalled_, history, checkpoints
        ),
    ]
    net.set_aggregation(settings.aggregation, seeds.aggregation)
    try:
        net.train(
            data,
            epochs=settings.max_epochs,
            callbacks=callbacks,
            order_seed=seeds.order,
            randomness=randomness,
            changes=settings.changes,
            change_seed=seeds.changes,
            penalties=Penalties(settings.penalties, settings.owner),
        )
        guard.check_end(net)
    except DivergenceError:
        if checkpoints is not None:
            checkpoints.finish()  # it would diverge again
        raise
    if len(history) == before and guard.error_ is None:
        raise _nothing_to_train(net, settings)
    _check_followed(best)
    _note_epochs(state, _kept_epoch(loaded, averages, best), best, before)
    if guard.error_ is not None:
        warn(
            f"{guard.error_} The network has the weights of epoch {state.best_epoch}.",
            ConvergenceWarning,
        )


def _thaw(settings: Settings, n_before: int) -> list[Callback]:
    """Make what lets the backbone train again, if that comes in these epochs."""
    left = settings.freeze_epochs - n_before
    thaws = 0 < left < settings.max_epochs and not settings.freeze_backbone
    return [Thaw(left)] if thaws else []


def _kept_epoch(
    loaded: LoadedEpoch,
    averages: list[Callback],
    best: BestWeights | BestTaskWeights,
) -> int | None:
    """Give the epoch of this run whose weights the network has; None for the last."""
    if loaded.epoch_ is not None:
        return loaded.epoch_
    replaced = any(getattr(each, "has_replaced_", False) for each in averages)
    return None if replaced else best.found_epoch_ or None


def note_covariances(state: FitState, settings: Settings) -> None:
    """Note how tasks vary together in the weights that training has ended with.

    Parameters
    ----------
    state : FitState
        With a trained net; changed in place.
    settings : Settings
        Checked parameters.
    """
    penalties = Penalties(settings.penalties, settings.owner)
    state.covariances = penalties.covariances(state.net.module_.heads, state.net.tasks)


def _note_epochs(
    state: FitState, found: int | None, best: BestWeights | BestTaskWeights, before: int
) -> None:
    """Note whose weights the network has, and each task where that differs."""
    own = best.best_epochs_ if isinstance(best, BestTaskWeights) else {}
    state.best_epoch = len(state.history) if found is None else before + found
    state.best_epochs = {
        name: before + own[name] if own.get(name) else state.best_epoch
        for name in state.net.tasks.names
    }


def _best_weights(
    validates: bool, settings: Settings, net: MultiTaskNet
) -> BestWeights | BestTaskWeights:
    """Make what keeps the best weights.

    Without a figure to follow, they are kept for training that diverges only.
    """
    monitor = settings.monitor
    if settings.by_task and validates:
        monitors = task_monitors(monitor, net.tasks, settings.owner)
        return BestTaskWeights(
            settings.restore_best, settings.patience, monitors, keep=settings.falls_back
        )
    follows = validates or not monitor.needs_validation
    return BestWeights(
        settings.restore_best and follows,
        settings.patience,
        monitor=monitor if follows else monitor.in_training(),
        lags=not follows,
        keep=settings.falls_back,
    )


def _check_followed(best: BestWeights | BestTaskWeights) -> None:
    """Warn where no epoch of several had a figure that could be the best."""
    if isinstance(best, BestTaskWeights):
        if best.undefined_:
            warn(
                f"The tasks {_quoted(best.undefined_)} have no finite figure of "
                "validation rows in any epoch, and keep the weights of the last one. "
                "Pass X_val and y_val with labels of them."
            )
        return
    if not best.lags and best.epochs_ > 1 and not best.best_epoch_:
        warn(
            f"{best.monitor.key!r} is no finite number in any of {best.epochs_} "
            "epochs, so that none is the best, and early stopping sees none that is "
            "better. Pass X_val and y_val with more labels, or choose another monitor, "
            "such as 'loss'.",
        )


def _nothing_to_train(net: MultiTaskNet, settings: Settings) -> InvalidParameterError:
    """Say why no epoch was left; a fitted estimator would not tell."""
    return InvalidParameterError(
        "No epoch is left to train: a callback such as LoadInitState has brought back "
        f"{len(net.history)} epochs, and max_epochs={settings.max_epochs} counts them "
        "too. Raise max_epochs, or leave the callback out."
    )


def _recording(
    net: MultiTaskNet, history: list[dict[str, Any]], rows: Samples, settings: Settings
) -> list[Any]:
    """Make what fills the history, moves the rate and shows how far training is."""
    return [
        EpochHistory(history),
        *_schedule(net, rows, settings),
        *_display(history, settings),
        *_clipping(settings),
    ]


def _keeping(
    best: BestWeights | BestTaskWeights,
    averages: list[Callback],
    statistics: FreshStatistics,
    settings: Settings,
) -> list[Callback]:
    """Order what keeps weights.

    The best epoch's weights may be averages over steps, and an average over epochs
    takes the place of the best one. The statistics are those of what comes out.
    """
    over_steps = isinstance(settings.averaging, EMA)
    keepers = [*averages, best] if over_steps else [best, *averages]
    return [*keepers, statistics]


def _statistics(
    data: tuple[Samples, Samples | None], settings: Settings, n_epochs: int
) -> FreshStatistics:
    """Make what computes statistics; little more training gives none of its own."""
    n_more = len(data[0]) * settings.max_epochs if n_epochs else None
    return FreshStatistics(data[0], data[1] is not None, n_more)


def _schedule(net: MultiTaskNet, rows: Samples, settings: Settings) -> list[Callback]:
    if settings.schedule is None:
        return []
    n_batches = len(net.get_iterator(rows, training=True))
    return [
        schedule_callback(
            settings.schedule,
            rates=net.group_rates(),
            epochs=settings.max_epochs,
            n_batches=n_batches,
            monitor=settings.monitor,
        )
    ]


def _clipping(settings: Settings) -> list[Callback]:
    if settings.clip_grad_norm is None:
        return []
    return [GradientNormClipping(settings.clip_grad_norm)]


def _averages(rows: Samples, settings: Settings) -> list[Callback]:
    if settings.averaging is None:
        return []
    return [averaging_callback(settings.averaging, settings.max_epochs, rows)]


def _display(history: list[dict[str, Any]], settings: Settings) -> list[Any]:
    processes = current_processes()
    if processes is not None and not processes.is_first:
        return []
    shown: list[Any] = [EpochLog(history)]
    # With a name of its own, as it comes and goes with `verbose` between runs.
    if settings.verbose == 1:
        shown.append(("display", ProgressBar(settings.max_epochs, history)))
    elif settings.verbose > 1:
        shown.append(("display", EpochLine(history)))
    return shown


def _check_batches(net: MultiTaskNet, rows: Samples, settings: Settings) -> None:
    n_rows = min(len(rows), settings.batch_size)
    processes = current_processes()
    size = 1 if processes is None else processes.size
    check_memory(
        net.module_.row_values,
        net.module__input_shape,
        ceil(n_rows / size),
        settings.precision.autocast or settings.precision.dtype,
        settings.device,
        remedy=", or lower batch_size and raise accumulate",
    )
    if n_rows < net.fewest_rows:
        raise InvalidDataError(
            "The network has batch normalisation, which cannot train on one row at a "
            f"time: n_samples={len(rows)}, batch_size={settings.batch_size}. Pass more "
            "rows, raise batch_size, or set batch_norm=False in the backbone and heads."
        )


def _check_validation(net: MultiTaskNet, rows: Samples, monitor: Monitor) -> None:
    """Warn of tasks that the figure leaves out; raise if those are all."""
    assert rows.labels is not None
    names, weights = monitor.tasks, rows.labels.weights
    if names is None:
        counted = counted_tasks(net.criterion_.task_weights)
        names = tuple(np.array(net.tasks.names)[counted])
        weights = rows.labels.loss_weights
    unlabelled = unlabelled_tasks(weights, net.tasks)
    lacking = [name for name in names if name in unlabelled]
    if len(lacking) == len(names):
        raise InvalidDataError(
            f"No validation row has a label of {_quoted(lacking)}, of which "
            f"{monitor.key!r} is made. Pass X_val and y_val with such labels, or "
            "choose another monitor."
        )
    found = "No validation row has a label"
    if monitor.of_metrics:  # among them those without a label
        undefined = undefined_metrics(rows.labels, net.tasks)
        lacking = [name for name in names if name in undefined]
        found = "No two validation rows differ in the label"
    # Of a figure that none defines, the end of training tells.
    if lacking and len(lacking) < len(names):
        warn(
            f"{found} of {_quoted(lacking)}: {monitor.key!r}, and what follows it, "
            "leaves that out. Pass X_val and y_val with more of them.",
        )


def _quoted(names: Sequence[str]) -> str:
    return listed(repr(str(name)) for name in names)
