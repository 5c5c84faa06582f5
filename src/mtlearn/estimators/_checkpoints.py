"""Which checkpoints a fit has: those of the same parameters, data and versions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mtlearn._utils._row_plan import plan_of
from mtlearn.data import Rows, Samples
from mtlearn.estimators._fit import FitState
from mtlearn.estimators._settings import Settings
from mtlearn.tasks import EncodedTargets
from mtlearn.training import (
    Checkpoints,
    Files,
    FollowedCheckpoints,
    claimed,
    current_member,
    current_processes,
    fingerprint_of,
    weights_of,
)

# Parameters that change nothing about what is learned; the seed counts as drawn.
_APART = ("checkpoint_dir", "verbose", "random_state")


@contextmanager
def open_checkpoints(
    estimator: Any,
    state: FitState,
    settings: Settings,
    data: tuple[Rows, EncodedTargets, Samples | None],
    seed: int,
) -> Iterator[Checkpoints | None]:
    """Find the checkpoints of a fit.

    Parameters
    ----------
    estimator : estimator
        With its parameters.
    state : FitState
        What an earlier fit has learned; a net if training goes on with it.
    settings : Settings
        Checked parameters.
    data : tuple of (Rows, EncodedTargets, Samples or None)
        X, encoded y, and the validation rows that were passed.
    seed : int
        Drawn from the estimator's `random_state`.

    Yields
    ------
    Checkpoints or None
        Of no other fit, while the context is open; None without a folder for them.
    """
    if settings.checkpoint_dir is None:
        yield None
        return
    processes = current_processes()
    if processes is not None and not processes.is_first:
        yield FollowedCheckpoints(processes)
        return
    X, targets, validation = data
    unseeded = estimator.random_state is None
    member = current_member()
    place = None if member is None else member.place
    before = {} if state.net is None else weights_of(state.net)
    fingerprint = fingerprint_of(
        {
            "class": type(estimator),
            **_parameters(estimator),
            # Texts among their arguments may be paths of weights.
            "heads": Files([task.head for task in state.codec.tasks]),
            "computing": (settings.device.type, settings.precision.name),
            # Without a seed of the user's, that of an earlier run will do; but equal
            # members of an ensemble are to differ.
            "seed": place if unseeded else seed,
            # What encoded labels mean: classes, scales, columns.
            "codec": state.codec,
            "rows": (X, targets, plan_of(len(targets))),
            "held out": validation,
            **({} if state.columns is None else {"columns": state.columns}),
            "before": (len(state.history), before),
        }
    )
    with claimed(settings.checkpoint_dir, fingerprint[:32]) as name:
        found = Checkpoints(settings.checkpoint_dir, name, seed)
        yield found if processes is None else found.share(processes)


def _parameters(estimator: Any) -> dict[str, Any]:
    """Give what was asked for, by names for messages."""
    params = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _APART
    }
    if not isinstance(estimator.backbone, str):
        params["backbone"] = Files(estimator.backbone)
    return {f"{type(estimator).__name__}.{name}": v for name, v in params.items()}
