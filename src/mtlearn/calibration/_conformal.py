"""Sets and intervals that hold the true label as often as is wanted."""

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._row_plan import plan_of
from mtlearn._utils._typed import available_if, with_callbacks
from mtlearn._utils._unwrap import check_inside, reach, task_outputs, unwrap
from mtlearn._utils._validation import (
    check_bool,
    check_choice,
    check_fraction,
    check_integer,
    check_real,
)
from mtlearn._utils._warn import warn
from mtlearn._utils._whole import in_one_step
from mtlearn.calibration._class_misfits import METHODS, class_misfits
from mtlearn.calibration._held_out import HeldOut
from mtlearn.calibration._limits import find_limits, too_few
from mtlearn.calibration._row_misfits import (
    check_regions,
    misfits_of,
    refuse_weights,
)
from mtlearn.estimators import InnerStream
from mtlearn.metrics import task_spread
from mtlearn.tasks import label_weights
from mtlearn.training import RowChange


def _gives(region: str) -> Callable[[Any], bool]:
    """Make a check whether tasks have such regions; so they may while unknown."""

    def has_some(predictor: Any) -> bool:
        tasks = getattr(predictor, "tasks_", None)
        return tasks is None or any(task.region == region for task in tasks.labelled)

    return has_some


class ConformalPredictor(InnerStream, HeldOut):
    """An estimator with sets of labels, and intervals, that hold the true one.

    Of a new sample, `predict_set` gives the classes and `predict_interval` the values
    that fit, for each task: the true label is among them with the probability
    `confidence` at least, whatever the network has learned, as long as new samples are
    drawn like those held out. It is split conformal prediction [1]_: samples that the
    estimator was not trained on tell how ill true labels fit its outputs, and labels
    that fit no worse than ``ceil((n + 1) * confidence)`` of those `n` are given.
    `predict`, `predict_proba` and `score` are those of the estimator.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, such as a :class:`~mtlearn.SeedEnsemble`, or a
        Pipeline or search that ends in one. A fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` stays as it is: `fit` then takes
        all samples, so pass some that it was not trained on.
    confidence : float, default=0.9
        How often the true label is to be held, in (0, 1).
    method : {"lac", "aps", "raps"}, default="lac"
        How ill a class fits. ``"lac"``: one less its probability, whose sets are the
        smallest [2]_, and empty where no class is likely. ``"aps"``: the sum of all
        larger probabilities, whose sets always have the likeliest class, and more
        where the network is unsure [3]_. ``"raps"``: that sum and a penalty, which
        keeps sets of many classes small [4]_. Of a :class:`~mtlearn.MultiLabel`, each
        label is two classes: there or not.
    penalty : float, default=0.01
        Of ``"raps"``, for each class beyond the `n_free` likeliest.
    n_free : int, default=5
        Classes in a set that have no penalty.
    normalize : bool, default=False
        Whether errors of values are counted in units of the spread of an ensemble, plus
        a tenth of the deviation of the training labels: intervals are wider where its
        members lie apart, and not the same everywhere.
    joint : bool, default=False
        Whether the true labels of all tasks are to be held together, rather than those
        of each task, or each label of several, by itself. Regions are larger.
    validation_fraction : float, default=0.2
        Share of the samples held out, in (0, 1), with the labels of all tasks spread
        evenly; the only row of a class is not among them. The estimator is trained on
        the rest, which is copied.
    random_state : None, int or RandomState, default=None
        Which samples are held out. Nothing else is drawn.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    quantiles_ : dict of str to float or ndarray of shape (n_labels,)
        By the name of each task with sets or intervals, how ill a label may fit: of a
        value, half of the width of its interval. Infinite, with a warning, where too
        few labels are held out.
    n_calibration_ : dict of str to int or ndarray of shape (n_labels,)
        Labels that these are found on, by task; with `joint`, rows that have them all.
    misfits_ : dict of str to ndarray of shape (n_held_out, n_parts)
        How ill the true label of each sample held out fits, and of several labels each;
        NaN where it is missing.
    tasks_ : Tasks
        Fitted tasks, those of the estimator.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels, as those of the estimator.

    See Also
    --------
    mtlearn.inspection.RejectionDisplay : What is gained where unsure samples are left.
    mtlearn.inspection.CalibrationDisplay : Whether probabilities come true.

    Notes
    -----
    What is promised is a mean over samples: of each class, or of rows of one sort, it
    may be less. A label that is missing, or that the task does not know, does not
    count, and neither do images that are skipped: their sets hold every class, and
    their intervals are NaN. Sums of ``"aps"`` have no random part, so that a sample has
    one answer; where the likeliest class is right more often than is promised, sets
    are that class, and are right as often.

    Weights train the estimator. Held-out samples count one each, and none where the
    weight is zero: a rank is one of samples, and there is no number of them that a
    weight stands for.

    With `joint`, each part of a row counts by its rank among those of other rows, and a
    row by its largest rank [5]_.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World",
       2005.
    .. [2] M. Sadinle, J. Lei, L. Wasserman, "Least Ambiguous Set-Valued Classifiers
       With Bounded Error Levels", Journal of the American Statistical Association 114,
       2019.
    .. [3] Y. Romano, M. Sesia, E. J. Candès, "Classification with Valid and Adaptive
       Coverage", NeurIPS 2020.
    .. [4] A. N. Angelopoulos, S. Bates, J. Malik, M. I. Jordan, "Uncertainty Sets for
       Image Classifiers using Conformal Prediction", ICLR 2021.
    .. [5] A. Timans, C.-N. Straehle, K. Sakmann, C. A. Naesseth, E. Nalisnick,
       "Max-Rank: Efficient Multiple Testing for Conformal Prediction", AISTATS 2025.

    Examples
    --------
    >>> from mtlearn import Classification, ConformalPredictor, MultiTaskEstimator
    >>> from mtlearn import Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> predictor = ConformalPredictor(estimator, 0.9, random_state=0).fit(X, y)
    >>> quality, _ = predictor.predict_interval(X)
    >>> _, good = predictor.predict_set(X)
    >>> quality.shape, good.shape
    ((1599, 2), (1599, 2))
    >>> wider, _ = predictor.set_confidence(0.99).predict_interval(X)
    >>> bool((wider[:, 0] < quality[:, 0]).all())
    True
    """

    quantiles_: dict[str, Any]
    n_calibration_: dict[str, Any]
    misfits_: dict[str, np.ndarray]
    _settings: dict[str, Any]

    def __init__(
        self,
        estimator: Any,
        confidence: float = 0.9,
        *,
        method: Literal["lac", "aps", "raps"] = "lac",
        penalty: float = 0.01,
        n_free: int = 5,
        normalize: bool = False,
        joint: bool = False,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.confidence = confidence
        self.method = method
        self.penalty = penalty
        self.n_free = n_free
        self.normalize = normalize
        self.joint = joint
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @in_one_step
    @with_callbacks
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the estimator, and find on samples held out how ill labels may fit.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them; None where X is a dataset of `(x, y)`.
        **fit_params : object
            Arguments of the estimator's `fit`; see :class:`TemperatureScaled`. A
            `sample_weight` of zero equals absence; other weights are for the training.

        Returns
        -------
        self : ConformalPredictor
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be, no task has sets or intervals, or
            a FrozenEstimator, which is not trained, comes with different weights.

        Warns
        -----
        UserWarning
            If too few labels are held out for the confidence.
        """
        owner = type(self).__name__
        check_fraction(self.confidence, "confidence", owner)
        check_choice(self.method, "method", owner, METHODS)
        check_real(self.penalty, "penalty", owner, low=0)
        check_integer(self.n_free, "n_free", owner, low=0)
        check_bool(self.normalize, "normalize", owner)
        check_bool(self.joint, "joint", owner)
        check_inside(self.estimator, "estimator", owner)
        return super().fit(X, y, **fit_params)

    def _learned_of(self, held_out: np.ndarray, n_samples: int) -> np.ndarray:
        """Leave out copies of a row: a rank is one of rows that are drawn alone."""
        origins = plan_of(n_samples).origins
        if origins is None:
            return held_out
        _, firsts = np.unique(origins[held_out], return_index=True)
        return held_out[np.sort(firsts)]

    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Find how ill the labels of samples held out fit, and what may fit."""
        inner, owner = unwrap(fitted), type(self).__name__
        check_is_fitted(inner, "tasks_")
        tasks = inner.tasks_.labelled
        normalize = check_regions(fitted, tasks, self.normalize, owner)
        targets = inner._codec.targets(y)
        weights = label_weights(targets, sample_weight)
        if self._frozen() is not None:
            refuse_weights(weights, owner)
        outputs = task_outputs(fitted, X)
        check_consistent_length(outputs[0], *weights)
        self._settings = {
            "classes": (self.method, float(self.penalty), int(self.n_free)),
            "normalize": normalize,
            "joint": bool(self.joint),
        }
        self.estimator_ = fitted
        spread, of_classes = self._spread(X), self._of_classes()
        self.misfits_ = {
            target.name: misfits_of(
                tasks[target.name],
                target,
                weight,
                output,
                of_classes,
                spread.get(target.name),
            )
            for target, weight, output in zip(targets, weights, outputs, strict=True)
            if tasks[target.name].region is not None
        }
        self._set_codec(inner._codec)
        self._set_limits(float(self.confidence))

    def _of_classes(self) -> Callable[[np.ndarray], np.ndarray]:
        return class_misfits(*self._settings["classes"])

    def _spread(self, X: Any) -> dict[str, np.ndarray]:
        """Compute how far members lie apart, if that counts."""
        return task_spread(self.estimator_, X) if self._settings["normalize"] else {}

    def _set_limits(self, confidence: float) -> None:
        """Find how ill labels may fit, and warn where nothing is known of it."""
        joint = self._settings["joint"]
        found = find_limits(self.misfits_, confidence, joint)
        named = {
            name: self.tasks_[name].classes_.tolist()
            for name, each in found.items()
            if self.tasks_[name].multi_label
        }
        few = too_few(found, named, confidence, joint)
        if few:
            warn(few)
        self.quantiles_, self.n_calibration_ = {}, {}
        for name, (limit, n) in found.items():
            several = name in named
            self.quantiles_[name] = limit if several else float(limit[0])
            self.n_calibration_[name] = n if several else int(n[0])

    def set_confidence(self, confidence: float) -> Self:
        """Set how often the true label is to be held, without a new fit.

        Parameters
        ----------
        confidence : float
            In (0, 1); the parameter `confidence` from now on.

        Returns
        -------
        self : ConformalPredictor
            The estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If it is no such number.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.

        Warns
        -----
        UserWarning
            If too few labels were held out for it.
        """
        check_is_fitted(self, "estimator_")
        found = check_fraction(confidence, "confidence", type(self).__name__)
        self._set_limits(found)
        self.confidence = confidence
        return self

    @available_if(_gives("set"))
    def predict_set(self, X: Any) -> Any:
        """Give the classes that the true one is among.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes), or list of ndarray
            True where a class is in the set, in the order of `classes_`. An array if
            there is one task; else a list in the order of y's columns, as
            `predict_proba` gives it, with None for a task of values. Of several
            labels, `(n_samples, n_labels, 2)`: whether it is possible that a label is
            not there, and that it is.
        """
        return self._regions(X, "set")

    @available_if(_gives("interval"))
    def predict_interval(self, X: Any) -> Any:
        """Give the interval that the true value lies in.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of float64 of shape (n_samples, 2), or list of ndarray
            Lower and upper ends in the units of y, within the bounds of the task. An
            array if there is one task; else a list in the order of y's columns, as
            `predict_proba` gives it, with None for other tasks.
        """
        return self._regions(X, "interval")

    def _regions(self, X: Any, region: str) -> Any:
        check_is_fitted(self, "estimator_")
        outputs, of_classes = self._outputs(X), self._of_classes()
        spread = self._spread(X) if region == "interval" else {}
        found = [
            task.regions(
                output,
                np.atleast_1d(self.quantiles_[name]),
                of_classes,
                spread.get(name),
            )
            if task.region == region
            else None
            for (name, task), output in zip(
                self.tasks_.labelled.items(), outputs, strict=True
            )
        ]
        return found[0] if self._codec.has_one_task else found

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        return inner._outputs(X, decode=decode, change=change)

    def _outputs_and_labels(self, X: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        inner, X = reach(self.estimator_, X)
        return inner._outputs_and_labels(X)
