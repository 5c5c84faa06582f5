"""A class and some of its arguments, as a value that can be searched."""

import inspect
from collections.abc import Callable
from typing import Any, Self

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


class Partial:
    """A class together with some of its keyword arguments.

    Where an estimator takes a class (a backbone, a head, an optimiser), a
    `Partial` fixes arguments of it, much as :func:`functools.partial` does, and
    makes them parameters: with ``backbone=Partial(ResNet, dropout=0.1)``,
    ``backbone__dropout`` can be searched by ``GridSearchCV``.

    Parameters
    ----------
    cls : class or callable
        What is to be called.
    **kwargs : object
        Keyword arguments of the call.

    Raises
    ------
    InvalidParameterError
        From `set_params`, if `cls` has no argument of a given name.

    Examples
    --------
    >>> from torch.optim import SGD
    >>> from mtlearn import Partial
    >>> optimizer = Partial(SGD, momentum=0.9)
    >>> optimizer.set_params(nesterov=True)
    Partial(SGD, momentum=0.9, nesterov=True)
    >>> optimizer.get_params()["momentum"]
    0.9
    """

    def __init__(self, cls: Callable[..., Any], **kwargs: Any) -> None:
        self.cls = cls
        self.kwargs = kwargs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call `cls` with these arguments and the fixed ones.

        Parameters
        ----------
        *args, **kwargs : object
            Further arguments; a keyword given here wins over a fixed one.

        Returns
        -------
        object
            What `cls` returns.
        """
        return self.cls(*args, **{**self.kwargs, **kwargs})

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get `cls` and the fixed arguments.

        Parameters
        ----------
        deep : bool, default=True
            Also give the parameters of arguments that have some.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = {"cls": self.cls, **self.kwargs}
        if deep:
            for name, value in self.kwargs.items():
                if hasattr(value, "get_params") and not isinstance(value, type):
                    nested = value.get_params().items()
                    params.update((f"{name}__{key}", item) for key, item in nested)
        return params

    def set_params(self, /, **params: Any) -> Self:
        """Set `cls` or arguments of it.

        Parameters
        ----------
        **params : object
            New values, by the names that `cls` gives its arguments.

        Returns
        -------
        Partial
            This object.

        Raises
        ------
        InvalidParameterError
            If `cls` takes no argument of that name.
        """
        self.cls = params.pop("cls", self.cls)
        check_arguments(self.cls, [name.partition("__")[0] for name in params])
        given = {name: value for name, value in params.items() if "__" not in name}
        # As in scikit-learn, an argument is replaced before its parameters are set.
        self.kwargs = {**self.kwargs, **given}
        for name in params.keys() - given.keys():
            outer, _, inner = name.partition("__")
            if not hasattr(self.kwargs.get(outer), "set_params"):
                raise InvalidParameterError(
                    f"{name!r} cannot be set: {self!r} has no argument {outer!r} with "
                    "parameters of its own."
                )
            self.kwargs[outer].set_params(**{inner: params[name]})
        return self

    def __repr__(self) -> str:
        name = getattr(self.cls, "__name__", repr(self.cls))
        given = [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"Partial({', '.join([name, *given])})"


def check_arguments(cls: Callable[..., Any], names: list[str]) -> None:
    """Raise if a callable takes no keyword argument of one of these names."""
    if not callable(cls):
        raise ParameterTypeError(
            f"Partial takes a class or another callable. Got {short(cls)} instead."
        )
    parameters = inspect.signature(cls).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    valid = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    for name in names:
        if name not in valid:
            label = getattr(cls, "__name__", repr(cls))
            raise InvalidParameterError(
                f"{label} has no argument {name!r}. Its arguments are: "
                f"{', '.join(valid)}."
            )


def as_partial(value: Any, name: str, owner: str) -> Partial:
    """Return a class or a Partial as a checked Partial.

    Parameters
    ----------
    value : class, callable or Partial
        What the user gave.
    name, owner : str
        The parameter and the class it belongs to, for the message.

    Returns
    -------
    Partial
        The class with its arguments, whose names have been checked.
    """
    if isinstance(value, Partial):
        check_arguments(value.cls, list(value.kwargs))
        return value
    if isinstance(value, type):
        return Partial(value)
    raise ParameterTypeError(
        f"The {name!r} parameter of {owner} must be a registered name, a class or "
        f"Partial(cls, **kwargs). Got {short(value)} instead: an object would be "
        "trained in place and could not be cloned."
    )
