"""Probabilities of labels, straightened by labels that are known."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit


def straightened(
    chances: np.ndarray, truth: np.ndarray, weight: np.ndarray, fewest: int
) -> np.ndarray:
    """Fit a slope and an offset to the log-odds of each label.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_labels)
        Probabilities.
    truth, weight : ndarray of shape (n_samples, n_labels)
        0 or 1, and weights; zero where nobody knows.
    fewest : int
        Samples with a label, and without it, that this takes at least.

    Returns
    -------
    ndarray of shape (n_samples, n_labels)
        Probabilities in the same order; those of a label that is too rare, or whose
        order is none, as they were.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons
       to Regularized Likelihood Methods", 1999.
    """
    columns = [
        _straight(*column, fewest)
        for column in zip(chances.T, truth.T, weight.T, strict=True)
    ]
    return np.column_stack(columns)


def _straight(
    chances: np.ndarray, truth: np.ndarray, weight: np.ndarray, fewest: int
) -> np.ndarray:
    known = weight > 0
    there, absent = (truth[known] > 0).sum(), (truth[known] == 0).sum()
    if min(there, absent) < fewest:
        return chances
    odds = logit(np.clip(chances, 1e-12, 1 - 1e-12))
    # Truths a little off 0 and 1, so that some slope is best where they lie apart.
    high, low = (there + 1) / (there + 2), 1 / (absent + 2)
    aim = np.where(truth[known] > 0, high, low)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        scores = line[0] * odds[known] + line[1]
        losses = np.logaddexp(0, scores) - aim * scores
        slope = weight[known] * (expit(scores) - aim)
        total = weight[known].sum()
        gradient = np.array([slope @ odds[known], slope.sum()]) / total
        return float(weight[known] @ losses) / total, gradient

    line = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return expit(line[0] * odds + line[1]) if line[0] > 0 else chances
