"""What of a net learns: its network and its loss, as one record of weights."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

# Before the names of the loss's weights; those of the network have a backbone's or a
# head's name in front.
CRITERION = "criterion."


def parts_of(net: Any) -> tuple[tuple[str, nn.Module], ...]:
    """Give what learns, with what stands before the names of its weights.

    Parameters
    ----------
    net : MultiTaskNet
        A net.

    Returns
    -------
    tuple of (str, nn.Module)
        The network and the loss.
    """
    return ("", net.module_), (CRITERION, net.criterion_)


def modules_of(net: Any) -> Iterator[nn.Module]:
    """Give all layers and losses of a net."""
    for _, part in parts_of(net):
        yield from part.modules()


def parameters_of(net: Any) -> dict[str, nn.Parameter]:
    """Give all that an optimiser may change, by name."""
    return {
        prefix + name: value
        for prefix, part in parts_of(net)
        for name, value in part.named_parameters()
    }


def weights_of(net: Any) -> dict[str, Tensor]:
    """Give the weights and buffers of a net by name; not copied."""
    return {
        prefix + name: value
        for prefix, part in parts_of(net)
        for name, value in part.state_dict().items()
    }


def load_weights_of(net: Any, weights: Mapping[str, Tensor]) -> None:
    """Give a net weights and buffers, by the names of `weights_of`.

    Parameters
    ----------
    net : MultiTaskNet
        Changed in place.
    weights : mapping of str to Tensor
        All of them.
    """
    network, loss = split_weights(weights)
    net.module_.load_state_dict(network)
    net.criterion_.load_state_dict(loss)


def split_weights(weights: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell weights of the network from those of the loss, by their own names."""
    network = {k: v for k, v in weights.items() if not k.startswith(CRITERION)}
    loss = {
        k.removeprefix(CRITERION): v
        for k, v in weights.items()
        if k.startswith(CRITERION)
    }
    return network, loss


def copied(state: Any) -> Any:
    """Copy a state to the memory of the CPU, and leave that of an accelerator alone.

    Parameters
    ----------
    state : object
        Tensors and plain values in dicts, lists and tuples.

    Returns
    -------
    object
        The same, in tensors of its own.
    """
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [copied(value) for value in state]
    return tuple(map(copied, state)) if isinstance(state, tuple) else state
