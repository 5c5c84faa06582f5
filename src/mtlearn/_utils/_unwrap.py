"""From a Pipeline or a search to the estimator of this package inside."""

from typing import Any


def unwrap(estimator: Any) -> Any:
    """Find the multi-task estimator that a Pipeline or a search ends in.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    estimator or None
        The estimator of this package; None if there is none.
    """
    while not hasattr(estimator, "_outputs"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "estimator"):
            estimator = estimator.estimator
        else:
            return None
    return estimator
