"""The figures of each task beside those of a baseline."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import ParameterTypeError
from mtlearn.metrics._figures import scored_labels
from mtlearn.metrics._intervals import Resampling, bootstrap_intervals
from mtlearn.metrics._table import format_figure, html_table, text_table
from mtlearn.tasks import ScoredLabels, Task, Tasks

_COLUMNS = ("task", "kind", "n_labelled", "metric", "value", "baseline")
_ENDS = ("low", "high")
_DIRECTION = "greater_is_better"


@dataclass(frozen=True, repr=False)
class TaskReport:
    """Figures of each task, which print as a table.

    Attributes
    ----------
    rows : list of dict
        One a figure, with the keys `task`, `kind`, `n_labelled` (labels that were
        scored), `metric`, `value`, `baseline` and, where asked for, `low` and `high`,
        the ends of an interval of the value; `greater_is_better`, False of an error.

    See Also
    --------
    task_report : Makes one.

    Examples
    --------
    >>> from mtlearn.metrics import TaskReport
    >>> row = {"task": "digit", "kind": "classification", "n_labelled": 50}
    >>> row |= {"metric": "accuracy", "greater_is_better": True}
    >>> TaskReport([{**row, "value": 0.9, "baseline": 0.1}])
    task   kind            n_labelled  metric    value  baseline
    digit  classification          50  accuracy  0.900     0.100
    """

    rows: list[dict[str, Any]]

    def to_frame(self) -> Any:
        """Give the rows as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the keys of the rows as columns.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "TaskReport.to_frame")
        return pandas.DataFrame(self.rows, columns=[*self._head(), _DIRECTION])

    def _head(self) -> list[str]:
        has_intervals = bool(self.rows) and "low" in self.rows[0]
        return [*_COLUMNS, *_ENDS] if has_intervals else list(_COLUMNS)

    def _cells(self, head: list[str]) -> list[list[str]]:
        """Format the rows; what repeats the row above is left blank."""
        cells, above = [], None
        for row in self.rows:
            what = [str(row[key]) for key in _COLUMNS[:3]]
            shown = [""] * 3 if row["task"] == above else what
            is_error = not row[_DIRECTION]
            figures = [format_figure(row[key], is_error) for key in head[4:]]
            cells.append([*shown, row["metric"], *figures])
            above = row["task"]
        return cells

    def __repr__(self) -> str:
        head = self._head()
        return text_table(head, self._cells(head), "<<><" + ">" * len(head[4:]))

    def _repr_html_(self) -> str:
        head = self._head()
        return html_table(head, self._cells(head))


def task_report(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    n_bootstraps: int = 0,
    confidence: float = 0.95,
    random_state: Any = None,
) -> TaskReport:
    """Score each task, with the same figures of a baseline beside.

    The baseline predicts, for every row, the most frequent class, the median grade or
    the mean of the training labels.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, or a fitted Pipeline or search that ends
        in one.
    X : array-like
        Samples, as the estimator takes them.
    y : array-like, DataFrame, Series or SliceDict
        True labels, in the container and the order of columns of the y that the
        estimator was fitted on. Missing ones are left out.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`.
    n_bootstraps : int, default=0
        How often the labelled rows of each task are drawn anew, with replacement, for
        an interval of each figure [1]_: 1,000 is common. 0 gives no intervals.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).
    random_state : None, int or RandomState, default=None
        What rows are drawn by.

    Returns
    -------
    TaskReport
        `accuracy`, `balanced_accuracy`, `precision_macro`, `recall_macro` and
        `f1_macro` of each classification; `r2`, and in the units of y the errors `mae`
        and `rmse`, not negated, of each regression; `d2_absolute`, `mae` (in ranks),
        `quadratic_kappa` and `accuracy` of an ordinal task; `d2`, `mae` and `rmse` of
        counts. NaN where a task has no label, or the figure is not defined.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ParameterTypeError
        If there is no estimator of this package in it.
    InvalidDataError, DataTypeError
        If y or the weights are not what they must be.
    InvalidParameterError, ParameterTypeError
        If another parameter is not what it must be.

    See Also
    --------
    task_scorers : The same figures as scorers.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.metrics import task_report
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)
    >>> print(task_report(estimator, X, y))
    task     kind            n_labelled  metric             value  baseline
    quality  regression            1599  r2                 ...     0.000
    ...
    """
    resampling = Resampling(n_bootstraps, confidence, random_state)
    resampling.check("task_report")
    tasks = fitted_tasks(estimator, "task_report")
    labels = scored_labels(tasks, y, estimator.predict(X), sample_weight)
    return report_of(tasks, labels, resampling)


def report_of(
    tasks: Tasks, labels: dict[str, ScoredLabels], resampling: Resampling
) -> TaskReport:
    """Score predictions that are there already.

    Parameters
    ----------
    tasks : Tasks
        Fitted.
    labels : dict of str to ScoredLabels
        By task.
    resampling : Resampling
        Of the intervals; without any sample there are none.

    Returns
    -------
    TaskReport
        As `task_report` gives it.
    """
    return TaskReport(
        [
            row
            for name, task in tasks.items()
            for row in _rows(name, task, labels[name], resampling)
        ]
    )


def fitted_tasks(estimator: Any, owner: str) -> Tasks:
    """Find the fitted tasks, also behind a Pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    Tasks
        Fitted.

    Raises
    ------
    ParameterTypeError
        If there is no estimator of this package in it.
    NotFittedError
        If it is not fitted.
    """
    inner = unwrap(estimator)
    if inner is None:
        check_is_fitted(estimator)
        raise ParameterTypeError(
            f"The 'estimator' parameter of {owner} must be a fitted estimator of "
            "mtlearn, or a Pipeline or search that ends in one. "
            f"Got {short(estimator)} instead."
        )
    check_is_fitted(inner, "tasks_")
    return inner.tasks_.labelled


def _rows(
    name: str, task: Task, labels: ScoredLabels, resampling: Resampling
) -> list[dict[str, Any]]:
    constant = replace(
        labels, predicted=np.repeat([task.baseline()], len(labels), axis=0)
    )
    figures = task.figures()
    intervals: dict[str, dict[str, float]] = {}
    if resampling.n_bootstraps:
        found = bootstrap_intervals(
            labels, figures, resampling, discrete=task.has_classes
        )
        intervals = {
            metric: dict(zip(_ENDS, ends, strict=True))
            for metric, ends in found.items()
        }
    return [
        {
            "task": name,
            "kind": task.kind,
            "n_labelled": len(labels),
            "metric": metric,
            "value": figure(labels),
            "baseline": figure(constant),
            **intervals.get(metric, {}),
            _DIRECTION: figure.greater_is_better,
        }
        for metric, figure in figures.items()
    ]
