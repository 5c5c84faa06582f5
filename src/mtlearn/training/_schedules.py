"""Learning-rate schedules by name, class or Partial."""

from collections.abc import Sequence
from typing import Any

from skorch.callbacks import LRScheduler
from torch.optim import lr_scheduler

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training._monitor import LOSS, Monitor
from mtlearn.training._parts import resolve_part
from mtlearn.training._warmup import WarmupCosineLR

_NAMES: dict[str, Partial] = {
    "auto": Partial(lr_scheduler.OneCycleLR),  # of training whose end is known
    "cosine": Partial(lr_scheduler.CosineAnnealingLR),
    # Sooner than early stopping's default of ten epochs.
    "plateau": Partial(lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=4),
    "one_cycle": Partial(lr_scheduler.OneCycleLR),
    "warmup_cosine": Partial(WarmupCosineLR),
}
# Those of torch that count batches; others say so by an attribute.
_OF_BATCHES = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)


def resolve_schedule(value: Any, owner: str) -> Partial | None:
    """Return the schedule that a user named.

    Parameters
    ----------
    value : None, str, class or Partial
        What the user gave.
    owner : str
        The estimator, for the message.

    Returns
    -------
    Partial or None
        A torch scheduler class with its arguments.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is no such schedule.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value not in _NAMES:
            raise InvalidParameterError(
                f"The 'lr_schedule' parameter of {owner} must be None, one of "
                f"{', '.join(map(repr, _NAMES))}, or Partial(a torch scheduler). "
                f"Got {short(value)} instead."
            )
        return _NAMES[value]
    cls = value.cls if isinstance(value, Partial) else value
    filled = ["optimizer", *_filled(cls, [1.0], 1, 1)]
    return resolve_part(value, lr_scheduler.LRScheduler, "lr_schedule", owner, filled)


def follows_figure(schedule: Partial | None) -> bool:
    """Tell whether a schedule follows a figure of the history."""
    cls = None if schedule is None else schedule.cls
    return isinstance(cls, type) and issubclass(cls, lr_scheduler.ReduceLROnPlateau)


def schedule_callback(
    schedule: Partial,
    *,
    rates: Sequence[float],
    epochs: int,
    n_batches: int,
    monitor: Monitor = LOSS,
) -> LRScheduler:
    """Make the callback that steps a schedule.

    What the schedule needs and was not given follows from the training: a cosine ends
    with it, at a tenth of the rate of each group; one cycle has its peak at that rate;
    a warm-up takes a tenth of the epochs, at most 5. A plateau is one of the
    monitored figure, by the same rule as for early stopping.

    Parameters
    ----------
    schedule : Partial
        From `resolve_schedule`.
    rates : sequence of float
        Learning rate of each group of weights.
    epochs : int
        Epochs at most.
    n_batches : int
        Batches an epoch.
    monitor : Monitor, default=LOSS
        What a plateau follows.

    Returns
    -------
    LRScheduler
        skorch's callback.

    Raises
    ------
    InvalidParameterError
        If a plateau is told another direction than that of the figure.
    """
    schedule = _for_groups(schedule, len(rates))
    defaults = _filled(schedule.cls, rates, epochs, n_batches)
    if follows_figure(schedule):
        mode = "max" if monitor.greater_is_better else "min"
        if schedule.kwargs.get("mode", mode) != mode:
            raise InvalidParameterError(
                f"The 'mode' of {schedule.cls.__name__} must be {mode!r} where the "
                f"monitor is {monitor.key!r}. Got {schedule.kwargs['mode']!r} instead. "
                "Leave it out."
            )
        defaults = {
            "mode": mode,
            "threshold": monitor.min_delta,
            "threshold_mode": "abs",
        }
        if "threshold" in schedule.kwargs:  # torch's own, with torch's meaning
            del defaults["threshold_mode"]
    return LRScheduler(
        policy=schedule.cls,
        monitor=monitor.key,
        event_name=None,
        step_every=_step_every(schedule.cls),
        **{**defaults, **schedule.kwargs},
    )


def _for_groups(schedule: Partial, n_groups: int) -> Partial:
    """Return a schedule that may have a lowest rate for each group.

    torch's cosine has one for all; ours is the same as long as it only falls.
    """
    cls, given = schedule.cls, schedule.kwargs
    falls = cls is lr_scheduler.CosineAnnealingLR and "T_max" not in given
    return (
        Partial(WarmupCosineLR, warmup=0, **given)
        if falls and n_groups > 1
        else schedule
    )


def _step_every(cls: Any) -> str:
    """Tell whether a schedule counts batches or epochs."""
    of_batches = isinstance(cls, type) and issubclass(cls, _OF_BATCHES)
    return getattr(cls, "step_every", "batch" if of_batches else "epoch")


def _filled(
    cls: Any, rates: Sequence[float], epochs: int, n_batches: int
) -> dict[str, Any]:
    """Give the arguments of a schedule that follow from the training."""
    defaults: dict[str, Any] = {}
    if cls is lr_scheduler.CosineAnnealingLR:
        defaults = {"T_max": epochs, "eta_min": min(rates) / 10}
    elif cls is WarmupCosineLR:
        lowest = [rate / 10 for rate in rates]
        defaults = {"T_max": epochs, "warmup": min(5, epochs // 10)}
        defaults["eta_min"] = lowest if len(rates) > 1 else lowest[0]
    elif cls is lr_scheduler.OneCycleLR:
        peaks = list(rates) if len(rates) > 1 else rates[0]
        # A cycle of one step is its end, at next to nothing.
        defaults = {"max_lr": peaks, "total_steps": max(2, epochs * n_batches)}
    return defaults
