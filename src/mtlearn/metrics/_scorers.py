"""Scorers of each task, for scikit-learn's searches and cross-validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import make_scorer

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn._utils._sklearn_compat import BaseScorer
from mtlearn.exceptions import (
    InvalidParameterError,
    ParameterTypeError,
    UnknownTaskError,
)
from mtlearn.metrics._figures import (
    scored_chances,
    scored_labels,
    scored_task,
    warn_without_labels,
)
from mtlearn.metrics._outputs import scored_decisions
from mtlearn.tasks import Figure, ScoredLabels, TaskReader, Tasks


@dataclass(frozen=True)
class _TaskMetric:
    """One figure of one task, as a metric function of whole y."""

    reader: TaskReader
    task: str
    figure: str

    @property
    def __name__(self) -> str:  # scikit-learn prints scorers by it
        return f"{self.task}_{self.figure}"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        figure = self.reader.tasks[self.task].figures()[self.figure]
        scored = scored_chances if figure.of_outputs else scored_task
        labels = scored(self.task, self.reader, y_true, y_pred, sample_weight)
        return self.of_labels({self.task: labels})

    def of_labels(self, labels: Mapping[str, ScoredLabels]) -> float:
        """Compute the figure of the labels of all tasks."""
        own = labels[self.task]
        if not len(own):
            warn_without_labels(f"Task {self.task!r}")
        return self.reader.tasks[self.task].figures()[self.figure](own)


@dataclass(frozen=True)
class _MeanScore:
    """The mean over tasks of the default figure, as a metric function of whole y."""

    tasks: Tasks

    @property
    def __name__(self) -> str:
        return "mean_score"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return self.of_labels(scored_labels(self.tasks, y_true, y_pred, sample_weight))

    def of_labels(self, labels: Mapping[str, ScoredLabels]) -> float:
        """Compute the mean of the labels of all tasks."""
        scores = [
            task.figures()[task.metric](labels[name])
            for name, task in self.tasks.labelled.items()
            if len(labels[name])
        ]
        if not scores:
            warn_without_labels("y")
            return float("nan")
        # R² of one label is undefined, and says nothing about the other tasks.
        defined = [score for score in scores if np.isfinite(score)]
        return float(np.mean(defined)) if defined else float("nan")


class _Answers(BaseEstimator):
    """Gives the probabilities of an estimator as they are.

    scikit-learn takes one column of those of a classifier with two classes, as which it
    takes two labels; and keeps them, by the name of the method, for other scorers.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def task_probabilities(self, X: Any) -> Any:
        return self.estimator.predict_proba(X)


class _ChanceScorer(BaseScorer):
    """A scorer of probabilities of all tasks, which are a list where y has columns."""

    def _score(
        self, method_caller: Any, estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        outputs = method_caller(_Answers(estimator), "task_probabilities", X)
        return self._sign * self._score_func(y_true, outputs, **kwargs)


class _DecisionScorer(BaseScorer):
    """A scorer of predictions of every row, also where a task is not asked.

    `predict` has none there: rows in which it errs about the other task would be left
    out, though their labels count.
    """

    def _score(
        self, method_caller: Any, estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        labels = scored_decisions(estimator, X, y_true, kwargs.get("sample_weight"))
        return self._sign * self._score_func.of_labels(labels)


def _scorer(metric: _TaskMetric, figure: Figure) -> Any:
    if not figure.of_outputs and metric.reader.tasks[metric.task].condition is not None:
        sign = 1 if figure.greater_is_better else -1
        return _DecisionScorer(metric, sign, {}, "predict")
    if figure.of_outputs:
        sign = 1 if figure.greater_is_better else -1
        return _ChanceScorer(metric, sign, {}, "predict_proba")
    return make_scorer(metric, greater_is_better=figure.greater_is_better)


class Scorers(dict[str, Any]):
    """Scorers by name, which list the names where one is not there."""

    def __missing__(self, name: object) -> Any:
        raise UnknownTaskError(
            f"There is no scorer {name!r}. The scorers are: {listed(self)}."
        )


def declared(tasks: Any, owner: str) -> Tasks:
    """Give a copy of declared tasks, or raise if they are none.

    Parameters
    ----------
    tasks : Tasks
        What the user gave.
    owner : str
        For messages.

    Returns
    -------
    Tasks
        Valid, and not fitted.
    """
    if not isinstance(tasks, Tasks):
        raise ParameterTypeError(
            f"The 'tasks' parameter of {owner} must be Tasks(...), with a name and "
            f"a kind for each task. Got {short(tasks)} instead. Declare them, or pass "
            "the 'tasks_' of a fitted estimator."
        )
    tasks.validate()
    return clone(tasks)


def task_scorers(tasks: Tasks) -> dict[str, Any]:
    """Make scorers of each task, for every ``scoring=`` of scikit-learn.

    Each is a `sklearn.metrics.make_scorer` object that picks its task's column out of
    y and of what `predict` returns, by name in a DataFrame, else by position. Missing
    labels are left out. A task without a label among the scored rows gets NaN and a
    warning; other figures are not touched. A true label that the estimator does not
    know counts as wrong. `sample_weight`, of shape `(n_samples,)` or
    `(n_samples, n_tasks)`, is honoured, also by metadata routing.

    Parameters
    ----------
    tasks : Tasks
        Declared tasks, or `tasks_` of a fitted estimator. Kinds are never inferred
        here: a fold may lack what tells them.

    Returns
    -------
    dict of str to scorer
        For each classification `{task}_accuracy`, `{task}_balanced_accuracy`,
        `{task}_precision_macro`, `{task}_recall_macro` and `{task}_f1_macro`, in
        [0, 1]; for each regression `{task}_r2`, at most 1, and
        the errors `{task}_mae` and `{task}_rmse`, in the units of y and **negated**,
        as in scikit-learn's ``neg_mean_absolute_error``: a greater score is better;
        for each task of several labels `{task}_f1_macro`, `{task}_f1_micro`,
        `{task}_f1_weighted`, `{task}_f1_samples`, `{task}_hamming` (negated),
        `{task}_subset_accuracy`, and from probabilities `{task}_map` (the mean average
        precision), `{task}_ap_micro` and `{task}_roc_auc_macro`, where means over
        labels leave out those that have no such figure among these rows.
        Last `mean_score`, the mean over tasks of accuracy and R², as `score` of the
        estimators.

    Raises
    ------
    ParameterTypeError
        If `tasks` is not Tasks.
    InvalidParameterError
        If two scorers would have the same name.

    See Also
    --------
    task_report : Figures of a fitted estimator beside a baseline.

    Notes
    -----
    Scorers use `predict`, but for those of several labels that are said to use
    probabilities, and those of tasks that depend on another one (`when`): these are of
    all rows with a label, also where `predict` has none. For other figures of
    probabilities, such as the log loss, score the view of one task:
    ``estimator.task(name)``.

    Examples
    --------
    >>> from sklearn.model_selection import cross_validate
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.metrics import task_scorers
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> scorers = task_scorers(tasks)
    >>> list(scorers)
    ['quality_r2', 'quality_mae', 'quality_rmse', 'good_accuracy',
     'good_balanced_accuracy', 'good_precision_macro', 'good_recall_macro',
     'good_f1_macro', 'mean_score']
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> scores = cross_validate(estimator, X, y, scoring=scorers, cv=2)
    >>> scores["test_good_accuracy"].shape
    (2,)
    """
    tasks = declared(tasks, "task_scorers")
    scorers = Scorers()
    reader = TaskReader(tasks)
    for task, kind in tasks.labelled.items():
        for name, figure in kind.figures().items():
            metric = _TaskMetric(reader, task, name)
            if metric.__name__ in scorers:
                raise InvalidParameterError(
                    f"Two scorers would be named {metric.__name__!r}: one of task "
                    f"{task!r}, and one of another. Rename one of the tasks."
                )
            scorers[metric.__name__] = _scorer(metric, figure)
    mean = _MeanScore(tasks)
    if any(task.condition is not None for task in tasks):
        scorers["mean_score"] = _DecisionScorer(mean, 1, {}, "predict")
    else:
        scorers["mean_score"] = make_scorer(mean)
    return scorers
