"""Losses of this package in what a user gave for a loss."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from mtlearn._utils._partial import Partial


def known_loss(
    loss: Any, functions: Mapping[str, Callable[..., Any]]
) -> tuple[str, dict[str, Any]] | None:
    """Find the loss of this package that a user chose, and the options of it.

    Parameters
    ----------
    loss : object
        A name, a function, or one with some of its arguments: a `Partial`, or a
        `functools.partial`.
    functions : mapping of str to callable
        Losses by their names.

    Returns
    -------
    name, options : tuple of str and dict, or None
        None of another loss.
    """
    options: dict[str, Any] = {}
    while isinstance(loss, Partial | functools.partial):
        if isinstance(loss, Partial):
            loss, options = loss.cls, {**loss.kwargs, **options}
        elif loss.args:
            return None
        else:
            loss, options = loss.func, {**loss.keywords, **options}
    for name, function in functions.items():
        # A callable need not be equal to others, or have a hash.
        if loss is function or (isinstance(loss, str) and loss == name):
            return name, options
    return None


def check_options(
    loss: Any, functions: Mapping[str, Callable[..., Any]], row: tuple[Tensor, Tensor]
) -> None:
    """Raise before a training does, if a loss of this package has a wrong option.

    Parameters
    ----------
    loss, functions
        As for `known_loss`.
    row : tuple of Tensor
        The output and the target of a sample.

    Raises
    ------
    InvalidParameterError
        If the loss does not take it.
    """
    known = known_loss(loss, functions)
    if known is not None:
        name, options = known
        functions[name](*row, **{k: v for k, v in options.items() if k != "pos_weight"})
