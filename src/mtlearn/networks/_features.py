"""What a backbone gives the heads: vectors and maps, of each task or each member."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn


class Features(NamedTuple):
    """The features of a batch, with the maps that they were made of.

    A backbone returns one instead of a tensor where heads are to see the maps.

    Parameters
    ----------
    vector : Tensor of shape (n_samples, n_features)
        For all heads but those that take maps.
    maps : Tensor of shape (n_samples, n_channels, height, width), default=None
        For heads whose class says ``takes_maps = True``: they get the whole record.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from mtlearn.networks import Features, HeadSpec, build_network
    >>> class Backbone(nn.Conv2d):
    ...     def __init__(self, in_channels):
    ...         super().__init__(in_channels, 4, 3)
    ...     def forward(self, x):
    ...         maps = super().forward(x)
    ...         return Features(maps.mean(dim=(2, 3)), maps)
    >>> network = build_network(Backbone, {}, (1, 8, 8), [HeadSpec(2)])
    >>> network.features(torch.zeros(5, 1, 8, 8)).maps.shape
    torch.Size([5, 4, 6, 6])
    """

    vector: Tensor
    maps: Tensor | None = None


OfTask = Tensor | Features
Found = OfTask | tuple[OfTask, ...]


def is_per_task(found: Found) -> bool:
    """Tell whether what a backbone has returned is one part for each task."""
    return isinstance(found, tuple | list) and not isinstance(found, Features)


def features_of(found: Found, number: int) -> OfTask:
    """Give what the head of a task may see.

    Parameters
    ----------
    found : Tensor, Features, or tuple of them
        What a backbone has returned.
    number : int
        Of the task.

    Returns
    -------
    Tensor or Features
        Its own part, or that of all tasks.
    """
    if isinstance(found, Tensor | Features):
        return found
    return found[number]


def vector_of(part: OfTask) -> Tensor:
    """Give the feature vector, without maps; of several members the mean of theirs."""
    vector = part.vector if isinstance(part, Features) else part
    return vector if vector.ndim < 3 else vector.mean(dim=1)


def maps_of(part: OfTask) -> Tensor | None:
    """Give the maps, if there are any."""
    return part.maps if isinstance(part, Features) else None


def input_of(head: nn.Module, found: Found, number: int) -> OfTask:
    """Give what a head takes: the whole record, or the vector of it."""
    part = features_of(found, number)
    return part if getattr(head, "takes_maps", False) else vector_of(part)


def mapped(function: Callable[[Tensor], Tensor], part: OfTask) -> OfTask:
    """Apply a function to the vector, and to the maps if there are any."""
    if not isinstance(part, Features):
        return function(part)
    maps = None if part.maps is None else function(part.maps)
    return Features(function(part.vector), maps)


def as_rows(found: Found) -> Found:
    """Make a row of each member of each sample.

    Parameters
    ----------
    found : Tensor, Features, or tuple of them
        Of shape `(n_samples, n_members, ...)`.

    Returns
    -------
    Tensor, Features, or tuple of them
        Of shape `(n_samples * n_members, ...)`, members of a sample one by one.
    """
    if isinstance(found, Tensor | Features):
        return mapped(_flat, found)
    return tuple(mapped(_flat, part) for part in found)


def _flat(of_members: Tensor) -> Tensor:
    return of_members.flatten(0, 1)


def tensors_of(found: Found) -> list[Tensor]:
    """List the tensors of all parts."""
    if isinstance(found, Tensor):
        return [found]
    if isinstance(found, Features):
        return [found.vector] if found.maps is None else [found.vector, found.maps]
    return [tensor for part in found for tensor in tensors_of(part)]


def shape_text(part: OfTask) -> str:
    """Describe the shapes, for messages."""
    maps = maps_of(part)
    beside = "" if maps is None else f" with maps of shape {tuple(maps.shape)}"
    return f"shape {tuple(vector_of(part).shape)}{beside}"
