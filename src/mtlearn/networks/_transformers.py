"""Backbones of the package transformers."""

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError, NetworkError, ParameterTypeError
from mtlearn.networks._elsewhere import (
    ForeignBackbone,
    Size,
    read_name,
    without_config,
)
from mtlearn.networks._filling import is_filling
from mtlearn.networks._hub import from_hub
from mtlearn.networks._near import near_names
from mtlearn.networks._optional import import_extra

_OWNER = "TransformersBackbone"
# They say nothing of layers, or where code would be from.
_DROPPED = {
    *("architectures", "auto_map", "dtype", "torch_dtype", "id2label", "label2id"),
    *("num_labels", "problem_type", "transformers_version"),
}
# Values of "attn_implementation" that nothing is loaded for.
_ATTENTION = ("eager", "sdpa")


class TransformersBackbone(ForeignBackbone):
    """A network of images of the package transformers, with or without its weights.

    Needs ``pip install 'mtlearn[transformers]'``. ResNet, EfficientNet, ConvNeXt,
    Swin, ViT, DINO and others are described by a configuration or a name.

    Parameters
    ----------
    in_channels : int, default=3
        Number of channels of the images. Weights that are loaded for another number
        are summed over it for grey images, or repeated for more channels.
    image_size : (int, int), default=None
        Height and width of the images.
    name : str or path-like, default=None
        A kind of network, such as ``"resnet"``, with the default configuration of
        its class; a model of the Hugging Face Hub, such as ``"microsoft/resnet-50"``;
        or a folder with a ``config.json``.
    config : mapping, default=None
        Configuration, with its ``"model_type"``, taken instead of that of `name`.
        Nothing is looked up for it. What it leaves out of ``"num_channels"`` and
        ``"image_size"`` follows from the images.
    pretrained : bool, default=False
        Whether to begin with the weights of the model `name`.
    weights : str or path-like, default=None
        File to begin with: safetensors or a checkpoint of torch, of such a model,
        with a classifier or without, or what `save_weights` writes of this.
    prefix : str, default=""
        What the names of the weights begin with in that file.
    skip : str or sequence of str, default=()
        Beginnings of the names of weights that are not read from it.
    resize : int or (int, int), default=None
        Height and width that each batch is brought to before it goes through the
        network, bilinearly and, where it becomes smaller, without aliasing.
    pool : {"auto", "token", "mean"}, default="auto"
        Features: the network's own ``pooler_output``, and where it has none, the mean
        over tokens or places; the first token, which is the class token of networks
        that have one; or the mean.
    attention : {None, "se", "cbam"}, default=None
        What weighs the maps of the last stage: `SqueezeExcite` or `CBAM`. Features
        are the means of the weighed maps then. Networks of tokens have no maps.

    Attributes
    ----------
    config : mapping
        From which it can be built again.
    model : torch.nn.Module
        The network of transformers.

    Raises
    ------
    MissingDependencyError
        If transformers is not installed.
    InvalidParameterError, ParameterTypeError
        If a parameter is not valid, or there is no such kind of network.
    NetworkError
        If a model cannot be found or loaded, or weights do not fit.

    Examples
    --------
    >>> from mtlearn import MultiTaskImageEstimator, Partial
    >>> from mtlearn.networks import TransformersBackbone
    >>> tiny = {"model_type": "resnet", "depths": [1, 1], "hidden_sizes": [4, 8]}
    >>> MultiTaskImageEstimator(backbone=Partial(TransformersBackbone, config=tiny))
    MultiTaskImageEstimator(backbone=Partial(TransformersBackbone, config=...))
    """

    def __init__(
        self,
        in_channels: int = 3,
        image_size: Size | None = None,
        *,
        name: str | os.PathLike[str] | None = None,
        config: Mapping[str, Any] | None = None,
        pretrained: bool = False,
        weights: str | os.PathLike[str] | None = None,
        prefix: str = "",
        skip: str | Sequence[str] = (),
        resize: Size | None = None,
        pool: Literal["auto", "token", "mean"] = "auto",
        attention: Literal["se", "cbam"] | None = None,
    ) -> None:
        super().__init__(in_channels, image_size, resize)
        if pool not in ("auto", "token", "mean"):
            raise InvalidParameterError(
                f"The 'pool' parameter of {_OWNER} must be 'auto', 'token' or 'mean'. "
                f"Got {pool!r} instead."
            )
        self.pool = pool
        self.pooled = pool == "auto" and attention is None
        found = _configuration(name, config)
        self.config = _plain(found) if config is None else config
        given = {} if config is None else config
        self._fit_to_images(found, given, is_named=name is not None)
        self.model = _made(found, pooled=self.pooled)
        self.asked = self._asked(found)
        if pretrained:
            self._load(name)
        self.attention = self._attention(attention)
        self._begin(weights, prefix, skip)

    def _fit_to_images(
        self, config: Any, given: Mapping[str, Any], *, is_named: bool
    ) -> None:
        """Tell a configuration what is known of the images."""
        if hasattr(config, "num_channels"):
            config.num_channels = self.in_channels
        own = is_named or "image_size" in given
        if not own and self.size is not None and hasattr(config, "image_size"):
            height, width = self.size
            config.image_size = height if height == width else (height, width)

    def _asked(self, config: Any) -> dict[str, Any]:
        """Return what the network is asked for beside the images."""
        own = getattr(config, "image_size", None)
        trained = (own, own) if isinstance(own, int) else own
        accepts = inspect.signature(self.model.forward).parameters
        # Positions of tokens are known for one size.
        other = self.size is not None and trained and tuple(trained) != self.size
        if other and "interpolate_pos_encoding" in accepts:
            return {"interpolate_pos_encoding": True}
        return {}

    def _maps(self, x: Tensor) -> Tensor:
        return self.model(pixel_values=x, **self.asked).last_hidden_state

    def _features(self, x: Tensor) -> Tensor:
        if len(self.attention):
            return self.attention(self._maps(x)).mean((2, 3))
        found = self.model(pixel_values=x, **self.asked)
        pooled = found.get("pooler_output")
        if self.pooled and pooled is not None:
            return pooled.flatten(1)
        last = found.last_hidden_state
        if self.pool != "token":
            return last.mean((2, 3) if last.ndim == 4 else 1)
        if last.ndim != 3:
            raise InvalidParameterError(
                f"The 'pool' parameter of {_OWNER} must be 'auto' or 'mean' for a "
                f"{type(self.model).__name__}, which has no tokens. Got 'token' "
                "instead."
            )
        return last[:, 0]

    def _load(self, name: str | os.PathLike[str] | None) -> None:
        """Begin with the weights of a model of the Hub or in a folder."""
        if name is None or _is_kind(read_name(name, _OWNER)):
            raise InvalidParameterError(
                f"{_OWNER} has pretrained=True, which needs the name of a model of the "
                f"Hub, such as name='microsoft/resnet-50', or a folder. Got {name!r} "
                "instead, which has no weights."
            )
        path = read_name(name, _OWNER)
        cls = type(self.model)
        kwargs = _pooling(cls, pooled=self.pooled)

        def load(local: bool) -> tuple[nn.Module, dict[str, Any]]:
            return cls.from_pretrained(
                path,
                local_files_only=local,
                output_loading_info=True,
                dtype=torch.float32,
                **kwargs,
            )

        model, about = from_hub(path, load, _OWNER)
        missing = sorted(set(about["missing_keys"]) & self.model.state_dict().keys())
        if missing:
            raise NetworkError(
                f"The model {path!r} has no weights for {', '.join(missing[:5])} of a "
                f"{cls.__name__}. For a pooler that was never trained, set "
                "pool='token' or pool='mean'."
            )
        kept = self.model.state_dict().keys()
        tensors = {k: v for k, v in model.state_dict().items() if k in kept}
        self._fill_model(tensors, f"of {path!r}")

    def _renamed(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        # In a model with a classifier, all but that have the name of the base.
        start = f"{self.model.base_model_prefix}."
        base = {k: v for k, v in tensors.items() if k.startswith(start)}
        if not base or base.keys() & self.model.state_dict().keys():
            base, start = dict(tensors), ""
        named = {name.removeprefix(start): each for name, each in base.items()}
        if not self.pooled:
            named = {k: v for k, v in named.items() if not k.startswith("pooler.")}
        return named


def _configuration(
    name: str | os.PathLike[str] | None, config: Mapping[str, Any] | None
) -> Any:
    """Return transformers' object of a configuration."""
    transformers = import_extra("transformers", _OWNER)
    if config is not None:
        return _described(config)
    if is_filling():
        raise without_config(_OWNER)
    if name is None:
        raise InvalidParameterError(
            f"{_OWNER} needs a name, such as name='microsoft/resnet-50', or a config, "
            "such as config={'model_type': 'resnet'}."
        )
    text = read_name(name, _OWNER)
    if _is_kind(text):
        return transformers.AutoConfig.for_model(text)
    if not os.path.isdir(text) and "/" not in text:
        raise InvalidParameterError(
            f"There is no kind of network {text!r} in transformers, and no folder of "
            f"that name.{near_names(text, _kinds())} Models of the Hub have a name "
            "with a slash, such as 'microsoft/resnet-50'."
        )

    def load(local: bool) -> Any:
        return transformers.AutoConfig.from_pretrained(
            text, local_files_only=local, trust_remote_code=False
        )

    try:
        return from_hub(text, load, _OWNER)
    except ValueError as error:
        if isinstance(error, NetworkError):
            raise
        raise NetworkError(
            f"The configuration of {text!r} cannot be read: {error}"
        ) from error


def _described(config: Mapping[str, Any]) -> Any:
    """Return the object of a configuration that a user or a file gives."""
    if not isinstance(config, Mapping):
        raise ParameterTypeError(
            f"The 'config' parameter of {_OWNER} must be a mapping, such as "
            "{'model_type': 'resnet', 'depths': [1, 1]}. Got "
            f"{type(config).__name__} instead; its to_dict() may be one."
        )
    values = {
        key: value
        for key, value in config.items()
        if key not in _DROPPED and not key.startswith("_")
    }
    kind = values.pop("model_type", None)
    if not isinstance(kind, str) or not _is_kind(kind):
        raise InvalidParameterError(
            f"The 'config' parameter of {_OWNER} must have a 'model_type' that "
            f"transformers knows, such as 'resnet'. Got {kind!r} instead."
            f"{near_names(str(kind), _kinds())}"
        )
    transformers = import_extra("transformers", _OWNER)
    _check_values(values, transformers.AutoConfig.for_model(kind))
    return transformers.AutoConfig.for_model(kind, **values)


def _check_values(values: Mapping[str, Any], default: Any) -> None:
    """Raise for values that are not known, or that something would be loaded for."""
    known = {*default.to_dict(), *default.attribute_map, "attn_implementation"}
    for key in values:
        if key not in known and not is_filling():  # a file may be of another version
            raise InvalidParameterError(
                f"The 'config' parameter of {_OWNER} has {key!r}, which a "
                f"{default.model_type!r} does not know.{near_names(key, known)}"
            )
    if values.get("attn_implementation", "eager") not in _ATTENTION:
        raise InvalidParameterError(
            f"'attn_implementation' in the 'config' of {_OWNER} must be one of "
            f"{', '.join(map(repr, _ATTENTION))}. Got "
            f"{values['attn_implementation']!r} instead."
        )
    if _fetches(values):
        raise InvalidParameterError(
            f"The 'config' parameter of {_OWNER} must not have a part that loads "
            "weights of its own: set 'use_pretrained_backbone' to False."
        )


def _fetches(value: Any) -> bool:
    """Tell whether a part of a configuration is a network with weights of its own."""
    if isinstance(value, Mapping):
        own = bool(value.get("use_pretrained_backbone"))
        return own or any(map(_fetches, value.values()))
    return isinstance(value, list | tuple) and any(map(_fetches, value))


def _plain(config: Any) -> dict[str, Any]:
    """Return a configuration as a mapping that a file can hold."""
    values = json.loads(config.to_json_string(use_diff=False))
    return {
        key: value
        for key, value in values.items()
        if key not in _DROPPED and not key.startswith("_")
    }


def _made(config: Any, *, pooled: bool) -> nn.Module:
    """Return an untrained network of a configuration."""
    from transformers import MODEL_MAPPING, AutoModel

    cls = MODEL_MAPPING[type(config)]
    cls = cls[0] if isinstance(cls, tuple) else cls
    if cls.main_input_name != "pixel_values":
        raise InvalidParameterError(
            f"The kind {config.model_type!r} of transformers is no network of images: "
            f"a {cls.__name__} takes {cls.main_input_name!r}. Of a pair of networks, "
            "name the one of images, such as 'clip_vision_model'."
        )
    return AutoModel.from_config(
        config,
        dtype=torch.float32,
        trust_remote_code=False,
        **_pooling(cls, pooled=pooled),
    )


def _pooling(cls: Any, *, pooled: bool) -> dict[str, Any]:
    """Return the argument that leaves out a layer that would not be used."""
    accepts = inspect.signature(cls.__init__).parameters
    return {} if pooled or "add_pooling_layer" not in accepts else _NO_POOLING


_NO_POOLING = {"add_pooling_layer": False}


def _kinds() -> list[str]:
    """Name the kinds of networks that transformers has."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return list(MODEL_MAPPING_NAMES)


def _is_kind(name: str) -> bool:
    import_extra("transformers", _OWNER)
    return name in _kinds()
