"""The names of the backbones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._heads import HeadSpec
from mtlearn.networks._mlp import MLP
from mtlearn.networks._resnet import ResNet
from mtlearn.networks._resnet_v2 import ResNetV2

_BACKBONES: dict[str, type[nn.Module]] = {
    "mlp": MLP,
    "resnet": ResNet,
    "resnet_v2": ResNetV2,
}


def get_backbone(name: str) -> type[nn.Module]:
    """Return the backbone class of a name.

    Parameters
    ----------
    name : {"mlp", "resnet", "resnet_v2"}
        The name.

    Returns
    -------
    type
        The subclass of `torch.nn.Module`.

    Raises
    ------
    InvalidParameterError
        If no backbone has this name.

    Examples
    --------
    >>> from mtlearn.networks import get_backbone
    >>> get_backbone("mlp").__name__
    'MLP'
    """
    if name not in _BACKBONES:
        names = ", ".join(repr(known) for known in sorted(_BACKBONES))
        raise InvalidParameterError(
            f"The name of a backbone must be one of {names}. Got {name!r} instead. "
            "For a network of your own, pass its class."
        )
    return _BACKBONES[name]


def architecture(
    backbone: Callable[..., nn.Module], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a backbone that its layers follow from.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another.
    params : mapping of str to object
        Arguments of its constructor.

    Returns
    -------
    dict
        All arguments, but for the file of `weights` of a backbone of this package.

    Examples
    --------
    >>> from mtlearn.networks import MLP, architecture
    >>> architecture(MLP, {"hidden": (4,), "weights": "mlp.safetensors"})
    {'hidden': (4,)}
    """
    # A subclass hands the file on.
    ours = isinstance(backbone, type) and issubclass(
        backbone, tuple(_BACKBONES.values())
    )
    return {k: v for k, v in params.items() if not (ours and k == "weights")}


def structure(
    backbone: Callable[..., nn.Module], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that a trained backbone is built of again.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another, which names arguments that only say what its
        weights begin with in the attribute `initial_arguments` of its class.
    params : mapping of str to object
        Arguments of its constructor.

    Returns
    -------
    dict
        All but those.

    Examples
    --------
    >>> from mtlearn.networks import MLP, structure
    >>> class Own(MLP):
    ...     initial_arguments = ("source",)
    >>> structure(Own, {"hidden": (4,), "source": "own.pt"})
    {'hidden': (4,)}
    """
    initial = getattr(backbone, "initial_arguments", ())
    names = (initial,) if isinstance(initial, str) else tuple(initial)
    found = architecture(backbone, params)
    return {name: value for name, value in found.items() if name not in names}


def trained_spec(spec: HeadSpec) -> HeadSpec:
    """Describe a head as it is built again once it is trained.

    Parameters
    ----------
    spec : HeadSpec
        What it was built of at first.

    Returns
    -------
    HeadSpec
        Without the arguments that only say what its weights begin with.

    Examples
    --------
    >>> from torch import nn
    >>> from mtlearn.networks import HeadSpec, trained_spec
    >>> class Own(nn.Linear):
    ...     initial_arguments = ("source",)
    >>> spec = HeadSpec(2, module=Own, params={"bias": False, "source": "own.pt"})
    >>> trained_spec(spec).params
    {'bias': False}
    """
    if spec.module is None:
        return spec
    return replace(spec, params=structure(spec.module, spec.params or {}))


def is_registered(backbone: Callable[..., nn.Module]) -> bool:
    """Tell whether a backbone class is one of this package, which has a name."""
    return backbone in _BACKBONES.values()
