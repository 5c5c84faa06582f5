"""The names of the backbones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._cgc import CGC, TRUNKS
from mtlearn.networks._decoder import Decoder
from mtlearn.networks._elsewhere import ForeignBackbone
from mtlearn.networks._heads import HeadSpec
from mtlearn.networks._near import near_names
from mtlearn.networks._tabm import TabM
from mtlearn.networks._timm import TimmBackbone
from mtlearn.networks._transformers import TransformersBackbone

_BACKBONES: dict[str, type[nn.Module]] = {**TRUNKS, "cgc": CGC, "tabm": TabM}
# Arguments that a name stands for, where the class alone does without.
_ARGUMENTS: dict[str, dict[str, Any]] = {"resnet": {"moments": True}}
# By what stands before a slash and the name that they get.
_ELSEWHERE: dict[str, type[ForeignBackbone]] = {
    "timm": TimmBackbone,
    "transformers": TransformersBackbone,
}


def get_backbone(name: str) -> type[nn.Module]:
    """Return the backbone class of a name.

    Parameters
    ----------
    name : {"autoencoder", "cgc", "mlp", "resnet", "resnet_v2", "tabm"} or str
        The name; or ``"timm/"`` or ``"transformers/"`` and the name that a network has
        there.

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
    return named_backbone(name)[0]


def named_backbone(name: str) -> tuple[type[nn.Module], dict[str, Any]]:
    """Return the backbone class of a name, and the arguments that the name stands for.

    Parameters
    ----------
    name : str
        As in `get_backbone`.

    Returns
    -------
    type, dict
        The subclass of `torch.nn.Module` and arguments of its constructor.

    Raises
    ------
    InvalidParameterError
        If no backbone has this name.

    Examples
    --------
    >>> from mtlearn.networks import named_backbone
    >>> named_backbone("resnet")[1]
    {'moments': True}
    >>> cls, arguments = named_backbone("transformers/resnet")
    >>> cls.__name__, arguments
    ('TransformersBackbone', {'name': 'resnet'})
    """
    package, _, inside = name.partition("/")
    if package in _ELSEWHERE and inside:
        return _ELSEWHERE[package], {"name": inside}
    if name in _BACKBONES:
        return _BACKBONES[name], dict(_ARGUMENTS.get(name, {}))
    names = ", ".join(repr(known) for known in sorted(_BACKBONES))
    others = " or ".join(f"'{package}/NAME'" for package in _ELSEWHERE)
    raise InvalidParameterError(
        f"The name of a backbone must be one of {names}, or {others}. Got {name!r} "
        f"instead.{near_names(name, _BACKBONES)} For a network of your own, pass its "
        "class."
    )


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
    backbone: Callable[..., nn.Module],
    params: Mapping[str, Any],
    built: nn.Module | None = None,
) -> dict[str, Any]:
    """Return the arguments that a trained backbone is built of again.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another, which names arguments that only say what its
        weights begin with in the attribute `initial_arguments` of its class.
    params : mapping of str to object
        Arguments of its constructor.
    built : torch.nn.Module, default=None
        What was built of them, with attributes of the names in `resolved_arguments` of
        its class, if there are any: arguments that the others were looked up for.

    Returns
    -------
    dict
        All but those, and what was looked up.

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
    kept = {name: value for name, value in found.items() if name not in names}
    if built is not None:
        kept.update((name, getattr(built, name)) for name in resolved(backbone))
    return kept


def resolved(backbone: Callable[..., nn.Module]) -> tuple[str, ...]:
    """Name the arguments that a file holds so that nothing need be looked up again.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another.

    Returns
    -------
    tuple of str
        The attribute `resolved_arguments` of its class.

    Examples
    --------
    >>> from mtlearn.networks import TransformersBackbone, resolved
    >>> resolved(TransformersBackbone)
    ('config',)
    """
    return tuple(getattr(backbone, "resolved_arguments", ()))


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


def is_own_head(head: Callable[..., nn.Module]) -> bool:
    """Tell whether the class of a head is one of this package.

    Parameters
    ----------
    head : subclass of torch.nn.Module
        One of this package or another.

    Returns
    -------
    bool
        Its layers are then treated as those of this package.

    Examples
    --------
    >>> from mtlearn.networks import Decoder, MLP, is_own_head
    >>> is_own_head(Decoder), is_own_head(MLP)
    (True, False)
    """
    return head is Decoder


def is_registered(backbone: Callable[..., nn.Module]) -> bool:
    """Tell whether a backbone class is one of this package, which has a name.

    The layers of one that is, too, are of this package.
    """
    return backbone in _BACKBONES.values()


def is_elsewhere(backbone: Callable[..., nn.Module]) -> bool:
    """Tell whether a backbone class of this package holds layers of another one.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another.

    Returns
    -------
    bool
        Files name it as they name the others, and its layers are treated as a user's.

    Examples
    --------
    >>> from mtlearn.networks import MLP, TransformersBackbone, is_elsewhere
    >>> is_elsewhere(TransformersBackbone), is_elsewhere(MLP)
    (True, False)
    """
    return backbone in _ELSEWHERE.values()
