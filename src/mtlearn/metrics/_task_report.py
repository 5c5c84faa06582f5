"""Figures of tasks as tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtlearn._utils._optional import import_optional
from mtlearn.metrics._table import format_figure, html_table, text_table

ENDS = ("low", "high")
_COLUMNS = ("task", "kind", "n_labelled", "metric", "value", "baseline")
_LEFT_OUT = ("left_out", "n_labels")
_DIRECTION = "greater_is_better"
_LABEL_COLUMNS = (
    "task",
    "label",
    "support",
    "prevalence",
    "precision",
    "recall",
    "f1",
    "average_precision",
    "threshold",
)
# Of more, a line would not fit on a screen.
_WITH_INTERVALS = ("f1", "average_precision")


@dataclass(frozen=True, repr=False)
class TaskReport:
    """Figures of each task, which print as a table.

    Attributes
    ----------
    rows : list of dict
        One a figure, with the keys `task`, `kind`, `n_labelled` (labels that were
        scored), `metric`, `value`, `baseline` and, where asked for, `low` and `high`,
        the ends of an interval of the value; `left_out` and `n_labels`, where labels
        without such a figure are left out of a mean: how many, of how many;
        `greater_is_better`, False of an error.
    label_rows : list of dict
        One a label of the tasks with several, with the keys `task`, `label`, `support`
        (samples that have it), `prevalence` (their weighted share), `precision`,
        `recall`, `f1`, `average_precision`, `threshold` (the probability above which it
        is predicted) and, where asked for, `f1_low`, `f1_high` and so on. NaN where
        there is no such figure: precision of a label that is never predicted, the rest
        of one that is never there. By chance alone, average precision and precision are
        the prevalence.

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
    label_rows: list[dict[str, Any]] = field(default_factory=list)

    def to_frame(self, *, by_label: bool = False) -> Any:
        """Give the rows as a DataFrame.

        Parameters
        ----------
        by_label : bool, default=False
            Whether to give `label_rows`.

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
        if by_label:
            return pandas.DataFrame(self.label_rows)
        counts = _LEFT_OUT if any(_LEFT_OUT[0] in row for row in self.rows) else ()
        columns = [*self._head(), *counts, _DIRECTION]
        return pandas.DataFrame(self.rows, columns=columns)

    def _head(self) -> list[str]:
        has_intervals = bool(self.rows) and "low" in self.rows[0]
        return [*_COLUMNS, *ENDS] if has_intervals else list(_COLUMNS)

    def _cells(self, head: list[str]) -> list[list[str]]:
        """Format the rows; what repeats the row above is left blank."""
        cells, above = [], None
        for row in self.rows:
            what = [str(row[key]) for key in _COLUMNS[:3]]
            shown = [""] * 3 if row["task"] == above else what
            is_error = not row[_DIRECTION]
            figures = [format_figure(row[key], is_error) for key in head[4:]]
            cells.append([*shown, metric_words(row), *figures])
            above = row["task"]
        return cells

    def label_cells(self, task: str | None = None) -> list[list[str]]:
        """Format the rows of labels.

        Parameters
        ----------
        task : str, default=None
            Of this task only.

        Returns
        -------
        list of list of str
            The head, then a line for each label; empty where there are none.
        """
        rows = [row for row in self.label_rows if task in (None, row["task"])]
        if not rows:
            return []
        shown = _LABEL_COLUMNS if task is None else _LABEL_COLUMNS[1:]
        lines, above = [list(shown)], None
        for row in rows:
            line = [_label_cell(row, key) for key in shown]
            if task is None and row["task"] == above:
                line[0] = ""
            lines.append(line)
            above = row["task"]
        return lines

    def __repr__(self) -> str:
        head = self._head()
        text = text_table(head, self._cells(head), "<<><" + ">" * len(head[4:]))
        by_label = self.label_cells()
        if not by_label:
            return text
        aligns = "<<" + ">" * len(_LABEL_COLUMNS[2:])
        return f"{text}\n\n{text_table(by_label[0], by_label[1:], aligns)}"

    def _repr_html_(self) -> str:
        head = self._head()
        html = html_table(head, self._cells(head))
        by_label = self.label_cells()
        return html + html_table(by_label[0], by_label[1:]) if by_label else html


def metric_words(row: Mapping[str, Any]) -> str:
    """Name a metric, and say of how many labels it is the mean if some are left out.

    Parameters
    ----------
    row : mapping
        Of a `TaskReport`.

    Returns
    -------
    str
        As tables have it.
    """
    if _LEFT_OUT[0] not in row:
        return row["metric"]
    left_out, n_labels = (row[key] for key in _LEFT_OUT)
    return f"{row['metric']} ({n_labels - left_out} of {n_labels} labels)"


def _label_cell(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if key in ("task", "label", "support"):
        return str(value)
    ends = [row.get(f"{key}_{end}") for end in ENDS]
    if None in ends or key not in _WITH_INTERVALS or value != value:
        return f"{value:.3f}"
    return f"{value:.3f} ({ends[0]:.2f} to {ends[1]:.2f})"
