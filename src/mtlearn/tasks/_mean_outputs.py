"""One output of those of a network's members: what they predict in the mean.

Each function gets `(n_samples, n_members, ...)` and returns `(n_samples, ...)`: what a
network would return that predicts so, as all else goes on from a network's outputs.
"""

from math import log

from torch import Tensor

from mtlearn.tasks._label_chances import softplus


def mean_of_classes(scores: Tensor) -> Tensor:
    """Give scores whose softmax is the mean of the members'."""
    # A softmax does not see the level, but what tells known classes from others does.
    level = scores.logsumexp(dim=-1, keepdim=True)
    return mean_of_logs(scores - level) + level.mean(dim=1)


def mean_of_labels(scores: Tensor) -> Tensor:
    """Give scores whose sigmoid is the mean of the members'."""
    there, absent = -softplus(-scores), -softplus(scores)
    return there.logsumexp(dim=1) - absent.logsumexp(dim=1)


def mean_of_logs(logs: Tensor) -> Tensor:
    """Give the logarithm of the mean of what members give the logarithm of."""
    return logs.logsumexp(dim=1) - log(logs.shape[1])
