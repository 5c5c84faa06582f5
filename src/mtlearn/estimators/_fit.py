"""The stages of a fit, as plain functions over records."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from sklearn.utils import check_consistent_length

from mtlearn._utils._errors import naming
from mtlearn._utils._partial import Partial, as_partial
from mtlearn._utils._row_plan import plan_of
from mtlearn.data import (
    Labels,
    Rows,
    Samples,
    check_rounding,
    row_chances,
    sampling_of,
    to_labels,
)
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import (
    InvalidDataError,
    NetworkError,
)
from mtlearn.networks import Decoder, HeadSpec
from mtlearn.tasks import (
    Codec,
    EncodedTargets,
    Head,
    HeadLike,
    Task,
    Tasks,
)
from mtlearn.training import (
    MultiTaskNet,
    Seeds,
    TaskCovariances,
    make_net,
    parameters_of,
    show_rows,
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
        The best epoch (from 1) by the monitored figure, or the last one.
    best_epochs : dict of str to int
        The same by task, where each has its own.
    split_seed : int or None
        Of the first split of rows, which later ones repeat: rows to validate on must
        not have trained the network before.
    weighted : bool
        Whether some labels have counted more than others, in metrics of training too.
    sampling : dict or None
        What the sampler is expected to draw; see `sampling_of`.
    covariances : TaskCovariances or None
        How tasks vary together, if a penalty has learned it.
    lr : float or None
        The learning rate of the heads.
    columns : dict or None
        What the network is told of the columns of X; None if these are numbers alone.
    """

    codec: Codec
    net: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    split_seed: int | None = None
    weighted: bool = False
    sampling: dict[str, Any] | None = None
    best_epochs: dict[str, int] = field(default_factory=dict)
    covariances: TaskCovariances | None = None
    lr: float | None = None
    columns: dict[str, tuple[Any, ...]] | None = None

    def attributes(self) -> dict[str, Any]:
        """Give the attributes of an estimator fitted so far."""
        tasks, learned = self.codec.tasks, self.covariances
        fitted: dict[str, Any] = {
            "net_": self.net,
            "precision_": self.net.precision.name,
            "_codec": self.codec,
            "tasks_": tasks,
            "task_names_": tasks.names,
            "history_": self.history,
            "n_iter_": len(self.history),
            "lr_": self.lr,
            "best_epoch_": self.best_epoch,
            "best_epochs_": self.best_epochs,
            "sampling_": self.sampling,
            "task_covariance_": None if learned is None else learned.matrix,
            "task_covariance_columns_": None if learned is None else learned.columns,
            "_split_seed": self.split_seed,
            "_weighted": self.weighted,
        }
        classes = self.codec.classes()
        return fitted if classes is None else {**fitted, "classes_": classes}


def encode_rows(
    codec: Codec, X: Rows, y: Any, sample_weight: Any = None
) -> EncodedTargets:
    """Encode y, which must have a row for each of X."""
    targets = codec.encode(y, sample_weight)
    check_consistent_length(X, targets)
    return targets


def check_both_given(X_val: Any, y_val: Any) -> None:
    """Raise if validation samples come without labels, or labels without samples."""
    if X_val is None or y_val is None:
        given, lacks = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise InvalidDataError(f"{given} was passed without {lacks}. Pass both.")


def validation_samples(
    X_val: Rows, y_val: Any, codec: Codec, settings: Settings
) -> Samples:
    """Join validation rows and labels, of which there must be some."""
    with naming("y_val"):
        targets = codec.encode(y_val)
    with naming("X_val and y_val"):
        check_consistent_length(X_val, targets)
    # Weights of tasks without labels are those of rows.
    labelled = zip(targets.values, targets.weights, strict=True)
    if not any(weight.any() for values, weight in labelled if values is not None):
        raise InvalidDataError("y_val has no label: every one is missing.")
    return Samples(X_val, make_labels(targets, settings), name="X_val")


def training_samples(
    X: Rows,
    targets: EncodedTargets,
    state: FitState,
    settings: Settings,
    rows: np.ndarray | None = None,
) -> Samples:
    """Join rows to train on, labels, and how often each is drawn."""
    tasks = state.codec.tasks
    check_rounding(targets, tasks, settings.precision.dtype)
    chances = row_chances(settings.sampler, targets, tasks, settings.owner)
    state.sampling = sampling_of(chances, targets, tasks)
    return Samples(X, make_labels(targets, settings), rows, chances)


def weights_differ(rows: Samples) -> bool:
    """Tell whether some labels of a task count more than others."""
    assert rows.labels is not None
    for weights in rows.labels.weights:
        most = weights.max()
        if (weights.where(weights > 0, most) < most).any():
            return True
    return False


def split_samples(
    X: Rows,
    targets: EncodedTargets,
    state: FitState,
    settings: Settings,
    seeds: Seeds,
    validation: Samples | None = None,
) -> tuple[Samples, Samples | None]:
    """Set validation rows aside where they are needed, without a copy of X."""
    tasks = state.codec.tasks
    if state.split_seed is None:
        state.split_seed = seeds.split
    if validation is not None or not settings.validates:
        return training_samples(X, targets, state, settings), validation
    plan = plan_of(len(targets))
    if plan.held_out is None:
        fraction = settings.validation_fraction
        train, valid = validation_rows(
            targets, tasks, fraction, state.split_seed, origins=plan.origins
        )
    else:
        valid = plan.held_out
        train = np.setdiff1d(np.arange(len(targets)), valid)
    return (
        training_samples(X, targets.take(train), state, settings, train),
        Samples(X, make_labels(targets.take(valid), settings), valid),
    )


def make_labels(targets: EncodedTargets, settings: Settings) -> Labels:
    """Turn encoded targets into tensors where the network is."""
    return to_labels(targets, settings.precision.dtype, settings.device)


def new_net(
    rows: Samples,
    state: FitState,
    default_head: Head,
    settings: Settings,
) -> MultiTaskNet:
    """Make the network, its loss and its optimiser, and show it the rows.

    It draws its weights.
    """
    tasks = state.codec.tasks
    drawn = {} if state.sampling is None else state.sampling["drawn"]
    begun = {
        name: task.drawn_by(drawn[name]) if name in drawn else task
        for name, task in tasks.items()
    }
    optimizer = settings.optimizer.kwargs.items()
    net = make_net(
        tasks,
        settings.precision,
        backbone=settings.backbone.cls,
        # A copy: what the user changes later must not reach a trained network.
        backbone_params=deepcopy(settings.backbone.kwargs),
        input_shape=input_shape_of(rows.X),
        heads=[_head_spec(each, _head_of(each, default_head)) for each in tasks],
        columns=state.columns,
        begun=Tasks.from_mapping(begun),
        compile_options=settings.compile,
        batch_size=settings.batch_size,
        accumulate=settings.accumulate,
        device=str(settings.device),
        optimizer=settings.optimizer.cls,
        lr=settings.rates.heads,
        backbone_lr=settings.rates.backbone,
        layer_decay=settings.rates.layer_decay,
        **{f"optimizer__{key}": value for key, value in optimizer},
    )
    net.set_rates(settings.rates)
    freeze(net, settings, n_epochs=0)
    move(net, settings)
    show_rows(net, rows)
    return net


def freeze(net: MultiTaskNet, settings: Settings, n_epochs: int) -> None:
    """Freeze the backbone, or thaw it, as the parameters say after some epochs."""
    begins_frozen = n_epochs < settings.freeze_epochs
    net.module_.freeze_backbone(settings.freeze_backbone or begins_frozen)
    if not any(weight.requires_grad for weight in parameters_of(net).values()):
        raise NetworkError(
            "The backbone is frozen and the heads have no weights to train. Set "
            "freeze_backbone=False and freeze_epochs=0, or give a task a head with "
            "layers."
        )


def move(net: MultiTaskNet, settings: Settings) -> bool:
    """Bring a network to its device and precision, and tell whether it was elsewhere.

    ``precision="auto"`` means float32 for a network that would be wrong in less.
    """
    precision, device = settings.precision, str(settings.device)
    moved = net.move(device, precision)  # to be tried where it computes
    if settings.precision_is_auto:
        net.settle_precision()
        return moved
    error = precision.error_of(net.module_, net.module__input_shape)
    if error is not None:
        raise NetworkError(
            f"The network of the backbone {settings.backbone.cls.__name__} cannot "
            f"compute in precision={precision.name!r} on the device {device!r}: "
            f"{error}. Set precision='float32'."
        ) from error
    return moved


def input_shape_of(X: Rows) -> tuple[int, ...]:
    """Give the shape of a row as the network gets it: channels come first."""
    return (X.shape[3], *X.shape[1:3]) if X.ndim == 4 else X.shape[1:]


def _head_of(task: Task, default_head: Head) -> HeadLike:
    """Choose a head where the user gave none: images are drawn by a decoder."""
    if task.own_head is not None:
        return task.own_head
    return Partial(Decoder) if len(task.score_shape) == 3 else default_head


def _head_spec(task: Task, head: HeadLike) -> HeadSpec:
    width = task.n_scores
    if not isinstance(head, Head):
        part = as_partial(head, "head", type(task).__name__)
        # A copy, as of the backbone's.
        return HeadSpec(width, module=part.cls, params=deepcopy(part.kwargs))
    layers = cast(Head, head)
    return HeadSpec(width, tuple(layers.hidden), layers.dropout, layers.batch_norm)
