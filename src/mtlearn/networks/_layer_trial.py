"""Whether a single layer computes right numbers in a shorter type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_NAMES = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED_NAMES = (*_NAMES[:5], "output_padding", "groups", "dilation")
_CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSED = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
# What autocast computes in the shorter type, with the names of its arguments.
_LAYERS: dict[Callable[..., Tensor], tuple[str, ...]] = {
    functional.linear: ("input", "weight", "bias"),
    **dict.fromkeys(_CONVOLUTIONS, _NAMES),
    **dict.fromkeys(_TRANSPOSED, _TRANSPOSED_NAMES),
}
# Rounding of its factors and its sum moves a value of bfloat16 by a hundredth at most.
_ROUNDING = 0.05


@dataclass(frozen=True)
class LayerCall:
    """A call of a layer, without its numbers.

    Parameters
    ----------
    function : callable
        One of `torch.nn.functional`.
    shapes : tuple of tuple of int
        Of the input, the weights and the output.
    channels_last : tuple of bool
        Whether the input and the weights lie so in memory.
    has_bias : bool
        Whether it adds a bias.
    settings : tuple of (str, object)
        Other arguments, by name.
    """

    function: Callable[..., Tensor]
    shapes: tuple[tuple[int, ...], ...]
    channels_last: tuple[bool, ...]
    has_bias: bool
    settings: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        stride = dict(self.settings).get("stride")
        return (
            f"{self.function.__name__} of a batch of shape {self.shapes[0]} with "
            f"weights of shape {self.shapes[1]}"
            + ("" if stride is None else f" and stride {stride}")
        )


class LayerCalls(TorchFunctionMode):
    """Notes the layers that are called, those in a user's own code among them.

    Attributes
    ----------
    weights : dict of LayerCall to Tensor
        The weights of the first one of each kind.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[LayerCall, Tensor] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in _LAYERS:
            given = dict(zip(_LAYERS[func], args, strict=False)) | dict(kwargs or {})
            x, weight = given.pop("input"), given.pop("weight")
            call = LayerCall(
                func,
                (tuple(x.shape), tuple(weight.shape), tuple(output.shape)),
                (_is_channels_last(x), _is_channels_last(weight)),
                given.pop("bias", None) is not None,
                tuple((name, _hashable(each)) for name, each in given.items()),
            )
            self.weights.setdefault(call, weight)
        return output


def _is_channels_last(x: Tensor) -> bool:
    return x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def fault_of(call: LayerCall, device: torch.device, dtype: torch.dtype) -> str | None:
    """Say what a layer computes wrongly in a shorter type.

    Parameters
    ----------
    call : LayerCall
        The layer.
    device : torch.device
        Where it computes.
    dtype : torch.dtype
        Type of autocast.

    Returns
    -------
    str or None
        None if all is right but for rounding.
    """
    if _reads_too_far(call, device, dtype):
        return (
            "torch's convolutions in bfloat16 on processors are wrong where their "
            "output (of transposed ones the input) is one wide and their stride is not "
            "one"
        )
    return _tried(call, device, dtype)


def _reads_too_far(call: LayerCall, device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether a layer is of a kind that is wrong on processors.

    Of what lies in memory behind its numbers (pytorch issue 169688): in one trial they
    may be right, and in the next wrong.
    """
    stride = dict(call.settings).get("stride", 1)
    along_width = stride if isinstance(stride, int) else stride[-1]
    # The gradient of a transposed one is a convolution from its output to its input.
    narrow = call.shapes[0 if call.function in _TRANSPOSED else 2]
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and call.function in (*_CONVOLUTIONS, *_TRANSPOSED)
        and along_width > 1
        and narrow[-1] == 1
    )


@lru_cache(maxsize=1024)
@torch.enable_grad()
def _tried(call: LayerCall, device: torch.device, dtype: torch.dtype) -> str | None:
    """Compare a layer in both types, on positive numbers: then nothing cancels."""
    example = _example(call, device)
    exact, short = (_numbers(call, example, each) for each in (None, dtype))
    for name, one in exact.items():
        # Not "any is larger", as NaN is not.
        if not ((short[name].float() - one).abs() <= _ROUNDING * one).all():
            return f"{name} is not that of float32"
    return None


def _example(call: LayerCall, device: torch.device) -> dict[str, Tensor]:
    """Draw numbers for a layer, of which float16 too holds all sums."""
    generator = torch.Generator().manual_seed(0)

    def draw(shape: Sequence[int], scale: float, channels_last: bool = False) -> Tensor:
        drawn = torch.rand(
            shape, generator=generator, dtype=torch.float32, device="cpu"
        )
        numbers = (0.5 + drawn) * scale
        order = torch.channels_last if channels_last else torch.contiguous_format
        return numbers.to(device).contiguous(memory_format=order)

    inputs, weights, outputs = call.shapes
    channel = max(len(weights) - 2, 0) + 1  # from the end
    return {
        "x": draw(inputs, 1, call.channels_last[0]),
        "weight": draw(
            weights, max(1, prod(weights[1:])) ** -0.5, call.channels_last[1]
        ),
        "bias": draw(outputs[-channel:][:1], 1),
        "gradient": draw(outputs, max(1, prod(outputs)) ** -0.5),
    }


def _numbers(
    call: LayerCall, example: dict[str, Tensor], dtype: torch.dtype | None
) -> dict[str, Tensor]:
    """Compute all that a layer computes, under autocast to a type if one is given."""
    leaves = [example[name].detach().requires_grad_() for name in ("x", "weight")]
    x, weight = leaves
    bias = example["bias"].detach().requires_grad_() if call.has_bias else None
    settings = dict(call.settings)
    kind = x.device.type
    with torch.autocast(kind, dtype, enabled=dtype is not None):
        output = call.function(x, weight, bias, **settings)
        with torch.no_grad():  # as in prediction, with a batch norm folded into it
            predicted = call.function(x, weight, example["bias"], **settings)
    if bias is not None:
        leaves.append(bias)
    # Of a number: for a gradient that it is given, torch imports much.
    total = (output.float() * example["gradient"]).sum()
    names = ("input", "weights", "bias")[: len(leaves)]
    found = zip(names, torch.autograd.grad(total, leaves), strict=True)
    return {
        "its output": output.detach(),
        "its output in prediction": predicted,
        **{f"the gradient of its {name}": each for name, each in found},
    }
