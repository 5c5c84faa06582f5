"""Backbones of the package timm."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError, NetworkError, ParameterTypeError
from mtlearn.networks._elsewhere import (
    ForeignBackbone,
    Size,
    read_name,
    without_config,
)
from mtlearn.networks._filling import is_filling
from mtlearn.networks._hub import file_of_hub, from_hub
from mtlearn.networks._near import near_names
from mtlearn.networks._optional import import_extra

_OWNER = "TimmBackbone"
_LOCAL, _HUB = "local-dir:", "hf-hub:"
# What this class sets itself, or has another argument for.
_NOT_FOR_TIMM = {
    "in_chans": "it follows from the images",
    "num_classes": "there is no classifier",
    "features_only": "features are one vector",
    "checkpoint_path": "give the file by weights=",
    "pretrained_cfg": "give the tag in the name, as in 'resnet50.a1_in1k'",
    "pretrained_cfg_overlay": "give the file by weights=",
    "pretrained_model_args": "they are timm's own",
}
_FILES = ("model.safetensors", "pytorch_model.bin")


class TimmBackbone(ForeignBackbone):
    """A network of images of the package timm, with or without its weights.

    Needs ``pip install 'mtlearn[timm]'``, which needs torchvision. timm names more
    than a thousand networks: ``timm.list_models("*resnet*")``.

    Parameters
    ----------
    in_channels : int, default=3
        Number of channels of the images. Weights that are loaded for another number
        are summed over it for grey images, or repeated for more channels.
    image_size : (int, int), default=None
        Height and width of the images.
    name : str, default=None
        As in ``timm.create_model``: ``"efficientnet_b3"``, with a tag of its weights
        (``"resnet50.a1_in1k"``), ``"hf-hub:owner/model"`` of the Hugging Face Hub, or
        ``"local-dir:path"``.
    config : mapping, default=None
        ``"name"`` of a network of timm and its arguments, taken instead of `name`. It
        is what a file holds.
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
    attention : {None, "se", "cbam"}, default=None
        What weighs the maps of the last stage, before the network pools them:
        `SqueezeExcite` or `CBAM`. Networks of tokens have no maps.
    **timm_kwargs : object
        Further arguments of ``timm.create_model``, such as `drop_path_rate`.

    Attributes
    ----------
    config : mapping
        From which, and from `timm_kwargs`, it can be built again.
    model : torch.nn.Module
        The network of timm.

    Raises
    ------
    MissingDependencyError
        If timm is not installed.
    InvalidParameterError, ParameterTypeError
        If a parameter is not valid, or there is no such network.
    NetworkError
        If a model cannot be found or loaded, or weights do not fit.

    Examples
    --------
    >>> from mtlearn import MultiTaskImageEstimator, Partial
    >>> from mtlearn.networks import TimmBackbone
    >>> backbone = Partial(TimmBackbone, name="efficientnet_b3", drop_rate=0.3)
    >>> MultiTaskImageEstimator(backbone=backbone)
    MultiTaskImageEstimator(backbone=Partial(TimmBackbone, name='efficientnet_b3',
                                             drop_rate=0.3))
    """

    def __init__(
        self,
        in_channels: int = 3,
        image_size: Size | None = None,
        *,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        pretrained: bool = False,
        weights: str | os.PathLike[str] | None = None,
        prefix: str = "",
        skip: str | Sequence[str] = (),
        resize: Size | None = None,
        attention: Literal["se", "cbam"] | None = None,
        **timm_kwargs: Any,
    ) -> None:
        super().__init__(in_channels, image_size, resize)
        _check_arguments(timm_kwargs)
        self.config = _configuration(name) if config is None else _read(config)
        given = {**self.config, **timm_kwargs}
        model = given.pop("name")
        source: dict[str, Any] = {}
        if pretrained:
            source = _weights_of(name)
            model = source.pop("model_name", model)
        self.model = self._made(model, {**given, **source})
        self.attention = self._attention(attention)
        self._begin(weights, prefix, skip)

    def _made(self, model: str, given: Mapping[str, Any]) -> nn.Module:
        import timm

        # Without a tag that a later version of timm may not have.
        about = timm.get_pretrained_cfg(self.config["name"].partition(".")[0])
        fixed = about is not None and about.fixed_input_size
        if fixed and self.size is not None and not given.get("dynamic_img_size"):
            given = {"img_size": self.size, **given}
        return timm.create_model(
            model, num_classes=0, in_chans=self.in_channels, **given
        )

    def _maps(self, x: Tensor) -> Tensor:
        maps = self.model.forward_features(x)
        return maps.permute(0, 3, 1, 2) if self._is_last(maps) else maps

    def _is_last(self, maps: Tensor) -> bool:
        """Tell whether channels are the last dimension of maps."""
        return maps.ndim == 4 and getattr(self.model, "output_fmt", "") == "NHWC"

    def _features(self, x: Tensor) -> Tensor:
        if not len(self.attention):
            return self.model(x)
        maps = self.attention(self._maps(x))
        if getattr(self.model, "output_fmt", "") == "NHWC":
            maps = maps.permute(0, 2, 3, 1)
        return self.model.forward_head(maps)

    def _renamed(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        about: Any = getattr(self.model, "pretrained_cfg", {})
        found = about.get("classifier") or ()
        starts = tuple(f"{x}." for x in ([found] if isinstance(found, str) else found))
        own = self.model.state_dict()
        return {
            k: v for k, v in tensors.items() if k in own or not k.startswith(starts)
        }


def _check_arguments(given: Mapping[str, Any]) -> None:
    for key, reason in _NOT_FOR_TIMM.items():
        if key in given:
            raise InvalidParameterError(
                f"{_OWNER} has no argument {key!r} for timm: {reason}."
            )


def _configuration(name: str | None) -> Mapping[str, Any]:
    """Return the name and arguments of timm that a name stands for."""
    import_extra("timm", _OWNER)
    if is_filling():
        raise without_config(_OWNER)
    if name is None:
        raise InvalidParameterError(
            f"{_OWNER} needs a name, such as name='efficientnet_b3'."
        )
    text = _cleaned(name)
    if text.startswith((_LOCAL, _HUB)):
        return _read(_arguments_in(_folder_of(text)))
    _check_name(text)
    return {"name": text}


def _cleaned(name: Any) -> str:
    """Return a name as timm has it: those of its models on the Hub begin with timm/."""
    return read_name(name, _OWNER).removeprefix("timm/")


def _check_name(name: str) -> None:
    """Raise if timm has no network, or no weights, of a name."""
    import timm

    if "/" in name:
        raise InvalidParameterError(
            f"The name {name!r} of {_OWNER} must be one of timm. Use {_HUB + name!r} "
            f"for a model of the Hub, {_LOCAL + name!r} for a folder."
        )
    if not timm.is_model(name):
        near = near_names(name.partition(".")[0], timm.list_models())
        raise InvalidParameterError(
            f"There is no network {name!r} in timm {timm.__version__}.{near} All are "
            "given by timm.list_models()."
        )
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        network = name.partition(".")[0]
        near = near_names(name, timm.list_pretrained(f"{network}.*"))
        raise InvalidParameterError(
            f"There are no weights {name!r} in timm {timm.__version__}.{near}"
        ) from error


def _read(config: Any) -> Mapping[str, Any]:
    """Return a configuration, checked."""
    if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
        raise ParameterTypeError(
            f"The 'config' parameter of {_OWNER} must be a mapping with the 'name' of "
            f"a network of timm. Got {config!r} instead."
        )
    import_extra("timm", _OWNER)
    _check_arguments({key: value for key, value in config.items() if key != "name"})
    name = config["name"]
    # Of a file, a name is looked for without its tag; it begins with no weights.
    _check_name(name.partition(".")[0] if is_filling() else name)
    return config


def _folder_of(name: str, files: Sequence[str] = ("config.json",)) -> Path:
    """Return a folder with the files of a model."""
    if name.startswith(_LOCAL):
        return Path(name.removeprefix(_LOCAL))
    repository = name.removeprefix(_HUB)

    def load(local: bool) -> Path:
        return Path(file_of_hub(repository, files, local)).parent

    return from_hub(repository, load, _OWNER)


def _arguments_in(folder: Path) -> dict[str, Any]:
    """Return the name and arguments of the network in a folder."""
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        name, arguments = values["architecture"], values.get("model_args")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkError(
            f"The folder {str(folder)!r} must have a config.json as timm writes it, "
            f"which can be read: {error}"
        ) from error
    kept = {k: v for k, v in (arguments or {}).items() if k not in _NOT_FOR_TIMM}
    return {"name": name, **kept}


def _weights_of(name: str | None) -> dict[str, Any]:
    """Return arguments of timm by which it finds the weights on this machine."""
    import timm

    if name is None:
        raise InvalidParameterError(
            f"{_OWNER} has pretrained=True, which needs the name of a model. Got None."
        )
    text = _cleaned(name)
    if text.startswith((_LOCAL, _HUB)):
        _folder_of(text)
        folder = _folder_of(text, _FILES)
        return {"model_name": f"{_LOCAL}{folder}", "pretrained": True}
    about = timm.get_pretrained_cfg(text)
    if about is None or not about.has_weights:
        near = near_names(text, timm.list_pretrained())
        raise InvalidParameterError(
            f"timm has no weights for {text!r}: set pretrained=False.{near}"
        )
    if not about.hf_hub_id:
        return {"pretrained": True}
    own = about.hf_hub_filename
    files = (own,) if own else _FILES

    def load(local: bool) -> str:
        return file_of_hub(about.hf_hub_id, files, local)

    found = from_hub(about.hf_hub_id, load, _OWNER)
    overlay = {"file": found, "custom_load": bool(about.custom_load)}
    return {"pretrained": True, "pretrained_cfg_overlay": overlay}
