"""Whether a network can compute in a shorter precision."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import hypot, isfinite
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.exceptions import NetworkError
from mtlearn.networks._features import tensors_of
from mtlearn.networks._layer_trial import LayerCalls, fault_of
from mtlearn.networks._memory import is_large, raise_if_out_of_memory
from mtlearn.networks._multitask import MultiTaskNetwork
from mtlearn.networks._own_heads import OwnHead
from mtlearn.networks._registry import is_registered

# How far a whole network may be off, as a share of its numbers. Rounding turns some of
# the units of a deep network off or on, and moves its gradients by tens of per cents.
_SHARE_OFF = 1.0


def autocast_error(
    network: MultiTaskNetwork, input_shape: Sequence[int], dtype: torch.dtype
) -> Exception | None:
    """Try whether a network computes the same under autocast, where it is.

    Each layer is compared with itself in float32, alone and on numbers of its own: some
    are wrong for some shapes on some devices. A backbone or head of the user's is
    compared as a whole too: some code cannot mix types, as it writes into a float32
    tensor what a layer has returned, or computes its own gradients.

    Parameters
    ----------
    network : MultiTaskNetwork
        The network, whose weights are float32. It stays as it is.
    input_shape : sequence of int
        Shape of one sample, as in `build_network`.
    dtype : torch.dtype
        The shorter type.

    Returns
    -------
    Exception or None
        None if all is right but for rounding. Else a NetworkError that says what is
        wrong, or what a pass of random samples between 0 and 1 raises under autocast
        and not without.

    Raises
    ------
    MemoryError, RuntimeError
        If there is not enough memory.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import HeadSpec, MLP, autocast_error, build_network
    >>> network = build_network(MLP, {}, (3,), [HeadSpec(2)])
    >>> autocast_error(network, (3,), torch.bfloat16) is None
    True
    """
    device = next(network.parameters()).device
    n_rows = 1 if is_large(input_shape) else 2
    samples = _random((n_rows, *input_shape), device)
    calls = LayerCalls()
    exact = None
    with _evaluating(network):
        try:
            exact = _numbers(network, samples, None, calls)
        except Exception as error:  # it is not for the type
            raise_if_out_of_memory(error)
        try:
            wrong = _wrong_layer(network, calls, device, dtype)
            if wrong is None and exact:
                wrong = _difference(exact, _numbers(network, samples, dtype), dtype)
        except Exception as error:
            raise_if_out_of_memory(error)
            return error
    return wrong


def _random(shape: Sequence[int], device: torch.device) -> Tensor:
    """Draw numbers, the same each time, and not from torch's default generator."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu")
    return drawn.to(device)


@contextmanager
def _evaluating(network: MultiTaskNetwork) -> Iterator[None]:
    """Bring a network to evaluation mode for a while, and keep its buffers."""
    modes = [(module, module.training) for module in network.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for module, name, buffer, before in buffers:
            # A user's code may write into it, or put another one in its place.
            if not torch.equal(buffer, before):
                buffer.copy_(before)
            module._buffers[name] = buffer


def _numbers(
    network: MultiTaskNetwork,
    samples: Tensor,
    dtype: torch.dtype | None,
    calls: AbstractContextManager[Any] | None = None,
) -> dict[str, list[Tensor]]:
    """Run a network, and give what a user's backbone and heads compute.

    Layers of the user's heads are not noted in `calls`: they are not in autocast.
    """
    is_users = not is_registered(type(network.backbone))
    own = {i: head for i, head in enumerate(network.heads) if isinstance(head, OwnHead)}
    autocast = torch.autocast(samples.device.type, dtype, enabled=dtype is not None)
    found = {}
    with torch.set_grad_enabled(is_users or bool(own)):
        with autocast:
            with calls or nullcontext():
                features = network.features(samples)
                for number in range(len(network.heads)):
                    if number not in own:
                        network.outputs(features, [number])
            outputs = {number: network.outputs(features, [number]) for number in own}
        if is_users:
            given = tensors_of(features)
            found.update(_of_part("backbone", "features", network.backbone, given))
        for number, output in outputs.items():
            head = own[number]
            found.update(_of_part(head.label, "outputs", head, output))
    return found


def _of_part(
    name: str, what: str, part: nn.Module, outputs: Sequence[Tensor]
) -> dict[str, list[Tensor]]:
    """Give the outputs of a part, and the gradients of its weights in them."""
    found = {f"{what} of the {name}": [output.detach() for output in outputs]}
    weights = [each for each in part.parameters() if each.requires_grad]
    followed = [output for output in outputs if output.requires_grad]
    if weights and followed:
        sums = [
            (output.float() * _random(output.shape, output.device)).sum()
            for output in followed
        ]
        total = torch.stack(sums).sum()
        gradients = torch.autograd.grad(
            total, weights, allow_unused=True, retain_graph=True
        )
        found[f"gradients of the {name}"] = [
            each for each in gradients if each is not None
        ]
    return found


def _wrong_layer(
    network: MultiTaskNetwork,
    calls: LayerCalls,
    device: torch.device,
    dtype: torch.dtype,
) -> NetworkError | None:
    names = {id(weight): name for name, weight in network.named_parameters()}
    for call, weight in calls.weights.items():
        fault = fault_of(call, device, dtype)
        if fault is not None:
            name = names.get(id(weight), "").rpartition(".")[0]
            layer = f"the layer {name!r}, a" if name else "a"
            return NetworkError(f"{layer} {call}: {fault}")
    return None


def _difference(
    exact: dict[str, list[Tensor]], short: dict[str, list[Tensor]], dtype: torch.dtype
) -> NetworkError | None:
    for name, ones in exact.items():
        size = _size(ones)
        pairs = zip(ones, short[name], strict=True)
        off = _size([other.float() - one for one, other in pairs])
        # NaN is not less; and where float32 has it too, it is not for the type.
        if isfinite(size) and not off <= _SHARE_OFF * size:
            return NetworkError(
                f"the {name} in {dtype} are not those in float32: they are off by "
                f"{off:.2g}, and of size {size:.2g}"
            )
    return None


def _size(tensors: Sequence[Tensor]) -> float:
    norms = [torch.linalg.vector_norm(each, dtype=torch.float64) for each in tensors]
    return hypot(*(norm.item() for norm in norms))
