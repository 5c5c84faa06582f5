"""The stages of a fit, as plain functions over records."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from skorch.callbacks import Callback

from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import InvalidDataError
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.networks import HeadSpec, build_network, needs_batch
from mtlearn.tasks import Codec, EncodedTargets, Head, Tasks
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


@dataclass
class FitState:
    """What a fit learns.

    Attributes
    ----------
    codec : Codec
        Fitted tasks and the layout of y.
    net : MultiTaskNet
        None until it is made.
    history : list of dict
        A row for each epoch.
    best_epoch : int
        The epoch (from 1) with the lowest validation loss, or the last one.
    """

    codec: Codec
    net: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0

    def attributes(self) -> dict[str, Any]:
        """Give the attributes of an estimator fitted so far."""
        tasks = self.codec.tasks
        fitted: dict[str, Any] = {
            "net_": self.net,
            "_codec": self.codec,
            "tasks_": tasks,
            "task_names_": tasks.names,
            "history_": self.history,
            "n_iter_": len(self.history),
            "best_epoch_": self.best_epoch,
        }
        classes = [getattr(task, "classes_", None) for task in tasks]
        if any(labels is not None for labels in classes):
            one = self.codec.layout.container == "1d"
            fitted["classes_"] = classes[0] if one else classes
        return fitted


def encode_rows(
    codec: Codec, X: np.ndarray, y: Any, sample_weight: Any = None
) -> EncodedTargets:
    """Encode y, which must have a row for each of X."""
    targets = codec.encode(y, sample_weight)
    check_consistent_length(X, targets.weights)
    return targets


def split_samples(
    X: np.ndarray,
    targets: EncodedTargets,
    tasks: Tasks,
    settings: Settings,
    seed: int,
) -> tuple[Samples, Samples]:
    """Set validation rows aside, without a copy of X."""
    fraction = settings.validation_fraction
    train, valid = (
        Samples(X, make_labels(targets.take(rows), settings), rows)
        for rows in validation_rows(targets, tasks, fraction, seed)
    )
    return train, valid


def make_labels(targets: EncodedTargets, settings: Settings) -> Labels:
    """Turn encoded targets into tensors where the network is."""
    return to_labels(targets, settings.dtype, settings.device)


def make_net(
    X: np.ndarray,
    tasks: Tasks,
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
        criterion__task_weights=tasks.weights(),
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
    """Give a fitted net a new optimiser with today's parameters, where they say."""
    net.device, net.dtype = str(settings.device), settings.dtype
    net.module_.to(settings.device, settings.dtype)
    net.batch_size = settings.batch_size
    for name in [name for name in vars(net) if name.startswith("optimizer__")]:
        delattr(net, name)  # an argument of another optimiser
    for name, value in _optimizer_arguments(settings).items():
        setattr(net, name, value)
    net.initialize_optimizer()


def resume_optimizer(net: MultiTaskNet, settings: Settings) -> None:
    """Go on with a net's optimiser, at today's rate and batch size."""
    if (net.device, net.dtype) != (str(settings.device), settings.dtype):
        renew_optimizer(net, settings)
    net.batch_size = settings.batch_size
    for group in net.optimizer_.param_groups:
        group["lr"] = settings.lr


def train(
    state: FitState,
    data: tuple[Samples, Samples | None],
    settings: Settings,
    *,
    order_seed: int,
    on_epoch: tuple[Callable[[], None], Callable[[], bool]],
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
    order_seed : int
        Seed of the order of the rows.
    on_epoch : pair of callable
        Called before and after each epoch; the second one may say stop.
    """
    net, history = state.net, state.history
    begin_epoch, end_epoch = on_epoch
    _check_batches(net, data[0], settings)
    before = len(history)
    best = BestWeights(settings.restore_best, settings.patience)
    callbacks = [
        EpochHistory(history),
        *_schedule(net, data[0], settings),
        *_display(history, settings),
        *([] if data[1] is None else [best]),
        *settings.callbacks,
        # Stops training, after everyone else has seen the epoch.
        EpochEnd(begin_epoch, lambda: end_epoch() or best.stalled_),
    ]
    net.train(
        data, epochs=settings.max_epochs, callbacks=callbacks, order_seed=order_seed
    )
    validated = data[1] is not None
    state.best_epoch = before + best.best_epoch_ if validated else len(history)


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
