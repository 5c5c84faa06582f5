"""The parameters of an estimator, checked once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn._utils._validation import (
    check_bool,
    check_choice,
    check_fraction,
    check_integer,
    check_real,
)
from mtlearn.augmentation import resolve_augmentation, resolve_mixing
from mtlearn.data import RaritySampler
from mtlearn.estimators._aggregation import read_aggregation
from mtlearn.estimators._balancing import read_balancing
from mtlearn.estimators._choices import SamplerLike
from mtlearn.estimators._course import CONSTANT, epochs_for
from mtlearn.estimators._rates import read_course, read_positive
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import Balancing
from mtlearn.networks import named_backbone
from mtlearn.tasks import Tasks
from mtlearn.training import (
    LOSS,
    SWA,
    Changes,
    Monitor,
    Precision,
    Rates,
    check_callbacks,
    follows_figure,
    resolve_averaging,
    resolve_device,
    resolve_monitor,
    resolve_part,
    resolve_penalty,
    resolve_precision,
    task_monitors,
)

# What to do where a nested name meets a plain value.
REMEDIES = {
    "tasks": " Declare the tasks first: tasks=Tasks(...).",
    **dict.fromkeys(
        ("backbone", "optimizer", "lr_schedule"), " Pass a Partial(class) first."
    ),
    "augmentation": " Pass an Augmentation(...) first.",
    "mixing": " Pass a MixUp(...) or CutMix(...) first.",
    "loss_weights": " Pass a FAMO(...) or another way to balance losses first.",
    "sampler": " Pass a RaritySampler(...) first.",
    "averaging": " Pass an EMA(...) or SWA(...) first.",
    "aggregation": " Pass a CAGrad(...), FairGrad(...) or UPGrad(...) first.",
    "penalty": " Pass one penalty first, such as TraceNorm(0.1).",
}


@dataclass(frozen=True)
class Settings:
    """Checked parameters of a fit.

    Attributes
    ----------
    owner : str
        The estimator's class, for messages.
    implied : frozenset of str
        Arguments of the backbone that its name brings.
    backbone, optimizer : Partial
        Classes with their arguments.
    schedule : Partial or None
        A torch scheduler.
    rates : Rates
        Learning rates of the heads, of the backbone and of its layers.
    freeze_backbone : bool
        Whether the backbone stays as it is.
    freeze_epochs : int
        For how many epochs it does, if not always.
    clip_grad_norm : float or None
        The largest norm of the gradients.
    changes : Changes
        What happens to training batches.
    sampler : str, RaritySampler or None
        Which rows come more often than others.
    averaging : EMA, SWA or None
        Which weights the network gets at the end.
    balancing : Balancing or None
        How the weights of losses are found, if they are not given.
    aggregation : Aggregation, callable or None
        What weighs the tasks' gradients in what they share.
    penalties : tuple of Penalty
        What is added to the loss of each step.
    rate_is_given : bool
        Whether the user gave a rate, or asked for one that is to be found.
    epochs : int or None
        Epochs at most; None follows from the rows.
    batch_size, accumulate : int
        Rows a pass through the network, passes a step.
    validates : bool
        Whether rows are set aside when the user passes none.
    monitor_name : str
        As the user gave it.
    min_delta : float
        By how much more what it names must be better.
    monitor : Monitor
        Which figure stopping, the best weights and a plateau follow; see `for_tasks`.
    validation_fraction : float
        How many.
    patience : int or None
        Epochs without a better figure before training stops.
    by_task : bool
        Whether each task has a figure, and a best epoch, of its own.
    restore_best : bool
        Whether the best weights come back.
    falls_back : bool
        Whether training that diverges ends with the best weights so far.
    callbacks : tuple
        The user's skorch callbacks.
    device : torch.device
        Where to compute.
    precision : Precision
        In which precision.
    precision_is_auto : bool
        Whether the user left it to us.
    compile : dict or None
        Arguments of `torch.nn.Module.compile`; None does not compile.
    n_threads : int or None
        With how many torch threads.
    checkpoint_dir : Path or None
        Where checkpoints go.
    verbose : int
        How much to show.
    keeps_optimizer : bool
        Whether more training goes on with the optimiser's state.
    """

    owner: str
    backbone: Partial
    implied: frozenset[str]
    optimizer: Partial
    schedule: Partial | None
    rates: Rates
    freeze_backbone: bool
    freeze_epochs: int
    clip_grad_norm: float | None
    changes: Changes
    sampler: SamplerLike
    averaging: Any
    balancing: Balancing | None
    aggregation: Any
    penalties: tuple[Any, ...]
    rate_is_given: bool
    epochs: int | None
    batch_size: int
    accumulate: int
    validates: bool
    monitor_name: str
    min_delta: float
    validation_fraction: float
    patience: int | None
    by_task: bool
    restore_best: bool
    falls_back: bool
    callbacks: tuple[Any, ...]
    device: torch.device
    precision: Precision
    precision_is_auto: bool
    compile: dict[str, Any] | None
    n_threads: int | None
    checkpoint_dir: Path | None
    verbose: int
    keeps_optimizer: bool = False
    monitor: Monitor = LOSS

    def for_tasks(self, tasks: Tasks) -> "Settings":
        """Return the same with the figure to follow, which the tasks give names to."""
        monitor = resolve_monitor(
            self.monitor_name, self.min_delta, tasks, self.callbacks, self.owner
        )
        if self.by_task:
            task_monitors(monitor, tasks, self.owner)  # which there must be
        validates = self.validates and monitor.needs_validation
        return replace(self, monitor=monitor, validates=validates)

    @property
    def max_epochs(self) -> int:
        """Epochs at most, of settings that know their rows."""
        assert self.epochs is not None
        return self.epochs

    def for_rows(self, n_rows: int) -> "Settings":
        """Return the same with a number of epochs, which may follow from the rows."""
        return replace(self, epochs=self.epochs or epochs_for(n_rows))

    def for_one_epoch(self) -> "Settings":
        """Return what `partial_fit` trains with: only what holds for one epoch."""
        rates = self.rates
        if not self.rate_is_given:
            rates = replace(rates, heads=CONSTANT)  # which no schedule lowers
        return replace(
            self,
            epochs=1,
            schedule=None,
            rates=rates,
            validates=False,
            averaging=None,
            keeps_optimizer=True,
        )


def read_settings(estimator: Any, default_precision: str) -> Settings:
    """Check the parameters of an estimator.

    Parameters
    ----------
    estimator : estimator
        Whose parameters to read.
    default_precision : {"float32", "float64"}
        What ``precision="auto"`` means; see `resolve_precision`.

    Returns
    -------
    Settings
        The checked parameters.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If one is not what it must be.
    """
    owner = type(estimator).__name__
    stops, by_task = _read_early_stopping(estimator.early_stopping, owner)
    patience = _read_count(estimator, "n_iter_no_change", low=1)
    check_bool(estimator.warm_start, "warm_start", owner)
    device = resolve_device(estimator.device, owner)
    precision = resolve_precision(estimator.precision, default_precision, device, owner)
    callbacks = check_callbacks(estimator.callbacks, owner)
    backbone = _resolve_backbone(estimator.backbone, owner)
    course = read_course(estimator, backbone, callbacks, precision, device)
    named = isinstance(estimator.backbone, str)
    return Settings(
        owner=owner,
        backbone=backbone,
        implied=frozenset(backbone.kwargs if named else ()),
        **course,
        freeze_backbone=check_bool(estimator.freeze_backbone, "freeze_backbone", owner),
        freeze_epochs=_read_count(estimator, "freeze_epochs", low=0),
        clip_grad_norm=read_positive(estimator, "clip_grad_norm", owner),
        changes=Changes(
            resolve_augmentation(estimator.augmentation, owner),
            resolve_mixing(estimator.mixing, owner),
        ),
        sampler=_read_sampler(estimator.sampler, owner),
        averaging=_read_averaging(estimator.averaging, by_task, owner),
        balancing=read_balancing(estimator, owner),
        aggregation=read_aggregation(estimator, owner),
        penalties=resolve_penalty(estimator.penalty, owner),
        batch_size=_read_count(estimator, "batch_size", low=1),
        accumulate=_read_count(estimator, "accumulate", low=1),
        validates=stops or follows_figure(course["schedule"]),
        monitor_name=estimator.monitor,
        min_delta=check_real(estimator.min_delta, "min_delta", owner, low=0),
        validation_fraction=check_fraction(
            estimator.validation_fraction, "validation_fraction", owner
        ),
        patience=patience if stops else None,
        by_task=by_task,
        restore_best=check_bool(estimator.restore_best, "restore_best", owner),
        falls_back=_read_on_divergence(estimator.on_divergence, owner),
        callbacks=callbacks,
        device=device,
        precision=precision,
        precision_is_auto=estimator.precision == "auto",
        compile=_read_compile(estimator.compile, owner),
        n_threads=read_n_threads(estimator),
        checkpoint_dir=_read_folder(estimator.checkpoint_dir, owner),
        verbose=_read_verbose(estimator.verbose, owner),
    )


def _read_count(estimator: Any, name: str, low: int) -> int:
    return check_integer(
        getattr(estimator, name), name, type(estimator).__name__, low=low
    )


def read_n_threads(estimator: Any) -> int | None:
    """Check the number of torch threads."""
    if estimator.n_threads is None:
        return None
    owner = type(estimator).__name__
    return check_integer(estimator.n_threads, "n_threads", owner, low=1)


def _read_sampler(value: Any, owner: str) -> SamplerLike:
    if isinstance(value, RaritySampler):
        value.validate(owner)
        return value
    if value is None or isinstance(value, str):
        return value
    made = "" if not isinstance(value, type) else f": pass {value.__name__}()"
    raise ParameterTypeError(
        f"The 'sampler' parameter of {owner} must be None, 'balanced', 'tasks', a "
        f"RaritySampler or the name of a task. Got {short(value)} instead{made}."
    )


def _read_compile(value: Any, owner: str) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    try:
        return {} if check_bool(value, "compile", owner) else None
    except ParameterTypeError as error:
        raise ParameterTypeError(
            f"The 'compile' parameter of {owner} must be True, False or a dict of "
            f"arguments of torch.compile. Got {short(value)} instead."
        ) from error


def _read_early_stopping(value: Any, owner: str) -> tuple[bool, bool]:
    """Tell whether training stops early, and whether by each task."""
    by_task = isinstance(value, str) and value == "task"
    if not by_task and not isinstance(value, bool | np.bool_):
        error = InvalidParameterError if isinstance(value, str) else ParameterTypeError
        raise error(
            f"The 'early_stopping' parameter of {owner} must be True, False or 'task'. "
            f"Got {short(value)} instead."
        )
    return bool(value), by_task


def _read_averaging(value: Any, by_task: bool, owner: str) -> Any:
    averaging = resolve_averaging(value, owner)
    if by_task and isinstance(averaging, SWA):
        raise InvalidParameterError(
            f"The 'averaging' parameter of {owner} is SWA, which gives all tasks one "
            "average over epochs, and early_stopping='task' gives each the weights of "
            "its own. Use averaging='ema', or early_stopping=True."
        )
    return averaging


def _read_folder(value: Any, owner: str) -> Path | None:
    if value is None or isinstance(value, str | os.PathLike):
        return None if value is None else Path(value)
    raise ParameterTypeError(
        f"The 'checkpoint_dir' parameter of {owner} must be None or the path of a "
        f"folder. Got {short(value)} instead."
    )


def _read_on_divergence(value: Any, owner: str) -> bool:
    choices = ("raise", "restore_best")
    return check_choice(value, "on_divergence", owner, choices) == "restore_best"


def _read_verbose(value: Any, owner: str) -> int:
    if isinstance(value, bool):
        return int(value)
    return check_integer(value, "verbose", owner, low=0)


def _resolve_backbone(value: Any, owner: str) -> Partial:
    if isinstance(value, str):
        try:
            cls, arguments = named_backbone(value)
        except InvalidParameterError as error:
            raise InvalidParameterError(
                f"The 'backbone' parameter of {owner}: {error}"
            ) from error
        return Partial(cls, **arguments)
    return resolve_part(value, nn.Module, "backbone", owner)
