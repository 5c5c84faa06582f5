"""The names of the backbones."""

from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._mlp import MLP
from mtlearn.networks._resnet import ResNet

_BACKBONES: dict[str, type[nn.Module]] = {"mlp": MLP, "resnet": ResNet}


def get_backbone(name: str) -> type[nn.Module]:
    """Return the backbone class of a name.

    Parameters
    ----------
    name : {"mlp", "resnet"}
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


def is_registered(backbone: type[nn.Module]) -> bool:
    """Tell whether a backbone class is one of this package, which has a name."""
    return backbone in _BACKBONES.values()
