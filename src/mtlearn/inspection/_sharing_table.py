"""The record of a comparison of joint and single networks."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.metrics import format_figure, html_table, text_table

_FIGURES = ("single", "joint", "difference", "low", "high")
_COLUMNS = ("task", "metric", *_FIGURES, "sharing")


@dataclass(frozen=True, repr=False)
class SharingReport:
    """What each task gains or loses by sharing a network, printed as a table.

    Attributes
    ----------
    rows : list of dict
        One a task, with the keys `task`, `kind`, `metric`, its means over folds by the
        networks for one task (`single`) and by the one for all (`joint`), their
        `difference`, joint minus single, with the interval from `low` to `high`,
        `sharing`: ``"helps"`` or ``"hurts"`` where the interval leaves out zero, else
        ``"undecided"``; and `greater_is_better`, False of an error, which is hurt where
        it grows.
    folds : list of dict
        One a fold and task, with the keys `repeat`, `fold`, `task`, `single` and
        `joint`.
    affinity : dict of str to dict of str to float
        By two tasks: how much a step for the first one lowers the loss of the second
        one, as a share of it.
    groups : tuple of tuple of str
        Which tasks might share a network.
    confidence : float
        Of the intervals.

    See Also
    --------
    sharing_report : Makes one, and says how each number is computed.

    Examples
    --------
    >>> from mtlearn.inspection import SharingReport
    >>> row = {"task": "digit", "kind": "classification", "metric": "accuracy"}
    >>> row |= {"greater_is_better": True}
    >>> row |= {"single": 0.8, "joint": 0.9, "difference": 0.1, "low": 0.05}
    >>> report = SharingReport(
    ...     [row | {"high": 0.15, "sharing": "helps"}], [], {}, (("digit",),), 0.95
    ... )
    >>> report
    task   metric    single  joint  difference    low   high  sharing
    digit  accuracy   0.800  0.900       0.100  0.050  0.150  helps
    mean relative gain of sharing: +12.5 %
    suggested groups: digit
    >>> round(report.relative_gain, 3)
    12.5
    """

    rows: list[dict[str, Any]]
    folds: list[dict[str, Any]]
    affinity: dict[str, dict[str, float]]
    groups: tuple[tuple[str, ...], ...]
    confidence: float

    @property
    def relative_gain(self) -> float:
        """Mean over tasks of the difference by the single figure, in percent.

        Positive where sharing helps: the sign of an error's difference is turned. Tasks
        without figures, or with a single figure of zero, are left out; one near zero,
        as an R2 may be, says more about itself than about sharing.
        """
        gains = [
            100 * _sign(row) * row["difference"] / abs(row["single"])
            for row in self.rows
            if np.isfinite(row["difference"]) and row["single"]
        ]
        return float(np.mean(gains)) if gains else float("nan")

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
        pandas = import_optional("pandas", "pandas", "SharingReport.to_frame")
        return pandas.DataFrame(self.rows)

    def _cells(self) -> list[list[str]]:
        return [
            [
                row["task"],
                row["metric"],
                *(format_figure(row[key], _sign(row) < 0) for key in _FIGURES),
                row["sharing"],
            ]
            for row in self.rows
        ]

    def _below(self) -> list[str]:
        """Give the lines under the table."""
        groups = " | ".join(", ".join(group) for group in self.groups)
        return [
            f"mean relative gain of sharing: {self.relative_gain:+.1f} %",
            f"suggested groups: {groups}",
        ]

    def __repr__(self) -> str:
        table = text_table(_COLUMNS, self._cells(), "<<>>>>><")
        return "\n".join([table, *self._below()])

    def _repr_html_(self) -> str:
        below = "".join(f"<p>{escape(line)}</p>" for line in self._below())
        return html_table(_COLUMNS, self._cells()) + below


def _sign(row: dict[str, Any]) -> int:
    """Give -1 for an error, else 1."""
    return 1 if row["greater_is_better"] else -1
