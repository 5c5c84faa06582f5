"""A temperature for the probabilities of each task."""

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import listed
from mtlearn._utils._unwrap import (
    reach,
    task_outputs,
    unwrap,
)
from mtlearn._utils._warn import warn
from mtlearn.calibration._held_out import HeldOut
from mtlearn.estimators import InnerStream, Stream
from mtlearn.tasks import (
    Target,
    Task,
    Tasks,
    has_output,
    label_weights,
    with_label,
)
from mtlearn.training import RowChange


class TemperatureScaled(InnerStream, HeldOut):
    """An estimator whose class probabilities are scaled on held-out samples.

    The scores of each classification, before the softmax, are divided by one number,
    its temperature (after a focal loss, the logarithms of its probabilities): the one
    with the lowest cross-entropy on samples that the estimator was not trained on.
    Above 1 it makes confident networks less so. Of an :class:`~mtlearn.Ordinal`, its
    number and thresholds are divided (after a focal loss, the log-odds of lying below
    each class); of a :class:`~mtlearn.MultiLabel`, the log-odds of each label by a
    temperature of its own. Predicted labels and real values stay as they are.

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
    temperatures_ : dict of str to float or ndarray of shape (n_labels,)
        By the name of each task with probabilities, in [0.05, 20]. 1, with a warning,
        without a label; near its ends where the samples held out are few, or all right.
    unscaled_ : dict of str to list
        By the name of each task with several labels, those that keep 1, as fewer than
        ten samples held out have them, or have them not.
    tasks_ : Tasks
        Fitted tasks. Their thresholds are those probabilities that the ones of the
        estimator have become.
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
    unscaled_: dict[str, list[Any]]
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
        self.temperatures_, self.unscaled_ = {}, {}
        for name, found in temperatures.items():
            task = inner.tasks_[name]
            if task.multi_label:
                each = np.full(task.n_outputs, np.nan) if found is None else found
                self.unscaled_[name] = _labels_of(task, np.isnan(each))
                found = np.where(np.isnan(each), 1.0, each)
            self.temperatures_[name] = 1.0 if found is None else found
        self._set_codec(inner._codec.deciding_at(self._thresholds(inner.tasks_)))

    def _thresholds(self, tasks: Tasks) -> dict[str, np.ndarray]:
        """Give what the thresholds of tasks become, so that decisions are the same."""
        found = {}
        for name, temperature in self.temperatures_.items():
            task, decisions = tasks[name], tasks[name].decisions
            if decisions is not None:
                cuts = decisions.own_thresholds()
                scaled = task.calibrated(decisions.outputs_at(cuts), temperature)
                moved = decisions.chances(scaled)[0]
                if not np.array_equal(moved, cuts):
                    found[name] = moved
        return found

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        outputs = inner._outputs(X, decode=decode, change=change)
        return outputs if decode else self._scaled(outputs)

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        stream = super()._stream(X, decode=decode, change=change)
        return stream if decode else stream.map(self._scaled)

    def _outputs_and_labels(self, X: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        # Labels are those before: rounding may move what lies at a threshold.
        inner, X = reach(self.estimator_, X)
        outputs, labels = inner._outputs_and_labels(X)
        return self._scaled(outputs), labels

    def _scaled(self, outputs: list[np.ndarray]) -> list[np.ndarray]:
        """Apply the temperatures to activations."""
        return [
            task.calibrated(output, self.temperatures_[name])
            if name in self.temperatures_
            else output
            for (name, task), output in zip(
                self.tasks_.labelled.items(), outputs, strict=True
            )
        ]


def _labels_of(task: Task, chosen: np.ndarray) -> list[Any]:
    """Name some of the labels of a task."""
    if task.decisions is None:
        return np.flatnonzero(chosen).tolist()
    labels = task.decisions.labels_asked()
    return [labels[place] for place in np.flatnonzero(chosen)]


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
    rows = np.flatnonzero(with_label(weight) & has_output(output))
    known = task.knows(target.values[rows])
    rows = rows[known if known.ndim == 1 else known.any(axis=1)]
    if not len(rows):
        return None
    return task.calibrate(output[rows], target.values[rows], weight[rows])
