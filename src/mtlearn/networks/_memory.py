"""Whether a pass through a network fits into memory, told before it is tried."""

import os
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidDataError
from mtlearn.networks._elsewhere import ForeignBackbone
from mtlearn.networks._features import OfTask, mapped

# Images of fewer values are not looked at: a network that makes a hundred maps of one
# in float32 needs less than half a GiB, and torch takes seconds to import its meta
# device in a process that has not used it.
_LARGE = 2**20


def raise_if_out_of_memory(error: Exception) -> None:
    """Raise an error again that says that memory has run out: it is nobody's fault.

    Parameters
    ----------
    error : Exception
        What a pass has raised.

    Raises
    ------
    MemoryError, RuntimeError
        The same one.
    """
    # On a processor torch has no class for it, but a name in the message.
    is_torchs = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    if is_torchs or isinstance(error, MemoryError | torch.OutOfMemoryError):
        raise error


def memory_of(device: torch.device) -> int | None:
    """Return the memory that a device has in all.

    Parameters
    ----------
    device : torch.device
        A processor or a CUDA device.

    Returns
    -------
    int or None
        Bytes, of a processor the machine's; None where that is not known.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type != "cpu":
        return None
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on this system
        return None


def is_large(shape: Sequence[int]) -> bool:
    """Tell whether the memory of a pass of one sample of a shape is looked at.

    Parameters
    ----------
    shape : sequence of int
        `(n_channels, height, width)`, or `(n_columns,)` of a table.

    Returns
    -------
    bool
        False for tables.
    """
    return len(shape) == 3 and prod(shape) >= _LARGE


def values_of_pass(
    module: nn.Module,
    shape: Sequence[int],
    dtype: torch.dtype,
    features: OfTask | None = None,
) -> int:
    """Count the values that a pass of one large image needs at the same time.

    That is no fewer than those of the image, or the input and output of any
    convolution. The shapes come from torch's meta device, which has no memory. What
    else a network keeps, as for its gradients, is not counted, nor are weights.

    Parameters
    ----------
    module : torch.nn.Module
        A backbone or a head, not trained yet: while this runs, its weights are taken
        out.
    shape : sequence of int
        `(n_channels, height, width)`, or `(n_columns,)` of a table.
    dtype : torch.dtype
        Type of the weights.
    features : Tensor of shape (1, n_features), or Features, default=None
        What a head gets; None for a backbone, which gets the image.

    Returns
    -------
    int
        Zero for tables and for images that are not large.
    """
    resize = module.resize if isinstance(module, ForeignBackbone) else None
    resized = shape if resize is None else (shape[0], *resize)
    if not is_large(shape) and not is_large(resized):
        return 0
    largest = [max(prod(shape), prod(resized))]

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        largest.append(args[0].numel() + output.numel())

    hooks = [
        each.register_forward_hook(note)
        for each in module.modules()
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)
    ]
    was_training = module.training
    module.eval()
    try:
        weights = [*module.named_parameters(), *module.named_buffers()]
        state = {name: each.detach().to("meta") for name, each in weights}
        image = torch.empty(1, *shape, dtype=dtype, device="meta")
        given = image if features is None else mapped(_to_meta, features)
        with torch.no_grad():
            torch.func.functional_call(module, state, (given,))
    except Exception:  # a module of the user's that this device is too little for
        pass
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return max(largest)


def _to_meta(tensor: Tensor) -> Tensor:
    return tensor.to("meta")


def check_memory(
    row_values: int,
    shape: Sequence[int],
    n_rows: int,
    dtype: torch.dtype,
    device: torch.device,
    remedy: str = "",
) -> None:
    """Raise if a batch certainly needs more memory than there is.

    Parameters
    ----------
    row_values : int
        What `values_of_pass` counts.
    shape : sequence of int
        Shape of an image, `(n_channels, height, width)`.
    n_rows : int
        Images of the batch.
    dtype : torch.dtype
        What convolutions compute in.
    device : torch.device
        Where they do.
    remedy : str, default=""
        What else helps, for the message.

    Raises
    ------
    InvalidDataError
        If the least that the batch needs is more than the device has.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import check_memory
    >>> check_memory(10**15, (1, 30000, 30000), 1, torch.float32, torch.device("cpu"))
    Traceback (most recent call last):
    mtlearn.exceptions.InvalidDataError: X has images of shape ...
    """
    if not row_values:
        return
    memory = memory_of(device)
    needed = n_rows * row_values * dtype.itemsize
    if memory is None or needed <= memory:
        return
    channels_last = (*shape[1:], shape[0])
    image = prod(shape) * dtype.itemsize
    raise InvalidDataError(
        f"X has images of shape (height, width, n_channels) = {channels_last}, each of "
        f"which takes {_in_gib(image)} in {dtype}. A pass of {n_rows} at once through "
        f"the network needs {_in_gib(needed)} for its largest convolution alone, and "
        f"the device '{device}' has {_in_gib(memory)}. Resize or crop the images, or "
        f"use a backbone that reduces them first{remedy}."
    )


def _in_gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB"
