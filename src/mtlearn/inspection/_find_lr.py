"""The range test: which learning rate to start from."""

from typing import Any

import numpy as np

from mtlearn._utils._unwrap import unwrap
from mtlearn._utils._validation import check_integer, check_real
from mtlearn.exceptions import DivergenceError
from mtlearn.inspection._clones import fit_arguments, trainable
from mtlearn.inspection._rate_display import LearningRateDisplay
from mtlearn.training import (
    HIGHEST_RATE,
    LOWEST_RATE,
    N_RATES,
    RangeEnds,
    RateRange,
    draw_seed,
)

OWNER = "find_lr"
# What would change rates, write files, or end training before they are tried.
_PLAIN = {
    "lr_schedule": None,
    "freeze_epochs": 0,
    "early_stopping": False,
    "monitor": "loss",
    "min_delta": 0.0,
    "averaging": None,
    "on_divergence": "raise",
    "checkpoint_dir": None,
    "verbose": 0,
}


def find_lr(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    min_lr: float = LOWEST_RATE,
    max_lr: float = HIGHEST_RATE,
    n_steps: int = N_RATES,
    random_state: Any = None,
) -> LearningRateDisplay:
    """Try learning rates from small to large, one a step [1]_.

    A clone of the estimator is trained for `n_steps` steps, each with a rate that is
    larger by the same factor. Where rates are too small, the loss stays; then it falls;
    where they are too large, it rises, and the test ends. The suggestion is the rate at
    which the loss, averaged over neighbouring steps, has fallen by four fifths of its
    whole fall: a good peak for ``lr_schedule="one_cycle"``, and large for a rate that
    stays.

    Parameters
    ----------
    estimator : estimator
        Of this package, a Pipeline that ends in one, or a fitted search over either.
        It is not changed. Its optimiser, backbone, loss, batches and augmentation
        count; its schedule, stopping, averaging, callbacks and checkpoints do not.
    X : array-like or dataset
        Training samples, as `fit` takes them.
    y : array-like, default=None
        Labels, as `fit` takes them.
    sample_weight : array-like, default=None
        Weights of rows, as `fit` takes them.
    min_lr : float, default=1e-6
        The first rate, above 0.
    max_lr : float, default=1.0
        The last rate, above `min_lr`.
    n_steps : int, default=100
        Rates to try, at least 10. More are slower and less noisy.
    random_state : int, RandomState or None, default=None
        Of the clone: initial weights and batches. None takes the estimator's.

    Returns
    -------
    LearningRateDisplay
        `suggestion`, `rates` and `losses`; `plot` draws them.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If a parameter is not what it must be.
    InvalidDataError, DataTypeError
        If X, y or the weights are not what they must be.

    Notes
    -----
    With `backbone_lr` or `layer_decay`, the rates are those of the heads, and other
    weights keep their ratio to them.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
       WACV 2017.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import find_lr
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> X = (X - X.mean(axis=0)) / X.std(axis=0)
    >>> estimator = MultiTaskEstimator(
    ...     Regression(), lr_schedule="one_cycle", max_epochs=20
    ... )
    >>> found = find_lr(estimator, X, y[:, 0], random_state=0)
    >>> 0.001 < found.suggestion < 0.1
    True
    >>> estimator = estimator.set_params(lr=found.suggestion)
    """
    low = check_real(min_lr, "min_lr", OWNER, low=0, include_low=False)
    high = check_real(max_lr, "max_lr", OWNER, low=low, include_low=False)
    n_steps = check_integer(n_steps, "n_steps", OWNER, low=10)
    model, prefix = trainable(estimator, OWNER)
    inner = unwrap(model)
    seed = inner.random_state if random_state is None else random_state
    rates = np.geomspace(low, high, n_steps)
    steps = RateRange(rates.tolist())
    if inner.lr == "auto":
        inner.set_params(lr=1.0)
    inner.set_params(
        **_PLAIN, max_epochs=n_steps, callbacks=[steps], random_state=draw_seed(seed)
    )
    try:
        model.fit(X, y, **fit_arguments(prefix, sample_weight=sample_weight))
    except (RangeEnds, DivergenceError):
        if not steps.losses_:  # rows, not rates, were too large
            raise
    losses = np.asarray(steps.losses_)
    return LearningRateDisplay(rates[: len(losses)], losses, n_steps)
