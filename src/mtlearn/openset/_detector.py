"""A detector of rows that are unlike those known."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils import Tags, check_consistent_length, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from mtlearn._utils._conformal_rank import conformal_threshold, fewest_rows
from mtlearn._utils._missing import is_missing
from mtlearn._utils._unwrap import check_multi_task, unwrap
from mtlearn._utils._validation import check_fraction
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn._utils._warn import warn
from mtlearn._utils._whole import in_one_step
from mtlearn.exceptions import InvalidDataError
from mtlearn.openset._codes import codes_of, open_tasks
from mtlearn.openset._evidence import Evidence, Observed, networks, observe
from mtlearn.openset._known import Known
from mtlearn.openset._scores import (
    AUTO,
    check_suits,
    fit_states,
    measure,
    needs_of,
    resolve_scores,
)
from mtlearn.openset._threshold import (
    largest,
    spread_of,
    spreads_of_others,
    standard_error,
)
from mtlearn.training import draw_seed

_N_FOLDS = 10
_ROWS = "rows"  # the name of the only "task" of a table


class OpenSetDetector(OutlierMixin, VersionedEstimator):
    """A detector of samples that are unlike those it was fitted on.

    It is what :class:`OpenSetClassifier` rejects by. By itself it takes a fitted
    estimator as it is; without one, the columns of a table are the features.

    Parameters
    ----------
    estimator : estimator, default=None
        A fitted one of this package, or a Pipeline or search that ends in one. None
        takes X, a table, for features.
    task : None, str or list of str, default=None
        The tasks with classes whose scores count; None takes all. Of several, the
        largest z-score counts.
    scores : str or list of str, default="auto"
        As `score` of :class:`OpenSetClassifier`.
    quantile : float, default=0.99
        Share of further known samples that is to be kept, in (0, 1).
    random_state : None, int or RandomState, default=None
        How samples are split, and which are kept for their distances.

    Attributes
    ----------
    offset_ : float
        Samples whose `score_samples` is below it are outliers; -inf where there were
        too few to promise the quantile.
    calibration_scores_ : ndarray of shape (n_calibration,)
        Sorted scores of known samples that nothing was fitted on, the sign as inside:
        higher is more unlike. Of several scores, z-scores among those of the others.
    standard_error_ : float
        Of the share of known samples that are kept.
    n_features_in_ : int
        Numbers in a sample.

    See Also
    --------
    OpenSetClassifier : Trains an estimator, and predicts classes too.
    sklearn.neighbors.LocalOutlierFactor : Another detector, of tables.

    Notes
    -----
    `fit` splits its samples into ten parts. Each part is scored by what is learned from
    the others, which gives the threshold; what is kept is learned from all.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.openset import OpenSetDetector
    >>> X = np.random.default_rng(0).normal(5, 1, size=(200, 3))
    >>> detector = OpenSetDetector(random_state=0).fit(X)
    >>> detector.predict([[5, 5, 5], [-5, 5, 5]])
    array([ 1, -1])
    """

    offset_: float
    calibration_scores_: np.ndarray
    standard_error_: float

    def __init__(
        self,
        estimator: Any = None,
        *,
        task: str | Sequence[str] | None = None,
        scores: str | Sequence[str] = "auto",
        quantile: float = 0.99,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.task = task
        self.scores = scores
        self.quantile = quantile
        self.random_state = random_state

    @in_one_step
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what known samples are like.

        Parameters
        ----------
        X : array-like
            Known samples, which the estimator was not trained on.
        y : array-like, default=None
            Labels, as the estimator takes them, or without one the class of each
            sample. None takes the predictions of the estimator, or without one a
            single class. Samples whose label is missing are left out.

        Returns
        -------
        self : OpenSetDetector
            The fitted detector.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        """
        owner = type(self).__name__
        scores = resolve_scores(self.scores, owner, "scores")
        check_fraction(self.quantile, "quantile", owner)
        if self.estimator is None:
            X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
            codes = {_ROWS: _classes(y, len(X))}
            check_suits(scores, None, [])
            known = Known([{_ROWS: Evidence(features=X)}], codes)
        else:
            check_multi_task(self.estimator, "estimator", owner)
            check_is_fitted(unwrap(self.estimator), "tasks_")
            names = open_tasks(unwrap(self.estimator).tasks_, self.task, owner)
            check_suits(scores, self.estimator, names)
            observed = observe(self.estimator, X, names, needs_of(scores))
            known = Known(observed, codes_of(self.estimator, names, X, y))
            check_consistent_length(*observed[0].values(), *known.codes.values())
        self._fit_across(known)
        return self

    def _fit_across(self, known: Known) -> None:
        """Learn from rows, each of which is scored by what the others have taught."""
        rows = known.rows()
        if len(rows) < 2:
            raise InvalidDataError(
                f"{type(self).__name__} needs at least two known samples, with a label "
                f"of {' or '.join(map(repr, known.codes))}. Got {len(rows)}: pass more."
            )
        known, seed = known.take(rows), draw_seed(self.random_state)
        folds = np.random.RandomState(seed).permutation(len(rows)) % _N_FOLDS
        parts = []
        for fold in np.unique(folds):
            states = self._learned(known.take(np.flatnonzero(folds != fold)))
            own = known.take(np.flatnonzero(folds == fold))
            parts.append(self._measured(states, own))
        self._keep(self._learned(known), np.concatenate(parts))

    def _learned(self, known: Known) -> list[dict[str, Any]]:
        """Give what known rows teach."""
        scores, seed = resolve_scores(self.scores, ""), draw_seed(self.random_state)
        return fit_states(known, scores, seed)

    def _measured(self, states: list[dict[str, Any]], known: Known) -> np.ndarray:
        """Compute all scores of other known rows."""
        return measure(states, known.observed, self._weights())

    def _keep(self, states: list[dict[str, Any]], measured: np.ndarray) -> None:
        """Set what is learned, the scale of each score, and the threshold."""
        if not len(measured):
            raise InvalidDataError(
                "No sample held out has a label of task "
                f"{' or '.join(map(repr, states[0]))}, so that nothing tells which "
                "scores known ones have. Hold out more, or pass more labels."
            )
        if hasattr(self.estimator, "n_features_in_"):
            self.n_features_in_ = self.estimator.n_features_in_
        self.states_ = states
        self.spreads_ = np.array([spread_of(column) for column in measured.T])
        # As those of further rows, which have no part in the spreads.
        others = np.stack([spreads_of_others(column) for column in measured.T], axis=1)
        self.calibration_scores_ = np.sort(largest(measured, others))
        self.width_ = spread_of(self.calibration_scores_)[1]
        self._set_offset()

    def _set_offset(self) -> None:
        n, quantile = len(self.calibration_scores_), float(self.quantile)
        threshold = conformal_threshold(self.calibration_scores_, quantile)
        self.offset_ = -threshold
        self.standard_error_ = standard_error(n, quantile)
        if np.isinf(threshold):
            warn(
                f"quantile={quantile} needs {fewest_rows(quantile)} known samples that "
                f"nothing was fitted on, and there are {n}: no sample is going to be "
                "rejected. Hold out more, or set a lower quantile."
            )

    def set_quantile(self, quantile: float) -> Self:
        """Set how many known samples are to be kept, without a new fit.

        Parameters
        ----------
        quantile : float
            In (0, 1).

        Returns
        -------
        self : OpenSetDetector
            With another `offset_`.
        """
        check_is_fitted(self, "calibration_scores_")
        self.quantile = check_fraction(quantile, "quantile", type(self).__name__)
        self._set_offset()
        return self

    def _joined(self, measured: np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Give one score, or the largest of several on a common scale."""
        return largest(measured[:, columns], self.spreads_[columns])

    def _fitted_names(self) -> tuple[str, ...]:
        """Give the names of the scores of the fit, whatever is set since."""
        return tuple(next(iter(self.states_[0].values())))

    def _needs(self) -> set[str]:
        """Give what these are computed from."""
        return needs_of(self._fitted_names())

    def _weights(self) -> list[float]:
        if self.estimator is None:
            return [1.0]
        return [weight for _, _, weight in networks(self.estimator)]

    def _unlikeness(self, observed: Observed) -> np.ndarray:
        """Compute the score of rows; higher is more unlike those known."""
        return self._joined(measure(self.states_, observed, self._weights()))

    def _told(self, observed: Observed) -> dict[str, np.ndarray]:
        """Give `score_samples`, and the same of each score that it is made of."""
        names = self._fitted_names()
        measured = measure(self.states_, observed, self._weights())
        own = "auto" if names == AUTO else " + ".join(names)
        told = {own: -self._joined(measured)}
        if len(names) > 1:  # all scores of the first task come first
            for place, name in enumerate(names):
                columns = slice(place, None, len(names))
                told[name] = -self._joined(measured, columns)
        return told

    def score_samples(self, X: Any) -> np.ndarray:
        """Compute how much samples are like known ones.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Higher is more like them; NaN for images that are skipped.
        """
        check_is_fitted(self, "states_")
        if self.estimator is None:
            X = validate_data(self, X, dtype=np.float64, reset=False)
            return -self._unlikeness([{_ROWS: Evidence(features=X)}])
        names = list(self.states_[0])
        return -self._unlikeness(observe(self.estimator, X, names, self._needs()))

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute how far above the threshold samples are.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``score_samples(X) - offset_``; outliers are below zero.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Tell which samples are like known ones.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            1 for these, -1 for outliers; with an image that is skipped real values,
            NaN among them.
        """
        return signs(self.score_samples(X), self.offset_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def signs(scores: np.ndarray, offset: Any) -> np.ndarray:
    """Give 1 for scores that are not below the offset, -1 for others, NaN for NaN."""
    found = np.where(scores < offset, -1, 1)
    missing = np.isnan(scores)
    return np.where(missing, np.nan, found) if missing.any() else found


def _classes(y: Any, n_samples: int) -> np.ndarray:
    """Give the number of the class of each row of a table; -1 where it is missing."""
    if y is None:
        return np.zeros(n_samples, dtype=np.int64)
    labels = column_or_1d(y)
    if len(labels) != n_samples:
        raise InvalidDataError(
            f"X has {n_samples} samples, and y has {len(labels)} labels. Pass one for "
            "each sample."
        )
    known = np.array([not is_missing(each) for each in labels.tolist()], dtype=bool)
    codes = np.full(n_samples, -1, dtype=np.int64)
    codes[known] = np.unique(labels[known], return_inverse=True)[1]
    return codes
