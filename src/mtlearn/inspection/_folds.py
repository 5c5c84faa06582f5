"""What comparisons on folds have in common: folds with seeds, weights, intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._tensors import without_tensors
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._sharing_fits import Fold
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.tasks import Tasks, label_weights, read_targets
from mtlearn.training import draw_seed


def check_metrics(
    tasks: Tasks, metrics: Mapping[str, Sequence[str]], owner: str
) -> None:
    """Raise if a task has no such figure, or none that predictions give.

    Parameters
    ----------
    tasks : Tasks
        With labels.
    metrics : mapping of str to sequence of str
        Names of figures by task.
    owner : str
        Who asks, for messages.
    """
    unknown = set(metrics) - set(tasks.names)
    if unknown:
        raise InvalidParameterError(
            f"The 'metrics' parameter of {owner} names {bracketed(sorted(unknown))}, "
            f"which are no tasks. The tasks are {bracketed(tasks.names)}."
        )
    for name, wanted in metrics.items():
        figures = tasks[name].figures().items()
        known = [each for each, figure in figures if not figure.of_outputs]
        for metric in wanted:
            if metric not in known:
                raise InvalidParameterError(
                    f"The 'metrics' parameter of {owner} must have one of {known} "
                    f"for the {tasks[name].kind} {name!r}. Got {short(metric)} instead."
                )


def weights_of_rows(y: Any, tasks: Tasks, sample_weight: Any) -> tuple[Any, Any]:
    """Read the weights of samples.

    Parameters
    ----------
    y : array-like, DataFrame or SliceDict
        Labels.
    tasks : Tasks
        Declared tasks.
    sample_weight : array-like or None
        What the user gave.

    Returns
    -------
    by_task : ndarray of shape (n_samples, n_tasks) or None
        Of each task with labels; zero where one is not asked.
    given : ndarray or None
        For an estimator of all tasks.
    """
    asks = any(task.condition is not None for task in tasks)
    if sample_weight is None and not asks:
        return None, None
    each = label_weights(read_targets(y, tasks), sample_weight)
    # All labels of a row that a task has weigh the same.
    of_rows = [w if w.ndim == 1 else w.max(axis=1) for w in each]
    by_task = np.column_stack(of_rows)
    if sample_weight is None:
        return by_task, None
    if np.ndim(sample_weight) == 1:  # which tasks without labels take too
        return by_task, np.asarray(without_tensors(sample_weight, "sample_weight"))
    return by_task, by_task


def draw_folds(
    cv: Any,
    n_repeats: int,
    data: tuple[Any, Any, Any],
    tasks: Tasks,
    random_state: Any,
    owner: str,
) -> list[Fold]:
    """Split the rows, once for each repeat, and draw a seed for each fold.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        What the user gave.
    n_repeats : int
        How often.
    data : tuple of (X, y, groups)
        All rows.
    tasks : Tasks
        Declared tasks.
    random_state : None, int or RandomState
        What orders and seeds are drawn from.
    owner : str
        Who asks, for messages.

    Returns
    -------
    list of Fold
        Without rows to hold out.
    """
    generator = check_random_state(draw_seed(random_state))
    whole = cv is None or isinstance(cv, int | np.integer)
    n_folds = 0
    if whole:
        n_folds = 5 if cv is None else check_integer(cv, "cv", owner, low=2)
    else:
        cv = check_cv(cv)
    folds = []
    for repeat in range(n_repeats):
        splitter = cv
        if whole:
            order = int(generator.randint(2**31))
            splitter = MultiTaskStratifiedKFold(
                n_folds, tasks=tasks, random_state=order
            )
        for number, (train, test) in enumerate(splitter.split(*data)):
            fit_seed = int(generator.randint(2**31))
            folds.append(Fold(repeat, number, train, test, fit_seed))
    return folds


def share_of_test_rows(folds: Sequence[Fold]) -> float:
    """Give the test rows by the training rows, as a mean over folds."""
    return float(np.mean([len(fold.test) / len(fold.train) for fold in folds]))


def corrected_interval(
    differences: np.ndarray, share: float, level: float
) -> tuple[float, float]:
    """Compute the corrected resampled t-interval of a mean difference.

    Parameters
    ----------
    differences : ndarray of shape (n_pairs,)
        NaN are left out.
    share : float
        Test rows by training rows.
    level : float
        Of the interval, in (0, 1).

    Returns
    -------
    low, high : float
        NaN of fewer than two pairs.
    """
    known = differences[np.isfinite(differences)]
    n = len(known)
    if n < 2:
        return float("nan"), float("nan")
    spread = np.sqrt((1 / n + share) * known.var(ddof=1))
    reach = stats.t.ppf((1 + level) / 2, n - 1) * spread
    return float(known.mean() - reach), float(known.mean() + reach)


def in_words(better: bool, low: float, high: float, words: tuple[str, str]) -> str:
    """Say what an interval of a difference means.

    Parameters
    ----------
    better : bool
        Whether a greater figure is better.
    low, high : float
        The interval.
    words : tuple of str
        For what is better, and for what is worse.

    Returns
    -------
    str
        ``"undecided"`` of an interval that holds zero, or of NaN.
    """
    sign = 1 if better else -1
    worst, best = sorted((sign * low, sign * high))
    return words[0] if worst > 0 else words[1] if best < 0 else "undecided"
