"""What a report notices of labels that are there or not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from mtlearn._utils._cuts import best_cut
from mtlearn._utils._listing import listed
from mtlearn._utils._written import written
from mtlearn.inspection import LabelRows, LabelwiseDisplay
from mtlearn.reporting._codes import Finding
from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.tasks import FEW_SAMPLES

# From where on something is worth a word; docs/guide/findings.md has them too.
BEHIND = 0.1  # of the mean F1 of labels below that of all cells
COSTS = 0.02  # of the mean F1, what other thresholds would add
SAME = 0.95  # share of rows from which on two labels come together
BY_CHANCE = 0.01  # that any two labels of a task do so
_MOST_NAMED = 5


def less_found(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    """Tell of a mean over labels that is far below the figure of all cells.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    task : TaskEvidence
        With labels.

    Yields
    ------
    Finding
        At most one.
    """
    rows = task.label_rows
    if rows is None:
        return
    right = rows.summed(rows.true & rows.predicted)
    true = rows.summed(rows.true)
    either = true + rows.summed(rows.predicted)
    there = true > 0
    if not there.any():
        return
    micro = 2 * right.sum() / either.sum()
    right, true, either = right[there], true[there], either[there]
    macro = np.mean(2 * right / either)
    # A label of one sample is found or not: pulled to the middle, it has a deviation.
    pulled = (2 * right + 1) / (either + 2)
    doubt = np.sqrt(np.sum(pulled * (1 - pulled) / true)) / len(true)
    if micro - macro > max(BEHIND, 2 * doubt):
        worst = LabelwiseDisplay({"": rows}).worst(_MOST_NAMED)
        named = (
            f"{written(each.label)} {each.f1:.2f} ({_rows(each.support)})"
            for each in worst
        )
        message = f"f1_macro {macro:.3f}, f1_micro {micro:.3f}; lowest F1: "
        yield Finding("MTL011", task.name, message + listed(named))


def badly_cut(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    """Tell of thresholds in use that others would beat.

    Others are found without looking at the labels, so that these can judge them.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    task : TaskEvidence
        With labels.

    Yields
    ------
    Finding
        At most one.
    """
    rows = task.label_rows
    if rows is None or rows.chance is None or rows.thresholds is None:
        return
    there = (rows.true & rows.known).sum(axis=0)
    judged = np.flatnonzero(there >= FEW_SAMPLES)
    if not len(judged):
        return
    true, said, weight, chance = (
        each[:, judged]
        for each in (rows.true, rows.predicted, rows.weight, rows.chance)
    )
    columns = zip(chance.T, weight.T, strict=True)
    cuts = np.array([best_cut(column, column, each) for column, each in columns])
    own, labels = rows.thresholds[judged], rows.labels[judged].tolist()
    before, moved_before = _f1(true, said, weight)
    after, moved_after = _f1(true, chance > cuts, weight)
    gains = after - before
    # How much each row moves the mean.
    doubt = np.linalg.norm((moved_after - moved_before).mean(axis=1))
    if gains.mean() <= max(COSTS, 2 * doubt):
        return
    named = [
        f"{written(labels[i])} {cuts[i]:.2g}, not {own[i]:.2g} (F1 {after[i]:.2f}, "
        f"not {before[i]:.2f})"
        for i in np.argsort(-gains, kind="stable")
        if gains[i] > 0
    ]
    yield Finding(
        "MTL012",
        task.name,
        f"the mean F1 of {len(labels)} label{'s' * (len(labels) > 1)} is "
        f"{before.mean():.3f}, and would be {after.mean():.3f} with the thresholds at "
        f"which it is expected to be highest: {listed(named, _MOST_NAMED)}",
    )


def _f1(
    true: np.ndarray, said: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the F1 of each label, and how far each row moves it."""
    both = 2 * weight * (true & said)
    either = weight * true + weight * said
    whole = either.sum(axis=0)
    found = both.sum(axis=0) / whole
    return found, (both - found * either) / whole


def together(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    """Tell of labels that are in the same rows.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    task : TaskEvidence
        With labels.

    Yields
    ------
    Finding
        At most one.
    """
    rows = task.label_rows
    if rows is None or len(rows.labels) < 2:
        return
    names = [written(label) for label in rows.labels.tolist()]
    named = [
        f"{names[i]} and {names[j]} (both in {both:g} of the {_rows(one)} with either)"
        for i, j, both, one in _pairs(rows)
    ]
    if named:
        yield Finding("MTL013", task.name, listed(named, _MOST_NAMED))


def _pairs(rows: LabelRows) -> Iterator[Any]:
    """Give pairs that are there and absent together, and their counts."""
    known = rows.known.astype(float)
    has, lacks = known * rows.true, known * ~rows.true
    whole, both, neither = (each.T @ each for each in (known, has, lacks))
    # What is in most rows is beside anything: so must be where it is not.
    one, one_less = whole - neither, whole - both
    same = (both >= SAME * one) & (neither >= SAME * one_less)
    same &= np.minimum(one, one_less) >= FEW_SAMPLES
    i, j = np.nonzero(np.triu(same, 1))
    alone = has.T @ known
    chance = stats.hypergeom.sf(both[i, j] - 1, whole[i, j], alone[i, j], alone[j, i])
    n_pairs = len(both) * (len(both) - 1) / 2
    for place in np.flatnonzero(chance < BY_CHANCE / n_pairs):
        pair = i[place], j[place]
        yield *pair, both[pair], one[pair]


def _rows(count: float) -> str:
    return f"{count:g} row{'' if count == 1 else 's'}"
