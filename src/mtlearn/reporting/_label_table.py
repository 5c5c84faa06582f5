"""The figures of each label, of as many as a page can show."""

from dataclasses import dataclass

import numpy as np

from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.reporting._summary import Table

_MOST_OPEN = 30  # labels; of more, a few are shown, and the rest unfolds
_WORST = 15
_MOST_LISTED = 1000


@dataclass(frozen=True)
class LabelTable:
    """What the page has of each label.

    Attributes
    ----------
    first : Table
        Of all labels, or of those with the lowest F1.
    others : Table or None
        All of them, where `first` has some only.
    which, words : str
        What `others` holds, and what the figures mean.
    """

    first: Table
    others: Table | None
    which: str
    words: str


def label_figures(evidence: Evidence, task: TaskEvidence) -> LabelTable | None:
    """Give the figures of each label of a task.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    task : TaskEvidence
        With labels.

    Returns
    -------
    LabelTable or None
        None of a task that has one label a row.
    """
    cells = evidence.table.label_cells(task.name)
    if not cells:
        return None
    head, lines = cells[0], [_dashed(line) for line in cells[1:]]
    words = (
        "A label is predicted where its probability is above its threshold. By chance "
        "alone, precision and average precision are the prevalence."
    )
    if lines != cells[1:]:
        words += " A dash: of a label that is never there, or never predicted."
    n = len(lines)
    if n <= _MOST_OPEN:
        return LabelTable((head, lines), None, "", words)
    rows = [row for row in evidence.table.label_rows if row["task"] == task.name]
    # The most frequent ones first, where F1 is equal; NaN comes last.
    keys = [-row["support"] for row in rows], [row["f1"] for row in rows]
    worst = [lines[place] for place in np.lexsort(keys)]
    first = (head, worst[:_WORST])
    start = f"Above are the {_WORST} labels with the lowest F1. "
    if n <= _MOST_LISTED:
        return LabelTable(first, (head, lines), f"All {n:,} labels", start + words)
    which = f"The {_MOST_LISTED:,} labels with the lowest F1, of {n:,}"
    words += " All of them are in the table of the report, as label_rows."
    return LabelTable(first, (head, worst[:_MOST_LISTED]), which, start + words)


def _dashed(line: list[str]) -> list[str]:
    """Put a dash where there is no figure; a label may be called nan."""
    return line[:1] + ["-" if cell == "nan" else cell for cell in line[1:]]
