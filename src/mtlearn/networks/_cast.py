"""Modules in another type of numbers."""

from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def cast_module(
    module: Module, dtype: torch.dtype, device: torch.device | str | None = None
) -> Module:
    """Bring the numbers of a module to a type; ``module.to`` makes complex ones real.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    dtype : torch.dtype
        Of real numbers; complex ones get two of these.
    device : torch.device, str or None, default=None
        Where to bring them; None leaves them there.

    Returns
    -------
    torch.nn.Module
        The module.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import MLP, cast_module
    >>> next(cast_module(MLP(3), torch.float64).parameters()).dtype
    torch.float64
    """

    def cast(tensor: Tensor) -> Tensor:
        if tensor.is_complex():
            return tensor.to(device, dtype.to_complex())
        return tensor.to(device, dtype if tensor.is_floating_point() else None)

    return module._apply(cast)
