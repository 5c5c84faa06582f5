"""How uncertain a figure is, for want of labels."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from mtlearn._utils._validation import check_integer, check_real
from mtlearn.tasks import ScoredLabels, with_label


class Resampling(NamedTuple):
    """How intervals are drawn.

    Attributes
    ----------
    n_bootstraps : int
        How many samples of the rows.
    confidence : float
        Between 0 and 1.
    random_state : None, int or RandomState
        What the rows are drawn by.
    """

    n_bootstraps: int
    confidence: float
    random_state: Any

    def check(self, owner: str) -> None:
        """Raise if a parameter is not what it must be."""
        check_integer(self.n_bootstraps, "n_bootstraps", owner, low=0)
        ends = {"include_low": False, "include_high": False}
        check_real(self.confidence, "confidence", owner, low=0, high=1, **ends)


def bootstrap_intervals(
    labels: ScoredLabels,
    figures: Mapping[str, Callable[[ScoredLabels], Any]],
    resampling: Resampling,
    *,
    discrete: bool,
) -> dict[str, tuple[Any, Any]]:
    """Compute percentile intervals of figures over resampled rows.

    Parameters
    ----------
    labels : ScoredLabels
        Of one task.
    figures : mapping of str to callable
        By name; each gives a number, or an array of them.
    resampling : Resampling
        How rows are drawn.
    discrete : bool
        Whether labels are one class a row: then equal pairs of them are joined first.

    Returns
    -------
    dict of str to (low, high)
        Of the shape of the figure. NaN of fewer than two labels; draws in which there
        is no such figure do not count.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.
    """
    n = len(labels)
    if n < 2:
        return dict.fromkeys(figures, (float("nan"), float("nan")))
    random = check_random_state(resampling.random_state)
    pairs, places = _pairs(labels) if discrete else (labels, np.arange(n))
    drawn: dict[str, list[Any]] = {name: [] for name in figures}
    while len(next(iter(drawn.values()))) < resampling.n_bootstraps:
        rows = random.randint(n, size=n)
        if (rows == rows[0]).all():
            continue  # of one row there is no R²
        weight = (np.bincount(rows, minlength=n) * labels.weight.T).T
        if discrete:
            weight = np.bincount(places, weight, len(pairs))
        kept = with_label(weight)
        sample = ScoredLabels(pairs.true[kept], pairs.predicted[kept], weight[kept])
        for name, figure in figures.items():
            drawn[name].append(figure(sample))
    tail = (1 - resampling.confidence) / 2
    return {name: _quantiles(np.array(found), tail) for name, found in drawn.items()}


def _quantiles(found: np.ndarray, tail: float) -> tuple[Any, Any]:
    """Give the ends of an interval, of draws of a figure or of several."""
    columns = found.reshape(len(found), -1)
    ends = np.full((2, columns.shape[1]), np.nan)
    defined = ~np.isnan(columns).all(axis=0)
    ends[:, defined] = np.nanquantile(columns[:, defined], [tail, 1 - tail], axis=0)
    if found.ndim == 1:
        return float(ends[0, 0]), float(ends[1, 0])
    return ends[0], ends[1]


def _pairs(labels: ScoredLabels) -> tuple[ScoredLabels, np.ndarray]:
    """Give the different pairs of true and predicted labels, and that of each row."""
    numbers: dict[tuple[Any, Any], int] = {}
    columns = zip(labels.true.tolist(), labels.predicted.tolist(), strict=True)
    places = np.array([numbers.setdefault(pair, len(numbers)) for pair in columns])
    _, firsts = np.unique(places, return_index=True)
    pairs = ScoredLabels(
        labels.true[firsts], labels.predicted[firsts], labels.weight[firsts]
    )
    return pairs, places
