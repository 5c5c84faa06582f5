"""Whether tasks gain or lose by sharing a network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._unwrap import unwrap
from mtlearn._utils._validation import check_fraction, check_integer
from mtlearn.data import item_labels
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection._clones import check_max_samples, trainable
from mtlearn.inspection._conflict_pairs import mean_and_error
from mtlearn.inspection._folds import (
    check_metrics,
    corrected_interval,
    draw_folds,
    in_words,
    share_of_test_rows,
    weights_of_rows,
)
from mtlearn.inspection._grouping import suggest_groups
from mtlearn.inspection._recording import check_several
from mtlearn.inspection._sharing_fits import (
    OWNER,
    Fold,
    fit_and_score,
    held_out_rows,
    joint_learner,
    single_learner,
)
from mtlearn.inspection._sharing_table import SharingReport
from mtlearn.tasks import Tasks, fit_codec


def sharing_report(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    cv: int | BaseCrossValidator | Iterable | None = None,
    n_repeats: int = 1,
    metrics: Mapping[str, str] | None = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    confidence: float = 0.95,
    max_samples: int = 1000,
) -> SharingReport:
    """Compare one network for all tasks with one network for each.

    On every fold, the estimator is fitted on all tasks, and on each task by itself,
    with the same rows to train and to validate on, the same seed and everything else
    the same. While the joint
    network trains, it is asked what a step for one task does to the loss of the others
    [2]_; from that, groups of tasks are suggested.

    Parameters
    ----------
    estimator : estimator
        Of this package, a Pipeline that ends in one, or a fitted search, whose best
        estimator is taken. It is not changed. With ``tasks=None`` the kinds are
        inferred from the whole of y.
    X : array-like or dataset
        Samples.
    y : array-like, DataFrame or SliceDict, default=None
        Labels of shape `(n_samples, n_tasks)`, some of which may be missing.
    sample_weight : array-like, default=None
        Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`, for fits and figures.
    groups : array-like of shape (n_samples,), default=None
        Groups of the samples, for a splitter such as `GroupKFold`.
    cv : int, splitter or iterable of (train, test), default=None
        An int k, or None for 5, gives :class:`~mtlearn.model_selection.\
MultiTaskStratifiedKFold` of k folds, in another order at each repeat.
    n_repeats : int, default=1
        How often, each time with other seeds.
    metrics : mapping of str to str, default=None
        Figures of :func:`~mtlearn.metrics.task_report` by task, in place of
        ``"accuracy"`` and ``"r2"``.
    n_jobs : int, default=None
        Fits that run at the same time; -1 takes all cores. Figures do not depend on
        it: where `n_threads` is None, each fit computes with one thread.
    random_state : None, int or RandomState, default=None
        What folds and seeds are drawn from.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).
    max_samples : int, default=1000
        Training rows that affinities are computed on, at the end of each epoch.

    Returns
    -------
    SharingReport
        A row for each task.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If a parameter is not what it must be, there is one task only, or no estimator
        of this package with one network.
    InvalidDataError, DataTypeError
        If y is None or cannot be read, or a fold cannot be fitted.
    NetworkError
        If the backbone is frozen, or has no weights.

    See Also
    --------
    TaskConflictDisplay : Which tasks pull against each other, and in which layers.
    compare_methods : Several methods beside each other and single networks.

    Notes
    -----
    The interval of a difference is the corrected resampled t-interval [1]_: the
    training sets of folds overlap, so the variance of the mean over J pairs is
    taken as ``(1/J + n_test/n_train)`` times that of the pairs. Several tasks have
    several intervals, of which one in twenty may miss.

    The affinity of task i for task j is ``1 - L_j(w - lr * g_i) / L_j(w)``, with the
    shared weights w, the gradient g_i of task i's mean loss times its weight, and the
    learning rate of that epoch, as a mean over epochs, then over fits.

    Groups are those of which the tasks receive most: the sum over tasks of the mean
    affinity for it of the others in its group, where a task by itself receives 0. All
    partitions of up to eight tasks are compared; of more, groups are merged one by
    one, as long as that takes nothing away. A task that sharing hurts, by its
    interval, is left by itself. They are what to try next, not what was measured.

    A network for one task has no `TaskMetric` and no `sampler` of another task, no
    `aggregation` and no `penalty`, and
    follows its loss where `monitor` names a figure of another; there are no
    checkpoints.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine
       Learning 52, 2003.
    .. [2] C. Fifty, E. Amid, Z. Zhao, T. Yu, R. Anil, C. Finn, "Efficiently Identifying
       Task Groupings for Multi-Task Learning", NeurIPS 2021.
    .. [3] K.-K. Maninis, I. Radosavovic, I. Kokkinos, "Attentive Single-Tasking of
       Multiple Tasks", CVPR 2019, for the relative gain.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import sharing_report
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2)
    >>> sharing_report(estimator, X, y, cv=3, random_state=0)
    task     metric    single  joint  difference     low   high  sharing
    quality  r2           ...
    good     accuracy     ...
    ...
    """
    level = check_fraction(confidence, "confidence", OWNER)
    most = check_max_samples(max_samples, OWNER)
    n_repeats = check_integer(n_repeats, "n_repeats", OWNER, low=1)
    model, prefix = trainable(estimator, OWNER)
    X, y, groups = indexable(X, item_labels(X, y), groups)
    if y is None:
        raise InvalidDataError(
            "sharing_report needs y, the labels. Got y=None instead."
        )
    codec = fit_codec(unwrap(model)._declared_tasks(), y, sample_weight)
    codec.encode(y, sample_weight)  # a fold would count rows by itself
    tasks: Tasks = clone(codec.tasks)
    check_several(tasks.names, OWNER)
    chosen = _metrics(tasks.labelled, metrics)
    weights, given = weights_of_rows(y, tasks, sample_weight)
    joint = joint_learner(model, prefix, tasks, given)
    singles = [single_learner(joint, name, y, weights) for name in tasks.labelled.names]
    folds = [
        replace(fold, held_out=held_out_rows(joint, y, fold))
        for fold in draw_folds(
            cv, n_repeats, (X, y, groups), tasks, random_state, OWNER
        )
    ]
    done = Parallel(n_jobs=n_jobs)(
        delayed(fit_and_score)(learner, X, y, fold, chosen, most)
        for fold in folds
        for learner in (joint, *singles)
    )
    return _report(tasks.labelled, chosen, folds, done, level)


def _metrics(tasks: Tasks, metrics: Mapping[str, str] | None) -> dict[str, str]:
    """Give the metric of each task."""
    given = dict(metrics or {})
    check_metrics(tasks, {name: [given[name]] for name in given}, OWNER)
    return {name: given.get(name, task.metric) for name, task in tasks.items()}


def _report(
    tasks: Tasks,
    metrics: Mapping[str, str],
    folds: Sequence[Fold],
    done: Sequence[tuple[dict[str, float], np.ndarray | None]],
    level: float,
) -> SharingReport:
    """Join what the fits have given: for each fold the joint one, then the others."""
    step = 1 + len(tasks)
    joint = [figures for figures, _ in done[::step]]
    single: list[dict[str, float]] = []
    for at in range(0, len(done), step):
        single.append({})
        for figures, _ in done[at + 1 : at + step]:
            single[-1].update(figures)
    share = share_of_test_rows(folds)
    rows = []
    for name, task in tasks.items():
        pairs = [[each[name] for each in figures] for figures in (single, joint)]
        better = task.figures()[metrics[name]].greater_is_better
        row = {"task": name, "kind": task.kind, "metric": metrics[name]}
        compared = _compared(better, np.array(pairs), share, level)
        rows.append(row | compared | {"greater_is_better": better})
    received = [each for _, each in done[::step] if each is not None]
    # Tasks without labels, which have no figures, come last.
    affinity = mean_and_error(np.stack(received))[0][: len(tasks), : len(tasks)]
    hurt = [row["task"] for row in rows if row["sharing"] == "hurts"]
    return SharingReport(
        rows,
        [
            {"repeat": fold.repeat, "fold": fold.number, "task": name}
            | {"single": alone[name], "joint": together[name]}
            for fold, alone, together in zip(folds, single, joint, strict=True)
            for name in tasks.names
        ],
        {
            name: dict(zip(tasks.names, line.tolist(), strict=True))
            for name, line in zip(tasks.names, affinity, strict=True)
        },
        suggest_groups(tasks.names, affinity, hurt),
        level,
    )


def _compared(
    better: bool, pairs: np.ndarray, share: float, level: float
) -> dict[str, Any]:
    """Compare the figures of a task, of shape (2, n_folds)."""
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    single, joint = mean_and_error(pairs.T)[0].tolist()
    low, high = corrected_interval(pairs[1] - pairs[0], share, level)
    return {
        "single": single,
        "joint": joint,
        "difference": joint - single,
        "low": low,
        "high": high,
        "sharing": in_words(better, low, high, ("helps", "hurts")),
    }
