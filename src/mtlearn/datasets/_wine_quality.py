"""The wine quality data of the UCI repository, with two targets."""

from importlib import resources
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError

COLORS = ("red", "white")
TARGET_NAMES = ["quality", "good"]
GOOD_FROM = 6

DESCR = """\
Wine quality ({color} wine)
===========================

{n_samples} samples of the {color} variant of the Portuguese wine "Vinho Verde".

Measurements (11, all real, none missing):

- fixed acidity, g of tartaric acid per litre
- volatile acidity, g of acetic acid per litre
- citric acid, g per litre
- residual sugar, g per litre
- chlorides, g of sodium chloride per litre
- free sulfur dioxide, mg per litre
- total sulfur dioxide, mg per litre
- density, g per millilitre
- pH
- sulphates, g of potassium sulphate per litre
- alcohol, percent by volume

Targets (2):

- quality: the median score of at least three tasters, 0 (very bad) to 10
  (excellent), a whole number
- good: 1 if quality is 6 or more, else 0 (added by mtlearn)

The rows hold duplicates: keep equal rows together when splitting the data if
that matters to you.

Source: UCI Machine Learning Repository, "Wine Quality", by P. Cortez,
A. Cerdeira, F. Almeida, T. Matos and J. Reis,
https://doi.org/10.24432/C56S3T

Licence: Creative Commons Attribution 4.0 International (CC BY 4.0),
https://creativecommons.org/licenses/by/4.0/

Reference: P. Cortez, A. Cerdeira, F. Almeida, T. Matos and J. Reis, "Modeling
wine preferences by data mining from physicochemical properties", Decision
Support Systems 47(4), 547-553, 2009.
"""


def load_wine_quality(
    color: str = "red", as_frame: bool = False, return_X_y: bool = False
) -> Any:
    """Load the wine quality data: 11 measurements, a score and a class.

    Both targets come from the same tasting: ``quality`` is the score, ``good``
    says whether it reaches 6. The files ship with the package.

    Parameters
    ----------
    color : {"red", "white"}, default="red"
        Which wines: 1,599 red or 4,898 white ones.
    as_frame : bool, default=False
        Give pandas DataFrames instead of arrays. Needs pandas.
    return_X_y : bool, default=False
        Give ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : ndarray or DataFrame of shape (n_samples, 11)
            The measurements, float64, in the units that ``DESCR`` lists.
        target : ndarray or DataFrame of shape (n_samples, 2)
            ``quality`` (0 to 10) and ``good``. An array is float64, with
            ``good`` 0 or 1; a DataFrame has a float64 and a bool column.
        frame : DataFrame of shape (n_samples, 13) or None
            Measurements and targets together, if ``as_frame=True``.
        feature_names : list of str
            Names of the measurements.
        target_names : list of str
            ``["quality", "good"]``.
        DESCR : str
            Description, source and licence of the data.
        filename : str
            Name of the file that was read.
    (data, target) : tuple
        Only these two, if ``return_X_y=True``.

    Raises
    ------
    InvalidParameterError
        If ``color`` is not a known one.
    MissingDependencyError
        If ``as_frame=True`` and pandas is not installed.

    References
    ----------
    P. Cortez, A. Cerdeira, F. Almeida, T. Matos and J. Reis, "Modeling wine
    preferences by data mining from physicochemical properties", Decision Support
    Systems 47(4), 547-553, 2009. Data: https://doi.org/10.24432/C56S3T (CC BY 4.0).

    Examples
    --------
    >>> from mtlearn.datasets import load_wine_quality
    >>> wine = load_wine_quality()
    >>> wine.data.shape, wine.target.shape
    ((1599, 11), (1599, 2))
    >>> wine.target_names
    ['quality', 'good']
    >>> wine.target[:4].tolist()
    [[5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [6.0, 1.0]]
    """
    if color not in COLORS:
        raise InvalidParameterError(
            f"The 'color' parameter of load_wine_quality must be one of {COLORS}. "
            f"Got {short(color)} instead."
        )
    filename = f"winequality-{color}.csv"
    feature_names, data, quality = _read(filename)
    good = quality >= GOOD_FROM
    target = np.column_stack([quality, good])
    frame = None
    if as_frame:
        pandas = import_optional("pandas", "pandas", "load_wine_quality(as_frame=True)")
        data = pandas.DataFrame(data, columns=feature_names)
        target = pandas.DataFrame({"quality": quality, "good": good})
        frame = pandas.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=list(TARGET_NAMES),
        DESCR=DESCR.format(color=color, n_samples=len(data)),
        filename=filename,
    )


def _read(filename: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Read the measurements' names, their values and the scores of one file."""
    path = resources.files("mtlearn.datasets") / "data" / filename
    with path.open(encoding="ascii") as lines:
        names = [name.strip('"') for name in next(lines).strip().split(";")]
        table = np.loadtxt(lines, delimiter=";", ndmin=2)
    return names[:-1], np.ascontiguousarray(table[:, :-1]), table[:, -1].copy()
