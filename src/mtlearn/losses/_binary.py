"""Losses of labels that are there or not, one value for each."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from mtlearn.losses._check_number import check_number

# Below the smallest share of a probability that a float of 32 bits tells from none.
_NEXT_TO_NOTHING = 1e-12


def binary_cross_entropy(
    output: Tensor,
    target: Tensor,
    *,
    pos_weight: Any = 1.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of labels that are there or not.

    With the probability `p` of a label that is there, it is ``-pos_weight * log(p)``,
    and ``-log(1 - p)`` of one that is not.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_labels)
        Scores, of which a sigmoid makes probabilities.
    target : Tensor of shape (n_samples, n_labels)
        Whether each label is there, from 0 to 1.
    pos_weight : float or array-like of shape (n_labels,), default=1.0
        Factors on the loss of labels that are there, above 0.
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over both answers, in [0, 1).

    Returns
    -------
    Tensor of shape (n_samples, n_labels)
        Losses.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import binary_cross_entropy
    >>> output, target = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    >>> binary_cross_entropy(output, target, pos_weight=3.0)
    tensor([[2.0794, 2.1269]])
    """
    target = target * (1 - label_smoothing) + label_smoothing / 2
    return _of_both(target, softplus(-output), softplus(output), pos_weight)


def binary_focal_loss(
    output: Tensor, target: Tensor, *, gamma: float = 2.0, pos_weight: Any = 1.0
) -> Tensor:
    """Return the focal loss of labels that are there or not.

    With the probability `p` of a label that is there, it is
    ``-pos_weight * (1 - p) ** gamma * log(p)``, and ``-p ** gamma * log(1 - p)`` of one
    that is not: the cross-entropy, less the more certain the network is already.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_labels)
        Scores.
    target : Tensor of shape (n_samples, n_labels)
        Whether each label is there, from 0 to 1.
    gamma : float, default=2.0
        How fast the loss of easy labels fades, not negative; 0 is the cross-entropy.
    pos_weight : float or array-like of shape (n_labels,), default=1.0
        Factors on the loss of labels that are there, above 0.

    Returns
    -------
    Tensor of shape (n_samples, n_labels)
        Losses.

    Raises
    ------
    InvalidParameterError
        If `gamma` is negative or not finite.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal Loss for Dense
       Object Detection", ICCV 2017.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import binary_focal_loss
    >>> output, target = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    >>> binary_focal_loss(output, target, gamma=1.0)
    tensor([[0.3466, 1.8734]])
    """
    check_number(gamma, "gamma", "binary_focal_loss", zero=True)
    # Powers of both probabilities, whose slopes are finite at any gamma.
    there, absent = softplus(-output), softplus(output)
    return _of_both(
        target,
        torch.exp(-gamma * absent) * there,
        torch.exp(-gamma * there) * absent,
        pos_weight,
    )


def asymmetric_loss(
    output: Tensor,
    target: Tensor,
    *,
    gamma_pos: float = 1.0,
    gamma_neg: float = 4.0,
    clip: float = 0.05,
    pos_weight: Any = 1.0,
) -> Tensor:
    """Return the asymmetric loss, which looks away from labels that are surely absent.

    It is a focal loss with a `gamma` for either answer, where the probability of a
    label that is not there is lowered by `clip` before, so that those with a smaller
    one have no loss at all.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_labels)
        Scores.
    target : Tensor of shape (n_samples, n_labels)
        Whether each label is there, from 0 to 1.
    gamma_pos, gamma_neg : float, default=1.0 and 4.0
        How fast the loss of easy labels fades, not negative.
    clip : float, default=0.05
        What is taken from the probability of an absent label, in [0, 1).
    pos_weight : float or array-like of shape (n_labels,), default=1.0
        Factors on the loss of labels that are there, above 0.

    Returns
    -------
    Tensor of shape (n_samples, n_labels)
        Losses.

    Raises
    ------
    InvalidParameterError
        If a `gamma` is negative or not finite, or `clip` is not below 1.

    References
    ----------
    .. [1] E. Ben-Baruch, T. Ridnik, N. Zamir, A. Noy, I. Friedman, M. Protter, L.
       Zelnik-Manor, "Asymmetric Loss For Multi-Label Classification", ICCV 2021.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import asymmetric_loss
    >>> output, target = torch.tensor([[0.0, -3.0]]), torch.tensor([[1.0, 0.0]])
    >>> asymmetric_loss(output, target)  # sigmoid(-3) is below 0.05
    tensor([[0.3466, 0.0000]])
    """
    check_number(gamma_pos, "gamma_pos", "asymmetric_loss", zero=True)
    check_number(gamma_neg, "gamma_neg", "asymmetric_loss", zero=True)
    check_number(clip, "clip", "asymmetric_loss", zero=True, below=1.0)
    there, absent = softplus(-output), softplus(output)
    lowered = torch.sigmoid(output) - clip
    # A power of nothing may have no slope, which times zero would be NaN.
    some = lowered.clamp(min=_NEXT_TO_NOTHING)
    of_absent = absent if clip == 0 else -torch.log1p(-some)
    fading = torch.exp(-gamma_neg * there) if clip == 0 else some**gamma_neg
    return _of_both(
        target,
        torch.exp(-gamma_pos * absent) * there,
        torch.where(lowered > 0, fading * of_absent, 0.0),
        pos_weight,
    )


def _of_both(target: Tensor, there: Tensor, absent: Tensor, pos_weight: Any) -> Tensor:
    """Join the losses of both answers, which is exact for labels mixed of two."""
    weight = torch.as_tensor(pos_weight, dtype=there.dtype, device=there.device)
    return target * weight * there + (1 - target) * absent


class WeighedLabels(nn.Module):
    """A loss of labels with weights of those that are there, kept where it computes.

    Parameters
    ----------
    function : callable
        One of this file.
    pos_weight : float or array-like of shape (n_labels,)
        Factors on the loss of labels that are there.
    **options : float
        Its other options.
    """

    pos_weight: Tensor

    def __init__(
        self, function: Callable[..., Tensor], pos_weight: Any, **options: float
    ) -> None:
        super().__init__()
        self.function = function
        self.options = options
        weights = torch.as_tensor(pos_weight, dtype=torch.float64, device="cpu")
        # Not among what is learned: it follows from the labels.
        self.register_buffer("pos_weight", weights, persistent=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the losses."""
        return self.function(output, target, pos_weight=self.pos_weight, **self.options)
