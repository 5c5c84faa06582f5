"""Layers that are made in float32, whatever torch's default type is."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class InFloat32(TorchFunctionMode):
    """Gives new weights float32 where nobody names a type, in the calling thread.

    What is drawn depends on the type that it is drawn in.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty and kwargs.get("dtype") is None:
            kwargs = {**kwargs, "dtype": torch.float32}
        return func(*args, **kwargs)
