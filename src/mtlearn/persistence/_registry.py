"""The classes and functions that a file may name: those of this package and torch."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn import pipeline as scikit_learn
from sklearn.frozen import FrozenEstimator
from torch import nn

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn.augmentation import (
    Augmentation,
    CutMix,
    MixUp,
    RandAugment,
    TrivialAugment,
)
from mtlearn.calibration import (
    ConformalPredictor,
    TemperatureScaled,
    TunedThresholds,
)
from mtlearn.data import RaritySampler
from mtlearn.ensemble import SeedEnsemble, TestTimeAugmented, VotingEnsemble
from mtlearn.estimators import (
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    TaskClassifier,
    TaskMultiLabel,
    TaskRegressor,
    TaskView,
)
from mtlearn.exceptions import InvalidParameterError, ModelFormatError
from mtlearn.losses import (
    AGGREGATIONS,
    BALANCINGS,
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Ridge,
    TaskCovariance,
    TraceNorm,
    focal_loss,
    huber_loss,
)
from mtlearn.networks import (
    CGC,
    MLP,
    BackboneOfEach,
    Decoder,
    Encoder,
    ResNet,
    ResNetV2,
    TabM,
    TimmBackbone,
    TransformersBackbone,
)
from mtlearn.openset import OpenSetClassifier, OpenSetDetector
from mtlearn.pipeline import Pipeline
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReader,
    ImageReshaper,
    ImageStandardScaler,
)
from mtlearn.tasks import Head, Tasks, kinds
from mtlearn.training import (
    EMA,
    SWA,
    CSVLogger,
    MultiTaskNet,
    TaskMetric,
    WarmupCosineLR,
)

# What is made of parameters, and may have learned something since.
_OBJECTS = (
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    SeedEnsemble,
    VotingEnsemble,
    ConformalPredictor,
    TemperatureScaled,
    TestTimeAugmented,
    TunedThresholds,
    OpenSetClassifier,
    OpenSetDetector,
    TaskClassifier,
    TaskMultiLabel,
    TaskRegressor,
    TaskView,
    ImageReshaper,
    GlobalMaxScaler,
    ImageStandardScaler,
    ImageNormalizer,
    ImageReader,
    *kinds(),
    Head,
    Augmentation,
    TrivialAugment,
    RandAugment,
    MixUp,
    CutMix,
    RaritySampler,
    EMA,
    SWA,
    *BALANCINGS.values(),
    *AGGREGATIONS.values(),
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Ridge,
    TaskCovariance,
    TraceNorm,
    CSVLogger,
    TaskMetric,
    FrozenEstimator,
)
# Of one name, which in files of all versions is scikit-learn's.
_PIPELINES = {
    "Pipeline": scikit_learn.Pipeline,
    "mtlearn.pipeline.Pipeline": Pipeline,
}
_MADE = (*_OBJECTS, *_PIPELINES.values())
# What of them is not here is no object of the user's.
_PACKAGES = ("sklearn", "skorch", "mtlearn")
_PARTS = (
    *(BackboneOfEach, CGC, ResNet, ResNetV2, MLP, TimmBackbone, TransformersBackbone),
    *(Encoder, Decoder, TabM),
    *(WarmupCosineLR, focal_loss, huber_loss),
)


def _torch_parts() -> dict[str, Any]:
    """Name the optimisers and the schedules of torch."""
    found: dict[str, Any] = {}
    modules = {
        torch.optim: torch.optim.Optimizer,
        torch.optim.lr_scheduler: torch.optim.lr_scheduler.LRScheduler,
    }
    for module, base in modules.items():
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base):
                found[f"{module.__name__}.{name}"] = value
    return found


def _torch_losses() -> dict[str, type[nn.Module]]:
    """Name the losses of torch."""
    found = vars(torch.nn.modules.loss).values()
    return {
        f"torch.nn.{each.__name__}": each
        for each in found
        if isinstance(each, type) and issubclass(each, nn.modules.loss._Loss)
    }


# Objects of them are made of arguments, which they keep under the same names.
LOSSES = _torch_losses()

KNOWN: dict[str, Any] = {
    **{each.__name__: each for each in (*_OBJECTS, *_PARTS)},
    **_PIPELINES,
    **_torch_parts(),
}
_NAMES = {value: name for name, value in KNOWN.items()}


def is_object(value: Any) -> bool:
    """Tell whether a value is made of parameters, by a class of ours or the user's."""
    return type(value) in (*_MADE, Tasks, Partial, MultiTaskNet) or (
        hasattr(value, "get_params")
        and not isinstance(value, type | nn.Module)
        and type(value).__module__.partition(".")[0] not in _PACKAGES
    )


def is_number(dtype: np.dtype) -> bool:
    """Tell whether a file can hold numbers of a type."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def can_learn(cls: type, name: str) -> bool:
    """Tell whether an object may have an attribute, which hides nothing that runs.

    Parameters
    ----------
    cls : type
        Of the object.
    name : str
        Of the attribute.

    Returns
    -------
    bool
        False for the name of a method or property of the class.
    """
    own = inspect.getattr_static(cls, name, None)
    return name.isidentifier() and not callable(own) and not hasattr(own, "__get__")


def name_of(value: Callable[..., Any], where: str) -> dict[str, Any]:
    """Give the name by which a file refers to a class or function.

    Parameters
    ----------
    value : class or function
        One of the registry, or the user's own.
    where : str
        What it is in, for the message.

    Returns
    -------
    dict
        Its name, and whether `load` must be given it.

    Raises
    ------
    InvalidParameterError
        If it cannot be found again by a name.
    """
    if value in _NAMES:
        return {"name": _NAMES[value]}
    name = getattr(value, "__name__", "<lambda>")
    if not name.isidentifier():
        raise InvalidParameterError(
            f"{where} is {short(value)}, which has no name to find it by. Define a "
            "function or class with a name, or set it to None before saving."
        )
    return {"name": name, "custom": True}


def loss_arguments(loss: nn.Module) -> dict[str, Any]:
    """Give the arguments that a loss of torch is made of.

    Parameters
    ----------
    loss : nn.Module
        Of a class in `LOSSES`.

    Returns
    -------
    dict
        By name; tensors on the CPU.
    """
    names = inspect.signature(type(loss)).parameters
    # Not the old names of `reduction`, which leave no attribute.
    return {name: getattr(loss, name) for name in names if hasattr(loss, name)}


def find(record: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Any:
    """Find what a file refers to.

    Parameters
    ----------
    record : mapping
        What `name_of` returned.
    custom_objects : mapping of str to class or function
        The user's own.

    Returns
    -------
    class or function
        From the registry or from the user.

    Raises
    ------
    ModelFormatError
        If there is no such name.
    """
    name = record["name"]
    if record.get("custom"):
        if name not in custom_objects:
            raise ModelFormatError(
                f"it refers to {name!r}, which is not part of mtlearn. If you trust "
                f"it, pass custom_objects={{{name!r}: ...}} with that class or function"
            )
        return custom_objects[name]
    if name not in KNOWN:
        raise ModelFormatError(f"it refers to {name!r}, which mtlearn does not know")
    return KNOWN[name]


def find_class(record: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Any:
    """Find the class of an object in a file.

    Parameters
    ----------
    record, custom_objects : mapping
        As in `find`.

    Returns
    -------
    class
        One whose objects `save` writes, or the user's.

    Raises
    ------
    ModelFormatError
        If there is no such class.
    """
    found = find(record, custom_objects)
    # A network, say, would be built of any size that the file names.
    if found not in _MADE and not record.get("custom"):
        raise ModelFormatError(f"it has a {record['name']!r} where an object belongs")
    return found
