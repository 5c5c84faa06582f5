"""Thresholds at which labels are decided best."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._cuts import best_cut
from mtlearn._utils._indexing import take_rows
from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import (
    check_inside,
    reach,
    task_outputs,
    unwrap,
)
from mtlearn._utils._validation import check_choice, check_real
from mtlearn._utils._warn import warn
from mtlearn._utils._whole import in_one_step
from mtlearn.calibration._folds import check_folds, known_outputs, make_folds
from mtlearn.calibration._held_out import HeldOut
from mtlearn.calibration._platt import straightened
from mtlearn.data import item_labels
from mtlearn.estimators import InnerStream, Stream
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.model_selection import with_kinds
from mtlearn.tasks import (
    FEW_SAMPLES,
    Decisions,
    Target,
    Tasks,
    decode_rows,
    label_weights,
    task_weights,
)
from mtlearn.training import RowChange


class TunedThresholds(InnerStream, HeldOut):
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
    beta : float, default=1.0
        How many times as much recall counts as precision: not F1 but F-beta is to be
        high.
    validation_fraction : float, default=0.2
        Share of the samples held out, in (0, 1), where `cv` is None.
    cv : None, int, splitter or iterable of (train, test), default=None
        None holds samples out, and trains on the others. Else each fold is predicted by
        a clone that was trained on the others, thresholds are found on all of these
        probabilities, and the estimator is trained on all samples. An int k gives
        ``MultiTaskStratifiedKFold(k)``.
    random_state : None, int or RandomState, default=None
        Which samples are held out, or in which fold.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    thresholds_ : dict of str to ndarray of shape (n_labels,)
        By the name of each task that decides so. Of a label without a positive, for
        ``"best"``, the task's own.
    tasks_ : Tasks
        Fitted tasks, which decide by these thresholds.
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
        beta: float = 1.0,
        validation_fraction: float = 0.2,
        cv: Any = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.average = average
        self.method = method
        self.calibrate = calibrate
        self.beta = beta
        self.validation_fraction = validation_fraction
        self.cv = cv
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

        Warns
        -----
        UserWarning
            If thresholds, or the straightening of probabilities, are made of fewer than
            ten samples that have a label: of ``method="best"`` and ``calibrate=True``.
        """
        owner = type(self).__name__
        check_choice(self.average, "average", owner, ("macro", "micro"))
        check_choice(self.method, "method", owner, ("expected", "best"))
        is_word = isinstance(self.calibrate, str) and self.calibrate == "auto"
        if not (is_word or isinstance(self.calibrate, bool | np.bool_)):
            raise InvalidParameterError(
                f"The 'calibrate' parameter of {owner} must be 'auto', True or False. "
                f"Got {short(self.calibrate)} instead."
            )
        check_real(self.beta, "beta", owner, low=0, include_low=False)
        check_folds(self.cv, owner)
        check_inside(self.estimator, "estimator", owner)
        frozen = isinstance(self.estimator, FrozenEstimator)
        if frozen and self.cv is not None:
            raise InvalidParameterError(
                f"The 'cv' parameter of {owner} must be None for a FrozenEstimator, "
                f"which is not trained. Got {short(self.cv)} instead."
            )
        needs_labels = self.method == "best" or self._fewest == 1
        if frozen and needs_labels and item_labels(X, y) is None:
            raise InvalidDataError(
                f"{owner} needs y for method='best', and for calibrate=True. Pass "
                "y, or set method='expected' and calibrate=False."
            )
        return super().fit(X, y, **fit_params)

    @property
    def _fewest(self) -> int | None:
        """Samples with and without a label that straighten it; None for never."""
        if isinstance(self.calibrate, str):
            return FEW_SAMPLES
        return 1 if self.calibrate else None

    def _fit_and_keep(
        self, X: Any, y: Any, weights: Any, params: dict[str, Any]
    ) -> None:
        """Fit the estimator, and find thresholds on what it has not seen."""
        if self.cv is None:
            super()._fit_and_keep(X, y, weights, params)
            return
        codec, targets = self._encoded(X, y, weights)
        n = len(targets)
        folds = make_folds(self.cv, X, y, n, codec.tasks, self.random_state)
        declared, _ = with_kinds(self.estimator, y)
        parts: list[Any] = [(clone(declared), train) for train, _ in folds]
        parts.insert(0, (clone(self.estimator), None))
        trained = self._train(parts, X, y, params, n)
        fitted = next(trained)
        tasks = unwrap(fitted).tasks_
        outputs = [
            known_outputs(member, take_rows(X, test), tasks)
            for (_, test), member in zip(folds, trained, strict=True)
        ]
        rows = np.concatenate([test for _, test in folds])
        if weights is not None:
            weights = take_rows(weights, rows)
        joined = [np.concatenate(each) for each in zip(*outputs, strict=True)]
        self._find(fitted, joined, take_rows(y, rows), weights)

    def _keep(self, fitted: Any, X: Any, y: Any, sample_weight: Any) -> None:
        """Find thresholds on samples that a fitted estimator has not seen."""
        check_is_fitted(unwrap(fitted), "tasks_")
        self._find(fitted, task_outputs(fitted, X), y, sample_weight)

    def _find(
        self, fitted: Any, outputs: list[np.ndarray], y: Any, sample_weight: Any
    ) -> None:
        """Find thresholds, and set what is known of a fitted estimator."""
        codec = unwrap(fitted)._codec
        labelled = codec.labelled
        targets = (
            _of_nobody(labelled, len(outputs[0])) if y is None else codec.targets(y)
        )
        known: list[Any] = [None] * len(labelled)
        if y is not None:
            weights = label_weights(targets, sample_weight)
            known = [
                (target.values, weight)
                for target, weight in zip(targets, weights, strict=True)
            ]
        of_rows = task_weights(targets, sample_weight)
        check_consistent_length(outputs[0], of_rows)
        thresholds, few = {}, []
        for (name, task), output, labels, weight in zip(
            labelled.items(), outputs, known, of_rows.T, strict=True
        ):
            if task.decisions is not None:
                thresholds[name], rare = self._cuts(
                    task.decisions, output, labels, weight
                )
                few += [f"{label!r} of {name!r}" for label in rare]
        if not thresholds:
            raise InvalidDataError(
                f"{type(self).__name__} finds no task to decide: pass an estimator "
                "with a MultiLabel, or with a Classification of two classes."
            )
        _warn_of_few(few)
        self.estimator_ = fitted
        self.thresholds_ = thresholds
        self._set_codec(codec.deciding_at(thresholds))

    def _cuts(
        self,
        decisions: Decisions,
        output: np.ndarray,
        labels: tuple[np.ndarray, np.ndarray] | None,
        of_rows: np.ndarray,
    ) -> tuple[np.ndarray, list[Any]]:
        """Find the threshold of each decision, and labels with few samples for it.

        Without labels by what is expected.
        """
        own, chances = decisions.own_thresholds(), decisions.chances(output)
        truth, rare = chances, []
        # What is expected of a sample counts, whether its labels are known or not.
        weight = np.broadcast_to(of_rows[:, np.newaxis], chances.shape)
        if labels is not None:
            known, counted = decisions.truths(*labels)
            counted = np.where(np.isnan(chances), 0, counted)
            if self.method == "best":
                truth, weight = known, counted
            elif self._fewest is not None:
                truth = straightened(chances, known, counted, self._fewest)
            if self.method == "best" or self._fewest == 1:
                rare = self._rare(decisions, (known > 0) & (counted > 0))
        weight = np.where(np.isnan(chances), 0, weight)
        if self.average == "micro":
            cells = (chances.ravel(), truth.ravel(), weight.ravel())
            cut = best_cut(*cells, self.beta)
            return own if np.isnan(cut) else np.full(len(own), cut), rare
        columns = zip(chances.T, truth.T, weight.T, strict=True)
        cuts = np.array([best_cut(*column, self.beta) for column in columns])
        return np.where(np.isnan(cuts), own, cuts), rare

    def _rare(self, decisions: Decisions, there: np.ndarray) -> list[Any]:
        """Give labels that few samples have; all of them together have one cut."""
        counts = there.sum(axis=0)
        if self.average == "micro" and self.method == "best":
            counts = np.full(len(counts), counts.sum())
        pairs = zip(decisions.labels_asked(), counts, strict=True)
        return [label for label, count in pairs if count < FEW_SAMPLES]

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        outputs = inner._outputs(X, change=change)
        if not decode:
            return outputs
        return [
            decode_rows(task, output)
            for task, output in zip(self.tasks_.labelled, outputs, strict=True)
        ]

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        outputs = super()._stream(X, change=change)
        return outputs.decoded(self.tasks_) if decode else outputs


def _of_nobody(tasks: Tasks, n_samples: int) -> tuple[Target, ...]:
    """Give targets that stand for those of images alone."""
    nothing = np.zeros(n_samples, dtype=bool)
    return tuple(
        Target(name, nothing, nothing, task, (place,))
        for place, (name, task) in enumerate(tasks.items())
    )


def _warn_of_few(few: list[str]) -> None:
    """Warn of labels whose thresholds few samples have made."""
    if few:
        warn(
            f"Fewer than {FEW_SAMPLES} of the samples held out have the labels "
            f"{listed(few, 5)}, so that their thresholds are mostly chance. Hold out "
            "more, set cv, or leave method='expected' and calibrate='auto', which need "
            "no labels.",
        )
