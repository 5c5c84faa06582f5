"""The scores by name, and which ones an estimator can have."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from mtlearn._utils._listing import listed
from mtlearn._utils._settled import settled
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import unwrap
from mtlearn.estimators import reconstructing
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.openset import (
    _disagreement,
    _energy,
    _knn,
    _mahalanobis,
    _max_logit,
    _max_probability,
    _reconstruction,
)
from mtlearn.openset._evidence import Evidence, Observed
from mtlearn.openset._known import Known


class Score(NamedTuple):
    """How unlike known rows a row is; higher is more unlike.

    Attributes
    ----------
    needs : tuple of str
        The attributes of `Evidence` that it is computed from.
    score : callable
        Gets them in this order, after what `fit` returned if that is there.
    exported : callable
        The same of tensors, for torch's exporter; with a `fit`, of what that returned,
        and gives what gets them.
    fit : callable or None
        Learns from features, classes and a seed.
    by_class : bool
        Whether `fit` needs a row of a class that is known.
    """

    needs: tuple[str, ...]
    score: Callable[..., np.ndarray]
    exported: Callable[..., Any]
    fit: Callable[..., dict[str, Any]] | None = None
    by_class: bool = False

    def fitted(self, evidence: Evidence, codes: np.ndarray, seed: int) -> Any:
        """Learn from known rows; None where there is nothing to learn."""
        return None if self.fit is None else self.fit(evidence.features, codes, seed)

    def of(self, state: Any, evidence: Evidence) -> np.ndarray:
        """Compute the score of each row."""
        given = [getattr(evidence, name) for name in self.needs]
        return self.score(*given) if self.fit is None else self.score(state, *given)

    def exported_of(self, state: Any) -> Callable[..., Tensor]:
        """Give what computes the score of each row from tensors, in their order."""
        return self.exported if self.fit is None else self.exported(state)


SCORES = {
    "knn": Score(("features",), _knn.score, _knn.exported, _knn.fit),
    "mahalanobis": Score(
        ("features",),
        _mahalanobis.score,
        _mahalanobis.exported,
        _mahalanobis.fit,
        by_class=True,
    ),
    "max_probability": Score(
        ("chances",), _max_probability.score, _max_probability.exported
    ),
    "disagreement": Score(("deviations",), _disagreement.score, _disagreement.exported),
    "max_logit": Score(("logits",), _max_logit.score, _max_logit.exported),
    "energy": Score(("logits",), _energy.score, _energy.exported),
    "reconstruction": Score(
        ("errors",), _reconstruction.plain, _reconstruction.plain_exported
    ),
    "reconstruction_relative": Score(
        ("errors", "variances"),
        _reconstruction.relative,
        _reconstruction.relative_exported,
    ),
    "reconstruction_logit": Score(
        ("errors", "logits"),
        _reconstruction.beside_logits,
        _reconstruction.beside_logits_exported,
    ),
}
# Of names, in the order in which they are told.
AUTO = ("knn", "mahalanobis")


def resolve_scores(score: Any, owner: str, parameter: str = "score") -> tuple[str, ...]:
    """Give the names of the scores to compute.

    Parameters
    ----------
    score : str or sequence of str
        What the user gave.
    owner : str
        For the message.
    parameter : str
        The parameter's name, for the message.

    Returns
    -------
    tuple of str
        At least one.
    """
    if isinstance(score, str):
        names: Sequence[Any] = AUTO if score == "auto" else (score,)
    else:
        names = tuple(score) if isinstance(score, list | tuple) else ()
    known = all(isinstance(name, str) and name in SCORES for name in names)
    if not names or not known or len(set(names)) < len(names):
        raise InvalidParameterError(
            f"The {parameter!r} parameter of {owner} must be 'auto', one of "
            f"{listed(map(repr, SCORES), 20)}, or a list of different ones of these. "
            f"Got {short(score)} instead."
        )
    return tuple(names)


def needs_of(names: Sequence[str]) -> set[str]:
    """Give what some scores are computed from, all together."""
    return {need for name in names for need in SCORES[name].needs}


def check_suits(scores: Sequence[str], estimator: Any, tasks: Sequence[str]) -> None:
    """Raise if a fitted estimator cannot have some of these scores.

    Parameters
    ----------
    scores : sequence of str
        Their names.
    estimator : estimator or None
        Fitted; None where the samples themselves are the features.
    tasks : sequence of str
        Of the estimator, with classes.
    """
    for name in scores:
        needs = set(SCORES[name].needs)
        if estimator is None:
            if needs - {"features"}:
                raise InvalidParameterError(
                    f"score={name!r} looks at what an estimator predicts: pass one, or "
                    f"take {listed(map(repr, AUTO))}."
                )
            continue
        inner = unwrap(estimator)
        known = inner.tasks_
        if "deviations" in needs and not _may_disagree(inner):
            raise InvalidParameterError(
                f"score={name!r} needs an ensemble, whose members may differ, of two "
                f"or more. Got {short(inner)} instead. Pass a SeedEnsemble, with what "
                "is around it inside, or take score='auto'."
            )
        if "errors" in needs and not reconstructing(known):
            raise InvalidParameterError(
                f"score={name!r} needs a Reconstruction among the tasks, of which "
                f"there are {listed(known.names)}. Add one, or take score='auto'."
            )
        lacking = [each for each in tasks if known[each].head_end() is not None]
        if "logits" in needs and lacking:
            raise InvalidParameterError(
                f"score={name!r} needs a score of each class, which the head of task "
                f"{lacking[0]!r} does not have. Take score='max_probability' or 'auto'."
            )


def _may_disagree(estimator: Any) -> bool:
    return hasattr(estimator, "spread") and len(estimator._fitted()) > 1


def fit_states(
    known: Known, scores: Sequence[str], seed: int
) -> list[dict[str, dict[str, Any]]]:
    """Let scores learn from known rows.

    Parameters
    ----------
    known : Known
        The rows.
    scores : sequence of str
        Their names.
    seed : int
        Of all that is drawn.

    Returns
    -------
    list of dict of str to dict
        Of each network, by task and by score.
    """
    lacking = [task for task, codes in known.codes.items() if not (codes >= 0).any()]
    for name in scores:
        if SCORES[name].by_class and lacking:
            raise InvalidDataError(
                f"score={name!r} needs the classes of known samples, of which too few "
                f"have a label of task {lacking[0]!r}. Pass more of its labels, or "
                "leave it out of the parameter 'task'."
            )
    return [
        {
            task: {
                name: SCORES[name].fitted(evidence, known.codes[task], seed)
                for name in scores
            }
            for task, evidence in by.items()
        }
        for by in known.observed
    ]


def measure(
    states: Sequence[dict[str, dict[str, Any]]],
    observed: Observed,
    weights: Sequence[float],
) -> np.ndarray:
    """Compute scores, averaged over networks.

    Parameters
    ----------
    states : list of dict
        What `fit_states` returned.
    observed : list of dict of str to Evidence
        Of the same networks and tasks, any rows.
    weights : sequence of float
        Of the networks.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks * n_scores)
        All scores of the first task first.
    """
    each = [
        np.column_stack(
            [
                SCORES[name].of(state, by[task])
                for task, of_task in of_network.items()
                for name, state in of_task.items()
            ]
        )
        for of_network, by in zip(states, observed, strict=True)
    ]
    return settled(np.average(each, axis=0, weights=weights))
