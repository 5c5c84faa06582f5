"""What a report says of unknown samples."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn.inspection import (
    ConfusionDisplay,
    EmbeddingDisplay,
    OpenSetCase,
    OpenSetCurveDisplay,
    OpenSetImagesDisplay,
    OpenSetScoreDisplay,
    example_images,
)
from mtlearn.metrics import (
    find_open_set,
    format_figure,
    open_set_report,
    unknown_sets,
)
from mtlearn.reporting._cases import Case
from mtlearn.reporting._drawings import MOST_CLASSES, MOST_POINTS, whose_features
from mtlearn.reporting._evidence import Evidence
from mtlearn.reporting._pictures import Picture, drawn, thumbnail
from mtlearn.reporting._summary import Table

_OWNER = "report with X_unknown"


@dataclass(frozen=True)
class Wrong:
    """Samples on the wrong side of the threshold of a task.

    Attributes
    ----------
    words : str
        Which, and how many.
    cases : list of Case
        Those that are furthest on the wrong side.
    """

    words: str
    cases: list[Case]


@dataclass(frozen=True)
class UnknownPart:
    """The section about unknown samples.

    Attributes
    ----------
    tables : list of (str, str, Table)
        Of each task with known samples: its name, what is known of it, and figures.
    pictures : list of Picture
        Of all tasks.
    wrong : list of Wrong
        Of images.
    """

    tables: list[tuple[str, str, Table]]
    pictures: list[Picture]
    wrong: list[Wrong]


def check_unknown(estimator: Any, X_unknown: Any) -> None:
    """Raise if there are unknown samples that the estimator does not look for.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    X_unknown : array-like, dict of str to array-like, or None
        Unknown samples.
    """
    if X_unknown is not None:
        find_open_set(estimator, _OWNER)
        unknown_sets(X_unknown, "report")


def unknown_part(
    evidence: Evidence, X_unknown: Any, n_worst: int
) -> UnknownPart | None:
    """Tell how well unknown samples are told from known ones.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    X_unknown : array-like, dict of str to array-like, or None
        Unknown samples.
    n_worst : int
        So many images of each side at most.

    Returns
    -------
    UnknownPart or None
        None where no unknown samples are given.
    """
    if X_unknown is None:
        return None
    data = (evidence.estimator, evidence.X, evidence.y, X_unknown)
    rows = open_set_report(*data).rows
    names = dict.fromkeys(row["task"] for row in rows if row["n_known"])
    tables = [
        _table(name, [row for row in rows if row["task"] == name]) for name in names
    ]
    tasks = _comparable(find_open_set(evidence.estimator, _OWNER), evidence.y, names)
    if not tasks:
        return UnknownPart(tables, [], [])
    return UnknownPart(
        tables,
        list(_pictures(evidence, data, tasks)),
        list(_wrong(evidence, data, tasks, n_worst)) if n_worst else [],
    )


def _comparable(classifier: Any, y: Any, names: Collection[str]) -> list[str]:
    """Leave out tasks of one threshold where each row is unknown to one of them."""
    targets, apart = classifier._known_targets(y)
    present = {target.name: target.present for target in targets}
    found = []
    for _, own in classifier._groups():
        is_known = np.logical_or.reduce([present[name] for name in own])
        if (is_known & ~np.logical_or.reduce([apart[name] for name in own])).any():
            found += [name for name in own if name in names]
    return found


def _table(name: str, rows: list[dict[str, Any]]) -> tuple[str, str, Table]:
    """Lay out the figures of a task, with a column for each set."""
    sets = {row["unknown"]: row["n_unknown"] for row in rows}
    values = {
        (row["metric"], row["unknown"]): format_figure(
            row["value"], not row["greater_is_better"]
        )
        for row in rows
    }
    head = ["metric", *(f"{each} ({count:,})" for each, count in sets.items())]
    lines = [
        [metric, *(values[metric, each] for each in sets)]
        for metric in dict.fromkeys(row["metric"] for row in rows)
    ]
    first = rows[0]
    words = (
        f"{first['n_known']:,} known samples, beside each set of unknown ones. The "
        f"threshold is to keep {first['quantile']:.4g} of the known, with a standard "
        f"error of {first['standard_error']:.2g}."
    )
    return name, words, (head, lines)


def _pictures(
    evidence: Evidence, data: tuple[Any, ...], tasks: list[str]
) -> Iterator[Picture]:
    """Draw what tells known from unknown samples."""
    estimator, X, y, X_unknown = data
    curves = OpenSetCurveDisplay.from_estimator(*data, tasks=tasks)
    areas = "; ".join(
        f"{each.task}, {each.unknown}: {each.roc_auc:.3f} by {each.name}"
        for each in curves.curves
        if each.at is not None
    )
    text = f"Known against unknown samples, which are positive. AUROC of {areas}."
    yield drawn(curves.plot, text)
    scores = OpenSetScoreDisplay.from_estimator(*data, tasks=tasks)
    kept = "; ".join(
        f"{name}: {found.known_kept:.1%} of the known, "
        + listed(f"{each:.1%} of {of}" for of, each in found.unknown_kept.items())
        for name, found in scores.scores.items()
    )
    text = f"Scores, of which lower ones are rejected. Kept of {kept}."
    yield drawn(scores.plot, text)
    confusion = ConfusionDisplay.from_estimator(
        estimator, X, y, X_unknown=X_unknown, tasks=tasks
    )
    if max(map(len, confusion.labels.values())) <= MOST_CLASSES:
        text = "Share of each true class, the last of which are unknown samples."
        yield drawn(lambda: confusion.plot(normalize=True), text)
    for name in whose_features(evidence):
        if name is not None and name not in tasks:
            continue
        embedding = EmbeddingDisplay.from_estimator(
            estimator,
            X,
            y,
            tasks=tasks if name is None else [name],
            features_of=name,
            max_samples=MOST_POINTS,
            random_state=0,
            X_unknown=X_unknown,
        )
        whose = "that the tasks share" if name is None else f"of {name}"
        text = f"The features {whose}, by t-SNE: unknown samples are crosses."
        yield drawn(embedding.plot, text)


def _wrong(
    evidence: Evidence, data: tuple[Any, ...], tasks: list[str], n_worst: int
) -> Iterator[Wrong]:
    """Show images on the wrong side of each threshold."""
    estimator, X, _, _ = data
    if example_images(estimator, X, np.arange(1)) is None:
        return
    for _, names in find_open_set(estimator, _OWNER)._groups():
        own = [name for name in names if name in tasks]
        if not own:
            continue
        display = OpenSetImagesDisplay.from_estimator(
            *data, task=own[0], n_shown=n_worst
        )
        for cases, words in (
            (display.accepted, f"of {display.n_unknown:,} unknown images accepted"),
            (display.rejected, f"of {display.n_known:,} known images rejected"),
        ):
            words = f"{display.name}: {len(cases):,} {words}"
            yield Wrong(words, [_case(each) for each in cases[:n_worst]])


def _case(case: OpenSetCase) -> Case:
    where = f"{case.samples}, " if case.samples not in ("X", "unknown") else ""
    picture = None
    if case.image is not None:
        picture = thumbnail(case.image, f"sample {case.row}")
    note = f"{where}row {case.row}: score {case.score:.3g}"
    return Case(case.row, case.true, case.predicted, note, picture)
