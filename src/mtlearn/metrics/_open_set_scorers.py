"""Scorers of known against unknown samples, for searches and cross-validation."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
from sklearn.base import BaseEstimator

from mtlearn._utils._listing import listed
from mtlearn._utils._sklearn_compat import BaseScorer
from mtlearn.exceptions import InvalidParameterError, UnknownTaskError
from mtlearn.metrics._open_set_figures import OPEN_SET_FIGURES, OpenSetRows
from mtlearn.metrics._open_set_report import warn_of_lacks
from mtlearn.metrics._open_set_rows import (
    Judged,
    find_open_set,
    judge,
    open_set_rows,
    unknown_sets,
)
from mtlearn.metrics._scorers import Scorers, declared
from mtlearn.tasks import Tasks

_OWNER = "open_set_scorers"


@dataclass(frozen=True)
class _Unknown:
    """Unknown samples by set, and a name under which scikit-learn keeps their scores.

    It is one of their own: scorers may differ in these samples alone.
    """

    sets: dict[str, Any]
    name: str


class _Judge(BaseEstimator):
    """Has a method for what scorers with the same unknown samples need."""

    def __init__(self, estimator: Any, unknown: _Unknown) -> None:
        self.estimator = estimator
        self.unknown = unknown

    def judged(self, X: Any) -> Judged:
        return judge(self.estimator, X, self.unknown.sets)


@dataclass(frozen=True)
class _OpenSetMetric:
    """One figure, of a task or as a mean over tasks, as a metric of whole y."""

    unknown: _Unknown
    figure: str
    task: str | None = None

    @property
    def __name__(self) -> str:  # scikit-learn prints scorers by it
        return self.figure if self.task is None else f"{self.task}_{self.figure}"

    def __call__(self, y_true: Any, y_pred: Judged, sample_weight: Any = None) -> float:
        by_task = open_set_rows(y_pred, y_true, sample_weight)
        if self.task is not None:
            if self.task not in by_task:
                raise UnknownTaskError(
                    f"The scorer {self.__name__!r} is of a task that may be unknown. "
                    f"Those of this estimator are: {listed(by_task)}."
                )
            by_task = {self.task: by_task[self.task]}
        found = [self._of_task(*each) for each in by_task.items()]
        # A fold may lack the labels of one task, which says nothing about the others.
        defined = [value for value in found if np.isfinite(value)]
        return float(np.mean(defined)) if defined else float("nan")

    def _of_task(self, task: str, sets: dict[str, OpenSetRows]) -> float:
        figure, rows = OPEN_SET_FIGURES[self.figure], list(sets.values())
        warn_of_lacks(task, rows, figure)
        return float(np.mean([figure(each) for each in rows]))


class _OpenSetScorer(BaseScorer):
    """A scorer of what is computed once for all that have the same unknown samples."""

    def _score(
        self, method_caller: Any, estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        find_open_set(estimator, _OWNER)
        unknown = self._score_func.unknown
        # scikit-learn calls the first of these methods that is there.
        asked = ("judged", unknown.name)
        judged = method_caller(_Judge(estimator, unknown), asked, X)
        return self._sign * self._score_func(y_true, judged, **kwargs)


def open_set_scorers(
    X_unknown: Any = None, *, tasks: Tasks | None = None
) -> dict[str, Any]:
    """Make scorers of known against unknown samples, for ``scoring=`` of scikit-learn.

    A search over an open-set classifier trains and validates on known samples alone.
    What it is to reject is in the scorers, and the same in every fold.

    Parameters
    ----------
    X_unknown : array-like or dict of str to array-like, default=None
        Samples of none of the classes, as the estimator takes X; figures of several
        sets are averaged. None leaves it to y: validation rows whose label is none of
        the classes, such as `unknown_label`.
    tasks : Tasks, default=None
        Declared tasks, or `tasks_` of a fitted estimator, to have scorers of each.

    Returns
    -------
    dict of str to scorer
        By the names that figures have in :func:`open_set_report`, the mean over the
        tasks that may be unknown; and for each task in `tasks` with classes
        `{task}_accuracy` and so on. The errors `unknown_accepted_at_95` and
        `known_rejected_at_95` are **negated**: a greater score is better. All of them
        together take one pass over the validation rows and one over the unknown
        samples. A figure that is not defined is NaN, with a warning. `sample_weight` is
        honoured as in the report, also by metadata routing.

    Raises
    ------
    ParameterTypeError
        If `tasks` is not Tasks, or a name in `X_unknown` is no string.
    InvalidDataError
        If `X_unknown` is empty.
    InvalidParameterError
        If two scorers would have the same name.

    See Also
    --------
    open_set_report : What each figure is.
    task_scorers : Scorers of each task and metric, with names of the same form.

    Notes
    -----
    Choose by some unknown samples and judge by others: a score and a quantile that are
    searched for a set of them say little about the next one.

    Some names are those of other figures in :func:`task_scorers`: balanced there is the
    accuracy over classes, and rejected samples count as wrong. To have both kinds in
    one dict, rename these.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from mtlearn import Classification, MultiTaskEstimator, OpenSetClassifier
    >>> from mtlearn.metrics import open_set_scorers
    >>> X, y = load_digits(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Classification(), max_epochs=3, random_state=0)
    >>> search = GridSearchCV(
    ...     OpenSetClassifier(estimator, quantile=0.9, random_state=0),
    ...     {"score": ["knn", "energy"]},
    ...     scoring=open_set_scorers(X[y == 9]),
    ...     refit="balanced_accuracy",
    ...     cv=2,
    ... )
    >>> search.fit(X[y < 8], y[y < 8]).cv_results_["mean_test_roc_auc"].shape
    (2,)
    """
    unknown = _Unknown(unknown_sets(X_unknown, _OWNER), f"unknown_{uuid4().hex}")
    names: list[str | None] = [None]
    if tasks is not None:
        labelled = declared(tasks, _OWNER).labelled
        names += [name for name, task in labelled.items() if task.has_classes]
    scorers = Scorers()
    for task in names:
        for figure, each in OPEN_SET_FIGURES.items():
            metric = _OpenSetMetric(unknown, figure, task)
            if metric.__name__ in scorers:
                raise InvalidParameterError(
                    f"Two scorers would be named {metric.__name__!r}: one of task "
                    f"{task!r}, and one of all of them. Rename the task."
                )
            sign = 1 if each.greater_is_better else -1
            scorers[metric.__name__] = _OpenSetScorer(metric, sign, {}, "predict")
    return scorers
