"""A fitted estimator as one torch module, from the rows of X to each task's output."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn import pipeline as scikit_learn
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from mtlearn._utils._short import short
from mtlearn.calibration import (
    ConformalPredictor,
    TemperatureScaled,
    TunedThresholds,
)
from mtlearn.ensemble import SeedEnsemble, TestTimeAugmented, VotingEnsemble
from mtlearn.estimators import (
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    reconstructing,
)
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.networks import MLP, OwnHead, for_inference
from mtlearn.pipeline import Pipeline
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReader,
    ImageReshaper,
    ImageStandardScaler,
)
from mtlearn.tasks import Tasks

Outputs = tuple[Tensor, ...]

_NETWORKS = (MultiTaskImageEstimator, MultiTaskEstimator)
_ENSEMBLES = (SeedEnsemble, VotingEnsemble)
_TRANSFORMERS = (ImageReshaper, GlobalMaxScaler, ImageStandardScaler, ImageNormalizer)
# Not subclasses: what they change would be left out without a word.
_WRAPPERS = (TemperatureScaled, TunedThresholds, ConformalPredictor)
_KNOWN = {*_NETWORKS, *_ENSEMBLES, *_TRANSFORMERS, *_WRAPPERS}


def parts(estimator: Any) -> list[Any]:
    """Give the fitted steps that rows go through, the multi-task estimator last.

    Parameters
    ----------
    estimator : estimator
        Of this package, or a Pipeline or search that ends in one.

    Returns
    -------
    list of estimator
        Out of Pipelines and searches; those inside of an ensemble not among them.

    Raises
    ------
    InvalidParameterError
        If a step is none that can be exported.
    sklearn.exceptions.NotFittedError
        If one is not fitted.
    """
    found = list(_flat(estimator))
    for part in found:
        if isinstance(part, TestTimeAugmented):
            raise InvalidParameterError(
                "to_onnx cannot export a TestTimeAugmented, as random changes are no "
                "part of a graph. Export its estimator_, and average what that file "
                "gives for an image and for changes of your own."
            )
        if type(part) not in _KNOWN:
            names = ", ".join(sorted(each.__name__ for each in _KNOWN))
            raise InvalidParameterError(
                f"to_onnx cannot export a {type(part).__name__}: {short(part)}. It "
                f"knows {names}, not their subclasses, in Pipelines and searches. If "
                "it is a step in front, export what comes after it (pipeline[1:]) and "
                "give the file what the step returns."
            )
        check_is_fitted(part)
    return found


def _flat(estimator: Any) -> Iterator[Any]:
    if isinstance(estimator, FrozenEstimator):
        yield from _flat(estimator.estimator)
    elif hasattr(estimator, "best_estimator_"):
        yield from _flat(estimator.best_estimator_)
    elif hasattr(estimator, "refit"):
        check_is_fitted(estimator)  # which fails
    elif type(estimator) in (scikit_learn.Pipeline, Pipeline):
        for _, step in estimator.steps:
            # A graph takes images, and opens no file.
            is_seen = step is not None and type(step) is not ImageReader
            if is_seen and step != "passthrough":
                yield from _flat(step)
    else:
        yield estimator


def row_shape(estimator: Any) -> tuple[int, ...]:
    """Give the shape of one row of X.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    tuple of int
        ``(height, width, n_channels)``, ``(height, width)`` or ``(n_features,)``.

    Raises
    ------
    InvalidDataError
        If the members of an ensemble do not take rows of one shape.
    """
    return _row_shapes(estimator)[0]


def _row_shapes(estimator: Any) -> list[tuple[int, ...]]:
    """Give the shapes that a row may have, the usual one first."""
    first = parts(estimator)[0]
    if isinstance(first, _WRAPPERS):
        return _row_shapes(first.estimator_)
    if isinstance(first, _ENSEMBLES):
        own, *others = [_row_shapes(member) for member in first.estimators_]
        shared = [shape for shape in own if all(shape in each for each in others)]
        if not shared:
            raise InvalidDataError(
                f"The members of {type(first).__name__} take rows of different shapes: "
                f"{own[0]} and {[each[0] for each in others]}. Fit them on the same X."
            )
        return shared
    if isinstance(first, MultiTaskImageEstimator):
        *size, n_channels = first.image_shape_
        shape = (*size, n_channels)
        return [shape, tuple(size)] if n_channels == 1 else [shape]
    if isinstance(first, MultiTaskEstimator):
        return [(first.n_features_in_,)]
    return [tuple(first.sample_shape_)]


def exported_tasks(estimator: Any) -> Tasks:
    """Give the tasks that a file has outputs of.

    Parameters
    ----------
    estimator : estimator
        Fitted, of this package.

    Returns
    -------
    Tasks
        Those that are predicted, and after them those that make X again.
    """
    tasks = estimator.tasks_
    names = [*tasks.labelled.names, *reconstructing(tasks)]
    return Tasks.from_mapping({name: tasks[name] for name in names})


def make_module(estimator: Any) -> nn.Module:
    """Make a module that computes what the estimator predicts.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    torch.nn.Module
        Maps rows of X, float32 or uint8, to one output a task, float64; on the CPU, in
        evaluation mode, and no part of it is the estimator's.
    """
    module = nn.Sequential(*(_made(part) for part in parts(estimator)))
    return module.eval().requires_grad_(False)


def _made(part: Any) -> nn.Module:
    if isinstance(part, ImageReshaper):
        return _Reshaped(part.image_shape_)
    if isinstance(part, GlobalMaxScaler):
        return _Scaled(None, np.array(part.scale_))
    if isinstance(part, ImageStandardScaler | ImageNormalizer):
        return _Scaled(part.mean_, part.scale_)
    if isinstance(part, TemperatureScaled):
        return _Tempered(part)
    if isinstance(part, _WRAPPERS):  # which leave probabilities as they are
        return make_module(part.estimator_)
    return _Average(part) if isinstance(part, _ENSEMBLES) else _Activated(part)


class _Reshaped(nn.Module):
    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, *self.shape)


class _Scaled(nn.Module):
    """Each step in float64 and rounded to float32, as the transformers do it."""

    def __init__(self, mean: np.ndarray | None, scale: np.ndarray) -> None:
        super().__init__()
        self.mean = None if mean is None else _double(mean)
        self.scale = _double(scale)

    def forward(self, x: Tensor) -> Tensor:
        if self.mean is not None:
            x = (x.double() - self.mean).float()
        return (x.double() / self.scale).float()


class _Activated(nn.Module):
    """A network with its softmax, or its outputs in the units of y."""

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        # As a pickle: made anew on the CPU, with nothing that hangs on the old one.
        network = for_inference(copy.deepcopy(estimator.net_).module_)
        has_own = any(isinstance(head, OwnHead) for head in network.heads)
        if has_own or not isinstance(network.backbone, MLP):
            # onnxruntime has no convolutions in float64, and lacks other layers too.
            network.float()
        self.network = network
        self.dtype = next(network.parameters()).dtype
        tasks = exported_tasks(estimator)
        self.numbers = [estimator.tasks_.names.index(name) for name in tasks.names]
        self.activations = [task.exported_activation() for task in tasks]
        self.of_images = isinstance(estimator, MultiTaskImageEstimator)

    def forward(self, x: Tensor) -> Outputs:
        x = x.to(self.dtype)
        has_channels = x.ndim == 4
        if self.of_images:
            x = x if has_channels else x.unsqueeze(-1)
            x = x.permute(0, 3, 1, 2)
        outputs = self.network.outputs(self.network.features(x), self.numbers)
        return tuple(
            _as_rows(activate(output), has_channels)
            for activate, output in zip(self.activations, outputs, strict=True)
        )


def _as_rows(output: Tensor, has_channels: bool) -> Tensor:
    """Lay out images as X is laid out, in float64 as all outputs are."""
    if output.ndim != 4:
        return output
    images = output.double().permute(0, 2, 3, 1)
    return images if has_channels else images.squeeze(-1)


def _double(number: Any) -> Tensor:
    return torch.tensor(number, dtype=torch.float64, device="cpu")


class _Average(nn.Module):
    def __init__(self, ensemble: Any) -> None:
        super().__init__()
        members = ensemble.estimators_
        self.members = nn.ModuleList(make_module(member) for member in members)
        weights = ensemble._member_weights()
        self.shares = [_double(weight / math.fsum(weights)) for weight in weights]
        self.places = [
            [
                _places(task, source)
                for task, source in zip(
                    exported_tasks(ensemble),
                    exported_tasks(parts(member)[-1]),
                    strict=True,
                )
            ]
            for member in members
        ]

    def forward(self, x: Tensor) -> Outputs:
        rows = [
            [
                (output if place is None else output @ place) * share
                for output, place in zip(member(x), places, strict=True)
            ]
            for member, places, share in zip(
                self.members, self.places, self.shares, strict=True
            )
        ]
        return tuple(sum(each[1:], each[0]) for each in zip(*rows, strict=True))


def _places(task: Any, source: Any) -> Tensor | None:
    """Give the matrix that brings a member's classes to the ensemble's places."""
    if not source.n_columns:
        return None
    each = np.eye(source.n_outputs)
    aligned = task.align(each, source)
    return None if aligned is each else torch.from_numpy(aligned)


class _Tempered(nn.Module):
    def __init__(self, scaled: TemperatureScaled) -> None:
        super().__init__()
        self.inner = make_module(scaled.estimator_)
        tasks = exported_tasks(scaled)
        found = [scaled.temperatures_.get(name, 1.0) for name in tasks.names]
        self.temperatures = [
            None if np.all(each == 1) else _double(each) for each in found
        ]
        self.scalings = [task.exported_calibration() for task in tasks]

    def forward(self, x: Tensor) -> Outputs:
        return tuple(
            output if temperature is None else scaling(output, temperature)
            for output, temperature, scaling in zip(
                self.inner(x), self.temperatures, self.scalings, strict=True
            )
        )
