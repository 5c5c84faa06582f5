"""What a score is computed from: what a network makes of each row."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mtlearn._utils._unwrap import reach, task_outputs, unwrap
from mtlearn.estimators import reconstructing, watched
from mtlearn.training import Observation


@dataclass(frozen=True)
class Evidence:
    """What one network makes of some rows, for one task; None of what nobody needs.

    Attributes
    ----------
    features : ndarray of shape (n_samples, n_features)
        What the task's head is given.
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities that the whole estimator predicts.
    deviations : ndarray of shape (n_samples, n_classes)
        Of these over the members of an ensemble.
    logits : ndarray of shape (n_samples, n_classes)
        Scores of the classes before the softmax.
    errors, variances : ndarray of shape (n_samples,)
        The loss of the reconstruction, and the variance of the values of the input.
    """

    features: np.ndarray | None = None
    chances: np.ndarray | None = None
    deviations: np.ndarray | None = None
    logits: np.ndarray | None = None
    errors: np.ndarray | None = None
    variances: np.ndarray | None = None

    def _arrays(self) -> dict[str, np.ndarray]:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: array for name, array in found.items() if array is not None}

    def __len__(self) -> int:
        return len(next(iter(self._arrays().values())))

    def take(self, rows: np.ndarray) -> "Evidence":
        """Select rows."""
        return Evidence(**{name: each[rows] for name, each in self._arrays().items()})

    def known(self) -> np.ndarray:
        """Tell which rows are there; those of images that are skipped are NaN."""
        known = np.ones(len(self), dtype=bool)
        for each in self._arrays().values():
            known &= ~np.isnan(each.reshape(len(each), -1)).any(axis=1)
        return known


# Of each network inside, by task.
Observed = list[dict[str, Evidence]]
# What the whole estimator predicts, by attribute of `Evidence` and by task.
Predicted = Mapping[str, Mapping[str, np.ndarray]]
_WHOLE = frozenset({"chances", "deviations"})


def observe(
    estimator: Any, X: Any, names: Sequence[str], needs: Collection[str]
) -> Observed:
    """Let each network inside of an estimator see samples.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like
        Samples, as it takes them.
    names : sequence of str
        Classifications among its tasks.
    needs : collection of str
        The attributes of `Evidence` that are needed.

    Returns
    -------
    list of dict of str to Evidence
        One of each network, by task.
    """
    predicted = _predicted(estimator, X, needs)
    if _WHOLE.issuperset(needs):
        alone = {
            name: Evidence(**{each: predicted[each][name] for each in needs})
            for name in names
        }
        return [alone for _ in networks(estimator)]
    found: Observed = []
    for network, own, _ in networks(estimator, X):
        seen = network._observed(
            own,
            names,
            with_scores="logits" in needs,
            remaking=reconstructing(network.tasks_)[0] if _remakes(needs) else None,
        )
        found.append(_evidence(seen, list(names), names, needs, predicted))
    return found


def seen_by(observed: Observed, names: Sequence[str]) -> Observed:
    """Keep what some tasks see."""
    return [{name: by[name] for name in names} for by in observed]


def _predicted(estimator: Any, X: Any, needs: Collection[str]) -> Predicted:
    """Predict what is needed of the whole estimator, by task."""
    names, found = unwrap(estimator).tasks_.labelled.names, {}
    if "deviations" in needs:
        inner, own = reach(estimator, X)
        both = dict(zip(("chances", "deviations"), inner._moments(own), strict=True))
    elif "chances" in needs:
        both = {"chances": task_outputs(estimator, X)}
    else:
        both = {}
    for what, each in both.items():
        found[what] = dict(zip(names, each, strict=True))
    return found


def observe_predictions(
    estimator: Any, X: Any, names: Sequence[str], needs: Collection[str], decode: bool
) -> tuple[list[np.ndarray], Observed]:
    """Predict samples, and tell what the networks have seen on the way.

    Parameters
    ----------
    estimator, X, names, needs
        As in `observe`.
    decode : bool
        Whether labels are predicted.

    Returns
    -------
    outputs : list of ndarray
        Of each labelled task, probabilities and values or labels.
    observed : list of dict of str to Evidence
        As `observe` returns it, of one run of each network, as a rule.
    """
    inner, own = reach(estimator, X)
    inside = [network for network, _, _ in networks(estimator)]
    with watched(_remakes(needs)) as seen:
        if decode and "chances" in needs:
            chances, outputs = inner._outputs_and_labels(own)
        else:  # what is predicted is what is needed, if probabilities are
            chances = outputs = inner._outputs(own, decode=decode)
    if len(seen) != len(inside) or "deviations" in needs:
        return outputs, observe(estimator, X, names, needs)
    every = inner.tasks_.labelled.names
    predicted = {"chances": dict(zip(every, chances, strict=True))}
    return outputs, [
        _evidence(each, network.tasks_.labelled.names, names, needs, predicted)
        for network, each in zip(inside, seen, strict=True)
    ]


def _remakes(needs: Collection[str]) -> bool:
    return not {"errors", "variances"}.isdisjoint(needs)


def _evidence(
    seen: Observation,
    order: Sequence[str],
    names: Sequence[str],
    needs: Collection[str],
    predicted: Predicted,
) -> dict[str, Evidence]:
    """Give what is needed of what one network has seen, of tasks in some order."""
    found = {}
    for name in names:
        place = list(order).index(name)
        given = {
            "features": seen.features[place if len(seen.features) > 1 else 0],
            "logits": seen.scores[place] if seen.scores else None,
            "errors": seen.errors,
            "variances": seen.variances,
            **{what: by[name] for what, by in predicted.items()},
        }
        found[name] = Evidence(**{each: given[each] for each in needs})
    return found


def networks(
    estimator: Any, X: Any = None, weight: float = 1.0
) -> Iterator[tuple[Any, Any, float]]:
    """Give the fitted estimators of one network each, with X as it gets there.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    X : array-like or None
        Samples, as it takes them.
    weight : float, default=1.0
        What it counts.

    Yields
    ------
    estimator, X, weight
        The weights of all sum to that of the whole.
    """
    inner, own = (unwrap(estimator), None) if X is None else reach(estimator, X)
    if hasattr(inner, "net_"):
        yield inner, own, weight
        return
    inside, weights = inner._fitted(), inner._inner_weights()
    for each, share in zip(inside, weights, strict=True):
        yield from networks(each, own, weight * share / sum(weights))
