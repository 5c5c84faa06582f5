"""Heads that are any module: what they are given, and what they must return."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.exceptions import NetworkError, ParameterTypeError
from mtlearn.networks._construct import construct
from mtlearn.networks._features import (
    OfTask,
    mapped,
    maps_of,
    shape_text,
    vector_of,
)
from mtlearn.networks._heads import HeadSpec, OutputLayer
from mtlearn.networks._memory import raise_if_out_of_memory


class OwnHead(nn.Module):
    """A module of the user's as a head, which computes in the type of its weights.

    All of it, under autocast too: it is not known which layer of it is the last one,
    and users get what that returns. One that calls `torch.autocast` itself has that.

    Parameters
    ----------
    module : torch.nn.Module
        Maps features to outputs.
    end : torch.nn.Module or None, default=None
        What follows it.
    label : str, default="head"
        What it is, for messages.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import HeadSpec, MLP, build_network
    >>> spec = HeadSpec(2, module=torch.nn.Linear)
    >>> build_network(MLP, {"hidden": (4,)}, (3,), [spec]).heads[0]
    OwnHead(
      (module): Linear(in_features=4, out_features=2, bias=True)
    )
    """

    def __init__(
        self, module: nn.Module, end: nn.Module | None = None, label: str = "head"
    ) -> None:
        super().__init__()
        self.module = module
        self.end = end
        self.label = label
        self.takes_maps = bool(getattr(module, "takes_maps", False))

    def forward(self, features: OfTask) -> Tensor:
        """Apply the module.

        Parameters
        ----------
        features : Tensor of shape (n_samples, n_features), or Features
            Of any real type; the latter if the module takes maps.

        Returns
        -------
        Tensor of shape (n_samples, ...)
            Of the type of the weights where autocast would have a shorter one.
        """
        kind = vector_of(features).device.type
        if not torch.is_autocast_enabled(kind):
            return self._ended(self.module(features))
        with torch.autocast(kind, enabled=False):
            return self._ended(_whole(self.module(mapped(_whole, features))))

    def _ended(self, output: Tensor) -> Tensor:
        return output if self.end is None else self.end(output)


def output_layer(head: nn.Module) -> OutputLayer | None:
    """Find the linear layer that a head ends in, if it is one of this package.

    Parameters
    ----------
    head : torch.nn.Module
        Of a network that `build_network` makes.

    Returns
    -------
    OutputLayer or None
        None for a module of the user's, and for a decoder: nobody knows what they make
        of a layer's outputs.

    Examples
    --------
    >>> from mtlearn.networks import make_head, output_layer
    >>> output_layer(make_head(8, 3, hidden=(4,)))
    OutputLayer(in_features=4, out_features=3, bias=True)
    """
    if isinstance(head, OwnHead):
        return None
    found = [layer for layer in head.modules() if isinstance(layer, OutputLayer)]
    return found[-1] if found else None


def _whole(x: Tensor) -> Tensor:
    """Give numbers of a type that autocast makes shorter; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def build_own_head(
    spec: HeadSpec,
    number: int,
    known: Mapping[str, Any],
    features: OfTask,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    *,
    outline: bool = False,
) -> OwnHead:
    """Build a head of the user's.

    Parameters
    ----------
    spec : HeadSpec
        With its class.
    number : int
        Which head it is, for messages about one without a name.
    known : mapping of str to object
        What its constructor gets where it asks for it, beside what the features and
        the spec say.
    features : Tensor of shape (n_samples, n_features), or Features
        Of its task.
    shape : tuple of int
        Shape of one sample.
    dtype : torch.dtype
        What the network computes in.
    outline : bool, default=False
        Whether no file of weights is read.

    Returns
    -------
    OwnHead
        Nothing has passed through it yet.

    Raises
    ------
    NetworkError
        If it cannot be built, or takes maps and there are none.
    ParameterTypeError
        If the class is none of a module.
    """
    cls, task = spec.module, number if spec.name is None else repr(spec.name)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise ParameterTypeError(
            f"The head of task {task} must be a subclass of torch.nn.Module. "
            f"Got {cls!r} instead."
        )
    label = f"head {cls.__name__} of task {task}"
    maps = maps_of(features)
    _check_maps(cls, maps, label)
    given = {
        **known,
        "in_features": vector_of(features).shape[1],
        "out_features": spec.out_features,
        "output_shape": spec.shape,
    }
    if maps is not None:
        given["map_shape"] = tuple(maps.shape[1:])
    params = spec.params or {}
    what = f"The {label}"
    module = construct(cls, params, given, dtype, what, shape, outline=outline)
    _check_maps(module, maps, label)
    return OwnHead(module, None if spec.end is None else spec.end(), label)


def _check_maps(head: Any, maps: Tensor | None, label: str) -> None:
    if maps is None and getattr(head, "takes_maps", False):
        raise NetworkError(
            f"The {label} takes maps (takes_maps = True), and the backbone gives it "
            "none. Let the backbone return mtlearn.networks.Features(vector, maps)."
        )


def check_own_head(
    head: OwnHead, features: OfTask, expected: Sequence[int], dtype: torch.dtype
) -> None:
    """Pass features through a head; that gives lazy modules their shapes.

    Parameters
    ----------
    head : OwnHead
        Its weights and mode stay as they are.
    features : Tensor of shape (n_samples, n_features), or Features
        Of a few samples, as the head takes them.
    expected : sequence of int
        Shape of what its module must return for one sample.
    dtype : torch.dtype
        What the network computes in.

    Raises
    ------
    NetworkError
        If it cannot be applied, or returns something else.
    """
    was_training = head.training
    module_was_training = head.module.training
    # In eval mode batch norm keeps its statistics and dropout draws nothing.
    head.eval()
    try:
        with torch.no_grad():
            output = head.module(features)
    except Exception as error:
        raise_if_out_of_memory(error)
        raise NetworkError(
            f"The {head.label} could not be applied to features of "
            f"{shape_text(features)} and {dtype}: {error}"
        ) from error
    finally:
        head.train(was_training)
        head.module.train(module_was_training)
    wanted = (len(vector_of(features)), *expected)
    if not isinstance(output, Tensor):
        got = f"an object of type {type(output).__name__}"
    elif output.dtype != dtype:
        got = f"{output.dtype}, where the network computes in {dtype},"
    elif tuple(output.shape) != wanted:
        got = f"shape {tuple(output.shape)}"
    else:
        return
    rows = ", ".join(map(str, ("n_samples", *expected)))
    raise NetworkError(
        f"The {head.label} must return outputs of shape ({rows}). Got {got} for "
        f"features of {shape_text(features)} instead."
    )
