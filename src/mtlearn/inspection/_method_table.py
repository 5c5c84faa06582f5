"""The record of a comparison of methods."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.metrics import format_figure, html_table, text_table

_SUMMARY = ("method", "delta_m", "low", "high", "mean_rank", "time_ratio")


@dataclass(frozen=True, repr=False)
class MethodComparison:
    """What each method makes of each task, printed as two tables.

    Attributes
    ----------
    rows : list of dict
        One a method, task and figure, with the keys `method`, `task`, `kind`, `metric`,
        `value` (the mean over folds), `deviation` (over folds), the mean difference
        `over_single` from networks for one task each, with the interval from
        `over_single_low` to `over_single_high`, and `over_equal` from the estimator as
        it is, likewise; `effect`: ``"helps"`` or ``"hurts"`` where the interval over
        "equal" leaves out zero, else ``"undecided"``; and `greater_is_better`, False
        of an error. Without single networks, `over_single` is NaN.
    summary : list of dict
        One a method, with the keys `method`, `delta_m` (the mean relative change from
        the `baseline`, in per cent), its interval from `low` to `high`, `mean_rank`
        (of networks for all tasks; NaN of single ones) and `time_ratio` to "equal".
    folds : list of dict
        One a fold, method, task and figure, with the keys `repeat`, `fold`, `method`,
        `task`, `metric`, `value` and `seconds` (process time of the fit, of single
        networks the sum of theirs).
    baseline : str
        ``"single"``, or ``"equal"`` without single networks.
    confidence : float
        Of the intervals.

    See Also
    --------
    compare_methods : Makes one, and says how each number is computed.
    MethodComparisonDisplay : The same as a picture.

    Examples
    --------
    >>> from mtlearn.inspection import MethodComparison
    >>> row = {"method": "slow", "task": "digit", "kind": "classification"}
    >>> row |= {"metric": "accuracy", "greater_is_better": True, "value": 0.9}
    >>> row |= {"deviation": 0.01, "over_single": 0.1, "over_single_low": 0.05}
    >>> row |= {"over_single_high": 0.15, "over_equal": 0.02, "effect": "undecided"}
    >>> row |= {"over_equal_low": -0.01, "over_equal_high": 0.05}
    >>> line = {"method": "slow", "delta_m": 12.5, "low": 6.0, "high": 19.0}
    >>> line |= {"mean_rank": 1.0, "time_ratio": 2.0}
    >>> found = MethodComparison([row], [line], [], "single", 0.95)
    >>> found
    method  task   metric    value  deviation  over single           over equal ...
    slow    digit  accuracy  0.900      0.010  0.100 [0.050, 0.150]  0.020 [-0.010, ...
    <BLANKLINE>
    method  delta_m   low   high  mean_rank  time_ratio
    slow      +12.5  +6.0  +19.0       1.00        2.00
    ...
    >>> found.delta_m
    {'slow': 12.5}
    """

    rows: list[dict[str, Any]]
    summary: list[dict[str, Any]]
    folds: list[dict[str, Any]]
    baseline: str
    confidence: float

    @property
    def delta_m(self) -> dict[str, float]:
        """Mean relative change of each method, in per cent; positive where it helps."""
        return {line["method"]: line["delta_m"] for line in self.summary}

    @property
    def mean_rank(self) -> dict[str, float]:
        """Mean rank of each method over all figures, 1 if it is best in all."""
        return {line["method"]: line["mean_rank"] for line in self.summary}

    @property
    def time_ratio(self) -> dict[str, float]:
        """Process time of the fits of each method by that of "equal"."""
        return {line["method"]: line["time_ratio"] for line in self.summary}

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
        pandas = import_optional("pandas", "pandas", "MethodComparison.to_frame")
        return pandas.DataFrame(self.rows)

    def _tables(self) -> list[tuple[list[str], list[list[str]], str]]:
        """Give head, cells and alignment of both tables."""
        others = [f"over_{name}" for name in ("single", "equal")]
        if self.baseline == "equal":
            others = others[1:]
        head = ["method", "task", "metric", "value", "deviation"]
        head += [*(name.replace("_", " ") for name in others), "effect"]
        cells = [
            [
                row["method"],
                row["task"],
                row["metric"],
                *(_figure(row, key) for key in ("value", "deviation")),
                *(
                    "" if _is_own(row, name) else _interval(row, name)
                    for name in others
                ),
                "" if row["method"] == "equal" else row["effect"],
            ]
            for row in self.rows
        ]
        lines = [
            [
                line["method"],
                *(_percent(line[key]) for key in ("delta_m", "low", "high")),
                *(_plain(line[key]) for key in ("mean_rank", "time_ratio")),
            ]
            for line in self.summary
        ]
        aligns = "<<<>>" + "<" * (len(others) + 1)
        return [(head, cells, aligns), (list(_SUMMARY), lines, "<>>>>>")]

    def _below(self) -> str:
        return (
            f"delta_m: mean relative change from {self.baseline!r}, in per cent; "
            f"{100 * self.confidence:g} % intervals; effect: over 'equal'"
        )

    def __repr__(self) -> str:
        tables = [text_table(*table) for table in self._tables()]
        return "\n\n".join(tables) + "\n" + self._below()

    def _repr_html_(self) -> str:
        tables = "".join(html_table(*table[:2]) for table in self._tables())
        return f"{tables}<p>{escape(self._below())}</p>"


def _is_own(row: dict[str, Any], name: str) -> bool:
    return name == f"over_{row['method']}"


def _figure(row: dict[str, Any], key: str) -> str:
    return format_figure(row[key], not row["greater_is_better"])


def _interval(row: dict[str, Any], name: str) -> str:
    mean, low, high = (_figure(row, name + end) for end in ("", "_low", "_high"))
    return f"{mean} [{low}, {high}]"


def _percent(value: float) -> str:
    return f"{value:+.1f}" if np.isfinite(value) else ""


def _plain(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""
