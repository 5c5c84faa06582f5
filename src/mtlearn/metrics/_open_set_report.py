"""How well an open-set classifier knows, and tells what it does not know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.exceptions import UndefinedMetricWarning

from mtlearn._utils._optional import import_optional
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidDataError
from mtlearn.metrics._figures import warn_without_labels
from mtlearn.metrics._open_set_figures import (
    OPEN_SET_FIGURES,
    OpenSetFigure,
    OpenSetRows,
)
from mtlearn.metrics._open_set_rows import (
    find_open_set,
    judge,
    open_set_rows,
    unknown_sets,
)
from mtlearn.metrics._table import format_figure, html_table, text_table

_GROUP = ("task", "unknown", "n_known", "n_unknown")
_COLUMNS = (*_GROUP, "metric", "quantile", "value")


@dataclass(frozen=True, repr=False)
class OpenSetReport:
    """Figures of known against unknown samples, which print as a table.

    Attributes
    ----------
    rows : list of dict
        One a figure, with the keys `task`, `unknown` (the name of the set of unknown
        samples), `n_known` and `n_unknown` (samples that were scored), `metric`,
        `quantile` (the share of known samples that the threshold is to keep), `value`,
        `standard_error` (of that share, as the threshold comes from so many samples)
        and `greater_is_better`, False of an error.

    See Also
    --------
    open_set_report : Makes one, and says what each figure is.

    Examples
    --------
    >>> from mtlearn.metrics import OpenSetReport
    >>> row = {"task": "digit", "unknown": "letters", "n_known": 500, "n_unknown": 80}
    >>> row |= {"quantile": 0.99, "standard_error": 0.004, "greater_is_better": True}
    >>> OpenSetReport([{**row, "metric": "kept", "value": 0.985}])
    task   unknown  n_known  n_unknown  metric  quantile  value
    digit  letters      500         80  kept        0.99  0.985
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
        pandas = import_optional("pandas", "pandas", "OpenSetReport.to_frame")
        columns = [*_COLUMNS, "standard_error", "greater_is_better"]
        return pandas.DataFrame(self.rows, columns=columns)

    def _cells(self) -> list[list[str]]:
        """Format the rows; what repeats the group above is left blank."""
        cells: list[list[str]] = []
        above: Sequence[Any] = ()
        for row in self.rows:
            group = [row[key] for key in _GROUP]
            shown = [""] * len(group) if group == above else list(map(str, group))
            if above and group[0] == above[0]:
                shown[0] = ""
            value = format_figure(row["value"], is_error=False)
            cells.append([*shown, row["metric"], f"{row['quantile']:g}", value])
            above = group
        return cells

    def __repr__(self) -> str:
        return text_table(_COLUMNS, self._cells(), "<<>><>>")

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self._cells())


def open_set_report(
    estimator: Any,
    X: Any,
    y: Any,
    X_unknown: Any = None,
    *,
    sample_weight: Any = None,
) -> OpenSetReport:
    """Score what is predicted of known samples, and how unknown ones are told.

    Parameters
    ----------
    estimator : estimator
        A fitted :class:`~mtlearn.OpenSetClassifier`, or a fitted Pipeline or search
        that ends in one.
    X : array-like
        Samples, as the estimator takes them, none that it was fitted on.
    y : array-like, DataFrame, Series or SliceDict
        True labels of X, in the container and the order of columns of the y that the
        estimator was fitted on. Rows whose label is none of the classes, such as
        `unknown_label`, are unknown samples of the task, in the set ``"unknown"``. Rows
        without a label of a task are left out of all its figures.
    X_unknown : array-like or dict of str to array-like, default=None
        Samples of none of the classes of any task; a dict has several sets of them by
        name, and an array is the set ``"unknown"``. None leaves it to y.
    sample_weight : array-like, default=None
        Of the rows of X, shape `(n_samples,)` or `(n_samples, n_tasks)`; a zero equals
        absence. Those of `X_unknown` weigh one each.

    Returns
    -------
    OpenSetReport
        For each task that may be unknown, and each set:

        - `accuracy` of known samples, none of which is rejected: that of
          `predict_known`.
        - `accuracy_after_rejection`: the same where a rejected sample is wrong.
        - `accuracy_with_unknown`: of known and unknown samples together, "unknown"
          being one class more. It depends on how many there are of either.
        - `kept` and `rejected`: the shares of known samples that are kept, and of
          unknown ones that are rejected.
        - `balanced_accuracy`: the mean of these two, whatever class is predicted.
        - `roc_auc`: the chance that a known sample has a higher score than an unknown
          one. It needs no threshold, nor do those that follow.
        - `average_precision_known` and `average_precision_unknown`: areas under
          precision and recall, by which are the positive ones.
        - `unknown_accepted_at_95`: the share of unknown samples accepted where 95 % of
          the known ones are kept; `known_rejected_at_95`: the share of known samples
          rejected where 95 % of the unknown ones are caught. Either is called FPR95,
          the second one by most benchmarks of detectors. They are errors.
        - `oscr` [1]_: the area under the share of known samples that are kept and
          right, against that of unknown ones accepted, over all thresholds.

        NaN where a task lacks known samples or unknown ones. With ``per="row"`` tasks
        have the same scores, each on the rows that have a label of it.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ParameterTypeError
        If there is no OpenSetClassifier in it, or a name in `X_unknown` is no string.
    InvalidDataError, DataTypeError
        If there is no unknown sample, or y or the weights are not what they must be.

    Warns
    -----
    UndefinedMetricWarning
        If figures are NaN.
    UserWarning
        If images are skipped, and left out.

    See Also
    --------
    open_set_scorers : The same figures as scorers.
    task_report : Figures of the known classes alone.

    References
    ----------
    .. [1] A. R. Dhamija, M. Günther, T. E. Boult, "Reducing Network Agnostophobia",
       NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from mtlearn import Classification, MultiTaskEstimator, OpenSetClassifier
    >>> from mtlearn.metrics import open_set_report
    >>> X, y = load_digits(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Classification(), max_epochs=5, random_state=0)
    >>> classifier = OpenSetClassifier(estimator, quantile=0.95, random_state=0)
    >>> classifier.fit(X[:1000][y[:1000] < 8], y[:1000][y[:1000] < 8])
    OpenSetClassifier(...)
    >>> open_set_report(classifier, X[1000:], y[1000:])
    task    unknown  n_known  n_unknown  metric                     quantile  value
    task_0  unknown      640        157  accuracy                       0.95  ...
    ...
    """
    owner = "open_set_report"
    find_open_set(estimator, owner)
    judged = judge(estimator, X, unknown_sets(X_unknown, owner))
    by_task = open_set_rows(judged, y, sample_weight)
    if not any(
        len(rows.unknown) for sets in by_task.values() for rows in sets.values()
    ):
        raise InvalidDataError(
            "open_set_report has no unknown sample: X_unknown is None, and every label "
            "in y is one of the classes. Pass X_unknown."
        )
    found = []
    for task, sets in by_task.items():
        detector = judged.classifier.detectors_[task]
        shared = {
            "quantile": float(detector.quantile),
            "standard_error": detector.standard_error_,
        }
        for unknown, rows in sets.items():
            found += _figure_rows(task, unknown, rows, shared)
        warn_of_lacks(task, list(sets.values()))
    return OpenSetReport(found)


def _figure_rows(
    task: str, unknown: str, rows: OpenSetRows, shared: dict[str, float]
) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "unknown": unknown,
            "n_known": len(rows.known),
            "n_unknown": len(rows.unknown),
            "metric": metric,
            "quantile": shared["quantile"],
            "value": figure(rows),
            "standard_error": shared["standard_error"],
            "greater_is_better": figure.greater_is_better,
        }
        for metric, figure in OPEN_SET_FIGURES.items()
    ]


def warn_of_lacks(
    task: str, sets: Sequence[OpenSetRows], figure: OpenSetFigure | None = None
) -> None:
    """Warn that figures of a task are NaN, for want of known or unknown samples.

    Parameters
    ----------
    task : str
        Its name.
    sets : sequence of OpenSetRows
        With different unknown samples.
    figure : OpenSetFigure, default=None
        The only one that matters.
    """
    of_known = figure is None or figure.of_known
    of_unknown = figure is None or figure.of_unknown
    if of_known and not len(sets[0].known):
        warn_without_labels(f"Task {task!r}")
    if of_unknown and not all(len(rows.unknown) for rows in sets):
        warn(
            f"Task {task!r} has no unknown sample to be judged by, so its figure is "
            "NaN. Pass some as X_unknown.",
            UndefinedMetricWarning,
        )
