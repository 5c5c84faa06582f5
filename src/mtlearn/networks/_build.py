"""From a backbone class and the shape of one sample to the whole network."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn

from mtlearn.exceptions import (
    InvalidParameterError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.networks._cast import cast_module
from mtlearn.networks._cgc import CGC
from mtlearn.networks._columns import ColumnEncoder, check_columns, takes_columns
from mtlearn.networks._construct import construct
from mtlearn.networks._features import (
    Features,
    Found,
    as_rows,
    features_of,
    input_of,
    is_per_task,
    mapped,
    maps_of,
    vector_of,
)
from mtlearn.networks._filling import is_filling
from mtlearn.networks._float32 import InFloat32
from mtlearn.networks._heads import HeadSpec, make_head
from mtlearn.networks._memory import (
    check_memory,
    raise_if_out_of_memory,
    values_of_pass,
)
from mtlearn.networks._memory_format import (
    choose_memory_format,
    order_weights,
    suits_channels_last,
)
from mtlearn.networks._multitask import MultiTaskNetwork, mean_of_members
from mtlearn.networks._own_heads import OwnHead, build_own_head, check_own_head
from mtlearn.networks._registry import is_own_head, is_registered


def build_network(
    backbone: type[nn.Module],
    backbone_params: Mapping[str, Any],
    input_shape: Sequence[int],
    heads: Sequence[HeadSpec],
    dtype: torch.dtype = torch.float32,
    *,
    columns: Mapping[str, Any] | None = None,
    outline: bool = False,
) -> MultiTaskNetwork:
    """Build the network for samples of a given shape.

    The constructor of the backbone gets `in_channels` and `image_size` (images) or
    `in_features` (tables), and `n_tasks`, if it has parameters of these names that
    `backbone_params` leaves out. One forward pass of a sample of zeros tells how many
    features come out, and gives lazy modules their shapes.

    So does the constructor of a head with a class of its own: `in_features` is the
    number of features, `map_shape` that of the maps beside them, if there are any,
    `out_features` what the spec says, `output_shape` the shape of what it must return
    for one sample, and of images there are `in_channels` and `image_size`.

    A network of images works on channels-last memory, in which convolutions are
    faster, unless its backbone, or a head of maps, cannot: one that calls
    ``x.view(len(x), -1)`` needs the other order.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        Maps a batch `(n_samples, n_channels, height, width)` or
        `(n_samples, n_columns)` to features `(n_samples, n_features)`, to `Features`
        with maps beside them, or to a tuple of one of these for each task. One with an
        attribute `n_members` maps it to those of each member,
        `(n_samples, n_members, n_features)`: each learns by its own loss, and the mean
        of what they predict is predicted.
    backbone_params : mapping of str to object
        Keyword arguments of its constructor.
    input_shape : sequence of int
        Shape of one sample: `(n_channels, height, width)` or `(n_columns,)`.
    heads : sequence of HeadSpec
        One per task.
    dtype : torch.dtype, default=torch.float32
        What the network computes in.
    columns : mapping, default=None
        Arguments of `ColumnEncoder`, `n_categories` and `has_missing`, which say what
        the columns of a table hold. A backbone whose constructor has both gets them,
        and the rows as they are; any other gets the numbers that a `ColumnEncoder`
        makes. None for numbers alone.
    outline : bool, default=False
        Whether nothing passes through the network, whose weights can be compared. A
        backbone of another package, which does not say how many features it has, gets
        one sample.

    Returns
    -------
    MultiTaskNetwork
        The network, in training mode, with weights drawn from torch's global
        generator.

    Raises
    ------
    NetworkError
        If the backbone or a head cannot be built, cannot be applied to such a sample,
        or returns something other than it must.
    ParameterTypeError
        If `backbone`, or the class of a head, is not a subclass of `torch.nn.Module`.
    InvalidParameterError
        If `input_shape` has neither one nor three entries.
    InvalidDataError
        If the images are so large that two of them cannot be in memory.

    Examples
    --------
    >>> from mtlearn.networks import HeadSpec, ResNet, build_network
    >>> params = {"widths": (4,), "n_blocks": 1, "n_features": 8}
    >>> network = build_network(ResNet, params, (3, 6, 6), [HeadSpec(2, hidden=())])
    >>> network.heads[0]
    Sequential(
      (0): OutputLayer(in_features=8, out_features=2, bias=True)
    )
    """
    shape = tuple(input_shape)
    _check_class(backbone)
    encoder, described = _encoder(backbone, backbone_params, shape, columns)
    shape = shape if encoder is None else (encoder.n_features,)
    known = {**_shape_arguments(shape), **described, "n_tasks": len(heads)}
    what = f"The backbone {backbone.__name__}"
    module = construct(
        backbone, backbone_params, known, dtype, what, shape, outline=outline
    )
    if outline:
        known_width = getattr(module, "n_features", None)
        width: Found = (
            _features_of(module, shape, dtype, len(heads))
            if known_width is None
            else torch.zeros(0, known_width)
        )
        made = _make_heads(heads, width, shape, dtype, outline=True)
        return cast_module(MultiTaskNetwork(module, made, columns=encoder), dtype)
    row_values = values_of_pass(module, shape, dtype)
    # Two samples, as pass through it below. Memory that is not there is not asked for:
    # a system that promises it ends the process when it is used.
    check_memory(row_values, shape, 2, dtype, torch.device("cpu"))
    features = _features_of(module, shape, dtype, len(heads))
    n_members = getattr(module, "n_members", None)
    if n_members is not None:
        features = as_rows(features)
    memory_format = choose_memory_format(module, shape, dtype)
    made = _make_heads(heads, features, shape, dtype)
    network = MultiTaskNetwork(
        module,
        made,
        memory_format,
        row_values,
        is_per_task(features),
        n_members,
        [mean_of_members if head.mean is None else head.mean for head in heads],
        encoder,
    )
    network.shared_parameters()  # which must be some of the backbone's
    _check_heads(network, heads, features, shape, dtype)
    if not any(True for _ in network.parameters()):
        raise NetworkError(
            f"{what} and the heads have no weights, so there is nothing to train. "
            "Give one of them a layer."
        )
    return cast_module(network, dtype)


def _encoder(
    backbone: type[nn.Module],
    params: Mapping[str, Any],
    shape: tuple[int, ...],
    columns: Mapping[str, Any] | None,
) -> tuple[ColumnEncoder | None, Mapping[str, Any]]:
    """Make what stands in front of a backbone, or arguments for one without need."""
    if columns is None:
        return None, {}
    found = columns["n_categories"], columns["has_missing"]
    check_columns(*found, shape[0], "build_network")
    if takes_columns(backbone, params):
        return None, columns
    with InFloat32():
        return ColumnEncoder(*found), {}


def _make_heads(
    heads: Sequence[HeadSpec],
    features: Found,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    *,
    outline: bool = False,
) -> list[nn.Module]:
    """Build the heads; in an outline, a module is in the place of a user's."""
    given = _shape_arguments(shape)
    made: list[nn.Module] = []
    for number, head in enumerate(heads):
        own_features = features_of(features, number)
        if head.module is None or is_own_head(head.module):
            with InFloat32():
                made.append(_make_head(vector_of(own_features).shape[1], head))
        elif outline and not is_registered(head.module):
            made.append(nn.Identity())
        else:
            made.append(
                build_own_head(
                    head, number, given, own_features, shape, dtype, outline=outline
                )
            )
    return made


def _check_heads(
    network: MultiTaskNetwork,
    heads: Sequence[HeadSpec],
    features: Found,
    shape: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    """Pass features of two samples through the heads of the user's.

    One of maps that cannot work on channels-last memory has the network do without it.
    """
    for number, (head, spec) in enumerate(zip(network.heads, heads, strict=True)):
        if not isinstance(head, OwnHead):
            continue
        given = input_of(head, features, number)
        n_values = values_of_pass(head.module, shape, dtype, given)
        check_memory(n_values, shape, 2, dtype, torch.device("cpu"))
        network.row_values = max(network.row_values, n_values)
        two = mapped(_twice, given)
        check_own_head(head, two, spec.shape, dtype)
        if (
            head.takes_maps
            and network.memory_format == torch.channels_last
            and not suits_channels_last(head, two, spec.shape, dtype)
        ):
            network.memory_format = torch.contiguous_format
            order_weights(network.backbone, torch.contiguous_format)


def _twice(one: Tensor) -> Tensor:
    return torch.cat([one, one])


def _make_head(n_features: int, head: HeadSpec) -> nn.Module:
    if head.module is not None:
        return head.module(n_features, head.shape, **(head.params or {}))
    made = make_head(
        n_features,
        prod(head.shape),
        hidden=head.hidden,
        dropout=head.dropout,
        batch_norm=head.batch_norm,
    )
    if len(head.shape) != 1:
        made.append(nn.Unflatten(1, head.shape))
    return made if head.end is None else made.append(head.end())


def _check_class(backbone: type[nn.Module]) -> None:
    if not (isinstance(backbone, type) and issubclass(backbone, nn.Module)):
        # A module prints a line for each layer.
        is_module, kind = isinstance(backbone, nn.Module), type(backbone).__name__
        got = f"an object of type {kind}" if is_module else repr(backbone)
        raise ParameterTypeError(
            "The 'backbone' parameter of build_network must be a subclass of "
            f"torch.nn.Module. Got {got} instead."
        )


def _shape_arguments(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the arguments that follow from the shape of a sample."""
    if len(shape) == 3:
        return {"in_channels": shape[0], "image_size": shape[1:]}
    if len(shape) == 1:
        return {"in_features": shape[0]}
    raise InvalidParameterError(
        "The 'input_shape' parameter of build_network must be "
        f"(n_channels, height, width) or (n_columns,). Got {shape} instead."
    )


def _features_of(
    backbone: nn.Module, shape: tuple[int, ...], dtype: torch.dtype, n_tasks: int
) -> Found:
    """Run one sample of zeros through the backbone and return its features.

    One that is filled has had such samples, and one of this package says its width: no
    pass asks for memory that a file of weights only names.
    """
    if is_filling() and is_registered(type(backbone)):
        width = cast(int, backbone.n_features)
        members = getattr(backbone, "n_members", None)
        sizes = (1, width) if members is None else (1, members, width)
        one = torch.zeros(sizes, dtype=dtype)
        return (one,) * n_tasks if isinstance(backbone, CGC) else one
    name = type(backbone).__name__
    was_training = backbone.training
    # In eval mode batch norm keeps its statistics and dropout draws nothing.
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(1, *shape, dtype=dtype))
    except Exception as error:
        raise_if_out_of_memory(error)
        raise NetworkError(
            f"The backbone {name} could not be applied to a batch of shape "
            f"{(1, *shape)} and {dtype}: {error}"
        ) from error
    backbone.train(was_training)
    n_members = getattr(backbone, "n_members", None)
    _check_features(features, name, shape, dtype, n_tasks, n_members)
    return features


def _check_features(
    features: Any,
    name: str,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    n_tasks: int,
    n_members: int | None,
) -> None:
    """Raise if a backbone has returned something else than features of one sample."""
    sizes = "n_samples" if n_members is None else f"n_samples, n_members={n_members}"
    per_task = is_per_task(features)
    parts = list(features) if per_task else [features]
    faults = [_fault_of(part, dtype, n_members) for part in parts]
    whose = [f" for task {number}" if per_task else "" for number in range(len(parts))]
    got = [f"{fault}{task}" for fault, task in zip(faults, whose, strict=True) if fault]
    if per_task and len(parts) != n_tasks:
        got = [f"a tuple of {len(parts)} for {n_tasks} tasks"]
    if got:
        raise NetworkError(
            f"The backbone {name} must return features of shape ({sizes}, "
            f"n_features), or Features of them and maps of shape ({sizes}, "
            "n_channels, height, width), or a tuple of one of these for each task. "
            f"Got {got[0]} for a batch of shape {(1, *shape)} instead."
        )


def _fault_of(part: Any, dtype: torch.dtype, n_members: int | None) -> str | None:
    """Say what is wrong with features of one sample."""
    vector, maps = part.vector if isinstance(part, Features) else part, maps_of(part)
    if not isinstance(vector, Tensor) or not isinstance(maps, Tensor | None):
        wrong = maps if isinstance(vector, Tensor) else vector
        return f"an object of type {type(wrong).__name__}"
    for tensor in (vector,) if maps is None else (vector, maps):
        if tensor.dtype != dtype:
            return f"{tensor.dtype}, where the network computes in {dtype},"
    rows = (1,) if n_members is None else (1, n_members)
    if vector.shape[:-1] != rows or not vector.numel():
        return f"shape {tuple(vector.shape)}"
    if maps is not None and (maps.shape[:-3] != rows or not maps.numel()):
        return f"maps of shape {tuple(maps.shape)}"
    return None
