"""The stages of a fit, as plain functions over records."""

import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from skorch.callbacks import Callback, GradientNormClipping

from mtlearn._utils._datasets import DatasetRows
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import (
    InvalidDataError,
    NetworkError,
)
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.networks import (
    HeadSpec,
    autocast_error,
    build_network,
    needs_batch,
)
from mtlearn.tasks import (
    Codec,
    EncodedTargets,
    Head,
    Tasks,
)
from mtlearn.training import (
    EMA,
    SWA,
    BestWeights,
    Checkpoints,
    DivergenceGuard,
    EpochEnd,
    EpochHistory,
    EpochLine,
    EpochLog,
    Labels,
    MultiTaskNet,
    ProgressBar,
    Samples,
    Seeds,
    TaskMetric,
    averaging_callback,
    row_chances,
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
            "precision_": self.net.precision.name,
            "_codec": self.codec,
            "tasks_": tasks,
            "task_names_": tasks.names,
            "history_": self.history,
            "n_iter_": len(self.history),
            "best_epoch_": self.best_epoch,
        }
        classes = self.codec.classes()
        return fitted if classes is None else {**fitted, "classes_": classes}


def encode_rows(
    codec: Codec, X: np.ndarray | DatasetRows, y: Any, sample_weight: Any = None
) -> EncodedTargets:
    """Encode y, which must have a row for each of X."""
    targets = codec.encode(y, sample_weight)
    check_consistent_length(X, targets.weights)
    return targets


def check_both_given(X_val: Any, y_val: Any) -> None:
    """Raise if validation samples come without labels, or labels without samples."""
    if X_val is None or y_val is None:
        given, lacks = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise InvalidDataError(f"{given} was passed without {lacks}. Pass both.")


def validation_samples(
    X_val: np.ndarray | DatasetRows, y_val: Any, codec: Codec, settings: Settings
) -> Samples:
    """Join validation rows and labels, of which there must be some."""
    targets = encode_rows(codec, X_val, y_val)
    if not targets.weights.any():
        raise InvalidDataError("y_val has no label: every one is missing.")
    return Samples(X_val, make_labels(targets, settings))


def training_samples(
    X: np.ndarray | DatasetRows,
    targets: EncodedTargets,
    tasks: Tasks,
    settings: Settings,
    rows: np.ndarray | None = None,
) -> Samples:
    """Join rows to train on, labels, and how often each is drawn."""
    chances = row_chances(settings.sampler, targets, tasks, settings.owner)
    return Samples(X, make_labels(targets, settings), rows, chances)


def split_samples(
    X: np.ndarray | DatasetRows,
    targets: EncodedTargets,
    tasks: Tasks,
    settings: Settings,
    seed: int,
    validation: Samples | None = None,
) -> tuple[Samples, Samples | None]:
    """Set validation rows aside where they are needed, without a copy of X."""
    if validation is not None or not settings.validates:
        return training_samples(X, targets, tasks, settings), validation
    fraction = settings.validation_fraction
    train, valid = validation_rows(targets, tasks, fraction, seed)
    return (
        training_samples(X, targets.take(train), tasks, settings, train),
        Samples(X, make_labels(targets.take(valid), settings), valid),
    )


def make_labels(targets: EncodedTargets, settings: Settings) -> Labels:
    """Turn encoded targets into tensors where the network is."""
    return to_labels(targets, settings.precision.dtype, settings.device)


def make_net(
    X: np.ndarray | DatasetRows,
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
        precision=settings.precision,
        compile_options=settings.compile,
        module__backbone=settings.backbone.cls,
        # A copy: what the user changes later must not reach a trained network.
        module__backbone_params=deepcopy(settings.backbone.kwargs),
        module__input_shape=height_first,
        module__heads=heads,
        criterion__losses=tuple(losses),
        criterion__task_weights=tasks.weights(),
        train_split=None,
        verbose=0,
        batch_size=settings.batch_size,
        device=str(settings.device),
        optimizer=settings.optimizer.cls,
        lr=settings.rates[-1],
        **{
            f"optimizer__{key}": value
            for key, value in settings.optimizer.kwargs.items()
        },
    )
    net.initialize()
    net.set_rates(settings.rates)
    net.module_.freeze_backbone(settings.freeze_backbone)
    move(net, settings)
    return net


def move(net: MultiTaskNet, settings: Settings) -> bool:
    """Bring a network to its device and precision, and tell whether it was elsewhere.

    ``precision="auto"`` means float32 for a backbone that cannot do with less.
    """
    precision = settings.precision
    if precision.autocast is not None:
        error = autocast_error(net.module_, net.module__input_shape, precision.autocast)
        if error is not None and not settings.precision_is_auto:
            raise NetworkError(
                f"The backbone {settings.backbone.cls.__name__} cannot compute in "
                f"precision={precision.name!r}: {error}. Set precision='float32'."
            ) from error
        if error is not None:
            precision = precision.whole()
    return net.move(str(settings.device), precision)


def _head_spec(n_outputs: int, head: Head) -> HeadSpec:
    return HeadSpec(n_outputs, tuple(head.hidden), head.dropout, head.batch_norm)


def train(
    state: FitState,
    data: tuple[Samples, Samples | None],
    settings: Settings,
    *,
    seeds: Seeds,
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
    on_epoch : pair of callable
        Called before and after each epoch; the second one may say stop.
    checkpoints : Checkpoints or None, default=None
        Where each epoch's end is written to, and which one to begin from.
    """
    net, history = state.net, state.history
    begin_epoch, end_epoch = on_epoch
    _check_batches(net, data[0], settings)
    before = len(history)
    validates = data[1] is not None
    best = BestWeights(
        settings.restore_best and validates,
        settings.patience,
        loss="valid_loss" if validates else "train_loss",
        keep=settings.falls_back,
    )
    guard = DivergenceGuard(history, best if settings.falls_back else None)
    averages = _averages(data[0], settings)
    metrics = [each for each in settings.callbacks if _is_metric(each)]
    callbacks = [
        guard,
        *metrics,  # before the history, which has them too
        EpochHistory(history),
        *_schedule(net, data[0], settings),
        *_display(history, settings),
        *_clipping(settings),
        # The best epoch's weights may be averages over steps, and an average over
        # epochs takes the place of the best one.
        *(each for each in averages if isinstance(settings.averaging, EMA)),
        best,
        *(each for each in averages if isinstance(settings.averaging, SWA)),
        *(each for each in settings.callbacks if each not in metrics),
        # Stops training, after everyone else has seen the epoch.
        EpochEnd(
            begin_epoch, lambda: end_epoch() or best.stalled_, history, checkpoints
        ),
    ]
    net.train(
        data,
        epochs=settings.max_epochs,
        callbacks=callbacks,
        order_seed=seeds.order,
        changes=settings.changes,
        change_seed=seeds.changes,
    )
    replaced = any(getattr(each, "has_replaced_", False) for each in averages)
    found = (validates or best.restore) and best.best_epoch_ and not replaced
    state.best_epoch = before + best.best_epoch_ if found else len(history)
    if guard.error_ is not None:
        warnings.warn(
            f"{guard.error_} The network has the weights of epoch {state.best_epoch}.",
            ConvergenceWarning,
            stacklevel=5,
        )


def _schedule(net: MultiTaskNet, rows: Samples, settings: Settings) -> list[Callback]:
    if settings.schedule is None:
        return []
    n_batches = len(net.get_iterator(rows, training=True))
    return [
        schedule_callback(
            settings.schedule,
            rates=settings.rates,
            epochs=settings.max_epochs,
            n_batches=n_batches,
        )
    ]


def _is_metric(callback: Any) -> bool:
    """Tell whether it is a metric of a task, also one with a name beside it."""
    if isinstance(callback, tuple):
        callback = callback[1]
    return isinstance(callback, TaskMetric)


def _clipping(settings: Settings) -> list[Callback]:
    if settings.clip_grad_norm is None:
        return []
    return [GradientNormClipping(settings.clip_grad_norm)]


def _averages(rows: Samples, settings: Settings) -> list[Callback]:
    if settings.averaging is None:
        return []
    return [averaging_callback(settings.averaging, settings.max_epochs, rows)]


def _display(history: list[dict[str, Any]], settings: Settings) -> list[Callback]:
    shown: list[Callback] = [EpochLog(history)]
    if settings.verbose == 1:
        shown.append(ProgressBar(settings.max_epochs, history))
    elif settings.verbose > 1:
        shown.append(EpochLine(history))
    return shown


def _check_batches(net: MultiTaskNet, rows: Samples, settings: Settings) -> None:
    if needs_batch(net.module_) and min(len(rows), settings.batch_size) == 1:
        raise InvalidDataError(
            "The network has batch normalisation, which cannot train on one row at a "
            f"time: n_samples={len(rows)}, batch_size={settings.batch_size}. Pass more "
            "rows, raise batch_size, or set batch_norm=False in the backbone and heads."
        )
