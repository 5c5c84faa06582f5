"""The fits of a comparison of methods: the same folds and seeds for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from mtlearn._utils._listing import bracketed
from mtlearn._utils._prepared import prepared
from mtlearn._utils._row_plan import RowPlan, planned_rows
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection._clones import fit_arguments, trainable
from mtlearn.inspection._sharing_fits import (
    Fold,
    Learner,
    fold_parts,
    labels_of_fold,
)

OWNER = "compare_methods"
EQUAL = "equal"
SINGLE = "single"


def method_estimators(
    estimator: Any, methods: Any, single: bool
) -> dict[str, tuple[Any, str]]:
    """Make what is to be compared.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    methods : mapping
        What the user gave.
    single : bool
        Whether there are networks for one task each.

    Returns
    -------
    dict of str to (estimator, str)
        By name, not fitted, and what goes before the parameters of the last step.
    """
    if not isinstance(methods, Mapping):
        raise ParameterTypeError(
            f"The 'methods' parameter of {OWNER} must be a mapping of names to "
            f"parameters. Got {short(methods)} instead."
        )
    given = dict(methods) if EQUAL in methods else {EQUAL: {}, **methods}
    wrong = [name for name in given if not isinstance(name, str) or not name]
    if wrong or SINGLE in given:
        raise InvalidParameterError(
            f"The 'methods' parameter of {OWNER} must have a name for each method, and "
            f"{SINGLE!r} is the one of networks for one task each. "
            f"Got {bracketed(given)} instead."
        )
    if len(given) == 1 and not single:
        raise InvalidParameterError(
            f"The 'methods' parameter of {OWNER} must have something to compare with: "
            f"there is {EQUAL!r} only, and 'single' is False."
        )
    return {name: _changed(estimator, name, how) for name, how in given.items()}


def _changed(estimator: Any, name: str, how: Any) -> tuple[Any, str]:
    """Make one method: the estimator with parameters, or one of the user's."""
    if not isinstance(how, Mapping):
        if not hasattr(how, "fit"):
            raise ParameterTypeError(
                f"The 'methods' parameter of {OWNER} must have a mapping of "
                f"parameters, or an estimator, for {name!r}. Got {short(how)} instead."
            )
        return trainable(how, OWNER)
    model, prefix = trainable(estimator, OWNER)
    # In a Pipeline, the names of its steps stay; others are those of its last one.
    outer = {each.partition("__")[0] for each in model.get_params()}
    params = {}
    for each, value in how.items():
        of_outer = not prefix or str(each).partition("__")[0] in outer
        params[each if of_outer else f"{prefix}{each}"] = value
    try:
        model.set_params(**params)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"The 'methods' parameter of {OWNER} cannot set the parameters of "
            f"{name!r}: {error}"
        ) from error
    return model, prefix


@dataclass(frozen=True)
class Scored:
    """What a fit has given.

    Attributes
    ----------
    figures : dict of (str, str) to float
        By task and metric.
    seconds : float
        Process time of the fit.
    """

    figures: dict[tuple[str, str], float]
    seconds: float


def fit_timed(
    learner: Learner,
    X: Any,
    y: Any,
    fold: Fold,
    metrics: Mapping[str, Sequence[str]],
) -> Scored:
    """Fit a learner on a fold, and score its tasks on the other rows.

    Parameters
    ----------
    learner : Learner
        It is cloned.
    X, y : array-like
        All rows.
    fold : Fold
        Which of them.
    metrics : mapping of str to sequence of str
        Of each task.

    Returns
    -------
    Scored
        Of the tasks that it has learned.
    """
    estimator = prepared(learner.estimator, fold.seed)
    (X, y, weight), test = fold_parts(learner, X, y, fold)
    arguments = fit_arguments(learner.prefix, sample_weight=weight)
    with planned_rows(RowPlan(len(fold.train), held_out=fold.held_out)):
        begin = process_time()
        estimator.fit(X, y, **arguments)
        seconds = process_time() - begin
    labels = labels_of_fold(learner, estimator, test)
    return Scored(
        {
            (name, metric): task.figures()[metric](labels[name])
            for name, task in learner.tasks.labelled.items()
            for metric in metrics[name]
        },
        seconds,
    )


def check_same_tasks(
    learners: Mapping[str, Learner], metrics: Mapping[str, Sequence[str]]
) -> None:
    """Raise if methods learn other tasks, or have other figures of them.

    Parameters
    ----------
    learners : mapping of str to Learner
        By method.
    metrics : mapping of str to sequence of str
        Of each task of the method "equal".
    """
    wanted = learners[EQUAL].tasks.labelled
    for name, learner in learners.items():
        tasks = learner.tasks.labelled
        same = set(tasks.names) == set(wanted.names) and all(
            metric in tasks[task].figures()
            for task, of_task in metrics.items()
            for metric in of_task
        )
        if not same:
            raise InvalidParameterError(
                f"The 'methods' parameter of {OWNER} must have the same tasks, with "
                "the same figures, for every method: "
                f"{_described(wanted.items())}. {name!r} has "
                f"{_described(tasks.items())} instead."
            )


def _described(tasks: Any) -> str:
    return ", ".join(f"{name!r} ({task.kind})" for name, task in tasks)


def joined(scored: Sequence[Scored]) -> Scored:
    """Join the fits of networks for one task each."""
    figures: dict[tuple[str, str], float] = {}
    for each in scored:
        figures.update(each.figures)
    return Scored(figures, sum(each.seconds for each in scored))


def each_fold(
    done: Sequence[Scored], n_methods: int, step: int
) -> Iterator[list[Scored]]:
    """Give the results of each fold: of the networks for one task first, if there are.

    Parameters
    ----------
    done : sequence of Scored
        Fold by fold, of each method and then of each network for one task.
    n_methods : int
        Of networks for all tasks.
    step : int
        Fits of a fold.

    Yields
    ------
    list of Scored
        Of a fold.
    """
    for at in range(0, len(done), step):
        methods = list(done[at : at + n_methods])
        single = done[at + n_methods : at + step]
        yield ([joined(single)] if single else []) + methods
