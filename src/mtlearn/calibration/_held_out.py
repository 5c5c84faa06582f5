"""An estimator that learns something of samples that the one inside has not seen."""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, indexable

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._routing import routed_params
from mtlearn._utils._row_plan import plan_of
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import check_inside
from mtlearn._utils._validation import check_fraction
from mtlearn._utils._whole import in_one_step
from mtlearn.data import item_labels
from mtlearn.estimators import AroundOne
from mtlearn.tasks import Codec, EncodedTargets, fit_codec
from mtlearn.training import draw_seed, validation_rows


class HeldOut(AroundOne):
    """The fit of an estimator on some samples, and of what `_keep` learns on others."""

    random_state: Any
    _share_parameter: ClassVar[str] = "validation_fraction"
    """The name of the parameter that says how many samples are held out."""

    @in_one_step
    @with_callbacks
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the estimator, and what is learned of samples held out.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them; None where X is a dataset of `(x, y)`.
        **fit_params : object
            Arguments of the estimator's `fit`; those with a row for each sample are
            split too. A `sample_weight` of shape `(n_samples,)` or
            `(n_samples, n_tasks)`, by this name, counts for what is held out too.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        """
        owner = type(self).__name__
        check_inside(self.estimator, "estimator", owner)
        self._check_share()
        weights = fit_params.pop("sample_weight", None)
        y = item_labels(X, y)
        frozen = self._frozen()
        if frozen is not None:
            self._refuse_arguments(fit_params)
            self._keep(frozen, X, y, weights)
            return self
        X, y = indexable(X, y)
        (params,) = routed_params(self, "fit", self._templates(), weights, fit_params)
        self._fit_and_keep(X, y, weights, params)
        return self

    @property
    def _share(self) -> float:
        """How many samples are held out, of all."""
        return getattr(self, self._share_parameter)

    def _check_share(self) -> None:
        """Raise if it is not what it must be."""
        check_fraction(self._share, self._share_parameter, type(self).__name__)

    def _frozen(self) -> Any:
        """Give the estimator to take as it is; None to train one."""
        return self.estimator if isinstance(self.estimator, FrozenEstimator) else None

    def _fit_and_keep(
        self, X: Any, y: Any, weights: Any, params: dict[str, Any]
    ) -> None:
        """Fit the estimator on most rows, and learn of the others."""
        rows, held_out = self._split(X, y, weights)
        n_samples = len(rows) + len(held_out)
        fitted = self._trained(rows, n_samples, X, y, params)
        held_out = self._learned_of(held_out, n_samples)
        if weights is not None:
            weights = take_rows(weights, held_out)
        self._keep(fitted, take_rows(X, held_out), take_rows(y, held_out), weights)

    def _trained(
        self, rows: np.ndarray, n_samples: int, X: Any, y: Any, params: dict[str, Any]
    ) -> Any:
        """Fit a clone of the estimator on some rows."""
        part = (clone(self.estimator), rows)
        (fitted,) = self._train([part], X, y, params, n_samples)
        return fitted

    def _encoded(self, X: Any, y: Any, weights: Any) -> tuple[Codec, EncodedTargets]:
        """Look at the labels of all rows: a part would count its rows by itself."""
        codec = fit_codec(self._declared_tasks(), y, weights)
        targets = codec.encode(y, weights)
        check_consistent_length(X, targets)
        return codec, targets

    def _split(self, X: Any, y: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
        """Draw which rows to train on, and which to hold out."""
        codec, targets = self._encoded(X, y, weights)
        fraction, name = float(self._share), self._share_parameter
        seed = draw_seed(self.random_state)
        remedy = f"{name}, or pass a FrozenEstimator and other samples"
        origins = plan_of(len(targets)).origins
        return validation_rows(
            targets,
            codec.tasks,
            fraction,
            seed,
            origins=origins,
            parameter=name,
            remedy=remedy,
        )

    def _learned_of(self, held_out: np.ndarray, n_samples: int) -> np.ndarray:
        """Choose which of the samples held out to learn of: by default all."""
        return held_out

    @abstractmethod
    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Learn of samples held out, and set what is known of the fitted estimator."""
