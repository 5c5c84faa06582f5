"""Which checkpoints a fit has: those of the same parameters, data and versions."""

from typing import Any

import numpy as np

from mtlearn._utils._datasets import DatasetRows
from mtlearn.estimators._fit import FitState
from mtlearn.estimators._settings import Settings
from mtlearn.tasks import EncodedTargets
from mtlearn.training import Checkpoints, Samples, fingerprint_of, weights_of

# Parameters that change nothing about what is learned; the seed counts as drawn.
_APART = ("checkpoint_dir", "verbose", "random_state")


def open_checkpoints(
    estimator: Any,
    state: FitState,
    settings: Settings,
    data: tuple[np.ndarray | DatasetRows, EncodedTargets, Samples | None],
    seed: int,
) -> Checkpoints | None:
    """Find the checkpoints of a fit.

    Parameters
    ----------
    estimator : estimator
        With its parameters.
    state : FitState
        What an earlier fit has learned; a net if training goes on with it.
    settings : Settings
        Checked parameters.
    data : tuple of (ndarray or DatasetRows, EncodedTargets, Samples or None)
        X, encoded y, and the validation rows that were passed.
    seed : int
        Drawn from the estimator's `random_state`.

    Returns
    -------
    Checkpoints or None
        None without a folder for them.
    """
    if settings.checkpoint_dir is None:
        return None
    X, targets, validation = data
    params = estimator.get_params(deep=False)
    held_out = () if validation is None else (validation.X, validation.labels)
    before = {} if state.net is None else weights_of(state.net)
    fingerprint = fingerprint_of(
        {
            "class": type(estimator),
            "params": {k: v for k, v in params.items() if k not in _APART},
            "computing": (settings.device.type, settings.precision.name),
            # Without a seed of the user's, that of an earlier run will do.
            "seed": None if estimator.random_state is None else seed,
            "classes": state.codec.classes(),
            "rows": (X, *targets.values, targets.weights, targets.class_weighted),
            "held out": held_out,
            "before": (len(state.history), before),
        }
    )
    return Checkpoints(settings.checkpoint_dir, fingerprint[:32], seed)
