"""What the classifier learns, and from which rows."""

import numbers
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import unwrap
from mtlearn._utils._validation import check_choice, check_fraction
from mtlearn._utils._whole import in_one_step
from mtlearn.calibration import HeldOut, check_folds, make_folds
from mtlearn.model_selection import with_kinds
from mtlearn.openset._codes import codes_of, open_tasks
from mtlearn.openset._detector import OpenSetDetector
from mtlearn.openset._evidence import observe, seen_by
from mtlearn.openset._known import Known
from mtlearn.openset._scores import check_suits, needs_of, resolve_scores
from mtlearn.openset._unknown import check_unknown_label
from mtlearn.training import draw_seed


class OpenSetLearning(HeldOut):
    """The fit of an estimator, and of detectors of what is unlike its samples.

    A subclass has the parameters.
    """

    _share_parameter: ClassVar[str] = "calibration"

    quantile: float
    unknown_label: Any
    calibration: Any
    per: str
    detectors_: dict[str, OpenSetDetector]
    unknown_label_: Any

    @in_one_step
    @with_callbacks
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the estimator, what known samples are like, and the threshold.

        Parameters
        ----------
        X : array-like or dataset
            Known samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them. None where X is a dataset of `(x, y)`;
            or where the estimator is taken as it is, whose predictions then count.
        **fit_params : object
            Arguments of the estimator's `fit`; see :class:`~mtlearn.TemperatureScaled`.

        Returns
        -------
        self : OpenSetClassifier
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be, a score does not suit the estimator,
            or `unknown_label` is one of the classes.
        InvalidDataError, DataTypeError
            If the data are not what they must be.

        Warns
        -----
        UserWarning
            If too few samples are held out for the quantile, so that none is rejected.
        """
        owner = type(self).__name__
        self._score_names()
        check_fraction(self.quantile, "quantile", owner)
        check_choice(self.per, "per", owner, ("task", "row"))
        return super().fit(X, y, **fit_params)

    def _score_names(self) -> tuple[str, ...]:
        return resolve_scores(vars(self)["score"], type(self).__name__)

    @property
    def _has_share(self) -> bool:
        """Whether `calibration` is a share, and neither a word nor folds."""
        given, integer = self.calibration, (numbers.Integral, np.bool_)
        return isinstance(given, numbers.Real) and not isinstance(given, integer)

    def _check_share(self) -> None:
        owner = type(self).__name__
        if self._has_share:
            super()._check_share()
        elif isinstance(self.calibration, str):
            check_choice(self.calibration, "calibration", owner, ("prefit",))
        else:
            check_folds(self.calibration, owner, "calibration")

    def _frozen(self) -> Any:
        frozen = super()._frozen()
        if frozen is None and isinstance(self.calibration, str):
            check_is_fitted(unwrap(self.estimator), "tasks_")
            frozen = FrozenEstimator(self.estimator)
        return frozen

    def _fit_and_keep(
        self, X: Any, y: Any, weights: Any, params: dict[str, Any]
    ) -> None:
        """Fit the estimator, and learn of rows that it has, or has not, seen."""
        if not self._has_share:
            self._fit_in_folds(X, y, weights, params)
            return
        rows, held_out = self._split(X, y, weights)
        n_samples = len(rows) + len(held_out)
        self._set_fitted(self._trained(rows, n_samples, X, y, params))
        known, others = (
            self._known(self.estimator_, X, y, weights, each)
            for each in (rows, held_out)
        )
        for detector, names in self._groups():
            states = detector._learned(known.of(names))
            detector._keep(states, detector._measured(states, others.of(names)))

    def _fit_in_folds(
        self, X: Any, y: Any, weights: Any, params: dict[str, Any]
    ) -> None:
        """Fit the estimator on all rows, and clones on parts, which score the rest."""
        codec, targets = self._encoded(X, y, weights)
        n = len(targets)
        every = make_folds(self.calibration, X, y, n, codec.tasks, self.random_state)
        folds = _each_row_once(every, n)
        declared, _ = with_kinds(self.estimator, y)
        parts: list[Any] = [(clone(declared), train) for train, _ in folds]
        parts.insert(0, (clone(self.estimator), None))
        trained = self._train(parts, X, y, params, n)
        self._set_fitted(next(trained))
        measured: list[list[np.ndarray]] = [[] for _ in self._groups()]
        for (train, test), member in zip(folds, trained, strict=True):
            known, others = (
                self._known(member, X, y, weights, each) for each in (train, test)
            )
            for (detector, names), found in zip(self._groups(), measured, strict=True):
                states = detector._learned(known.of(names))
                found.append(detector._measured(states, others.of(names)))
        known = self._known(self.estimator_, X, y, weights)
        for (detector, names), found in zip(self._groups(), measured, strict=True):
            detector._keep(detector._learned(known.of(names)), np.concatenate(found))

    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Learn of samples that a fitted estimator has not seen, part by part."""
        check_is_fitted(unwrap(fitted), "tasks_")
        self._set_fitted(fitted)
        known = self._known(fitted, X, y, sample_weight)
        for detector, names in self._groups():
            detector._fit_across(known.only(names))

    def _set_fitted(self, fitted: Any) -> None:
        owner, inner = type(self).__name__, unwrap(fitted)
        names = open_tasks(inner.tasks_, vars(self)["task"], owner)
        check_suits(self._score_names(), fitted, names)
        check_unknown_label(self.unknown_label, inner._codec, names, owner)
        self.estimator_ = fitted
        self.unknown_label_ = self.unknown_label
        self.detectors_ = self._new_detectors(names)
        self._set_codec(inner._codec)

    def _known(
        self,
        fitted: Any,
        X: Any,
        y: Any,
        weights: Any,
        rows: np.ndarray | None = None,
    ) -> Known:
        """Let networks see known samples, and give the numbers of their classes."""
        if rows is not None:
            X, y = take_rows(X, rows), take_rows(y, rows)
            weights = None if weights is None else take_rows(weights, rows)
        names = list(self.detectors_)
        observed = observe(fitted, X, names, needs_of(self._score_names()))
        codes = codes_of(fitted, names, X, y, weights)
        check_consistent_length(*observed[0].values(), *codes.values())
        return Known(observed, codes)

    def _new_detectors(self, names: Sequence[str]) -> dict[str, OpenSetDetector]:
        """Make the detectors, not yet fitted, by task."""
        seed, inside = draw_seed(self.random_state), self.estimator_
        if not isinstance(inside, FrozenEstimator):
            inside = FrozenEstimator(inside)
        groups = [names] if self.per == "row" else [[name] for name in names]
        made = {}
        for group in groups:
            detector = OpenSetDetector(
                inside,
                task=list(group),
                scores=vars(self)["score"],
                quantile=self.quantile,
                random_state=seed,
            )
            made.update(dict.fromkeys(group, detector))
        return made

    def _groups(self) -> list[tuple[OpenSetDetector, list[str]]]:
        """Give each detector once, with the tasks that it decides."""
        if not hasattr(self, "detectors_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        found: dict[int, tuple[OpenSetDetector, list[str]]] = {}
        for name, detector in self.detectors_.items():
            found.setdefault(id(detector), (detector, []))[1].append(name)
        return list(found.values())

    def _told(self, X: Any) -> list[dict[str, np.ndarray]]:
        """Give, for each threshold, its scores and those that they are made of."""
        groups = self._groups()
        needs, names = groups[0][0]._needs(), list(self.detectors_)
        observed = observe(self.estimator_, X, names, needs)
        return [detector._told(seen_by(observed, own)) for detector, own in groups]


def _each_row_once(
    folds: Sequence[tuple[np.ndarray, np.ndarray]], n_samples: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Leave out rows that are held out again: a rank is one of rows, each of them one.

    So it may be in splits that are drawn by themselves, or repeated.
    """
    seen, kept = np.zeros(n_samples, dtype=bool), []
    for train, test in folds:
        rows = np.asarray(test)
        rows = rows[~seen[rows]]
        seen[rows] = True
        if len(rows):
            kept.append((train, rows))
    return kept
