"""Thresholds at which labels are decided best."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import check_multi_task, reach, task_outputs, unwrap
from mtlearn._utils._validation import check_choice
from mtlearn._utils._whole import in_one_step
from mtlearn.calibration._cuts import f1_cut
from mtlearn.calibration._held_out import HeldOut
from mtlearn.calibration._platt import straightened
from mtlearn.data import item_labels
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks import Decisions, label_weights


class TunedThresholds(HeldOut):
    """An estimator whose decisions have the highest F1, by thresholds of their own.

    Of a :class:`~mtlearn.MultiLabel` each label, and of a
    :class:`~mtlearn.Classification` of two classes the second one, is predicted where
    its probability is above a threshold that is found on samples held out. What
    `predict_proba` gives stays as it is, and so do other tasks.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a Pipeline or search that ends in one. A fitted
        one in a :class:`~sklearn.frozen.FrozenEstimator` stays as it is: `fit` then
        takes all samples to find thresholds, so pass some that it was not trained on.
    average : {"macro", "micro"}, default="macro"
        Whether the F1 of each label is to be high, by a threshold for each, or that of
        all labels together, by one for all.
    method : {"expected", "best"}, default="expected"
        ``"expected"`` takes the cut whose F1 is highest if the probabilities are right,
        for which no labels are needed; ``"best"`` the one whose F1 is highest on the
        labels of the samples held out. With few of them the first one is better [1]_.
    calibrate : "auto" or bool, default="auto"
        Whether probabilities are straightened by the labels held out before
        ``"expected"`` believes them: always, never, or where a label is there, and is
        not, ten times at least. The order of samples stays.
    validation_fraction : float, default=0.2
        Share of the samples held out, in (0, 1).
    random_state : None, int or RandomState, default=None
        Which samples are held out.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    thresholds_ : dict of str to ndarray of shape (n_labels,)
        By the name of each task that decides so. Of a label without a positive, for
        ``"best"``, the task's own.
    tasks_ : Tasks
        Fitted tasks.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels, as those of the estimator.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : For one classification.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan, B. Narayanaswamy, "Optimal Thresholding of
       Classifiers to Maximize F1 Measure", ECML PKDD 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn import MultiLabel, MultiTaskEstimator, TunedThresholds
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = (X > [0, 1, 1.5]).astype(int)
    >>> estimator = MultiTaskEstimator(MultiLabel(), max_epochs=5, random_state=0)
    >>> tuned = TunedThresholds(estimator, random_state=0).fit(X, y)
    >>> tuned.thresholds_["task_0"].shape
    (3,)
    """

    thresholds_: dict[str, np.ndarray]

    def __init__(
        self,
        estimator: Any,
        *,
        average: Literal["macro", "micro"] = "macro",
        method: Literal["expected", "best"] = "expected",
        calibrate: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.average = average
        self.method = method
        self.calibrate = calibrate
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @in_one_step
    @with_callbacks
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the estimator, and thresholds on samples held out.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them. None for a FrozenEstimator and
            ``method="expected"``, which then believes the probabilities as they are.
        **fit_params : object
            Arguments of the estimator's `fit`; see :class:`TemperatureScaled`.

        Returns
        -------
        self : TunedThresholds
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be, or there is nothing to decide.
        """
        owner = type(self).__name__
        check_choice(self.average, "average", owner, ("macro", "micro"))
        check_choice(self.method, "method", owner, ("expected", "best"))
        if self.calibrate not in (True, False, "auto"):
            raise InvalidParameterError(
                f"The 'calibrate' parameter of {owner} must be 'auto', True or False. "
                f"Got {self.calibrate!r} instead."
            )
        check_multi_task(self.estimator, "estimator", owner)
        frozen = isinstance(self.estimator, FrozenEstimator)
        if frozen and item_labels(X, y) is None and not fit_params:
            if self.method == "best" or self.calibrate is True:
                raise InvalidDataError(
                    f"{owner} needs y for method='best', and for calibrate=True. Pass "
                    "y, or set method='expected' and calibrate=False."
                )
            self._keep(self.estimator, X, None, None)
            return self
        return super().fit(X, y, **fit_params)

    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Find thresholds, and set what is known of a fitted estimator."""
        inner = unwrap(fitted)
        check_is_fitted(inner, "tasks_")
        outputs = task_outputs(fitted, X)
        labelled = inner.tasks_.labelled
        known: list[Any] = [None] * len(labelled)
        if y is not None:
            targets = inner._codec.targets(y)
            weights = label_weights(targets, sample_weight)
            check_consistent_length(outputs[0], *weights)
            known = [
                (target.values, weight)
                for target, weight in zip(targets, weights, strict=True)
            ]
        thresholds = {
            name: self._cuts(task.decisions, output, labels)
            for (name, task), output, labels in zip(
                labelled.items(), outputs, known, strict=True
            )
            if task.decisions is not None
        }
        if not thresholds:
            raise InvalidDataError(
                f"{type(self).__name__} finds no task to decide: pass an estimator "
                "with a MultiLabel, or with a Classification of two classes."
            )
        self.estimator_ = fitted
        self.thresholds_ = thresholds
        self._set_codec(inner._codec)

    def _cuts(
        self,
        decisions: Decisions,
        output: np.ndarray,
        labels: tuple[np.ndarray, np.ndarray] | None,
    ) -> np.ndarray:
        """Find the threshold of each decision; without labels, by what is expected."""
        own, chances = decisions.own_thresholds(), decisions.chances(output)
        truth, weight = chances, np.ones_like(chances)
        if labels is not None:
            known, counted = decisions.truths(*labels)
            if self.method == "best":
                truth, weight = known, counted
            elif self.calibrate is not False:
                fewest = 1 if self.calibrate is True else 10
                truth = straightened(chances, known, counted, fewest)
        if self.average == "micro":
            cut = f1_cut(chances.ravel(), truth.ravel(), weight.ravel())
            return own if np.isnan(cut) else np.full(len(own), cut)
        columns = zip(chances.T, truth.T, weight.T, strict=True)
        cuts = np.array([f1_cut(*column) for column in columns])
        return np.where(np.isnan(cuts), own, cuts)

    def _outputs(self, X: Any, *, decode: bool = False) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        outputs = inner._outputs(X)
        if not decode:
            return outputs
        return [
            task.decisions.decided(output, self.thresholds_[name])
            if task.decisions is not None and name in self.thresholds_
            else task.decode(output)
            for (name, task), output in zip(
                self.tasks_.labelled.items(), outputs, strict=True
            )
        ]
