"""The columns of a table, read as a fit has found them."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn.data import (
    Rows,
    TableColumns,
    known_table,
    open_dataset,
    open_table,
    read_rows,
    read_table,
)
from mtlearn.estimators._reconstructing import reconstructing
from mtlearn.estimators._settings import Settings
from mtlearn.exceptions import DataTypeError, InvalidDataError, InvalidParameterError

_ITEMS = {1: "(n_features,)"}


def read_columns(
    estimator: Any, X: Any, known: TableColumns | None
) -> tuple[Rows, TableColumns | None]:
    """Check X and make numbers of it.

    Parameters
    ----------
    estimator : estimator
        Gets the names and the number of the columns, or is compared with them.
    X : object
        What the user gave.
    known : TableColumns or None
        What a fit has learned; None learns it.

    Returns
    -------
    X : ndarray of float of shape (n_samples, n_columns), or DatasetRows
        NaN where something is missing.
    columns : TableColumns or None
        What is known of them; None of a dataset.

    Raises
    ------
    InvalidDataError, DataTypeError, ValueError
        If X is not what it must be.
    """
    owner, reset = type(estimator).__name__, known is None
    rows = open_dataset(X, owner, _ITEMS, np.float64)
    if rows is not None:
        if known is not None and not known.numbers.all():
            raise DataTypeError(
                f"X of {owner} must be a DataFrame, as in fit, where columns held "
                f"categories. Got a dataset ({type(X).__name__}) instead."
            )
        validate_data(estimator, rows.first, reset=reset)
        return rows, known
    remade = reconstructing(estimator.tasks)
    frame = open_table(X, owner) if known is None else known_table(X, owner, known)
    categories = None
    if frame is None:
        X = read_rows(X, owner)
        # The check for NaN sums X first, and numpy warns where that meets inf - inf.
        with np.errstate(invalid="ignore"):
            X = validate_data(
                estimator,
                X,
                reset=reset,
                dtype=np.float64,
                ensure_all_finite=True if remade else "allow-nan",
            )
    elif remade:
        raise DataTypeError(
            f"X of {owner} must be numbers, which the task {remade[0]!r} makes again. "
            "Got a DataFrame with other columns. Encode them first, or leave the task "
            "out."
        )
    else:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        X, categories = read_table(frame, owner, known)
        X = check_array(
            X, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"
        )
    if known is None:
        return X, TableColumns.of(X, categories)
    X = known.filled(X)
    if np.isnan(known.means).any() and np.isnan(X).any():
        raise InvalidDataError(
            f"Input X contains NaN, of which this {owner} has learned nothing: it was "
            "fitted on a dataset, or by an earlier version. Fill in numbers, or fit it "
            "anew on an array or a DataFrame."
        )
    return X, known


def check_changes(columns: Any, settings: Settings) -> None:
    """Raise if batches are to be changed that cannot be.

    Parameters
    ----------
    columns : dict or None
        What a network is told of the columns of X; see `TableColumns`.
    settings : Settings
        Checked parameters.

    Raises
    ------
    InvalidParameterError
        If rows are to be mixed and some have no number to be mixed, or categories are
        to be changed, which are numbers that mean nothing.
    """
    if columns is None:
        return
    for name in ("mixing", "augmentation"):
        given = getattr(settings.changes, name)
        has_codes = any(columns["n_categories"])
        if given is None or not (has_codes or name == "mixing"):
            continue
        what = "categories" if has_codes else "missing values"
        raise InvalidParameterError(
            f"The {name!r} parameter of {settings.owner} must be None where columns of "
            f"X have {what}. Got {short(given)} instead. Make numbers of them first, "
            "such as by scikit-learn's OneHotEncoder and SimpleImputer."
        )


def names_of_categories(estimator: Any) -> str:
    """Name the columns of categories of a fitted estimator, for messages.

    Parameters
    ----------
    estimator : estimator
        Fitted, of tables.

    Returns
    -------
    str
        By their names or places; empty if there are none.
    """
    categories = getattr(estimator, "categories_", None)
    if categories is None:
        return ""
    names = getattr(estimator, "feature_names_in_", range(len(categories)))
    pairs = zip(names, categories, strict=True)
    return listed(repr(name) for name, each in pairs if each is not None)
