"""The seeds of a fit."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError


def draw_seed(random_state: Any) -> int:
    """Draw the seed of one fit.

    Parameters
    ----------
    random_state : None, int or numpy.random.RandomState
        None asks the operating system, an int is used as it is, and a RandomState
        advances.

    Returns
    -------
    int
        Seed in [0, 2**32).

    Raises
    ------
    InvalidParameterError
        If it is none of these.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    try:
        generator = check_random_state(random_state)
    except ValueError as error:
        raise InvalidParameterError(
            "The 'random_state' parameter must be None, an integer in [0, 2**32) or a "
            f"numpy.random.RandomState. Got {short(random_state)} instead."
        ) from error
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(generator.randint(2**31))


class Seeds(NamedTuple):
    """Seeds of one fit, one for each use.

    Attributes
    ----------
    network : int
        Of the weights and of dropout.
    order : int
        Of the order of the rows.
    split : int
        Of the validation split, the same whatever epoch training begins at: rows that
        have trained the network must not validate it later.
    changes : int
        Of augmentation and mixing.
    balancing : int
        Of weights of losses that are drawn.
    aggregation : int
        Of what combines the tasks' gradients.
    """

    network: int
    order: int
    split: int
    changes: int
    balancing: int
    aggregation: int


def derive_seeds(seed: int, epoch: int) -> Seeds:
    """Derive seeds that differ by use and, but for the split, by where training begins.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    epoch : int
        Epochs that have been run before.

    Returns
    -------
    Seeds
        Seeds of the fit.
    """
    first, now = (
        Seeds(*map(int, np.random.SeedSequence([seed, begin]).generate_state(6)))
        for begin in (0, epoch)
    )
    return now._replace(split=first.split)
