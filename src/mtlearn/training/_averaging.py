"""Averages of the weights that training passes through."""

import math
from typing import Any

from skorch.callbacks import Callback

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.data import Samples
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training.callbacks import EMACallback, SWACallback


class EMA(VersionedEstimator):
    """Exponential moving average of the weights, over the steps.

    After each step the average moves a little towards the weights. Validation, the
    best weights and the trained network have the average; training itself goes on
    from the weights as they are. The statistics of batch normalisation are those of the
    average.

    Parameters
    ----------
    decay : float, default=0.999
        Share of the average that stays at each step, in [0, 1). After t steps it
        is at most ``(1 + t) / (10 + t)``, so that a short training is not held back
        by its first weights.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by
       Averaging", SIAM Journal on Control and Optimization 30, 1992.
    .. [2] A. Tarvainen, H. Valpola, "Mean Teachers Are Better Role Models", NIPS 2017.

    Examples
    --------
    >>> from mtlearn.training import EMA
    >>> EMA(decay=0.99).get_params()
    {'decay': 0.99}
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = decay

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the EMA of {owner}"
        check_real(self.decay, "decay", where, low=0, high=1, include_high=False)


class SWA(VersionedEstimator):
    """Stochastic weight averaging: the mean of the weights at the last epochs' ends.

    The trained network has the mean, and statistics of batch normalisation that are
    computed anew on the training rows. Validation sees the weights as they are, so
    that the epoch with the best of them has no meaning for the mean: `restore_best`
    only applies where training stops before the first epoch that counts.

    Parameters
    ----------
    start : float, default=0.75
        The first epoch that counts is number ``ceil(start * max_epochs)``, from 1;
        in [0, 1].
    lr : float or None, default=None
        Learning rate from that epoch on, above 0, whatever the schedule says; that of
        a backbone with a rate of its own changes in proportion. None leaves it to the
        schedule.

    References
    ----------
    .. [1] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson, "Averaging
       Weights Leads to Wider Optima and Better Generalization", UAI 2018.

    Examples
    --------
    >>> from mtlearn.training import SWA
    >>> SWA(start=0.5).set_params(lr=0.01)
    SWA(lr=0.01, start=0.5)
    """

    def __init__(self, start: float = 0.75, lr: float | None = None) -> None:
        self.start = start
        self.lr = lr

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the SWA of {owner}"
        check_real(self.start, "start", where, low=0, high=1)
        if self.lr is not None:
            check_real(self.lr, "lr", where, low=0, include_low=False)


_NAMES = {"ema": EMA, "swa": SWA}


def resolve_averaging(value: Any, owner: str) -> EMA | SWA | None:
    """Return the averaging that a user named.

    Parameters
    ----------
    value : None, "ema", "swa", EMA or SWA
        What the user gave.
    owner : str
        The estimator, for messages.

    Returns
    -------
    EMA, SWA or None
        Checked.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is no such averaging, or a parameter of it is not what it must be.
    """
    if value is None:
        return None
    if isinstance(value, str) and value in _NAMES:
        return _NAMES[value]()
    if isinstance(value, EMA | SWA):
        value.validate(owner)
        return value
    error = InvalidParameterError if isinstance(value, str) else ParameterTypeError
    raise error(
        f"The 'averaging' parameter of {owner} must be None, 'ema', 'swa', or an "
        f"object such as EMA(decay=0.999) or SWA(start=0.75). Got "
        f"{short(value)} instead."
    )


def averaging_callback(value: EMA | SWA, epochs: int, rows: Samples) -> Callback:
    """Make the callback that averages.

    Parameters
    ----------
    value : EMA or SWA
        From `resolve_averaging`.
    epochs : int
        Epochs at most.
    rows : Samples
        Training rows.

    Returns
    -------
    EMACallback or SWACallback
        skorch's callback, for one training.
    """
    if isinstance(value, EMA):
        return EMACallback(value.decay)
    # A product such as 0.07 * 100 may be a hair above the whole number.
    start = math.ceil(round(value.start * epochs, 9))
    return SWACallback(start, value.lr, rows)
