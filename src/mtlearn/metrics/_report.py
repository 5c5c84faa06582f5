"""The figures of each task beside those of a baseline."""

from collections.abc import Mapping
from typing import Any

from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import ParameterTypeError
from mtlearn.metrics._intervals import Resampling
from mtlearn.metrics._outputs import scored_outputs
from mtlearn.metrics._report_rows import Scored, figure_rows, label_rows
from mtlearn.metrics._task_report import TaskReport
from mtlearn.tasks import ScoredLabels, Tasks


def task_report(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    n_bootstraps: int = 0,
    confidence: float = 0.95,
    random_state: Any = None,
) -> TaskReport:
    """Score each task, with the same figures of a baseline beside.

    The baseline predicts, for every row, the most frequent class, the median grade or
    the mean of the training labels; the probability of one of several labels is the
    share of training samples that have it.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, or a fitted Pipeline or search that ends
        in one.
    X : array-like
        Samples, as the estimator takes them.
    y : array-like, DataFrame, Series or SliceDict
        True labels, in the container and the order of columns of the y that the
        estimator was fitted on. Missing ones are left out, and those of unknown samples
        of an :class:`~mtlearn.OpenSetClassifier`.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`.
    n_bootstraps : int, default=0
        How often the labelled rows of each task are drawn anew, with replacement, for
        an interval of each figure [1]_: 1,000 is common. 0 gives no intervals.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).
    random_state : None, int or RandomState, default=None
        What rows are drawn by.

    Returns
    -------
    TaskReport
        `accuracy`, `balanced_accuracy`, `precision_macro`, `recall_macro` and
        `f1_macro` of each classification; `r2`, and in the units of y the errors `mae`
        and `rmse`, not negated, of each regression; `d2_absolute`, `mae` (in ranks),
        `quadratic_kappa` and `accuracy` of an ordinal task; `d2`, `mae` and `rmse` of
        counts; of several labels a row those that `task_scorers` has, and a row for
        each label in `label_rows`. NaN where a task has no label, or the figure is not
        defined; a mean over labels leaves out those that have no such figure, and
        `left_out` counts them.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ParameterTypeError
        If there is no estimator of this package in it.
    InvalidDataError, DataTypeError
        If y or the weights are not what they must be.
    InvalidParameterError, ParameterTypeError
        If another parameter is not what it must be.

    See Also
    --------
    task_scorers : The same figures as scorers.
    open_set_report : Figures of known against unknown samples.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.metrics import task_report
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)
    >>> print(task_report(estimator, X, y))
    task     kind            n_labelled  metric             value  baseline
    quality  regression            1599  r2                 ...     0.000
    ...
    """
    resampling = Resampling(n_bootstraps, confidence, random_state)
    resampling.check("task_report")
    tasks = fitted_tasks(estimator, "task_report")
    scored = scored_outputs(estimator, X, y, sample_weight)
    labels = {name: each.labels() for name, each in scored.items()}
    outputs = {name: each.output for name, each in scored.items()}
    return report_of(tasks, labels, resampling, outputs)


def report_of(
    tasks: Tasks,
    labels: Mapping[str, ScoredLabels],
    resampling: Resampling,
    outputs: Mapping[str, Any],
) -> TaskReport:
    """Score predictions that are there already.

    Parameters
    ----------
    tasks : Tasks
        Fitted.
    labels : mapping of str to ScoredLabels
        By task.
    resampling : Resampling
        Of the intervals; without any sample there are none.
    outputs : mapping of str to ndarray of shape (n_labelled, n_outputs)
        What predicted labels are decoded from, by task.

    Returns
    -------
    TaskReport
        As `task_report` gives it.
    """
    scored = [
        (name, Scored(task, labels[name], outputs[name]))
        for name, task in tasks.items()
    ]
    return TaskReport(
        [row for name, each in scored for row in figure_rows(name, each, resampling)],
        [row for name, each in scored for row in label_rows(name, each, resampling)],
    )


def fitted_tasks(estimator: Any, owner: str) -> Tasks:
    """Find the fitted tasks, also behind a Pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    Tasks
        Fitted.

    Raises
    ------
    ParameterTypeError
        If there is no estimator of this package in it.
    NotFittedError
        If it is not fitted.
    """
    inner = unwrap(estimator)
    if inner is None:
        check_is_fitted(estimator)
        raise ParameterTypeError(
            f"The 'estimator' parameter of {owner} must be a fitted estimator of "
            "mtlearn, or a Pipeline or search that ends in one. "
            f"Got {short(estimator)} instead."
        )
    check_is_fitted(inner, "tasks_")
    return inner.tasks_.labelled
