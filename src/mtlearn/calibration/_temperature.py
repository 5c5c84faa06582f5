"""A temperature for the probabilities of each task."""

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._listing import listed
from mtlearn._utils._routing import params_of_rows, routed_params, told_of
from mtlearn._utils._row_plan import plan_of, planned_rows, resampled_plan
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import (
    check_multi_task,
    reach,
    task_outputs,
    unwrap,
)
from mtlearn._utils._validation import check_fraction
from mtlearn._utils._warn import warn
from mtlearn._utils._whole import in_one_step
from mtlearn.data import item_labels
from mtlearn.estimators import BaseMetaEstimator
from mtlearn.exceptions import ParameterTypeError
from mtlearn.tasks import Target, Task, fit_codec, label_weights, with_label
from mtlearn.training import draw_seed, validation_rows


class TemperatureScaled(BaseMetaEstimator):
    """An estimator whose class probabilities are scaled on held-out samples.

    The scores of each classification, before the softmax, are divided by one number,
    its temperature: the one with the lowest cross-entropy on samples that the estimator
    was not trained on. Above 1 it makes confident networks less so. Of an
    :class:`~mtlearn.Ordinal`, its number and thresholds are divided. Predicted labels
    and real values stay as they are.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, such as a :class:`~mtlearn.SeedEnsemble`, or a
        Pipeline or search that ends in one. A fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` stays as it is: `fit` then takes
        all samples to scale it, so pass some that it was not trained on.
    validation_fraction : float, default=0.2
        Share of the samples held out, in (0, 1), with the labels of all tasks spread
        evenly; the only row of a class is not among them. The estimator is trained on
        the rest, which is copied.
    random_state : None, int or RandomState, default=None
        Which samples are held out.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    temperatures_ : dict of str to float
        By the name of each task with probabilities, in [0.05, 20]. 1, with a warning,
        without a label; near its ends where the samples held out are few, or all right.
    tasks_ : Tasks
        Fitted tasks.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels; a list with None for regressions if y has two dimensions. Absent if no
        task is a classification.
    n_features_in_ : int
        Numbers in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if X had any.

    See Also
    --------
    mtlearn.metrics.expected_calibration_error : What it is meant to make smaller.
    sklearn.calibration.CalibratedClassifierCV : For a single classification.

    Notes
    -----
    An ensemble is scaled as a whole: its mean probabilities, not those of its members.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern
       Neural Networks", ICML 2017.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression
    >>> from mtlearn import Tasks, TemperatureScaled
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> scaled = TemperatureScaled(estimator, random_state=0).fit(X, y)
    >>> sorted(scaled.temperatures_)
    ['good']
    >>> quality, good = scaled.predict_proba(X)
    >>> quality.shape, good.shape
    ((1599, 1), (1599, 2))
    """

    temperatures_: dict[str, Any]
    estimator_: Any

    def __init__(
        self,
        estimator: Any,
        *,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @in_one_step
    @with_callbacks
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the estimator, and the temperatures on samples held out.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them; None where X is a dataset of `(x, y)`.
        **fit_params : object
            Arguments of the estimator's `fit`; those with a row for each sample are
            split too. A `sample_weight` of shape `(n_samples,)` or
            `(n_samples, n_tasks)`, by this name, counts for the temperatures too.

        Returns
        -------
        self : TemperatureScaled
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        """
        owner = type(self).__name__
        check_multi_task(self.estimator, "estimator", owner)
        fraction = check_fraction(
            self.validation_fraction, "validation_fraction", owner
        )
        weights = fit_params.pop("sample_weight", None)
        y = item_labels(X, y)
        if isinstance(self.estimator, FrozenEstimator):
            if fit_params:
                raise ParameterTypeError(
                    f"{owner} does not train a FrozenEstimator, and has no use for the "
                    f"arguments {sorted(fit_params)}."
                )
            self._keep(self.estimator, X, y, weights)
            return self
        X, y = indexable(X, y)
        (params,) = routed_params(self, "fit", self._templates(), weights, fit_params)
        rows, held_out = self._split(X, y, weights, fraction)
        params = params_of_rows(params, rows, len(rows) + len(held_out))
        with planned_rows(resampled_plan(len(rows) + len(held_out), rows)):
            fitted = self._train(
                clone(self.estimator), take_rows(X, rows), take_rows(y, rows), params
            )
        if weights is not None:
            weights = take_rows(weights, held_out)
        self._keep(fitted, take_rows(X, held_out), take_rows(y, held_out), weights)
        return self

    def _split(
        self, X: Any, y: Any, weights: Any, fraction: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw which rows to train on, and which to hold out."""
        codec = fit_codec(self._declared_tasks(), y, weights)
        targets = codec.encode(y, weights)
        check_consistent_length(X, targets)
        seed = draw_seed(self.random_state)
        remedy = "validation_fraction, or scale a FrozenEstimator on other samples"
        origins = plan_of(len(targets)).origins
        return validation_rows(
            targets, codec.tasks, fraction, seed, origins=origins, remedy=remedy
        )

    def _train(self, estimator: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit the estimator inside, of which scikit-learn's callbacks are told."""
        data = {"estimator": self, "X": X, "y": y}
        root = self._init_callback_context(max_subtasks=1)
        root.call_on_fit_task_begin(**data)
        context = root.subcontext(task_name="estimator")
        with told_of(context, estimator, **data):
            estimator.fit(X, y, **params)
        root.call_on_fit_task_end(**data)
        return estimator

    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Fit the temperatures of a fitted estimator, and set what is known of it."""
        inner = unwrap(fitted)
        check_is_fitted(inner, "tasks_")
        targets = inner._codec.targets(y)
        weights = label_weights(targets, sample_weight)
        outputs = task_outputs(fitted, X)
        check_consistent_length(outputs[0], *weights)
        temperatures = {
            name: _temperature(task, target, weight, output)
            for (name, task), target, weight, output in zip(
                inner.tasks_.labelled.items(), targets, weights, outputs, strict=True
            )
            if task.is_calibrated
        }
        _warn_of_unscaled([name for name, t in temperatures.items() if t is None])
        self.estimator_ = fitted
        self.temperatures_ = {
            name: 1.0 if t is None else t for name, t in temperatures.items()
        }
        self._set_codec(inner._codec)

    def _outputs(self, X: Any, *, decode: bool = False) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        outputs = inner._outputs(X, decode=decode)
        if decode:
            return outputs
        return [
            task.calibrated(output, self.temperatures_[name])
            if name in self.temperatures_
            else output
            for (name, task), output in zip(
                self.tasks_.labelled.items(), outputs, strict=True
            )
        ]

    def _templates(self) -> dict[str, Any]:
        return {"estimator": self.estimator}

    def _fitted(self) -> list[Any]:
        return [self.estimator_] if hasattr(self, "estimator_") else []


def _warn_of_unscaled(names: list[str]) -> None:
    """Warn of tasks whose probabilities stay as they are."""
    if names:
        warn(
            "No sample to scale on has a known label of "
            f"{listed(map(repr, names))}: the temperature stays 1. Pass more "
            "labels, or scale a FrozenEstimator on samples that have some.",
        )


def _temperature(
    task: Task, target: Target, weight: np.ndarray, output: np.ndarray
) -> Any:
    """Calibrate a task on the rows that count; None without a known label."""
    rows = np.flatnonzero(with_label(weight))
    known = task.knows(target.values[rows])
    rows = rows[known if known.ndim == 1 else known.any(axis=1)]
    if not len(rows):
        return None
    return task.calibrate(output[rows], target.values[rows], weight[rows])
