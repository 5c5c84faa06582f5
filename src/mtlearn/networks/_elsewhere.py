"""What networks of other packages have in common as backbones."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlearn.exceptions import InvalidParameterError, NetworkError, ParameterTypeError
from mtlearn.networks._attention import attention_layers
from mtlearn.networks._filling import is_filling
from mtlearn.networks._weights import fill, read_weights

Size = int | Sequence[int]


class ForeignBackbone(nn.Module, ABC):
    """A network of another package: its images resized, its outcome as features.

    Subclasses build `model` and set `config`, from which alone it can be built again.

    Parameters
    ----------
    in_channels : int
        Number of channels of the images.
    image_size : (int, int) or None
        Height and width of the images, where they are known.
    resize : int or (int, int), default=None
        Height and width that images are brought to; None leaves them.
    """

    # They only say what training begins with.
    initial_arguments: ClassVar[tuple[str, ...]] = (
        "pretrained",
        "weights",
        "prefix",
        "skip",
    )
    # What files hold beside the user's arguments, so that nothing is looked up.
    resolved_arguments: ClassVar[tuple[str, ...]] = ("config",)

    config: Mapping[str, Any]
    model: Any  # a module with the methods that its package gives it

    def __init__(
        self, in_channels: int, image_size: Size | None, resize: Size | None
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.resize = _read_size(resize, type(self).__name__)
        size = _read_size(image_size, type(self).__name__, "image_size")
        self.size = self.resize or size

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_channels, height, width)
            Images.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The features.
        """
        return self._features(self._resized(x))

    @abstractmethod
    def _features(self, x: Tensor) -> Tensor:
        """Return the features of images that have their size."""

    @abstractmethod
    def _maps(self, x: Tensor) -> Tensor:
        """Return what comes out of the last stage."""

    def _resized(self, x: Tensor) -> Tensor:
        if self.resize is None or tuple(x.shape[2:]) == self.resize:
            return x
        # Smaller images are blurred first; of larger ones it would change nothing.
        shrinks = x.shape[2] > self.resize[0] or x.shape[3] > self.resize[1]
        return functional.interpolate(
            x, self.resize, mode="bilinear", align_corners=False, antialias=shrinks
        )

    def _attention(self, name: str | None) -> nn.Sequential:
        """Return what weighs the maps of the last stage, found by a pass of zeros."""
        if name is None:
            return nn.Sequential()
        weight = next(self.model.parameters())
        shape = (1, self.in_channels, *(self.size or (64, 64)))
        was_training = self.model.training
        self.model.eval()
        with torch.no_grad():
            maps = self._maps(torch.zeros(shape, dtype=weight.dtype))
        self.model.train(was_training)
        if maps.ndim != 4:
            raise InvalidParameterError(
                f"The 'attention' parameter of {type(self).__name__} must be None for "
                f"a {type(self.model).__name__}, whose last stage has no maps of shape "
                f"(n_samples, n_channels, height, width). Got {name!r} instead."
            )
        layers = attention_layers(name, maps.shape[1], type(self).__name__)
        return nn.Sequential(*layers)

    def _begin(
        self,
        path: str | os.PathLike[str] | None,
        prefix: str,
        skip: str | Sequence[str],
    ) -> None:
        """Read the weights of a file, of the model or of all of this."""
        if path is None or is_filling():
            return
        tensors = read_weights(path, prefix)
        where = f"in {str(path)!r}"
        own = self.state_dict()
        if own.keys() == tensors.keys():
            fill(self, with_channels(tensors, own, self.in_channels), where, skip)
        else:
            self._fill_model(self._renamed(tensors), where, skip)

    def _fill_model(
        self, tensors: Mapping[str, Tensor], where: str, skip: str | Sequence[str] = ()
    ) -> None:
        state = self.model.state_dict()
        fill(self.model, with_channels(tensors, state, self.in_channels), where, skip)

    def _renamed(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Give the weights of a file the names of the model, without a classifier."""
        return tensors


def with_channels(
    tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], in_channels: int
) -> dict[str, Tensor]:
    """Fit filters of images to another number of channels.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Weights by name.
    state : mapping of str to Tensor
        What they are for, by the same names.
    in_channels : int
        Of the images.

    Returns
    -------
    dict of str to Tensor
        Filters of another number of channels are summed for one channel, and else
        repeated, and scaled so that a grey image gives what it gave before.
    """
    fitted = dict(tensors)
    for name, found in tensors.items():
        expected = state.get(name)
        if expected is None or found.ndim != 4 or expected.ndim != 4:
            continue
        before, now = found.shape[1], expected.shape[1]
        same = found[:, 0].shape == expected[:, 0].shape
        if same and before != now == in_channels:
            fitted[name] = _repeated(found, now)
    return fitted


def _repeated(filters: Tensor, channels: int) -> Tensor:
    if channels == 1:
        return filters.sum(1, keepdim=True)
    repeated = filters.repeat(1, ceil(channels / filters.shape[1]), 1, 1)[:, :channels]
    return repeated * (filters.shape[1] / channels)


def _read_size(
    value: Size | None, owner: str, name: str = "resize"
) -> tuple[int, int] | None:
    """Return a size as height and width."""
    if value is None:
        return None
    both = (value, value) if isinstance(value, int) else value
    if (
        isinstance(both, Sequence)
        and len(both) == 2
        and all(isinstance(each, int) and each > 0 for each in both)
    ):
        return both[0], both[1]
    raise InvalidParameterError(
        f"The {name!r} parameter of {owner} must be None, a positive int or a pair of "
        f"them, (height, width). Got {value!r} instead."
    )


def read_name(name: Any, owner: str) -> str:
    """Return a name that is a text.

    Raises
    ------
    ParameterTypeError
        If it is none.
    """
    if isinstance(name, str | os.PathLike):
        return os.fspath(name)
    raise ParameterTypeError(
        f"The 'name' parameter of {owner} must be a str. Got {name!r} instead."
    )


def without_config(owner: str) -> NetworkError:
    """Make the error of a file that has a name where a configuration belongs."""
    return NetworkError(
        f"{owner} is built again from its config, and the file holds a name alone."
    )
