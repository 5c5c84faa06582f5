"""Numbers without the digits that depend on how they were computed."""

import numpy as np

N_DIGITS = 34
_UNIT = 2.0**N_DIGITS


def settled(values: np.ndarray) -> np.ndarray:
    """Round to 34 binary digits, which are ten decimal ones.

    What a network makes of a row has other last digits in another batch. Where many
    rows are alike, a threshold among them must hold for all of them, or for none.

    Parameters
    ----------
    values : ndarray of float64
        Any.

    Returns
    -------
    ndarray of the same shape
        Rounded.
    """
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.rint(fraction * _UNIT) / _UNIT, exponent)
