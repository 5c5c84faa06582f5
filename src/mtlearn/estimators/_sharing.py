"""A fit that several processes share: they must have been given the same."""

from typing import Any

from skorch.callbacks import Checkpoint, TrainEndCheckpoint

from mtlearn._utils._row_plan import plan_of
from mtlearn.data import Rows, Samples
from mtlearn.estimators._fit import FitState
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks import EncodedTargets
from mtlearn.training import (
    Processes,
    current_processes,
    first_difference,
    weights_of,
)

# What may differ: where and how much is shown and kept, and where is computed. That
# callbacks do the same is seen in the weights, and the first process's seed is taken.
_APART = (
    "callbacks",
    "checkpoint_dir",
    "device",
    "n_threads",
    "random_state",
    "verbose",
)
_DATA = {
    **{name: name for name in ("X", "y", "X_val", "y_val")},
    "before": "what an earlier fit has learned",
}


def shared_seed(
    estimator: Any,
    state: FitState,
    settings: Settings,
    data: tuple[Rows, EncodedTargets, Samples | None],
    seed: int,
) -> int:
    """Give the seed of a fit: that of the first process, if several share it.

    Parameters
    ----------
    estimator : estimator
        With its parameters.
    state : FitState
        What an earlier fit has learned.
    settings : Settings
        Checked parameters.
    data : tuple of (Rows, EncodedTargets, Samples or None)
        X, encoded y, and the validation rows that were passed.
    seed : int
        Drawn from the estimator's `random_state`.

    Returns
    -------
    int
        The seed.

    Raises
    ------
    InvalidParameterError
        If a parameter is none for several processes, or differs between them.
    InvalidDataError
        If the rows, labels or weights differ between them.
    """
    processes = current_processes()
    if processes is None:
        return seed
    _check_parameters(settings)
    _check_same(processes, estimator, state, settings, data)
    return processes.of_first(seed)


def _check_parameters(settings: Settings) -> None:
    """Refuse what would not be the same as in one process."""
    owner = settings.owner
    if settings.compile is not None:
        raise InvalidParameterError(
            f"The 'compile' parameter of {owner} must be False where several processes "
            "train one network. Set compile=False."
        )
    if settings.aggregation is not None:
        raise InvalidParameterError(
            f"The 'aggregation' parameter of {owner} must be None where several "
            "processes train one network: it needs each task's gradient of all rows. "
            "Set aggregation=None, or train in one process."
        )
    for each in settings.callbacks:
        callback = each[1] if isinstance(each, tuple) else each
        kind = callback if isinstance(callback, type) else type(callback)
        if issubclass(kind, Checkpoint | TrainEndCheckpoint):
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {owner} has {kind.__name__}, which all "
                "processes that train one network would write to the same files at "
                "once. Leave it out, and set checkpoint_dir."
            )


def _check_same(
    processes: Processes,
    estimator: Any,
    state: FitState,
    settings: Settings,
    data: tuple[Rows, EncodedTargets, Samples | None],
) -> None:
    X, targets, validation = data
    params = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _APART
    }
    computing = settings.device.type, settings.precision.name
    found = first_difference(
        processes,
        {
            "class": type(estimator),
            **params,
            "device and precision": computing,
            "checkpoint_dir": settings.checkpoint_dir is None,
            "X": X,
            "y": (state.codec, targets, plan_of(len(targets))),
            "X_val": None if validation is None else validation.X,
            "y_val": None if validation is None else validation.labels,
            "before": {} if state.net is None else weights_of(state.net),
        },
    )
    if found is None:
        return
    name, number = found
    if name in _DATA:
        raise InvalidDataError(
            f"The processes that train one network must have the same data: "
            f"{_DATA[name]} of process {number} differs from that of process 0. Pass "
            "all rows, in the same order, to each of them: `fit` gives each its part."
        )
    raise InvalidParameterError(
        f"The {name!r} parameter of {settings.owner} must be the same in all processes "
        f"that train one network. That of process {number} differs from that of "
        "process 0."
    )
