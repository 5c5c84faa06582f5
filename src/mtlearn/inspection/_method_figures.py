"""The numbers of a comparison of methods, from the figures of each fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlearn.inspection._folds import corrected_interval, in_words
from mtlearn.inspection._method_fits import EQUAL, SINGLE, Scored
from mtlearn.metrics import delta_m, mean_rank
from mtlearn.tasks import Tasks


@dataclass(frozen=True)
class Figures:
    """Figures of each method, fold and metric.

    Attributes
    ----------
    names : tuple of str
        Of the methods, "single" among them if it is there.
    tasks : Tasks
        With labels.
    columns : tuple of (str, str)
        Task and metric of each column.
    values : ndarray of shape (n_methods, n_folds, n_columns)
        NaN where a fold has no such figure; then all methods have none, as they are
        compared on the same rows.
    seconds : ndarray of shape (n_methods, n_folds)
        Process time of the fits.
    share : float
        Test rows by training rows.
    level : float
        Of the intervals.
    """

    names: tuple[str, ...]
    tasks: Tasks
    columns: tuple[tuple[str, str], ...]
    values: np.ndarray
    seconds: np.ndarray
    share: float
    level: float

    @property
    def baseline(self) -> str:
        """What the mean relative change is from."""
        return SINGLE if SINGLE in self.names else EQUAL

    def place(self, name: str) -> int:
        """Give the place of a method."""
        return self.names.index(name)

    def is_better(self, column: Any) -> bool:
        """Tell whether a greater figure is better."""
        task, metric = self.columns[column]
        return self.tasks[task].figures()[metric].greater_is_better

    def mean(self) -> np.ndarray:
        """Compute the means over folds, of shape (n_methods, n_columns)."""
        known = np.isfinite(self.values[0])
        n = known.sum(axis=0)
        sums = np.where(known, self.values, 0).sum(axis=1)
        return np.divide(sums, n, out=np.full(sums.shape, np.nan), where=n > 0)


def figures_of(
    folds: Sequence[Sequence[Scored]],
    names: Sequence[str],
    tasks: Tasks,
    metrics: Mapping[str, Sequence[str]],
    share: float,
    level: float,
) -> Figures:
    """Lay out what the fits have given.

    Parameters
    ----------
    folds : sequence of sequence of Scored
        By fold and method.
    names : sequence of str
        Of the methods.
    tasks : Tasks
        With labels.
    metrics : mapping of str to sequence of str
        Of each task.
    share, level : float
        Test rows by training rows, and the confidence.

    Returns
    -------
    Figures
        A fold that one method has no figure of, has none of any.
    """
    columns = tuple((name, each) for name in tasks.names for each in metrics[name])
    values = np.array(
        [[[each.figures[at] for at in columns] for each in fold] for fold in folds],
        dtype=np.float64,
    ).transpose(1, 0, 2)
    known = np.isfinite(values).all(axis=0)
    seconds = np.array([[each.seconds for each in fold] for fold in folds]).T
    return Figures(
        tuple(names),
        tasks,
        columns,
        np.where(known, values, np.nan),
        seconds,
        share,
        level,
    )


def figure_rows(found: Figures) -> list[dict[str, Any]]:
    """Compare the figures of each method with those of "single" and of "equal"."""
    means, rows = found.mean(), []
    for place, name in enumerate(found.names):
        for column, (task, metric) in enumerate(found.columns):
            values = found.values[place, :, column]
            known = values[np.isfinite(values)]
            spread = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
            row: dict[str, Any] = {
                "method": name,
                "task": task,
                "kind": found.tasks[task].kind,
                "metric": metric,
                "value": float(means[place, column]),
                "deviation": spread,
            }
            for other in (SINGLE, EQUAL):
                row |= _difference(found, place, other, column)
            better = found.is_better(column)
            ends = row["over_equal_low"], row["over_equal_high"]
            row["effect"] = in_words(better, *ends, ("helps", "hurts"))
            rows.append(row | {"greater_is_better": better})
    return rows


def _difference(found: Figures, place: int, other: str, column: int) -> dict[str, Any]:
    """Compute a mean difference and its interval; NaN without the other one."""
    low = high = mean = float("nan")
    if other in found.names:
        values = found.values[:, :, column]
        differences = values[place] - values[found.place(other)]
        means = found.mean()[:, column]
        mean = float(means[place] - means[found.place(other)])
        low, high = corrected_interval(differences, found.share, found.level)
    key = f"over_{other}"
    return {key: mean, f"{key}_low": low, f"{key}_high": high}


def method_rows(found: Figures) -> list[dict[str, Any]]:
    """Sum up each method over all tasks.

    Parameters
    ----------
    found : Figures
        Of all methods.

    Returns
    -------
    list of dict
        One a method, as :class:`MethodComparison` has them.
    """
    means = found.mean()
    base = means[found.place(found.baseline)]
    usable = np.flatnonzero(np.isfinite(means).all(axis=0))
    ranked = [name for name in found.names if name != SINGLE]
    ranks = dict.fromkeys(ranked, float("nan"))
    if len(usable):
        better = by_task(found, usable, [found.is_better(each) for each in usable])
        figures = {
            name: by_task(found, usable, means[found.place(name)][usable])
            for name in ranked
        }
        ranks = mean_rank(figures, better)
    # The lower one of two in the middle: the first fits of a process take longer.
    seconds = np.quantile(found.seconds, 0.5, axis=1, method="lower")
    rows = []
    for place, name in enumerate(found.names):
        change, low, high = _change(found, means[place], base, place)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = float(seconds[place] / seconds[found.place(EQUAL)])
        rows.append(
            {
                "method": name,
                "delta_m": change,
                "low": low,
                "high": high,
                "mean_rank": ranks.get(name, float("nan")),
                "time_ratio": ratio,
            }
        )
    return rows


def by_task(found: Figures, columns: np.ndarray, values: Any) -> dict[str, list[Any]]:
    """Give the values of some columns by task."""
    given: dict[str, list[Any]] = {}
    for column, value in zip(columns, values, strict=True):
        given.setdefault(found.columns[column][0], []).append(value)
    return given


def _change(
    found: Figures, mean: np.ndarray, base: np.ndarray, place: int
) -> tuple[float, float, float]:
    """Compute the mean relative change and its interval.

    That of a ratio of means over folds is the one of its first-order terms: how much
    each fold moves the numerator and the denominator (the delta method).
    """
    usable = np.flatnonzero(np.isfinite(mean) & np.isfinite(base) & (base != 0))
    if not len(usable):
        return (float("nan"),) * 3
    better = by_task(found, usable, [found.is_better(each) for each in usable])
    figures = by_task(found, usable, mean[usable])
    change = delta_m(figures, by_task(found, usable, base[usable]), better)
    of_method = found.values[place]
    of_base = found.values[found.place(found.baseline)]
    terms = np.zeros(len(of_base))
    for column in usable:
        known = np.isfinite(of_base[:, column])
        ratio = mean[column] / base[column]
        moved = of_method[:, column] - ratio * of_base[:, column]  # zero on average
        n_others = len(figures) * len(figures[found.columns[column][0]])
        sign = 1 if found.is_better(column) else -1
        # Of folds without this figure the others say what they would have said.
        scale = sign * 100 / (abs(base[column]) * n_others) * len(known) / known.sum()
        terms += np.where(known, scale * moved, 0)
    low, high = corrected_interval(change + terms, found.share, found.level)
    return change, low, high
