"""Classes, and "I do not know this one"."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._typed import available_if
from mtlearn._utils._unwrap import reach
from mtlearn._utils._validation import check_bool, check_fraction
from mtlearn.estimators import laid_out
from mtlearn.openset._alike import also_parameter, keep_parameters
from mtlearn.openset._detector import OpenSetDetector, signs
from mtlearn.openset._evidence import Observed, observe, observe_predictions, seen_by
from mtlearn.openset._learning import OpenSetLearning
from mtlearn.openset._scored import OpenScored
from mtlearn.openset._unknown import (
    open_codec,
    with_unknown,
    with_unknown_chance,
)
from mtlearn.training import RowChange


def _may_classify(estimator: Any) -> bool:
    return estimator._may_classify()


class OpenSetClassifier(OpenScored, OpenSetLearning):
    """An estimator that says "unknown" of samples unlike those it was fitted on.

    It scores how unlike the known samples each one is, and rejects those above a
    threshold that a share `quantile` of the known ones stays below, found on samples
    that the estimator was not trained on. No unknown sample is needed.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package with a task that has classes, such as a
        :class:`~mtlearn.SeedEnsemble`, or a Pipeline or search that ends in one. A
        fitted one in a :class:`~sklearn.frozen.FrozenEstimator` stays as it is: `fit`
        then takes all samples to learn what known ones are like, so pass some that it
        was not trained on.
    task : None, str or list of str, default=None
        The tasks with classes that may be unknown; None takes all of them.
    score : str or list of str, default="auto"
        ``"knn"``: the distance to the tenth of the nearest known samples, by the
        direction of the shared features. ``"mahalanobis"``: that to the nearest class,
        in units of the spread within classes. ``"max_probability"``, ``"max_logit"``
        and ``"energy"``: how little the classes are sure of, by the probabilities that
        the estimator predicts, or by the scores before the softmax of the networks
        inside. ``"disagreement"``: how far the members of an ensemble lie apart.
        ``"reconstruction"``: the error of the :class:`~mtlearn.Reconstruction`
        among the tasks, of several the first; ``"reconstruction_relative"`` in units of
        the variance of the sample's own values, ``"reconstruction_logit"`` in units of
        the largest score of a class. Of a list, the largest z-score: the distance
        from the median of known samples, in units of that of their 95th percentile.
        ``"auto"`` is ``["knn", "mahalanobis"]``.
    quantile : float, default=0.99
        Share of further known samples that is to be kept, in (0, 1): a higher one
        accepts more unknown ones. State it beside every accuracy.
    unknown_label : str, int or float, default=-1
        What is predicted of unknown samples; none of the classes.
    calibration : float, "prefit", int, splitter or iterable, default=0.1
        Share of the samples held out for the threshold, in (0, 1); the estimator is
        trained on the rest, which is copied. ``"prefit"`` takes the estimator, which is
        fitted, as it is. With folds, each is scored by a clone that was trained on the
        others, and the estimator is trained on all; an int k gives
        ``MultiTaskStratifiedKFold(k)``. A sample in several folds counts in the first.
    per : {"task", "row"}, default="task"
        Whether each task has a threshold of its own, or a sample is unknown to all of
        them as the largest of their z-scores is above one.
    random_state : None, int or RandomState, default=None
        Which samples are held out, and which are kept for their distances.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    detectors_ : dict of str to OpenSetDetector
        By the name of each task that may be unknown; one and the same for
        ``per="row"``.
    tasks_ : Tasks
        Fitted tasks, those of the estimator.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Known labels, as those of the estimator.
    n_features_in_ : int
        Numbers in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if X had any.

    See Also
    --------
    OpenSetDetector : Rejects alone.
    mtlearn.TemperatureScaled : For probabilities of what is known.

    Notes
    -----
    Scores of an ensemble are means over its members, each of which has known samples
    of its own features; ``"max_probability"`` is that of its mean probabilities. Where
    `sample_weight` is zero a label is absent; known samples count alike otherwise.

    References
    ----------
    .. [1] J. Yang, K. Zhou, Y. Li, Z. Liu, "Generalized Out-of-Distribution Detection:
       A Survey", IJCV 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from mtlearn import Classification, MultiTaskEstimator, OpenSetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, known = X / 16, y < 8
    >>> estimator = MultiTaskEstimator(Classification(), max_epochs=5, random_state=0)
    >>> classifier = OpenSetClassifier(estimator, random_state=0)
    >>> classifier.fit(X[known], y[known]).classes_
    array([0, 1, 2, 3, 4, 5, 6, 7])
    >>> int(classifier.predict(X).min()), int(classifier.predict_known(X).min())
    (-1, 0)
    >>> classifier.predict_proba(X, include_unknown=True).shape
    (1797, 9)
    """

    _tells_unknown: ClassVar[bool] = True

    def __init__(
        self,
        estimator: Any,
        *,
        task: str | Sequence[str] | None = None,
        score: str | Sequence[str] = "auto",
        quantile: float = 0.99,
        unknown_label: Any = -1,
        calibration: Any = 0.1,
        per: Literal["task", "row"] = "task",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        # Where `also_parameter` keeps them: methods have these names too.
        self.__dict__.update(task=task, score=score)
        self.quantile = quantile
        self.unknown_label = unknown_label
        self.calibration = calibration
        self.per = per
        self.random_state = random_state

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        keep_parameters(cls, ("task", "score"))

    # Of one name with a parameter, as scikit-learn and the other estimators have them.
    task = also_parameter(OpenSetLearning.task)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the estimator are among them.

        Returns
        -------
        dict
            By name.
        """
        params = super().get_params(deep)
        return params | {name: vars(self)[name] for name in ("task", "score")}

    @property
    def detector_(self) -> OpenSetDetector:
        """What rejects, where there is one threshold; else see `detectors_`."""
        found = self._groups()
        if len(found) > 1:
            raise AttributeError(
                f"This {type(self).__name__} has a detector for each of several tasks: "
                "see detectors_, or set per='row'."
            )
        return found[0][0]

    @property
    def offset_(self) -> Any:
        """Samples whose `score_samples` is below it are unknown; one a column."""
        offsets = [each.offset_ for each, _ in self._groups()]
        return offsets[0] if len(offsets) == 1 else np.array(offsets)

    def set_quantile(self, quantile: float) -> Self:
        """Set how many known samples are to be kept, without a new fit.

        Parameters
        ----------
        quantile : float
            In (0, 1).

        Returns
        -------
        self : OpenSetClassifier
            With another `offset_`.
        """
        check_is_fitted(self, "detectors_")
        self.quantile = check_fraction(quantile, "quantile", type(self).__name__)
        for detector, _ in self._groups():
            detector.set_quantile(quantile)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Compute how much samples are like known ones.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            Higher is more like them; a column for each task that may be unknown, where
            there are several and ``per="task"``. NaN for images that are skipped.
        """
        check_is_fitted(self, "detectors_")
        names, needs = list(self.detectors_), self._needs()
        return self._scores(observe(self.estimator_, X, names, needs))

    def predict_inlier(self, X: Any) -> np.ndarray:
        """Tell which samples are like known ones.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of the shape of `score_samples`
            1 for these, -1 for others; with an image that is skipped real values, NaN
            among them.
        """
        return signs(self.score_samples(X), self.offset_)

    def predict(self, X: Any) -> Any:
        """Predict labels, or that a sample is unknown.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks), or DataFrame
            As of the estimator, with `unknown_label` of unknown samples in the columns
            of the tasks that may be so; other tasks are predicted all the same. A
            column of text and a number for what is unknown has dtype object.
        """
        labels = self._decided(X)
        codec = open_codec(self._codec, list(self.detectors_), self.unknown_label_)
        return laid_out(codec, labels, X)

    def predict_known(self, X: Any) -> Any:
        """Predict labels of known classes, whatever a sample is.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks), or DataFrame
            What `predict` of the estimator gives.
        """
        return super().predict(X)

    @available_if(_may_classify)
    def predict_proba(self, X: Any, include_unknown: bool = False) -> Any:
        """Predict the probabilities of known classes, and of none of them.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        include_unknown : bool, default=False
            Whether a task that may be unknown has one column more, the last one, which
            is the largest exactly where a sample is rejected. It follows the score,
            and is not calibrated: nothing is known of the unknown.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_classes + 1), or list
            As of the estimator; rows sum to one.
        """
        check_bool(include_unknown, "include_unknown", "predict_proba")
        check_is_fitted(self, "detectors_")
        if not include_unknown:
            outputs = self._outputs(X)
        else:
            outputs, scores = self._with_scores(X, decode=False)
            outputs = [
                with_unknown_chance(output, self._excess(name, scores[name]))
                if name in scores
                else output
                for name, output in zip(
                    self.tasks_.labelled.names, outputs, strict=True
                )
            ]
        return outputs[0] if self._codec.has_one_task else outputs

    @also_parameter
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Compute the mean over tasks of the accuracy, or the kind's own metric.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            True labels; `unknown_label`, or another that is none of the classes, of
            unknown samples. Missing ones are left out, as in the score of the
            estimator.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.

        Returns
        -------
        float
            A known sample that is rejected counts as wrong, and so does an unknown one
            that is not. Of a task that may be unknown it is the accuracy.

        Raises
        ------
        InvalidDataError
            If y has no label at all.
        """
        return super().score(X, y, sample_weight)

    def _needs(self) -> set[str]:
        return self._groups()[0][0]._needs()

    def _scores(self, observed: Observed) -> np.ndarray:
        """Give the scores of rows that the networks have seen."""
        each = [
            -detector._unlikeness(seen_by(observed, names))
            for detector, names in self._groups()
        ]
        return each[0] if len(each) == 1 else np.column_stack(each)

    def _by_task(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Give the scores of each task that may be unknown."""
        columns = scores.reshape(len(scores), -1).T
        return {
            name: column
            for (_, own), column in zip(self._groups(), columns, strict=True)
            for name in own
        }

    def _with_scores(
        self, X: Any, *, decode: bool
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Predict as the estimator does, and give the scores `_by_task`."""
        check_is_fitted(self, "detectors_")
        needs, names = self._needs(), list(self.detectors_)
        outputs, observed = observe_predictions(
            self.estimator_, X, names, needs, decode
        )
        return outputs, self._by_task(self._scores(observed))

    def _excess(self, name: str, scores: np.ndarray) -> np.ndarray:
        """Tell how far scores are beyond the threshold, in spreads."""
        detector = self.detectors_[name]
        return (detector.offset_ - scores) / detector.width_

    def _decided(self, X: Any) -> list[np.ndarray]:
        """Predict the labels of each labelled task, some of them unknown."""
        decoded, scores = self._with_scores(X, decode=True)
        return [
            with_unknown(
                labels,
                self._excess(name, scores[name]) > 0,
                self.unknown_label_,
                task.classes_,
            )
            if name in scores
            else labels
            for (name, task), labels in zip(
                self.tasks_.labelled.items(), decoded, strict=True
            )
        ]

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        return inner._outputs(X, decode=decode, change=change)
