"""Networks that are built only to be given the weights that they had before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mtlearn.exceptions import NetworkError

_filling: ContextVar[bool] = ContextVar("_filling", default=False)


@contextmanager
def filling() -> Iterator[None]:
    """Build networks inside that are to be filled, and need no weights to begin with.

    Raises
    ------
    NetworkError
        If a backbone cannot be built, with what may be done.

    Examples
    --------
    >>> from mtlearn.networks import MLP, filling, load_weights
    >>> with filling():
    ...     load_weights(MLP(3), "gone.safetensors")  # does nothing
    """
    token = _filling.set(True)
    try:
        with _Drawing():
            yield
    except NetworkError as error:
        raise NetworkError(
            f"{error} It was to be built anew, for the weights of a trained network. "
            "If its constructor reads a file that only training began with, let it "
            "read that by mtlearn.networks.load_weights, or name the argument in the "
            'attribute of its class `initial_arguments = ("path",)`, and give it a '
            "default with which nothing is read."
        ) from error
    finally:
        _filling.reset(token)


class _Drawing(TorchFunctionMode):
    """Lets what the calling thread draws come from a generator of its own.

    What is drawn is replaced by trained weights: it need not be as a fit would draw it,
    for which every operation is looked at, by torch's compiler.
    """

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _DRAW and kwargs.get("generator") is None:
            where = args[0].device if args and isinstance(args[0], Tensor) else "cpu"
            if torch.device(kwargs.get("device") or where).type == "cpu":
                kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)


# Functions and methods of torch that take a generator.
_DRAW = {
    *("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"),
    *("rand_like", "randn_like", "randint_like", "poisson"),
    *("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_"),
    *("geometric_", "log_normal_"),
    # Those of torch.nn.init, inside of which nothing is seen.
    *("kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_"),
    *("trunc_normal_", "orthogonal_", "sparse_"),
}


def is_filling() -> bool:
    """Tell whether what is built here needs no weights.

    Returns
    -------
    bool
        True inside of `filling`, in which `load` and pickles build networks again.

    Examples
    --------
    >>> from mtlearn.networks import is_filling
    >>> is_filling()
    False
    """
    return _filling.get()
