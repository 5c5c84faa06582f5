"""What methods against conflicts of tasks change, measured on the same folds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn._utils._validation import check_bool, check_fraction, check_integer
from mtlearn.data import item_labels
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection._folds import (
    check_metrics,
    draw_folds,
    share_of_test_rows,
    weights_of_rows,
)
from mtlearn.inspection._method_figures import figure_rows, figures_of, method_rows
from mtlearn.inspection._method_fits import (
    EQUAL,
    OWNER,
    SINGLE,
    Scored,
    check_same_tasks,
    each_fold,
    fit_timed,
    method_estimators,
)
from mtlearn.inspection._method_table import MethodComparison
from mtlearn.inspection._recording import check_several
from mtlearn.inspection._sharing_fits import (
    Fold,
    Learner,
    held_out_rows,
    joint_learner,
    single_learner,
)
from mtlearn.tasks import Tasks, fit_codec


def compare_methods(
    estimator: Any,
    X: Any,
    y: Any,
    methods: Mapping[str, Any],
    *,
    sample_weight: Any = None,
    groups: Any = None,
    cv: int | BaseCrossValidator | Iterable | None = None,
    n_repeats: int = 1,
    single: bool = True,
    metrics: Mapping[str, str | Sequence[str]] | None = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    confidence: float = 0.95,
) -> MethodComparison:
    """Compare methods of multi-task learning on the same folds, with the same seeds.

    On every fold, the estimator is fitted as it is, once with the parameters of each
    method, and on each task by itself: with the same rows to train on, the same seed
    and everything else the same.

    Parameters
    ----------
    estimator : estimator
        Of this package, a Pipeline that ends in one, or a fitted search, whose best
        estimator is taken. It is not changed. With ``tasks=None`` the kinds are
        inferred from the whole of y.
    X : array-like or dataset
        Samples.
    y : array-like, DataFrame or SliceDict
        Labels of shape `(n_samples, n_tasks)`, some of which may be missing; None takes
        those of a dataset.
    methods : mapping of str to dict or estimator
        By name: parameters to set on a clone of the estimator, such as
        ``{"loss_weights": {"digit": 4.0}}``, or another estimator. In a Pipeline, a
        name that is none of a step is a parameter of the last one. ``"equal"``, the
        estimator as it is, comes first unless it is given.
    sample_weight : array-like, default=None
        Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`, for fits and figures.
    groups : array-like of shape (n_samples,), default=None
        Groups of the samples, for a splitter such as `GroupKFold`.
    cv : int, splitter or iterable of (train, test), default=None
        An int k, or None for 5, gives :class:`~mtlearn.model_selection.\
MultiTaskStratifiedKFold` of k folds, in another order at each repeat.
    n_repeats : int, default=1
        How often, each time with other seeds.
    single : bool, default=True
        Whether networks for one task each, made from ``"equal"``, are trained too, from
        which the mean relative change is then counted.
    metrics : mapping of str to str or sequence of str, default=None
        Figures of :func:`~mtlearn.metrics.task_report` by task, in place of
        ``"accuracy"`` and ``"r2"``.
    n_jobs : int, default=None
        Fits that run at the same time; -1 takes all cores. Figures do not depend on
        it: where `n_threads` is None, each fit computes with one thread.
    random_state : None, int or RandomState, default=None
        What folds and seeds are drawn from.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).

    Returns
    -------
    MethodComparison
        A row for each method, task and figure, and a line for each method.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If a parameter is not what it must be, there is one task only, a method has
        other tasks, or no estimator of this package with one network.
    InvalidDataError, DataTypeError
        If y is None or cannot be read, or a fold cannot be fitted.

    See Also
    --------
    sharing_report : Only the estimator as it is beside single networks, with what a
        step for one task does to the others.
    mtlearn.metrics.delta_m : The mean relative change of given figures.

    Notes
    -----
    An interval is the corrected resampled t-interval of a difference [1]_, as in
    :func:`sharing_report`. That of the mean relative change [2]_ takes the change of
    the means over folds to first order, in what each fold adds to both means. Figures
    that are zero in the baseline are left out of it; where one is near zero, as an R2
    may be, it says little. Of many methods and tasks, some intervals leave out zero by
    chance: one of twenty at 95 %.

    Times are process times of `fit`: the median over folds by that of ``"equal"``, of
    an even number of folds the lower one in the middle, as the first fits of a process
    take longer. They mean little with a joblib backend of threads, or on a device that
    computes while the process waits.

    Each method validates on the rows that its own settings choose, which are the same
    for all that leave `validation_fraction` alone. There are no checkpoints.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine
       Learning 52, 2003.
    .. [2] K.-K. Maninis, I. Radosavovic, I. Kokkinos, "Attentive Single-Tasking of
       Multiple Tasks", CVPR 2019.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import compare_methods
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=1)
    >>> methods = {"faster": {"lr": 0.01}, "weighted": {"loss_weights": {"good": 4.0}}}
    >>> found = compare_methods(estimator, X[:200], y[:200], methods, cv=2,
    ...                         random_state=0)
    >>> [row["method"] for row in found.summary]
    ['single', 'equal', 'faster', 'weighted']
    """
    level = check_fraction(confidence, "confidence", OWNER)
    n_repeats = check_integer(n_repeats, "n_repeats", OWNER, low=1)
    single = check_bool(single, "single", OWNER)
    models = method_estimators(estimator, methods, single)
    X, y, groups = indexable(X, item_labels(X, y), groups)
    if y is None:
        raise InvalidDataError(f"{OWNER} needs y, the labels. Got y=None instead.")
    learners = {
        name: _learner(model, prefix, y, sample_weight)
        for name, (model, prefix) in models.items()
    }
    equal = learners[EQUAL]
    check_several(equal.tasks.names, OWNER)
    chosen = _metrics(equal.tasks.labelled, metrics)
    check_same_tasks(learners, chosen)
    singles = []
    if single:
        weights, _ = weights_of_rows(y, equal.tasks, sample_weight)
        singles = [
            single_learner(equal, name, y, weights)
            for name in equal.tasks.labelled.names
        ]
    folds = draw_folds(cv, n_repeats, (X, y, groups), equal.tasks, random_state, OWNER)
    jobs = [job for fold in folds for job in _jobs(learners, singles, y, fold)]
    done = Parallel(n_jobs=n_jobs)(
        delayed(fit_timed)(learner, X, y, fold, chosen) for learner, fold in jobs
    )
    by_fold = list(each_fold(done, len(learners), len(learners) + len(singles)))
    names = [*([SINGLE] if single else []), *learners]
    share = share_of_test_rows(folds)
    found = figures_of(by_fold, names, equal.tasks.labelled, chosen, share, level)
    return MethodComparison(
        figure_rows(found),
        method_rows(found),
        _fold_rows(folds, by_fold, names),
        found.baseline,
        level,
    )


def _jobs(
    learners: Mapping[str, Learner], singles: Sequence[Learner], y: Any, fold: Fold
) -> list[tuple[Learner, Fold]]:
    """Give the fits of a fold, with the rows that each is to validate on."""
    of_methods = {
        name: (each, replace(fold, held_out=held_out_rows(each, y, fold)))
        for name, each in learners.items()
    }
    # A network for one task validates on the rows that the one for all does.
    of_singles = [(each, of_methods[EQUAL][1]) for each in singles]
    return [*of_methods.values(), *of_singles]


def _learner(model: Any, prefix: str, y: Any, sample_weight: Any) -> Learner:
    codec = fit_codec(unwrap(model)._declared_tasks(), y, sample_weight)
    codec.encode(y, sample_weight)  # a fold would count rows by itself
    tasks: Tasks = clone(codec.tasks)
    return joint_learner(
        model, prefix, tasks, weights_of_rows(y, tasks, sample_weight)[1]
    )


def _metrics(
    tasks: Tasks, metrics: Mapping[str, str | Sequence[str]] | None
) -> dict[str, list[str]]:
    """Give the metrics of each task."""
    given = {
        name: [each] if isinstance(each, str) else list(each)
        for name, each in (metrics or {}).items()
    }
    check_metrics(tasks, given, OWNER)
    for name, each in given.items():
        if not each or len(set(each)) < len(each):
            raise InvalidParameterError(
                f"The 'metrics' parameter of {OWNER} must have one figure or several "
                f"different ones for {name!r}. Got {short(each)} instead."
            )
    return {name: given.get(name, [task.metric]) for name, task in tasks.items()}


def _fold_rows(
    folds: Sequence[Fold], by_fold: Sequence[Sequence[Scored]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Give what each fit has been scored."""
    return [
        {"repeat": fold.repeat, "fold": fold.number, "method": name}
        | {"task": task, "metric": metric, "value": value, "seconds": each.seconds}
        for fold, scored in zip(folds, by_fold, strict=True)
        for name, each in zip(names, scored, strict=True)
        for (task, metric), value in each.figures.items()
    ]
