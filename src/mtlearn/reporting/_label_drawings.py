"""The displays of labels that are there or not, as a report shows them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._written import written
from mtlearn.inspection import (
    CooccurrenceDisplay,
    LabelErrorsDisplay,
    LabelRows,
    LabelwiseDisplay,
    PrecisionRecallDisplay,
)
from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.reporting._pictures import Picture, drawn
from mtlearn.tasks import FEW_SAMPLES

_NAMED = 3  # labels that words name


def _precision_recall(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    display = PrecisionRecallDisplay({task.name: _rows(task)})
    found = display.curves()
    if found.macro is None or found.micro is None:
        return
    worst = sorted(found.each, key=lambda curve: curve.average_precision)[:_NAMED]
    named = (f"{written(each.label)} ({each.average_precision:.2f})" for each in worst)
    yield drawn(
        display.plot,
        "Precision against recall. Average precision: "
        f"{found.macro.average_precision:.3f} as the mean of the labels (macro), "
        f"{found.micro.average_precision:.3f} of all cells together (micro); lowest: "
        f"{listed(named)}.{_without(found.left_out)}",
    )


def _labelwise(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    display = LabelwiseDisplay({task.name: _rows(task)})
    worst = [f"{written(each.label)} ({each.f1:.2f})" for each in display.worst(_NAMED)]
    if worst:
        yield drawn(
            display.plot,
            "F1 of each label, and the probability above which it is predicted, "
            f"against the share of the samples that have it. Lowest F1: "
            f"{listed(worst)}.",
        )


def _errors(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    display = LabelErrorsDisplay({task.name: _rows(task)})
    wrong = [
        f"{written(each.label)} ({each.missed:g} missed, {each.invented:g} invented)"
        for each in display.errors(_NAMED)
        if each.missed + each.invented > 0
    ]
    yield drawn(
        display.plot,
        "Labels that are missed (there, and not predicted) or invented. Most often: "
        f"{listed(wrong) or 'none'}.",
    )


def _cooccurrence(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    if len(_rows(task).labels) < 2:
        return
    named = [
        f"{written(each.other)} where {written(each.label)} is ({each.true:.0%} true, "
        f"{each.predicted:.0%} predicted)"
        for each in CooccurrenceDisplay({"": _in_enough_rows(_rows(task))}).pairs(
            _NAMED
        )
    ]
    yield drawn(
        CooccurrenceDisplay({task.name: _rows(task)}).plot,
        "Of the samples with the label of a row, the share that has the label of a "
        f"column. Largest differences, of labels that {FEW_SAMPLES} samples have and "
        f"are predicted to have: {listed(named) or 'none'}.",
    )


def _in_enough_rows(rows: LabelRows) -> LabelRows:
    """Leave out labels whose shares are those of a few rows."""
    cells = (rows.true & rows.known, rows.predicted & rows.known)
    kept = np.min([each.sum(axis=0) for each in cells], axis=0) >= FEW_SAMPLES
    columns = (rows.true, rows.predicted, rows.weight)
    return LabelRows(rows.labels[kept], *(each[:, kept] for each in columns))


def _rows(task: TaskEvidence) -> Any:
    return task.label_rows  # a kind that names these displays has them


def _without(labels: list[Any]) -> str:
    """Say which labels are left out."""
    if not labels:
        return ""
    return f" Without a positive here: {listed(map(written, labels), _NAMED)}."


# In the order of the page.
OF_LABELS_THAT_ARE_THERE: dict[
    str, Callable[[Evidence, TaskEvidence], Iterator[Picture]]
] = {
    PrecisionRecallDisplay.__name__: _precision_recall,
    LabelwiseDisplay.__name__: _labelwise,
    CooccurrenceDisplay.__name__: _cooccurrence,
    LabelErrorsDisplay.__name__: _errors,
}
