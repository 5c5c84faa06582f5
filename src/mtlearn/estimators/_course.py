"""The course of training where the user leaves it open: schedule, rate and epochs."""

import inspect
from typing import Any

from skorch.callbacks import EarlyStopping, LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import ParameterTypeError
from mtlearn.networks import is_registered
from mtlearn.training import has_callback, resolve_schedule

AUTO = "auto"
PEAK, CONSTANT = 0.01, 0.001
_MOMENTA = {"betas", "momentum"}
UNTIL_STOPPED = 100
EPOCHS = 20
# Fewer rows pass more often, up to so many times, and more rows less often.
FEW_ROWS, MOST_EPOCHS = 700, 60
MANY_ROWS, FEWEST_EPOCHS = 5000, 5


def read_schedule(
    estimator: Any, optimizer: Partial, callbacks: tuple[Any, ...]
) -> Partial | None:
    """Check the schedule.

    Parameters
    ----------
    estimator : estimator
        Whose parameter to read.
    optimizer : Partial
        A torch optimiser class with its arguments.
    callbacks : tuple
        The user's skorch callbacks.

    Returns
    -------
    Partial or None
        A torch scheduler class with its arguments. One cycle is for training whose end
        is known, whose rate nobody else moves, and that has a momentum. It moves that
        along, unless the user said what it is.
    """
    value = estimator.lr_schedule
    if isinstance(value, str) and value == AUTO:
        moves = has_callback(callbacks, LRScheduler) or not _has_momentum(optimizer)
        if moves or is_open_ended(estimator, callbacks):
            value = None
        elif isinstance(estimator.optimizer, Partial) and _MOMENTA & set(
            estimator.optimizer.kwargs
        ):
            value = Partial(OneCycleLR, cycle_momentum=False)
    return resolve_schedule(value, type(estimator).__name__)


def is_open_ended(estimator: Any, callbacks: tuple[Any, ...]) -> bool:
    """Tell whether training may stop before its last epoch."""
    return bool(estimator.early_stopping) or has_callback(callbacks, EarlyStopping)


def _has_momentum(optimizer: Partial) -> bool:
    arguments = inspect.signature(optimizer.cls).parameters
    values = {name: each.default for name, each in arguments.items()}
    values.update(optimizer.kwargs)
    # A cycle would give one to SGD and RMSprop where it is 0, as it is by default.
    return any(values.get(name) for name in _MOMENTA)


def default_rate(schedule: Partial | None, backbone: Partial) -> float:
    """Return the learning rate that goes with a schedule.

    Parameters
    ----------
    schedule : Partial or None
        From `read_schedule`.
    backbone : Partial
        Its class and arguments.

    Returns
    -------
    float
        A peak that training soon leaves may be higher than a rate that stays, but
        would undo what a network has learned before, and another's may not bear it.
    """
    has_peak = schedule is not None and schedule.cls is OneCycleLR
    is_new = is_registered(backbone.cls) and backbone.kwargs.get("weights") is None
    return PEAK if has_peak and is_new else CONSTANT


def read_epochs(estimator: Any, callbacks: tuple[Any, ...]) -> int | None:
    """Check the number of epochs; None follows from the rows."""
    value, owner = estimator.max_epochs, type(estimator).__name__
    if isinstance(value, str):
        if value != AUTO:
            raise ParameterTypeError(
                f"The 'max_epochs' parameter of {owner} must be an integer or "
                f"{AUTO!r}. Got {short(value)} instead."
            )
        return UNTIL_STOPPED if is_open_ended(estimator, callbacks) else None
    return check_integer(value, "max_epochs", owner, low=1)


def epochs_for(n_rows: int) -> int:
    """Return how often rows pass through the network where nobody says.

    Parameters
    ----------
    n_rows : int
        How many there are.

    Returns
    -------
    int
        20; for fewer than 700 rows so many that 14,000 pass, at most 60; for more than
        5,000 so many that 100,000 do, at least 5.
    """
    if n_rows < FEW_ROWS:
        return min(MOST_EPOCHS, -(-EPOCHS * FEW_ROWS // n_rows))
    if n_rows > MANY_ROWS:
        return max(FEWEST_EPOCHS, -(-EPOCHS * MANY_ROWS // n_rows))
    return EPOCHS
