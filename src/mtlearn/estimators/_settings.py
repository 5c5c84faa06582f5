"""The parameters of an estimator, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn._utils._partial import Partial
from mtlearn._utils._validation import check_bool, check_integer, check_real
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import get_backbone
from mtlearn.training import (
    Precision,
    resolve_device,
    resolve_optimizer,
    resolve_part,
    resolve_precision,
    resolve_schedule,
    watches_validation,
)


@dataclass(frozen=True)
class Settings:
    """Checked parameters of a fit.

    Attributes
    ----------
    backbone, optimizer : Partial
        Classes with their arguments.
    schedule : Partial or None
        A torch scheduler.
    lr : float
        Learning rate.
    max_epochs, batch_size : int
        Epochs at most, rows a batch.
    validates : bool
        Whether rows are set aside when the user passes none.
    validation_fraction : float
        How many.
    patience : int or None
        Epochs without a better validation loss before training stops.
    restore_best : bool
        Whether the best weights come back.
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
    verbose : int
        How much to show.
    keeps_optimizer : bool
        Whether more training goes on with the optimiser's state.
    """

    backbone: Partial
    optimizer: Partial
    schedule: Partial | None
    lr: float
    max_epochs: int
    batch_size: int
    validates: bool
    validation_fraction: float
    patience: int | None
    restore_best: bool
    callbacks: tuple[Any, ...]
    device: torch.device
    precision: Precision
    precision_is_auto: bool
    compile: dict[str, Any] | None
    n_threads: int | None
    verbose: int
    keeps_optimizer: bool = False

    def for_one_epoch(self) -> "Settings":
        """Return what `partial_fit` trains with: no schedule and no validation."""
        return replace(
            self, max_epochs=1, schedule=None, validates=False, keeps_optimizer=True
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
    decay = check_real(estimator.weight_decay, "weight_decay", owner, low=0)
    schedule = resolve_schedule(estimator.lr_schedule, owner)
    stops = check_bool(estimator.early_stopping, "early_stopping", owner)
    patience = check_integer(
        estimator.n_iter_no_change, "n_iter_no_change", owner, low=1
    )
    check_bool(estimator.warm_start, "warm_start", owner)
    device = resolve_device(estimator.device, owner)
    precision = resolve_precision(estimator.precision, default_precision, device, owner)
    optimizer = resolve_optimizer(estimator.optimizer, decay, device, owner)
    _check_steps(optimizer, precision, owner)
    return Settings(
        backbone=_resolve_backbone(estimator.backbone, owner),
        optimizer=optimizer,
        schedule=schedule,
        lr=check_real(estimator.lr, "lr", owner, low=0, include_low=False),
        max_epochs=check_integer(estimator.max_epochs, "max_epochs", owner, low=1),
        batch_size=check_integer(estimator.batch_size, "batch_size", owner, low=1),
        validates=stops or watches_validation(schedule),
        validation_fraction=check_real(
            estimator.validation_fraction,
            "validation_fraction",
            owner,
            low=0,
            high=1,
            include_low=False,
            include_high=False,
        ),
        patience=patience if stops else None,
        restore_best=check_bool(estimator.restore_best, "restore_best", owner),
        callbacks=_read_callbacks(estimator.callbacks, owner),
        device=device,
        precision=precision,
        precision_is_auto=estimator.precision == "auto",
        compile=_read_compile(estimator.compile, owner),
        n_threads=read_n_threads(estimator),
        verbose=_read_verbose(estimator.verbose, owner),
    )


def read_n_threads(estimator: Any) -> int | None:
    """Check the number of torch threads."""
    if estimator.n_threads is None:
        return None
    owner = type(estimator).__name__
    return check_integer(estimator.n_threads, "n_threads", owner, low=1)


def _check_steps(optimizer: Partial, precision: Precision, owner: str) -> None:
    if precision.name == "float16" and optimizer.cls is torch.optim.LBFGS:
        raise InvalidParameterError(
            f"The 'precision' parameter of {owner} is 'float16', whose scaled loss "
            "LBFGS cannot take several times in a step. Use "
            "'bfloat16' or 'float32', or another optimizer."
        )


def _read_compile(value: Any, owner: str) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    try:
        return {} if check_bool(value, "compile", owner) else None
    except ParameterTypeError as error:
        raise ParameterTypeError(
            f"The 'compile' parameter of {owner} must be True, False or a dict of "
            f"arguments of torch.compile. Got {value!r} instead."
        ) from error


def _read_verbose(value: Any, owner: str) -> int:
    if isinstance(value, bool):
        return int(value)
    return check_integer(value, "verbose", owner, low=0)


def _resolve_backbone(value: Any, owner: str) -> Partial:
    if isinstance(value, str):
        try:
            return Partial(get_backbone(value))
        except InvalidParameterError as error:
            raise InvalidParameterError(
                f"The 'backbone' parameter of {owner}: {error}"
            ) from error
    return resolve_part(value, nn.Module, "backbone", owner)


def _read_callbacks(value: Any, owner: str) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(map(_is_callback, value)):
        raise ParameterTypeError(
            f"The 'callbacks' parameter of {owner} must be None or a list of skorch "
            f"callbacks. Got {value!r} instead. Pass those of scikit-learn to "
            "set_callbacks."
        )
    return tuple(value)


def _is_callback(value: Any) -> bool:
    """Tell whether skorch takes it: a callback, its class, or either with a name."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        value = value[1]
    return isinstance(value, Callback) or (
        isinstance(value, type) and issubclass(value, Callback)
    )
