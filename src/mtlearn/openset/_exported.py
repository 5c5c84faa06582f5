"""The score that decides, of tensors: for torch's exporter."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._settled import N_DIGITS
from mtlearn.openset._detector import OpenSetDetector
from mtlearn.openset._scores import SCORES

# What one network makes of rows, by task and by attribute of `Evidence`.
Seen = Mapping[str, Mapping[str, Tensor]]

# Numbers are tensors: the exporter rounds those of Python.
_FACTOR = 2.0 ** (np.finfo(np.float64).nmant + 1 - N_DIGITS) + 1
_HUGE = np.finfo(np.float64).max / 2 / _FACTOR


def exported_scores(detector: OpenSetDetector) -> Callable[[Sequence[Seen]], Tensor]:
    """Give `score_samples` of tensors.

    Parameters
    ----------
    detector : OpenSetDetector
        Fitted, with an estimator.

    Returns
    -------
    callable
        Gets what each network sees, in the order of `networks`, and returns the scores
        of the rows, float64, `(n_samples, 1)`.
    """
    shares = _double(detector._weights())
    shares = shares / shares.sum()
    columns = [
        [
            (task, SCORES[name].needs, SCORES[name].exported_of(state))
            for task, of_task in of_network.items()
            for name, state in of_task.items()
        ]
        for of_network in detector.states_
    ]
    middles, widths = _double(detector.spreads_.T)

    def score(seen: Sequence[Seen]) -> Tensor:
        each = [
            torch.stack(
                [of(*(by[task][need] for need in needs)) for task, needs, of in own],
                dim=1,
            )
            for own, by in zip(columns, seen, strict=True)
        ]
        mean = (torch.stack(each) * shares[:, None, None]).sum(dim=0)
        measured = settled(mean)
        if measured.shape[1] > 1:
            measured = ((measured - middles) / widths).amax(dim=1, keepdim=True)
        return -measured

    return score


def settled(values: Tensor) -> Tensor:
    """Round to as many digits as scores have elsewhere, by products and sums alone.

    Parameters
    ----------
    values : Tensor of float64
        Any.

    Returns
    -------
    Tensor of the same shape
        Rounded.

    References
    ----------
    .. [1] T. J. Dekker, "A Floating-Point Technique for Extending the Available
       Precision", Numerische Mathematik 18, 1971.
    """
    far = values * _double(_FACTOR)
    rounded = far - (far - values)
    return torch.where(values.abs() < _double(_HUGE), rounded, values)


def _double(numbers: object) -> Tensor:
    return torch.tensor(np.array(numbers), dtype=torch.float64, device="cpu")
