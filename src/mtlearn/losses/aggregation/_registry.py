"""The ways to weigh the tasks' gradients, by their names."""

from collections.abc import Callable
from typing import Any

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses.aggregation._aligned import AlignedMTL
from mtlearn.losses.aggregation._bargaining import FairGrad, NashMTL
from mtlearn.losses.aggregation._base import Aggregation
from mtlearn.losses.aggregation._cagrad import CAGrad
from mtlearn.losses.aggregation._imtl_g import IMTLG
from mtlearn.losses.aggregation._mgda import MGDA
from mtlearn.losses.aggregation._pcgrad import PCGrad
from mtlearn.losses.aggregation._upgrad import UPGrad

AGGREGATIONS: dict[str, type[Aggregation]] = {
    "pcgrad": PCGrad,
    "upgrad": UPGrad,
    "mgda": MGDA,
    "cagrad": CAGrad,
    "imtl_g": IMTLG,
    "aligned": AlignedMTL,
    "nash": NashMTL,
    "fairgrad": FairGrad,
}


def resolve_aggregation(value: Any, owner: str) -> Callable[..., Any] | None:
    """Return what weighs the tasks' gradients, as a user named it.

    Parameters
    ----------
    value : None, str, Aggregation or callable
        What the user gave.
    owner : str
        The estimator, for messages.

    Returns
    -------
    Aggregation, callable or None
        Checked.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is none of that name, or a parameter of it is not what it must be.

    Examples
    --------
    >>> from mtlearn.losses.aggregation import resolve_aggregation
    >>> resolve_aggregation("cagrad", "MultiTaskEstimator")
    CAGrad()
    """
    if value is None:
        return None
    if isinstance(value, str) and value in AGGREGATIONS:
        return AGGREGATIONS[value]()
    if isinstance(value, Aggregation):
        value.validate(owner)
        return value
    if callable(value) and not isinstance(value, type):
        return value
    error = InvalidParameterError if isinstance(value, str) else ParameterTypeError
    names = list(AGGREGATIONS)
    raise error(
        f"The 'aggregation' parameter of {owner} must be None, one of {names}, "
        "an object such as CAGrad(c=0.4), or a callable that makes weights of a "
        f"Gramian. Got {short(value)} instead."
    )
