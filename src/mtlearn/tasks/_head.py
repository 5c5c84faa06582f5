"""The layers between the shared features and a task's output."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from mtlearn._utils._partial import Partial, as_partial
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_bool, check_integer, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


class Head(VersionedEstimator):
    """The layers between the shared features and one task's output.

    Each hidden layer is a linear layer, batch normalisation, a ReLU and dropout; a
    linear layer of the task's width follows.

    Parameters
    ----------
    hidden : sequence of int, default=(64,)
        Widths of the hidden layers. Empty: one linear layer only.
    dropout : float, default=0.3
        Dropout after each hidden layer, in [0, 1).
    batch_norm : bool, default=True
        Whether the hidden layers are batch-normalised.

    Examples
    --------
    >>> from mtlearn import Classification, Head, Tasks
    >>> tasks = Tasks(digit=Classification(10, head=Head(hidden=(32,), dropout=0.1)))
    >>> tasks.get_params()["digit__head__dropout"]
    0.1
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        dropout: float = 0.3,
        batch_norm: bool = True,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.batch_norm = batch_norm

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The task that the head belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the Head of {owner}"
        if isinstance(self.hidden, str) or not hasattr(self.hidden, "__iter__"):
            raise ParameterTypeError(
                f"The 'hidden' parameter of {where} must be a sequence of widths, "
                f"such as (64,). Got {short(self.hidden)} instead."
            )
        for width in self.hidden:
            check_integer(width, "hidden", where, low=1)
        check_real(self.dropout, "dropout", where, low=0, high=1, include_high=False)
        check_bool(self.batch_norm, "batch_norm", where)


HeadLike = Head | type[nn.Module] | Partial


def check_head(value: Any, owner: str) -> None:
    """Check what a user gave for a head.

    Parameters
    ----------
    value : Head, class or Partial
        Any value.
    owner : str
        The task, for messages.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is something else, or a parameter of it is not what it must be.
    """
    if isinstance(value, Head):
        value.validate(owner)
        return
    check_module(value, "head", owner, "None, a Head, ")


def check_module(value: Any, name: str, owner: str, others: str = "None, ") -> None:
    """Check what a user gave for a module of the network.

    Parameters
    ----------
    value : class or Partial
        Any value.
    name : str
        The parameter.
    owner : str
        The task, for messages.
    others : str, default="None, "
        What else it may be.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is something else, or an argument of it is not what it must be.
    """
    cls = value.cls if isinstance(value, Partial) else value
    if isinstance(cls, type) and issubclass(cls, nn.Module):
        try:
            as_partial(value, name, owner)
        except InvalidParameterError as error:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner}: {error}"
            ) from error
        return
    remedy = ""
    if isinstance(cls, nn.Module):
        remedy = " An object would be trained in place, and could not be cloned."
    raise ParameterTypeError(
        f"The {name!r} parameter of {owner} must be {others}a subclass of "
        f"torch.nn.Module, or Partial of one. Got {short(value)} instead.{remedy}"
    )
