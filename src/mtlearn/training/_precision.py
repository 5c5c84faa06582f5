"""In which precision to compute, and where that is fast."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from mtlearn._utils._logging import logger
from mtlearn._utils._validation import check_choice
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.networks import MultiTaskNetwork, autocast_error


@dataclass(frozen=True)
class Precision:
    """What a network computes in.

    Parameters
    ----------
    name : {"float32", "bfloat16", "float16", "float64"}
        What users call it.
    dtype : torch.dtype
        Type of the weights, the batch-norm statistics, the inputs and the losses.
    autocast : torch.dtype or None
        Type of convolutions and matrix products, where it is a shorter one.
    """

    name: str
    dtype: torch.dtype
    autocast: torch.dtype | None = None

    def context(self, device: torch.device | str) -> AbstractContextManager:
        """Return the context that a forward pass runs in.

        Parameters
        ----------
        device : torch.device or str
            Where it runs.

        Returns
        -------
        context manager
            Autocast, or nothing.
        """
        if self.autocast is None:
            return nullcontext()
        # Torch's cache of shorter weights belongs to the process: a thread that leaves
        # autocast empties it within another's pass, whose gradients round otherwise.
        kind = torch.device(device).type
        return torch.autocast(kind, self.autocast, cache_enabled=False)

    def on(self, device: torch.device) -> "Precision":
        """Return this precision if a device has it, else float32.

        Parameters
        ----------
        device : torch.device
            Where a network is loaded.

        Returns
        -------
        Precision
            This one or float32.
        """
        has = _HARDWARE.get(self.name)
        return self if has is None or has(device) else self.whole()

    def error_of(
        self, network: MultiTaskNetwork, input_shape: Sequence[int]
    ) -> Exception | None:
        """Try whether a network computes right in this precision, where it is.

        Parameters
        ----------
        network : MultiTaskNetwork
            The network.
        input_shape : sequence of int
            Shape of one sample, as in `build_network`.

        Returns
        -------
        Exception or None
            What is wrong; see `autocast_error`.
        """
        if self.autocast is None:
            return None
        return autocast_error(network, input_shape, self.autocast)

    def for_network(
        self, network: MultiTaskNetwork, input_shape: Sequence[int]
    ) -> "Precision":
        """Return this precision if a network computes right in it, else float32.

        The logger "mtlearn" says why.

        Parameters
        ----------
        network : MultiTaskNetwork
            The network, where it is to compute.
        input_shape : sequence of int
            Shape of one sample, as in `build_network`.

        Returns
        -------
        Precision
            This one or float32.
        """
        error = self.error_of(network, input_shape)
        if error is None:
            return self
        # A device that is wrong is no surprise, an error of the user's code is.
        level = logging.INFO if isinstance(error, NetworkError) else logging.WARNING
        logger.log(
            level,
            "The network of the backbone %s computes in float32: in %s, %s",
            type(network.backbone).__name__,
            self.name,
            error or type(error).__name__,
        )
        return self.whole()

    def whole(self) -> "Precision":
        """Return the precision of the weights.

        Returns
        -------
        Precision
            Without autocast.
        """
        return self if self.autocast is None else _PRECISIONS["float32"]


_PRECISIONS = {
    "float32": Precision("float32", torch.float32),
    "bfloat16": Precision("bfloat16", torch.float32, torch.bfloat16),
    "float16": Precision("float16", torch.float32, torch.float16),
    "float64": Precision("float64", torch.float64),
}


def precision_of(name: str) -> Precision:
    """Return the precision of a name.

    Parameters
    ----------
    name : {"float32", "bfloat16", "float16", "float64"}
        What users call it.

    Returns
    -------
    Precision
        What that is.
    """
    return _PRECISIONS[name]


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies bfloat16 numbers in hardware.

    Parameters
    ----------
    device : torch.device
        A processor has it with AMX or AVX512-BF16, a CUDA device from Ampere on.

    Returns
    -------
    bool
        False for devices of other kinds, which are not known.
    """
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    return False


def has_float16(device: torch.device) -> bool:
    """Tell whether a device multiplies float16 numbers in hardware.

    Parameters
    ----------
    device : torch.device
        A processor has it with AMX-FP16 or AVX512-FP16; CUDA devices have it.

    Returns
    -------
    bool
        False for devices of other kinds, which are not known.
    """
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("amx_fp16") or found.get("avx512_fp16"))
    return device.type == "cuda"


_HARDWARE: dict[str, Callable[[torch.device], bool]] = {
    "bfloat16": has_bfloat16,
    "float16": has_float16,
}


def resolve_precision(
    value: Any, default: str, device: torch.device, owner: str
) -> Precision:
    """Return the precision that a user named.

    Parameters
    ----------
    value : {"auto", "float32", "bfloat16", "float16", "float64"}
        What the user gave.
    default : {"float32", "float64"}
        What ``"auto"`` means; instead of float32, bfloat16 is taken where the device
        has it in hardware.
    device : torch.device
        Where to compute.
    owner : str
        The estimator, for the message.

    Returns
    -------
    Precision
        The precision.

    Raises
    ------
    InvalidParameterError
        If the name is none of these, or it is float16 on a device without it.
    """
    name = check_choice(value, "precision", owner, ("auto", *_PRECISIONS))
    if name == "auto":
        fast = default == "float32" and has_bfloat16(device)
        name = "bfloat16" if fast else default
    if name == "float16" and not has_float16(device):
        raise InvalidParameterError(
            f"The 'precision' parameter of {owner} is 'float16', which the device "
            f"'{device}' does not compute in. Use 'bfloat16', 'float32' or 'auto'."
        )
    return _PRECISIONS[name]
