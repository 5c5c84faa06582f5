"""A method and a parameter of one name."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


class _AlsoParameter:
    """A method; what is set under its name is a parameter, kept in the instance."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        self.__doc__ = method.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self.method
        return self.method.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = value


def also_parameter(method: Method) -> Method:
    """Let a class have a parameter of the name of a method.

    `vars(instance)[name]` is the parameter, and `instance.name` the method; the class
    brings the first one into its `get_params`.

    Parameters
    ----------
    method : function
        Of the class.

    Returns
    -------
    descriptor
        That stands for it.
    """
    return cast(Method, _AlsoParameter(method))


def keep_parameters(owner: type, names: Iterable[str]) -> None:
    """Let methods that a subclass has of its own be such, too.

    Parameters
    ----------
    owner : type
        The subclass.
    names : iterable of str
        Of methods that are parameters too.
    """
    for name in names:
        method = vars(owner).get(name)
        if method is not None and not isinstance(method, _AlsoParameter):
            descriptor = _AlsoParameter(method)
            descriptor.__set_name__(owner, name)
            setattr(owner, name, descriptor)
