"""The front door: everything about a fitted estimator on one page."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any, BinaryIO

from mtlearn._utils._files import write_atomically
from mtlearn._utils._indexing import evenly_spaced
from mtlearn._utils._listing import listed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import ParameterTypeError
from mtlearn.metrics import Resampling, TaskReport, format_figure, metric_words
from mtlearn.reporting._cases import (
    Case,
    Strip,
    label_strips,
    thumbnails,
    worst_cases,
)
from mtlearn.reporting._codes import CODES, Finding
from mtlearn.reporting._drawings import (
    pictures_of_task,
    pictures_of_training,
    pictures_together,
)
from mtlearn.reporting._evidence import Evidence, TaskEvidence, gather
from mtlearn.reporting._findings import findings_of
from mtlearn.reporting._label_table import LabelTable, label_figures
from mtlearn.reporting._open_set import check_unknown, unknown_part
from mtlearn.reporting._pictures import Picture
from mtlearn.reporting._summary import (
    Table,
    data_facts,
    described,
    label_table,
    model_facts,
    parameters,
    training_table,
)

_CONFIDENCE = 0.95
_SAMPLES = 8  # images that are shown as they are
_FIGURE = ("metric", "value", "interval", "baseline")
_MOST_OPEN = 6  # with more tasks, the section of each is closed at first


@dataclass(frozen=True, repr=False)
class Report:
    """A page about a fitted estimator, which a notebook shows.

    Attributes
    ----------
    findings : list of Finding
        What stands out, by code.
    table : TaskReport
        Figures of each task, their baselines and intervals.
    html : str
        The page: one file without scripts, which loads nothing.

    See Also
    --------
    mtlearn.report : Makes one.

    Examples
    --------
    >>> from mtlearn.reporting import Finding, Report
    >>> from mtlearn.metrics import TaskReport
    >>> Report([Finding("MTL008", None, "…")], TaskReport([]), "<!DOCTYPE html>…")
    MTL008 training that ended early: …
    """

    findings: list[Finding]
    table: TaskReport
    html: str = field(repr=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file.

        Parameters
        ----------
        path : str or path-like
            Its folder must be there; a file that is there is replaced.
        """
        page = self.html.encode("utf-8")

        def write(file: BinaryIO) -> None:
            file.write(page)

        write_atomically(path, write)

    def __repr__(self) -> str:
        table = [repr(self.table), ""] if self.table.rows else []
        found = [str(each) for each in self.findings] or ["no findings"]
        return "\n".join([*table, *found])

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="report" sandbox '
            'style="width: 100%; height: 45rem; border: 1px solid #888"></iframe>'
        )


@dataclass(frozen=True)
class _TaskPart:
    """The section of a task; without a label here it has no table."""

    name: str
    kind: str
    table: Table | None
    by_label: LabelTable | None
    pictures: list[Picture]
    strips: list[Strip]
    cases: list[Case]


def report(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    path: str | os.PathLike[str] | None = "report.html",
    title: str | None = None,
    n_worst: int = 12,
    n_bootstraps: int = 500,
    random_state: Any = 0,
    X_unknown: Any = None,
) -> Report:
    """Write a page about a fitted estimator.

    It holds the data and the model in a few lines; figures of each task beside a
    baseline, with bootstrap intervals; the displays of :mod:`mtlearn.inspection`; the
    samples that are most wrong; and findings, each with a code and what to do. It is
    one file that loads nothing, for light and dark screens, and phones.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    X : array-like or dataset
        Samples, as it takes them; none that it was trained on.
    y : array-like, DataFrame, Series or SliceDict, default=None
        True labels, some of them missing; None takes those of a dataset.
    path : str, path-like or None, default="report.html"
        Where to; None writes no file.
    title : str, default=None
        Of the page; None names the estimator.
    n_worst : int, default=12
        Samples that are shown of each task, at most.
    n_bootstraps : int, default=500
        Samples of the rows for the intervals, which are of 95 %.
    random_state : None, int or RandomState, default=0
        What these are drawn by.
    X_unknown : array-like, or dict of str to array-like, default=None
        Samples of no class, or several sets of them by name, for an
        :class:`~mtlearn.OpenSetClassifier`: the page has a section about how they are
        told from known ones.

    Returns
    -------
    Report
        With the page and its findings; a notebook shows the page.

    Raises
    ------
    MissingDependencyError
        If matplotlib or Jinja is not installed.
    NotFittedError
        If the estimator is not fitted.
    InvalidParameterError, ParameterTypeError
        If a parameter is not what it must be, or there are unknown samples and no
        OpenSetClassifier.
    InvalidDataError, DataTypeError
        If X, y or X_unknown is not what it must be.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression
    >>> from mtlearn import Tasks, report
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> estimator = estimator.fit(X[:1200], y[:1200])
    >>> page = report(estimator, X[1200:], y[1200:], path=None, n_bootstraps=20)
    >>> len(page.html) > 10_000
    True
    """
    jinja2 = import_optional("jinja2", "report", "report")
    import_optional("matplotlib", "report", "report")
    if not (path is None or isinstance(path, str | os.PathLike)):
        raise ParameterTypeError(
            "The 'path' parameter of report must be a string, a path or None. "
            f"Got {short(path)} instead."
        )
    check_integer(n_worst, "n_worst", "report", low=0)
    check_integer(n_bootstraps, "n_bootstraps", "report", low=1)
    check_unknown(estimator, X_unknown)
    resampling = Resampling(n_bootstraps, _CONFIDENCE, random_state)
    evidence = gather(estimator, X, y, resampling)
    findings = findings_of(evidence)
    name = f"{type(estimator).__name__}: {listed(t.name for t in evidence.tasks)}"
    contents = _contents(evidence, name if title is None else str(title), n_worst)
    contents["unknown"] = unknown_part(evidence, X_unknown, n_worst)
    template = files("mtlearn.reporting").joinpath("page.html.jinja")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        page={**contents, "findings": findings}
    )
    made = Report(findings, evidence.table, page)
    if path is not None:
        made.save(path)
    return made


def _contents(evidence: Evidence, title: str, n_worst: int) -> dict[str, Any]:
    """Gather what the page's template asks for."""
    return {
        "title": title,
        "made": f"Written on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}.",
        "confidence": f"{_CONFIDENCE:.0%}",
        "glance": _glance(evidence),
        "data": data_facts(evidence),
        "labels": label_table(evidence),
        "samples": _samples(evidence),
        "model": model_facts(evidence),
        "described": described(evidence),
        "parameters": parameters(evidence),
        "learned": training_table(evidence),
        "training": pictures_of_training(evidence),
        "together": pictures_together(evidence),
        "tasks": [_part(evidence, task, n_worst) for task in evidence.tasks],
        "most_open": _MOST_OPEN,
        "codes": (
            ["code", "means", "what to do"],
            [[code, *words] for code, words in CODES.items()],
        ),
    }


def _glance(evidence: Evidence) -> Table:
    """Give the main figure of each task."""
    head = ["task", "kind", "labelled rows", *_FIGURE]
    return head, [
        [task.name, task.task.kind, f"{len(task.rows):,}", *_cells(task.main)]
        for task in evidence.tasks
    ]


def _figures(task: TaskEvidence) -> Table:
    """Give every figure of a task."""
    return list(_FIGURE), [_cells(row) for row in task.figures.values()]


def _cells(row: dict[str, Any]) -> list[str]:
    is_error = not row["greater_is_better"]
    value, low, high, baseline = (
        format_figure(row[key], is_error)
        for key in ("value", "low", "high", "baseline")
    )
    return [metric_words(row), value, f"{low} to {high}", baseline]


def _samples(evidence: Evidence) -> list[Case]:
    """Show some samples as they are, evenly taken, with the labels that are known."""
    n_rows = evidence.tasks[0].n_samples
    rows = evenly_spaced(n_rows, _SAMPLES)
    pictures = thumbnails(evidence.estimator, evidence.X, rows)
    return [
        Case(int(row), _said_of(evidence.tasks, row), "", "", picture)
        for row, picture in zip(rows, pictures, strict=True)
        if picture is not None
    ]


def _said_of(tasks: list[TaskEvidence], row: int) -> str:
    return "; ".join(
        f"{task.name} {task.task.worded(label, weight)}"
        for task in tasks
        for label, weight in _label_of(task, row)
    )


def _label_of(task: TaskEvidence, row: int) -> Iterator[tuple[Any, Any]]:
    """Give the label of a row and its weight, if it has one."""
    there = task.rows == row
    return zip(task.labels.true[there], task.labels.weight[there], strict=True)


def _part(evidence: Evidence, task: TaskEvidence, n_worst: int) -> _TaskPart:
    kind = f"{task.task.kind}, {len(task.rows):,} labelled rows"
    if not len(task.rows):
        return _TaskPart(task.name, kind, None, None, [], [], [])
    return _TaskPart(
        task.name,
        kind,
        _figures(task),
        label_figures(evidence, task),
        pictures_of_task(evidence, task),
        label_strips(task, evidence.estimator, evidence.X),
        worst_cases(task, evidence.estimator, evidence.X, n_worst),
    )
