"""The learning rate that a fit finds for itself."""

from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn.data import Samples
from mtlearn.estimators._fit import FitState, new_net
from mtlearn.estimators._settings import Settings
from mtlearn.estimators._train import train
from mtlearn.exceptions import DivergenceError, InvalidParameterError
from mtlearn.tasks import Head
from mtlearn.training import (
    HIGHEST_RATE,
    LOSS,
    LOWEST_RATE,
    N_RATES,
    Randomness,
    RangeEnds,
    RateRange,
    Rates,
    Seeds,
    meeting_at,
    smoothed_losses,
    suggested_rate,
)


def at_found_rate(
    settings: Settings,
    state: FitState,
    rows: Samples,
    seeds: Seeds,
    default_head: Head,
    task_weights: tuple[float, ...],
) -> Settings:
    """Find the learning rate by a range test, unless it is given.

    Parameters
    ----------
    settings : Settings
        Checked parameters.
    state : FitState
        What an earlier fit has found is taken as it is.
    rows : Samples
        Training rows.
    seeds : Seeds
        Of the fit: the test begins with the weights and the batches that it will have.
    default_head : Head
        For tasks without one.
    task_weights : tuple of float
        Weights of the losses, in the order of the tasks.

    Returns
    -------
    Settings
        With a rate.

    Raises
    ------
    InvalidParameterError
        If the loss falls at no rate.
    DivergenceError
        If it is not finite to begin with.
    """
    if not np.isnan(settings.rates.heads):
        return settings
    rate = state.lr
    if rate is None:
        rate = _tested(settings, state, rows, seeds, default_head, task_weights)
    return replace(settings, rates=replace(settings.rates, heads=rate))


def _tested(
    settings: Settings,
    state: FitState,
    rows: Samples,
    seeds: Seeds,
    default_head: Head,
    task_weights: tuple[float, ...],
) -> float:
    """Train a network of its own with rates from small to large."""
    rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, N_RATES)
    steps = RateRange(rates.tolist())
    plain = _plain(settings, steps)
    trial = FitState(state.codec, sampling=state.sampling, columns=state.columns)
    randomness = Randomness(seeds.network, settings.device)
    with randomness.for_all():
        trial.net = new_net(rows, trial, default_head, plain)
    trial.net.criterion_.task_weights = task_weights
    trial.net.set_balancing(plain.balancing, seeds.balancing, keep_state=False)
    try:
        with meeting_at(None):  # its steps are no others'
            train(
                trial,
                (rows, None),
                plain,
                seeds=seeds,
                randomness=randomness,
                on_epoch=(_nothing, lambda: False),
            )
    except (RangeEnds, DivergenceError):
        if not steps.losses_:  # no rate was tried yet
            raise
    losses = smoothed_losses(steps.losses_, N_RATES)
    found = suggested_rate(rates[: len(losses)], losses)
    if found is None:
        raise InvalidParameterError(
            f"The 'lr' parameter of {settings.owner} is 'auto', and the loss falls at "
            f"no rate from {LOWEST_RATE:g} to {HIGHEST_RATE:g}. Look at "
            "mtlearn.inspection.find_lr(estimator, X, y).plot(), or give a number."
        )
    return found


def _plain(settings: Settings, steps: RateRange) -> Settings:
    """Leave out what would change rates, keep weights or end training sooner."""
    return replace(
        settings,
        rates=Rates(1.0, None, settings.rates.layer_decay),
        schedule=None,
        freeze_epochs=0,
        averaging=None,
        validates=False,
        patience=None,
        by_task=False,
        monitor=LOSS,
        restore_best=False,
        falls_back=False,
        callbacks=(steps,),
        epochs=N_RATES,
        verbose=0,
    )


def _nothing() -> Any:
    """Tell nobody of an epoch."""
