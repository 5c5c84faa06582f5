"""A fitted estimator as one torch module, from the rows of X to each task's output."""

import math
from collections.abc import Collection, Iterator, Sequence
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
    names_of_categories,
)
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.openset import OpenSetClassifier, exported_scores
from mtlearn.persistence._onnx_network import (
    Activated,
    Traced,
    exported_tasks,
    with_predicted,
)
from mtlearn.persistence._onnx_open_set import thresholds
from mtlearn.pipeline import Pipeline
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReader,
    ImageReshaper,
    ImageStandardScaler,
)

_NETWORKS = (MultiTaskImageEstimator, MultiTaskEstimator)
_ENSEMBLES = (SeedEnsemble, VotingEnsemble)
_TRANSFORMERS = (ImageReshaper, GlobalMaxScaler, ImageStandardScaler, ImageNormalizer)
# Not subclasses: what they change would be left out without a word.
_WRAPPERS = (
    TemperatureScaled,
    TunedThresholds,
    ConformalPredictor,
    OpenSetClassifier,
)
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
        names = names_of_categories(part)
        if names:
            raise InvalidParameterError(
                f"to_onnx cannot export a {type(part).__name__} whose X has columns of "
                f"categories ({names}), as a graph takes numbers. Encode them in a "
                "step in front, such as scikit-learn's OneHotEncoder, and export what "
                "comes after it."
            )
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


def make_module(estimator: Any) -> nn.Module:
    """Make a module that computes what the estimator predicts.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    torch.nn.Module
        Maps rows of X, float32 or uint8, to a tuple of outputs, float64: one of each
        task, and then one of each threshold of what is unknown. It is on the CPU, in
        evaluation mode, and no part of it is the estimator's.
    """
    module = nn.Sequential(*_steps(estimator), _Outputs())
    return module.eval().requires_grad_(False)


def _traced(estimator: Any, needs: Collection[str]) -> nn.Module:
    """Make a module that gives outputs, and what is needed of what is seen."""
    return nn.Sequential(*_steps(estimator, needs))


def _steps(estimator: Any, needs: Collection[str] = ()) -> list[nn.Module]:
    return [_made(part, needs) for part in parts(estimator)]


def _made(part: Any, needs: Collection[str]) -> nn.Module:
    if isinstance(part, ImageReshaper):
        return _Reshaped(part.image_shape_)
    if isinstance(part, GlobalMaxScaler):
        return _Scaled(None, np.array(part.scale_))
    if isinstance(part, ImageStandardScaler | ImageNormalizer):
        return _Scaled(part.mean_, part.scale_)
    if isinstance(part, OpenSetClassifier):
        return _OpenSet(part)
    if isinstance(part, TemperatureScaled):
        return _Tempered(part, needs)
    if isinstance(part, _WRAPPERS):  # which leave probabilities as they are
        return _traced(part.estimator_, needs)
    if isinstance(part, _ENSEMBLES):
        return _Average(part, needs)
    return Activated(part, needs)


class _Outputs(nn.Module):
    """What a file gives: the outputs alone."""

    def forward(self, traced: Traced) -> tuple[Tensor, ...]:
        return tuple(traced.outputs.values())


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


def _double(number: Any) -> Tensor:
    return torch.tensor(number, dtype=torch.float64, device="cpu")


class _Average(nn.Module):
    def __init__(self, ensemble: Any, needs: Collection[str]) -> None:
        super().__init__()
        members, tasks = ensemble.estimators_, exported_tasks(ensemble)
        self.members = nn.ModuleList(_traced(member, needs) for member in members)
        weights = ensemble._member_weights()
        self.shares = [_double(weight / math.fsum(weights)) for weight in weights]
        self.places = [
            {
                name: _places(tasks[name], task)
                for name, task in exported_tasks(parts(member)[-1]).items()
            }
            for member in members
        ]
        self.names = tasks.names
        self.deviating = [
            name
            for name, task in tasks.items()
            if "deviations" in needs and task.has_classes
        ]

    def forward(self, x: Tensor) -> Traced:
        traced = [member(x) for member in self.members]
        rows = [
            _placed(each.outputs, places)
            for each, places in zip(traced, self.places, strict=True)
        ]
        means = {name: self._mean([row[name] for row in rows]) for name in self.names}
        seen = [by for each in traced for by in each.seen]
        if self.deviating:  # in the place of those of ensembles inside
            seen = with_predicted(seen, "deviations", self._deviations(rows, means))
        return Traced(means, seen)

    def _mean(self, members: Sequence[Tensor]) -> Tensor:
        first, *others = [
            each * share for each, share in zip(members, self.shares, strict=True)
        ]
        return sum(others, first)

    def _deviations(
        self, rows: Sequence[dict[str, Tensor]], means: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        return {
            name: self._mean(
                [(row[name] - means[name]).square() for row in rows]
            ).sqrt()
            for name in self.deviating
        }


def _placed(
    outputs: dict[str, Tensor], places: dict[str, Tensor | None]
) -> dict[str, Tensor]:
    return {
        name: outputs[name] if place is None else outputs[name] @ place
        for name, place in places.items()
    }


def _places(task: Any, source: Any) -> Tensor | None:
    """Give the matrix that brings a member's classes to the ensemble's places."""
    if not source.n_columns:
        return None
    each = np.eye(source.n_outputs)
    aligned = task.align(each, source)
    return None if aligned is each else torch.from_numpy(aligned)


class _Tempered(nn.Module):
    def __init__(self, scaled: TemperatureScaled, needs: Collection[str]) -> None:
        super().__init__()
        self.inner = _traced(scaled.estimator_, needs)
        self.scalings = {
            name: (_double(found), task.exported_calibration())
            for name, task in exported_tasks(scaled).items()
            for found in [scaled.temperatures_.get(name, 1.0)]
            if not np.all(found == 1)
        }

    def forward(self, x: Tensor) -> Traced:
        outputs, seen = self.inner(x)
        scaled = {
            name: scaling(outputs[name], temperature)
            for name, (temperature, scaling) in self.scalings.items()
        }
        return Traced(outputs | scaled, seen)


class _OpenSet(nn.Module):
    def __init__(self, classifier: OpenSetClassifier) -> None:
        super().__init__()
        self.inner = _traced(classifier.estimator_, classifier._needs())
        self.scores = {
            name: exported_scores(detector)
            for name, (detector, _) in thresholds(classifier).items()
        }

    def forward(self, x: Tensor) -> Traced:
        outputs, seen = self.inner(x)
        seen = with_predicted(seen, "chances", outputs)
        scores = {name: score(seen) for name, score in self.scores.items()}
        return Traced(outputs | scores, seen)
