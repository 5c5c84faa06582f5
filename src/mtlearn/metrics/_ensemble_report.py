"""What an ensemble gains over its members."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import aligned_outputs, reach, unwrap
from mtlearn.exceptions import ParameterTypeError
from mtlearn.metrics._calibration import calibration_error
from mtlearn.metrics._outputs import has_members, reach_members
from mtlearn.metrics._table import format_figure, html_table, text_table
from mtlearn.tasks import (
    ScoredLabels,
    Target,
    Task,
    has_output,
    label_weights,
    with_label,
)

_CALIBRATION = "calibration_error"
_SHOWN = ("mean", "best", "ensemble", "gain", "gain_over_best", "disagreement")
# More members than this are not printed one by one.
_MOST_SHOWN = 5


@dataclass(frozen=True, repr=False)
class EnsembleReport:
    """Figures of an ensemble beside those of its members, which print as a table.

    Attributes
    ----------
    rows : list of dict
        One a figure, with the keys `task`, `kind`, `n_labelled` (labels that were
        scored), `metric`, `members` (a value each), `mean` and `best` of these,
        `ensemble`, `gain` over the mean and `gain_over_best`, both positive where the
        ensemble is better, the `disagreement` of the members about the task, and
        `greater_is_better`, False of an error.

    See Also
    --------
    ensemble_report : Makes one, and says what each figure is.

    Examples
    --------
    >>> from mtlearn.metrics import EnsembleReport
    >>> row = {"task": "digit", "kind": "classification", "n_labelled": 50}
    >>> row |= {"metric": "accuracy", "greater_is_better": True, "mean": 0.85}
    >>> row |= {"best": 0.9, "ensemble": 0.92, "gain": 0.07, "gain_over_best": 0.02}
    >>> EnsembleReport([row | {"members": [0.9, 0.8], "disagreement": 0.1}])
    task   metric        0      1   mean   best  ensemble   gain  gain_over_best ...
    digit  accuracy  0.900  0.800  0.850  0.900     0.920  0.070           0.020 ...
    """

    rows: list[dict[str, Any]]

    def to_frame(self) -> Any:
        """Give the rows as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the keys of the rows as columns, and `member_0`, `member_1`, … in the
            place of `members`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "EnsembleReport.to_frame")
        return pandas.DataFrame([_flat(row) for row in self.rows])

    def _head(self) -> list[str]:
        n_members = len(self.rows[0]["members"]) if self.rows else 0
        shown = range(n_members) if n_members <= _MOST_SHOWN else ()
        return ["task", "metric", *map(str, shown), *_SHOWN]

    def _cells(self, head: Sequence[str]) -> Iterator[list[str]]:
        """Format the rows; what repeats the row above is left blank."""
        above = None
        for row in self.rows:
            is_error = not row["greater_is_better"]
            repeats = row["task"] == above
            figures = [
                row["members"][int(name)] if name.isdigit() else row[name]
                for name in head[2:-1]
            ]
            apart = format_figure(row["disagreement"], is_error=True)
            yield [
                "" if repeats else row["task"],
                row["metric"],
                *(format_figure(figure, is_error) for figure in figures),
                "" if repeats else apart,
            ]
            above = row["task"]

    def __repr__(self) -> str:
        head = self._head()
        aligns = "<<" + ">" * (len(head) - 2)
        return text_table(head, list(self._cells(head)), aligns)

    def _repr_html_(self) -> str:
        head = self._head()
        return html_table(head, list(self._cells(head)))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name == "members":
            flat |= {f"member_{number}": each for number, each in enumerate(value)}
        else:
            flat[name] = value
    return flat


def ensemble_report(
    ensemble: Any, X: Any, y: Any, sample_weight: Any = None
) -> EnsembleReport:
    """Compare an ensemble with its members, task by task.

    Parameters
    ----------
    ensemble : estimator
        A fitted :class:`~mtlearn.SeedEnsemble` or :class:`~mtlearn.VotingEnsemble`, a
        :class:`~mtlearn.TemperatureScaled` around one, or a Pipeline or search that
        ends in one of these.
    X : array-like
        Samples, as it takes them; none that it was trained on.
    y : array-like, DataFrame, Series or SliceDict
        True labels. Missing ones are left out.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`.

    Returns
    -------
    EnsembleReport
        The figures of :func:`task_report`, and for a classification the
        `calibration_error`, which is :func:`expected_calibration_error`. The
        disagreement is, for a classification, the share of the samples about which two
        members predict different classes, as a mean over pairs; for a regression, the
        mean standard deviation of the members' values (``ddof=0``, as `spread` has it),
        in the units of y. NaN where a task has no label.

    Raises
    ------
    NotFittedError
        If the ensemble is not fitted.
    ParameterTypeError
        If there is no ensemble in it.
    InvalidDataError, DataTypeError
        If y or the weights are not what they must be.

    See Also
    --------
    task_report : The figures of one estimator beside a baseline.

    References
    ----------
    .. [1] L. I. Kuncheva, C. J. Whitaker, "Measures of Diversity in Classifier
       Ensembles and Their Relationship with the Ensemble Accuracy", Machine Learning
       51, 2003.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression
    >>> from mtlearn import SeedEnsemble, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.metrics import ensemble_report
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2)
    >>> ensemble = SeedEnsemble(estimator, random_state=0).fit(X, y)
    >>> print(ensemble_report(ensemble, X, y))
    task     metric                 0      1      2   mean   best  ensemble ...
    quality  r2                 ...
    ...
    """
    outer = unwrap(ensemble)
    if outer is None or not has_members(outer):
        raise ParameterTypeError(
            "The 'ensemble' parameter of ensemble_report must be a fitted SeedEnsemble "
            "or VotingEnsemble, or a TemperatureScaled, Pipeline or search around one. "
            f"Got {short(ensemble)} instead."
        )
    check_is_fitted(outer, "tasks_")
    outer, X = reach(ensemble, X)
    targets = outer._codec.targets(y)
    weights = label_weights(targets, sample_weight)
    check_consistent_length(X, *weights)
    average = outer._outputs(X)
    members = list(_member_outputs(outer, X))
    return EnsembleReport(
        [
            row
            for position, (name, task) in enumerate(outer.tasks_.labelled.items())
            for row in _rows(
                name,
                _Scored(task, targets[position], weights[position], average[position]),
                [outputs[position] for outputs in members],
                average[position],
            )
        ]
    )


def _member_outputs(outer: Any, X: Any) -> Iterator[list[np.ndarray]]:
    """Compute each member's outputs, for the classes of the whole."""
    tasks = outer.tasks_.labelled
    inner, X = reach_members(outer, X)
    for member in inner.estimators_:
        yield aligned_outputs(member, X, tasks)


class _Scored:
    """The labels of a task that count, to score outputs with."""

    def __init__(
        self, task: Task, target: Target, weight: np.ndarray, average: np.ndarray
    ) -> None:
        self.task = task
        self.rows = with_label(weight) & has_output(average)
        self.true = target.values[self.rows]
        self.weight = weight[self.rows]

    def decode(self, output: np.ndarray) -> np.ndarray:
        """Give the predictions of the rows that count."""
        return self.task.decode(output[self.rows])

    def figures(self, output: np.ndarray) -> dict[str, float]:
        """Compute every figure of a member or of the ensemble."""
        decided, known = self.decode(output), output[self.rows]
        found = {
            name: figure(
                ScoredLabels(
                    self.true, known if figure.of_outputs else decided, self.weight
                )
            )
            for name, figure in self.task.figures().items()
        }
        if self.task.has_probabilities:
            found[_CALIBRATION] = self._calibration_error(output)
        return found

    def is_better_when_greater(self, metric: str) -> bool:
        """Tell the direction of a figure."""
        known = self.task.figures().get(metric)
        return known is not None and known.greater_is_better

    def _calibration_error(self, output: np.ndarray) -> float:
        return calibration_error(
            *self.task.confidences(self.true, output[self.rows], self.weight)
        )

    def disagreement(self, members: Sequence[np.ndarray]) -> float:
        """Compute how far the members lie apart."""
        if not self.rows.any():
            return float("nan")
        kept = [output[self.rows] for output in members]
        return self.task.disagreement(kept, self.weight)


def _rows(
    name: str, scored: _Scored, members: Sequence[np.ndarray], average: np.ndarray
) -> Iterator[dict[str, Any]]:
    figures = [scored.figures(output) for output in members]
    disagreement = scored.disagreement(members)
    for metric, ensemble in scored.figures(average).items():
        values = [each[metric] for each in figures]
        greater = scored.is_better_when_greater(metric)
        mean, best = float(np.mean(values)), max(values) if greater else min(values)
        sign = 1 if greater else -1
        yield {
            "task": name,
            "kind": scored.task.kind,
            "n_labelled": len(scored.true),
            "metric": metric,
            "members": values,
            "mean": mean,
            "best": best,
            "ensemble": ensemble,
            "gain": sign * (ensemble - mean),
            "gain_over_best": sign * (ensemble - best),
            "disagreement": disagreement,
            "greater_is_better": greater,
        }
