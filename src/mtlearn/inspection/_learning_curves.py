"""Losses, metrics and the learning rate, epoch by epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import check_multi_task, single_networks
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import distinct_colors, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import blocks_of_panels

History = Sequence[Mapping[str, Any]]

TOTAL = "all tasks"
_ROWS = ("train", "valid")
_STYLES = {"train": "--", "valid": "-"}
_WIDTH, _HEIGHT = 4.0, 3.0  # inches of a panel
_MOST_IN_PANEL = 10  # lines whose names a panel has room for


@dataclass(frozen=True)
class Curve:
    """A figure by epoch, of one or several runs.

    Attributes
    ----------
    run : str
        What the runs have in common.
    task : str
        Its name; ``"all tasks"`` for the weighted loss and the mean of the metrics.
    figure : str
        ``"loss"``, a metric, or ``"lr"``.
    rows : str
        ``"train"`` or ``"valid"``.
    values : ndarray of shape (n_runs, n_epochs)
        NaN after the end of a run that was shorter than others.
    """

    run: str
    task: str
    figure: str
    rows: str
    values: np.ndarray


class LearningCurvesDisplay(Display):
    """Losses and metrics of every task by epoch.

    Make it with `from_estimator` or `from_histories`; `frame` gives the numbers, and
    `plot` draws them.

    Parameters
    ----------
    histories : dict of str to list of list of dict
        By a label, the `history_` of each run with it.
    best_epochs : dict of str to list of int
        By the same labels, the `best_epoch_` of each run; empty where not known.
    task_epochs : dict of str to dict of str to int, default=None
        By the same labels, the `best_epochs_` of a run by itself, whose tasks may have
        others.

    Attributes
    ----------
    task_names : tuple of str
        In task order.
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task (or ``"all tasks"``) and figure, set by `plot`.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import LearningCurvesDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=3).fit(X, y)
    >>> display = LearningCurvesDisplay.from_estimator(estimator)
    >>> display.frame().query("task == 'all tasks' and figure == 'loss'").epoch.tolist()
    [1, 2, 3]
    """

    TOTAL: ClassVar[str] = TOTAL
    """What stands for all tasks together where a task is named."""

    def __init__(
        self,
        histories: Mapping[str, Sequence[History]],
        best_epochs: Mapping[str, Sequence[int]],
        task_epochs: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.histories = histories
        self.best_epochs = best_epochs
        self.task_epochs = task_epochs

    @classmethod
    def from_estimator(cls, estimator: Any, *, label: str = "") -> Self:
        """Take the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one. The
            members of an ensemble are runs of one label.
        label : str, default=""
            What to call it.

        Returns
        -------
        LearningCurvesDisplay
            Not drawn yet.

        Raises
        ------
        ParameterTypeError
            If there is no estimator of this package in it.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_multi_task(estimator, "estimator", "LearningCurvesDisplay")
        check_is_fitted(estimator)
        runs = list(single_networks(estimator))
        return cls(
            {label: [each.history_ for each in runs]},
            {label: [each.best_epoch_ for each in runs]},
            # Which files of earlier versions lack.
            {label: getattr(runs[0], "best_epochs_", {})},
        )

    @classmethod
    def from_histories(cls, histories: Mapping[str, Any]) -> Self:
        """Take histories by their labels, such as those of several settings.

        Parameters
        ----------
        histories : mapping of str to list
            A `history_`, or a list of such of several seeds.

        Returns
        -------
        LearningCurvesDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If one is no history, or histories differ in their tasks.
        """
        found = {label: _runs(label, each) for label, each in histories.items()}
        names = {_task_names(run) for runs in found.values() for run in runs}
        if len(names) != 1:
            raise InvalidParameterError(
                "The 'histories' of LearningCurvesDisplay must be of the same tasks. "
                f"Got {bracketed(sorted(names))} instead."
            )
        return cls(found, {label: [] for label in found})

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names of the tasks, in task order."""
        return _task_names(next(iter(self.histories.values()))[0])

    def curves(self) -> list[Curve]:
        """Give every curve.

        Returns
        -------
        list of Curve
            The total first, then the tasks in their order, then the learning rate.
        """
        return [
            Curve(label, task, figure, rows, values)
            for label, runs in self.histories.items()
            for task, figure, rows, key in _keys(runs, self.task_names)
            if np.isfinite(values := _values(runs, key)).any()
        ]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each number, with the columns `label`, `run` (from 0), `epoch`
            (from 1), `task`, `figure`, `rows` and `value`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "LearningCurvesDisplay.frame")
        records = [
            (curve.run, run, epoch, curve.task, curve.figure, curve.rows, value)
            for curve in self.curves()
            for run, values in enumerate(curve.values.tolist())
            for epoch, value in enumerate(values, 1)
            if epoch <= len(self.histories[curve.run][run])
        ]
        columns = ["label", "run", "epoch", "task", "figure", "rows", "value"]
        return pandas.DataFrame(records, columns=columns)

    def plot(self, *, tasks: Sequence[str] | None = None) -> Self:
        """Draw a panel for each figure of each task.

        Validation is solid, training dashed. Several runs of a label are their mean,
        in a band from the lowest to the highest. A vertical line is the best epoch of a
        single run.

        Parameters
        ----------
        tasks : sequence of str, default=None
            Which tasks, ``"all tasks"`` among them, beside which is the learning rate;
            None draws all.

        Returns
        -------
        LearningCurvesDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If there is no such task.
        MissingDependencyError
            If matplotlib is not installed.
        """
        names = (TOTAL, *self.task_names) if tasks is None else tuple(tasks)
        unknown = set(names) - {TOTAL, *self.task_names}
        if unknown:
            raise InvalidParameterError(
                f"The 'tasks' parameter of plot has {bracketed(sorted(unknown))}. "
                f"There are {bracketed([TOTAL, *self.task_names])}."
            )
        wanted = {*names, ""} if TOTAL in names else set(names)
        drawn = [each for each in self.curves() if each.task in wanted]
        with blocks_of_panels(
            _blocks(drawn), (_WIDTH, _HEIGHT), type(self).__name__
        ) as (self.figure_, self.axes_):
            for key, ax in self.axes_.items():
                ax.set(title=_title(*key), xlabel="epoch")
                ax.xaxis.get_major_locator().set_params(integer=True)
            colors = distinct_colors(len(self.histories), type(self).__name__)
            for label, color in zip(self.histories, colors, strict=True):
                self._draw(label, color, [each for each in drawn if each.run == label])
            if ("", "lr") in self.axes_ and _spans_decades(drawn):
                self.axes_["", "lr"].set_yscale("log")
            self._name_lines()
        return self

    def _draw(self, label: str, color: Any, curves: Sequence[Curve]) -> None:
        """Draw the curves of a label, and its best epoch."""
        for curve in curves:
            _draw(self.axes_[curve.task, curve.figure], curve, color)
        best = self.best_epochs[label]
        if len(best) == 1:
            name = " ".join(filter(None, [label, "best epoch"]))
            own = (self.task_epochs or {}).get(label, {})
            for (task, _), ax in self.axes_.items():
                epoch = own.get(task, best[0])
                ax.axvline(epoch, color=color, lw=0.8, alpha=0.5, label=name)

    def _name_lines(self) -> None:
        """Write a legend: in the first panel, or of many lines beside all of them."""
        first = next(iter(self.axes_.values()))
        handles, labels = first.get_legend_handles_labels()
        if len(labels) <= _MOST_IN_PANEL:
            first.legend(fontsize="small")
        else:
            self.figure_.legend(
                handles, labels, loc="outside right upper", fontsize="small"
            )

    def _shown_tasks(self) -> Iterable[str]:
        return self.task_names


def _runs(label: str, history: Any) -> list[History]:
    """Give a list of histories, of one if that is what there is."""
    is_one = isinstance(history, list) and history and isinstance(history[0], Mapping)
    runs = [history] if is_one else history
    if not isinstance(runs, list) or not runs or not all(map(_is_history, runs)):
        raise InvalidParameterError(
            f"The 'histories' of LearningCurvesDisplay must have a history_ of an "
            f"estimator, or a list of such, at {label!r}. Got {short(history)} instead."
        )
    return runs


def _is_history(run: Any) -> bool:
    return isinstance(run, list) and bool(run) and "train_loss" in run[0]


def _task_names(history: History) -> tuple[str, ...]:
    """Read the names of the tasks from the keys of a row: each has a metric too."""
    keys = [key.removeprefix("train_") for key in history[0] if key.startswith("train")]
    names = [key.removesuffix("_loss") for key in keys if key.endswith("_loss")]
    return tuple(
        name for name in names if sum(key.startswith(f"{name}_") for key in keys) > 1
    )


def _keys(
    runs: Sequence[History], names: Sequence[str]
) -> list[tuple[str, str, str, str]]:
    """Give task, figure, rows and key of what any row of the histories has."""
    found = []
    # As where validation rows, or a metric, came with a later fit.
    known = dict.fromkeys(key for history in runs for row in history for key in row)
    # The longest name first: a task "a" is no beginning of a task "a_b".
    by_length = sorted(names, key=len, reverse=True)
    for key in known:
        rows, _, rest = key.partition("_")
        if rows not in _ROWS:
            continue
        name = next((each for each in by_length if rest.startswith(f"{each}_")), TOTAL)
        figure = rest.removeprefix(f"{name}_")
        found.append((name, figure, rows, key))
    order = {name: place for place, name in enumerate((TOTAL, *names))}
    found.sort(key=lambda each: order[each[0]])
    return [*found, ("", "lr", "train", "lr")]


def _values(runs: Sequence[History], key: str) -> np.ndarray:
    values = np.full((len(runs), max(map(len, runs))), np.nan)
    for run, history in zip(values, runs, strict=True):
        run[: len(history)] = [row.get(key, np.nan) for row in history]
    return values


def _blocks(curves: Sequence[Curve]) -> list[list[tuple[str, str]]]:
    """Give the panels of each task; the learning rate joins those of the first one."""
    panels = list(dict.fromkeys((each.task, each.figure) for each in curves))
    blocks: dict[str, list[tuple[str, str]]] = {}
    for task, figure in panels:
        blocks.setdefault(task or panels[0][0], []).append((task, figure))
    return list(blocks.values())


def _title(task: str, figure: str) -> str:
    names = {"lr": "learning rate", "loss": "loss", "score": "mean of the metrics"}
    named = names.get(figure, figure)
    return named if task in ("", TOTAL) else f"{shown(task)}: {named}"


def _spans_decades(curves: Sequence[Curve]) -> bool:
    """Tell whether rates differ so much that small ones would lie on the axis."""
    rates = np.concatenate(
        [each.values[np.isfinite(each.values)] for each in curves if each.task == ""]
    )
    return bool(rates.min() > 0 and rates.max() > 10 * (1 + 1e-9) * rates.min())


def _draw(ax: Any, curve: Curve, color: str) -> None:
    """Draw the mean of the runs, and the band that they fill."""
    epochs = np.arange(1, curve.values.shape[1] + 1)
    known = np.isfinite(curve.values).any(axis=0)
    values, epochs = curve.values[:, known], epochs[known]
    rate = curve.figure == "lr"
    words = [curve.run, "" if rate else curve.rows]
    ax.plot(
        epochs,
        np.nanmean(values, axis=0),
        "-" if rate else _STYLES[curve.rows],
        color=color,
        label=" ".join(filter(None, words)),
    )
    if len(values) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        ax.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
