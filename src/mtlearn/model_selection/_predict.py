"""Predictions of every row by an estimator that has not seen it."""

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._frames import join_frames
from mtlearn._utils._indexing import take_rows
from mtlearn._utils._routing import params_of_rows
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.model_selection._split import MultiTaskStratifiedKFold
from mtlearn.tasks import Task, Tasks, fit_codec


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: int | BaseCrossValidator | Iterable | None = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
    method: str = "predict",
) -> Any:
    """Predict each row by a clone that was fitted on the other folds.

    scikit-learn's function of this name numbers the labels of every column of y for
    `predict_proba`, real values too. This one hands y on as it is: mixed kinds,
    missing labels, DataFrames and SliceDicts.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or one that holds it, such as a Pipeline. It is
        not changed. With ``tasks=None`` the kinds are inferred once, from the whole
        of y.
    X : array-like of shape (n_samples, ...) or dataset
        Samples.
    y : array-like, DataFrame, Series or SliceDict
        Labels of shape `(n_samples,)` or `(n_samples, n_tasks)`.
    groups : array-like of shape (n_samples,), default=None
        Groups of the samples, for a splitter such as `GroupKFold`.
    cv : int, splitter or iterable of (train, test), default=None
        An int k, or None for 5, gives ``MultiTaskStratifiedKFold(k, shuffle=False)``
        with the estimator's tasks. Each row must be in one test fold.
    n_jobs : int, default=None
        Folds that run at the same time; -1 takes all cores.
    params : mapping, default=None
        Arguments of `fit`, such as ``{"sample_weight": weights}``. One that is as long
        as X is split with it, but for `X_val`, `y_val` and `classes`.
    method : str, default="predict"
        Method of the estimator that predicts: `predict`, `predict_proba`, `embed`.

    Returns
    -------
    ndarray, DataFrame or list of ndarray
        What `method` returns, for all rows in the order of X. A class that the
        training rows of a fold lack has probability zero in that fold.

    Raises
    ------
    InvalidParameterError
        If the test folds do not hold each row once, or there is no such method.
    InvalidDataError, DataTypeError
        If y is None or cannot be read, or a fold cannot be fitted.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.model_selection import cross_val_predict
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0)
    >>> quality, good = cross_val_predict(
    ...     estimator, X, y, cv=3, method="predict_proba"
    ... )
    >>> quality.shape, good.shape
    ((1599, 1), (1599, 2))
    """
    if y is None:
        raise InvalidDataError(
            "cross_val_predict needs y, the labels to fit the folds on. "
            "Got y=None instead."
        )
    X, y, groups = indexable(X, y, groups)
    estimator, tasks = with_kinds(estimator, y)
    if unwrap(estimator) is not None:  # what is around it may change y
        _check_labels(tasks, y, params or {})
    if not hasattr(estimator, method):
        raise InvalidParameterError(
            f"The 'method' parameter of cross_val_predict is {method!r}, which "
            f"{type(estimator).__name__} does not have. Use 'predict', or declare a "
            "task that has it."
        )
    if cv is None or isinstance(cv, numbers.Integral):
        folds = 5 if cv is None else int(cv)
        cv = MultiTaskStratifiedKFold(folds, tasks=tasks, shuffle=False)
    splits = list(check_cv(cv).split(X, y, groups))
    tested = np.concatenate([test for _, test in splits])
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    if not np.array_equal(np.sort(tested), np.arange(n_samples)):
        raise InvalidParameterError(
            "cross_val_predict only works for partitions: the 'cv' parameter must put "
            f"each row in one test fold. {short(cv)} does not."
        )
    fitted = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(
            clone(estimator), X, y, rows,
            params_of_rows(params or {}, rows[0], n_samples), method,
        )
        for rows in splits
    )  # fmt: skip
    parts = [part for part, _ in fitted]
    if method == "predict_proba":
        parts = _with_all_classes(parts, [known for _, known in fitted])
    joined = _join(parts, np.argsort(tested))
    if hasattr(joined, "iloc") and hasattr(y, "iloc"):
        joined.index = y.index
    return joined


def with_kinds(estimator: Any, y: Any) -> tuple[Any, Tasks | Task | None]:
    """Give a clone that declares its kinds, and its tasks if it has any.

    A fold of real values may happen to hold whole numbers only, and would be taken
    for classes.

    Parameters
    ----------
    estimator : estimator
        Any that may hold one of this package.
    y : array-like, DataFrame, Series or SliceDict
        Labels of all folds.

    Returns
    -------
    estimator, tasks
        The clone; its tasks, None of one without.
    """
    estimator = clone(estimator)
    declared = {
        key: value
        for key, value in estimator.get_params().items()
        if key == "tasks" or key.endswith("__tasks")
    }
    for key, value in declared.items():
        if value is None:
            tasks = clone(fit_codec(None, y).tasks)
            # Not Tasks of one, which take a column (n_samples, 1) for (n_samples,).
            declared[key] = tasks if len(tasks) > 1 else next(iter(tasks))
    return estimator.set_params(**declared), next(iter(declared.values()), None)


def _check_labels(tasks: Any, y: Any, params: Mapping[str, Any]) -> None:
    """Look at the labels of all rows, as a fold would count rows by itself."""
    if not isinstance(tasks, Tasks | Task):
        return
    names = [name for name in params if name.rpartition("__")[2] == "sample_weight"]
    weight = params[names[0]] if names else None
    fit_codec(tasks, y, weight).encode(y, weight)


def _fit_and_predict(
    estimator: Any,
    X: Any,
    y: Any,
    rows: tuple[np.ndarray, np.ndarray],
    params: dict[str, Any],
    method: str,
) -> tuple[Any, Any]:
    """Return the predictions of a fold, and the tasks or classes that they are of."""
    train, test = rows
    estimator.fit(take_rows(X, train), take_rows(y, train), **params)
    predicted = getattr(estimator, method)(take_rows(X, test))
    inner = unwrap(estimator)
    if inner is None:  # something else around one, or beside it
        return predicted, getattr(estimator, "classes_", None)
    return predicted, inner.tasks_.labelled


def _with_all_classes(parts: list[Any], known: list[Any]) -> list[Any]:
    """Give the probabilities of every fold a column for each class of any fold."""
    if not isinstance(parts[0], list):
        tasks = [
            next(iter(each)) if isinstance(each, Tasks) else each for each in known
        ]
        return _aligned(parts, tasks)
    columns = zip(zip(*parts, strict=True), zip(*known, strict=True), strict=True)
    aligned = [_aligned(list(outputs), list(tasks)) for outputs, tasks in columns]
    return [list(part) for part in zip(*aligned, strict=True)]


def _aligned(parts: list[Any], tasks: list[Any]) -> list[Any]:
    """Bring the probabilities of one task to what it knows in all folds together.

    Parameters
    ----------
    parts : list of ndarray
        Of each fold.
    tasks : list of Task, or of ndarray or None
        The fitted tasks; or classes, of an estimator that has no tasks.
    """
    first, *others = tasks
    if isinstance(first, Task):
        joined = first.join(others)
        return [
            joined.align(part, task) for part, task in zip(parts, tasks, strict=True)
        ]
    if first is None:
        return parts
    union = np.unique(np.concatenate(tasks))
    filled = []
    for part, labels in zip(parts, tasks, strict=True):
        full = np.zeros((len(part), len(union)), dtype=part.dtype)
        full[:, np.searchsorted(union, labels)] = part
        filled.append(full)
    return filled


def _join(parts: list[Any], order: np.ndarray) -> Any:
    if isinstance(parts[0], list):
        return [_join(list(outputs), order) for outputs in zip(*parts, strict=True)]
    if not isinstance(parts[0], np.ndarray):
        return join_frames(parts, order)
    return np.concatenate(parts)[order]
