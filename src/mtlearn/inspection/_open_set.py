"""What an open-set classifier makes of known and unknown samples."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from mtlearn._utils._listing import bracketed, listed
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import reach, unwrap
from mtlearn.data import item_labels
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
)
from mtlearn.metrics import find_open_set, unknown_sets
from mtlearn.tasks import Target, has_label, warn_unpredicted

IN_X = "X"
UNKNOWN = "unknown"  # the set of X_unknown without a name, and of what y tells


@dataclass(frozen=True)
class ScoredSamples:
    """Samples of one X that are all known, or all unknown.

    Attributes
    ----------
    name : str
        Of the set of unknown samples; ``"X"`` of those in X.
    X : array-like
        With them among its rows.
    rows : ndarray of int of shape (n_scored,)
        Which rows they are; without images that are skipped.
    scores : dict of str to ndarray of shape (n_scored,)
        By the name of the score, that which decides first; higher is more known.
    """

    name: str
    X: Any
    rows: np.ndarray
    scores: dict[str, np.ndarray]

    @property
    def own(self) -> np.ndarray:
        """The scores that decide."""
        return next(iter(self.scores.values()))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class OpenSetPart:
    """What one threshold is to tell apart.

    Attributes
    ----------
    name : str
        Of the task that it is for; of several, all of them.
    tasks : tuple of str
        These.
    offset : float
        The threshold: lower scores are rejected.
    quantile : float
        Share of known samples that it is to keep.
    known : ScoredSamples
        At least one.
    unknown : dict of str to list of ScoredSamples
        At least one sample of each set.
    targets : tuple of Target
        Known classes of the samples in X, by task; empty if there are none.
    """

    name: str
    tasks: tuple[str, ...]
    offset: float
    quantile: float
    known: ScoredSamples
    unknown: dict[str, list[ScoredSamples]]
    targets: tuple[Target, ...]

    def scores_of(self, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Give one score of known samples, and of each set of unknown ones."""
        return self.known.scores[name], {
            of: np.concatenate([each.scores[name] for each in samples])
            for of, samples in self.unknown.items()
        }


@contextmanager
def naming_set(name: str) -> Iterator[None]:
    """Let an error in a set of unknown samples name it.

    Parameters
    ----------
    name : str
        Of the set.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"These are the unknown samples {name!r}.")
        raise


def open_set_parts(
    estimator: Any,
    data: tuple[Any, Any, Any],
    wanted: Sequence[str] | None,
    owner: str,
) -> list[OpenSetPart]:
    """Compute the scores of known and unknown samples.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    data : tuple of (X, y, X_unknown)
        Samples, labels or None, and unknown samples or None. Samples without a label of
        a task are left out; those labelled as unknown are a set of unknown ones.
    wanted : sequence of str or None
        Names of tasks; None takes all that have known and unknown samples.
    owner : str
        The display's class, for messages.

    Returns
    -------
    list of OpenSetPart
        One for each threshold, in task order; at least one.
    """
    X, y, X_unknown = data
    inner = find_open_set(estimator, owner)
    groups = _chosen(inner, wanted, owner)
    others = unknown_sets(X_unknown, owner)
    told = _told(estimator, X, "rows")
    told_of = {}
    for name, each in others.items():
        with naming_set(name):
            told_of[name] = _told(estimator, each, f"rows of {name!r}")
    labels, apart = _labels(inner, item_labels(X, y), told)
    found = []
    for place, names in groups.items():
        targets = tuple(labels[name] for name in names if name in labels)
        is_known, is_unknown = _roles(targets, apart, told[place])
        sets = {
            name: [_scored(name, each, told_of[name][place])]
            for name, each in others.items()
        }
        sets.setdefault(UNKNOWN, []).append(_scored(IN_X, X, told[place], is_unknown))
        detector = inner.detectors_[names[0]]
        found.append(
            OpenSetPart(
                listed(names),
                tuple(names),
                float(detector.offset_),
                float(detector.quantile),
                _scored(IN_X, X, told[place], is_known),
                {of: some for of, some in sets.items() if any(map(len, some))},
                targets,
            )
        )
    return _complete(found, wanted, owner)


def decided_unknown(
    estimator: Any, X_unknown: Any, owner: str
) -> dict[str, tuple[Any, list[Any]]]:
    """Predict unknown samples.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    X_unknown : array-like, dict of str to array-like, or None
        Sets of unknown samples; None for none of them.
    owner : str
        The display's class, for messages.

    Returns
    -------
    dict of str to (label, list)
        By task that may be unknown: the label of unknown samples, and what is
        predicted of these. Empty of an estimator that knows no unknown ones.
    """
    if X_unknown is None and not hasattr(unwrap(estimator), "detectors_"):
        return {}
    inner = find_open_set(estimator, f"{owner} with X_unknown")
    found: dict[str, list[Any]] = {name: [] for name in inner.detectors_}
    for of, X in unknown_sets(X_unknown, owner).items():
        with naming_set(of):
            _, own = reach(estimator, X)
            decided = inner._decided(own)
        there = np.logical_and.reduce([has_label(each) for each in decided])
        warn_unpredicted(there, f"rows of {of!r}")
        for name, labels in zip(inner.tasks_.labelled.names, decided, strict=True):
            if name in found:
                found[name] += labels[there].tolist()
    return {name: (inner.unknown_label_, each) for name, each in found.items()}


def labels_and_unknown(
    inner: Any, y: Any, names: Sequence[str]
) -> tuple[dict[str, Target], np.ndarray]:
    """Read labels, and tell which rows are unknown to an open-set classifier.

    Parameters
    ----------
    inner : estimator
        Fitted, of any kind.
    y : array-like, DataFrame, Series or SliceDict
        Labels.
    names : sequence of str
        Of tasks.

    Returns
    -------
    targets : dict of str to Target
        Of each labelled task.
    unknown : ndarray of bool of shape (n_samples,)
        Rows whose label of such a task is none of its classes.
    """
    known = getattr(inner, "_known_targets", None)
    targets, apart = (inner._codec.targets(y), {}) if known is None else known(y)
    rows = [apart[name] for name in names if name in apart]
    nobody = np.zeros(len(targets[0].values), bool)
    return (
        {each.name: each for each in targets},
        np.logical_or.reduce([nobody, *rows]),
    )


def _chosen(
    inner: Any, wanted: Sequence[str] | None, owner: str
) -> dict[int, list[str]]:
    """Give the tasks of each threshold that is asked for, by its place."""
    groups = [names for _, names in inner._groups()]
    every = [name for names in groups for name in names]
    given = [wanted] if isinstance(wanted, str) else wanted
    if given is not None and not (given and set(given) <= set(every)):
        raise InvalidParameterError(
            f"{owner} shows tasks that may be unknown, of which there are "
            f"{bracketed(every)}. Got {short(wanted)} instead."
        )
    return {
        place: names
        for place, names in enumerate(groups)
        if given is None or not set(names).isdisjoint(given)
    }


def _told(estimator: Any, X: Any, what: str) -> list[dict[str, np.ndarray]]:
    """Score samples; an image that is skipped is told of."""
    inner, own = reach(estimator, X)
    told: list[dict[str, np.ndarray]] = inner._told(own)
    there = [_there(each) for each in told]
    warn_unpredicted(np.logical_and.reduce(there), what)
    return told


def _there(scores: dict[str, np.ndarray]) -> np.ndarray:
    """Tell which samples have scores, as images that are skipped have not."""
    return np.logical_and.reduce([~np.isnan(each) for each in scores.values()])


def _labels(
    inner: Any, y: Any, told: list[dict[str, np.ndarray]]
) -> tuple[dict[str, Target], dict[str, np.ndarray]]:
    """Read the labels of each task, and tell which rows are of no class."""
    if y is None:
        return {}, {}
    targets, apart = inner._known_targets(y)
    n_samples = next(iter(told[0].values()))
    check_consistent_length(n_samples, *(each.values for each in targets))
    return {each.name: each for each in targets}, apart


def _roles(
    targets: Sequence[Target],
    apart: dict[str, np.ndarray],
    told: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Tell which samples have a known class, and which are of none."""
    n_samples = len(next(iter(told.values())))
    if not targets:
        return np.ones(n_samples, bool), np.zeros(n_samples, bool)
    is_known = np.logical_or.reduce([each.present for each in targets])
    is_unknown = np.logical_or.reduce([apart[each.name] for each in targets])
    return is_known & ~is_unknown, is_unknown


def _scored(
    name: str, X: Any, scores: dict[str, np.ndarray], rows: np.ndarray | None = None
) -> ScoredSamples:
    """Keep some rows, and of these such that can be read."""
    there = _there(scores)
    kept = np.flatnonzero(there if rows is None else there & rows)
    own = {of: each[kept] for of, each in scores.items()}
    return ScoredSamples(name, X, kept, own)


def _complete(
    parts: list[OpenSetPart], wanted: Sequence[str] | None, owner: str
) -> list[OpenSetPart]:
    """Keep parts with known and unknown samples; all must be such that are wanted."""
    whole: list[OpenSetPart] = []
    lacking: list[OpenSetPart] = []
    for each in parts:
        (whole if len(each.known) and each.unknown else lacking).append(each)
    if not lacking or (whole and wanted is None):
        return whole
    if not len(lacking[0].known):
        raise InvalidDataError(
            f"{owner} needs known samples, and in X there is none that can be read and "
            f"has a label of task {lacking[0].name!r}."
        )
    raise InvalidDataError(
        f"{owner} needs unknown samples: pass such that can be read as X_unknown, or "
        "give some in X the 'unknown_label' as their label in y."
    )


def given_scores(
    known: Any, unknown: Any, owner: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Check scores that are there already.

    Parameters
    ----------
    known : array-like of shape (n_known,)
        Of known samples.
    unknown : array-like of shape (n_unknown,), or dict of str to such
        Of unknown ones.
    owner : str
        The display's class, for messages.

    Returns
    -------
    known : ndarray
        Without NaN.
    unknown : dict of str to ndarray
        The same, by set.
    """
    sets = unknown_sets(unknown, owner)
    return _column(known, "known", owner), {
        name: _column(each, name, owner) for name, each in sets.items()
    }


def _column(scores: Any, what: str, owner: str) -> np.ndarray:
    column = column_or_1d(scores, dtype=np.float64)
    column = column[~np.isnan(column)]
    if not len(column):
        raise InvalidDataError(
            f"{owner} needs scores of known and of unknown samples, and there are "
            f"none that are {what!r} and not NaN."
        )
    return column
