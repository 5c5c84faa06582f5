"""The stages of a fit, as plain functions over records."""

from collections.abc import Callable
from typing import Any

import numpy as np
from skorch.callbacks import Callback

from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import InvalidDataError
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.networks import HeadSpec, build_network, needs_batch
from mtlearn.tasks import EncodedTargets, Head, Tasks
from mtlearn.training import (
    BestWeights,
    EpochEnd,
    EpochHistory,
    EpochLine,
    Labels,
    MultiTaskNet,
    ProgressBar,
    Samples,
    schedule_callback,
    to_labels,
    validation_rows,
)


def split_samples(
    samples: Samples,
    targets: EncodedTargets,
    tasks: Tasks,
    settings: Settings,
    seed: int,
) -> tuple[Samples, Samples]:
    """Set validation rows aside, without a copy of X."""
    fraction = settings.validation_fraction
    train, valid = (
        Samples(samples.X, make_labels(targets.take(rows), settings), rows)
        for rows in validation_rows(targets, tasks, fraction, seed)
    )
    return train, valid


def make_labels(targets: EncodedTargets, settings: Settings) -> Labels:
    """Turn encoded targets into tensors where the network is."""
    return to_labels(targets, settings.dtype, settings.device)


def make_net(
    X: np.ndarray,
    tasks: Tasks,
    task_weights: tuple[float, ...],
    default_head: Head,
    settings: Settings,
) -> MultiTaskNet:
    """Make the network, its loss and its optimiser; draws from torch's generator."""
    height_first = (X.shape[3], *X.shape[1:3]) if X.ndim == 4 else X.shape[1:]
    heads = tuple(
        _head_spec(task.n_outputs, task.head or default_head) for task in tasks
    )
    losses = []
    for task in tasks:
        loss, options = task.loss_spec()
        losses.append(sample_loss(loss, **options))
    net = MultiTaskNet(
        build_network,
        MultiTaskLoss,
        tasks=tasks,
        dtype=settings.dtype,
        module__backbone=settings.backbone.cls,
        module__backbone_params=settings.backbone.kwargs,
        module__input_shape=height_first,
        module__heads=heads,
        criterion__losses=tuple(losses),
        criterion__task_weights=task_weights,
        train_split=None,
        verbose=0,
        batch_size=settings.batch_size,
        device=str(settings.device),
        **_optimizer_arguments(settings),
    )
    return net.initialize()


def _head_spec(n_outputs: int, head: Head) -> HeadSpec:
    return HeadSpec(n_outputs, tuple(head.hidden), head.dropout, head.batch_norm)


def _optimizer_arguments(settings: Settings) -> dict[str, Any]:
    optimizer = settings.optimizer
    nested = {f"optimizer__{key}": value for key, value in optimizer.kwargs.items()}
    return {"optimizer": optimizer.cls, "lr": settings.lr, **nested}


def renew_optimizer(net: MultiTaskNet, settings: Settings) -> None:
    """Give a fitted net a new optimiser with today's parameters."""
    for name, value in _optimizer_arguments(settings).items():
        setattr(net, name, value)
    net.batch_size = settings.batch_size
    net.initialize_optimizer()


def train(
    net: MultiTaskNet,
    data: tuple[Samples, Samples | None],
    history: list[dict[str, Any]],
    settings: Settings,
    *,
    order_seed: int,
    on_epoch: tuple[Callable[[], None], Callable[[], bool]],
) -> int:
    """Train, and return the epoch (counted from 1) whose weights the net has.

    Parameters
    ----------
    net : MultiTaskNet
        Trained in place.
    data : tuple of (Samples, Samples or None)
        Training and validation rows.
    history : list of dict
        Grows by a row an epoch.
    settings : Settings
        Checked parameters.
    order_seed : int
        Seed of the order of the rows.
    on_epoch : pair of callable
        Called before and after each epoch; the second one may say stop.

    Returns
    -------
    int
        The best epoch with validation rows and `restore_best`, else the last one.
    """
    _check_batches(net, data[0], settings)
    before = len(history)
    best = BestWeights(settings.restore_best, settings.patience)
    callbacks = [
        EpochHistory(history),
        *_schedule(net, data[0], settings),
        *_display(history, settings),
        *settings.callbacks,
        # These two may stop training, after everyone else has seen the epoch.
        EpochEnd(*on_epoch),
        *([] if data[1] is None else [best]),
    ]
    net.train(
        data, epochs=settings.max_epochs, callbacks=callbacks, order_seed=order_seed
    )
    return len(history) if data[1] is None else before + best.best_epoch_


def _schedule(net: MultiTaskNet, rows: Samples, settings: Settings) -> list[Callback]:
    if settings.schedule is None:
        return []
    n_batches = len(net.get_iterator(rows, training=True))
    return [
        schedule_callback(
            settings.schedule,
            lr=settings.lr,
            epochs=settings.max_epochs,
            n_batches=n_batches,
        )
    ]


def _display(history: list[dict[str, Any]], settings: Settings) -> list[Callback]:
    if settings.verbose == 0:
        return []
    if settings.verbose == 1:
        return [ProgressBar(settings.max_epochs, history)]
    return [EpochLine(history)]


def _check_batches(net: MultiTaskNet, rows: Samples, settings: Settings) -> None:
    if needs_batch(net.module_) and min(len(rows), settings.batch_size) == 1:
        raise InvalidDataError(
            "The network has batch normalisation, which cannot train on one row at a "
            f"time: n_samples={len(rows)}, batch_size={settings.batch_size}. Pass more "
            "rows, raise batch_size, or set batch_norm=False in the backbone and heads."
        )
