"""Whether a network can compute in a shorter precision."""

from collections.abc import Sequence

import torch

from mtlearn.networks._multitask import MultiTaskNetwork
from mtlearn.networks._registry import is_registered


def autocast_error(
    network: MultiTaskNetwork, input_shape: Sequence[int], dtype: torch.dtype
) -> Exception | None:
    """Try a network with a backbone of the user's under autocast.

    Some code cannot mix types: it writes into a float32 tensor what a layer has
    returned, or computes its own gradients.

    Parameters
    ----------
    network : MultiTaskNetwork
        The network, which stays as it is but for its gradients, which go.
    input_shape : sequence of int
        Shape of one sample, as in `build_network`.
    dtype : torch.dtype
        The shorter type.

    Returns
    -------
    Exception or None
        What a forward or backward pass of two samples of zeros raises. None if
        nothing, and for the backbones of this package.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import HeadSpec, MLP, autocast_error, build_network
    >>> network = build_network(MLP, {}, (3,), [HeadSpec(2)])
    >>> autocast_error(network, (3,), torch.bfloat16) is None
    True
    """
    if is_registered(type(network.backbone)):
        return None
    weight = next(network.parameters())
    samples = weight.new_zeros(2, *input_shape)
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.autocast(weight.device.type, dtype):
            outputs = network.forward(samples)  # not compiled
        torch.stack([output.float().sum() for output in outputs]).sum().backward()
    except Exception as error:
        return error
    finally:
        network.zero_grad(set_to_none=True)
        for module, mode in modes:
            module.training = mode
    return None
