"""Losses that give one value per sample."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses._binary import (
    WeighedLabels,
    asymmetric_loss,
    binary_cross_entropy,
    binary_focal_loss,
)
from mtlearn.losses._check_number import check_number

SampleLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(
    output: Tensor, target: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy of logits `(n, k)` and classes `(n,)`."""
    return nn.functional.cross_entropy(
        output, target, reduction="none", label_smoothing=label_smoothing
    )


def focal_loss(output: Tensor, target: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Return the focal loss, which turns away from samples that are easy.

    With the probability `p` that the network gives to the true class, it is
    ``-(1 - p) ** gamma * log(p)``: the cross-entropy, less the more certain the
    network is already.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_classes)
        Logits.
    target : Tensor of int64 of shape (n_samples,)
        Class indices.
    gamma : float, default=2.0
        How fast the loss of easy samples fades, not negative; 0 is the cross-entropy.

    Returns
    -------
    Tensor of shape (n_samples,)
        Losses. Their gradients are finite, also where `p` rounds to 1.

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
    >>> from mtlearn import Classification, Partial
    >>> from mtlearn.losses import focal_loss
    >>> output, target = torch.tensor([[0.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 1])
    >>> focal_loss(output, target, gamma=0.0)
    tensor([0.6931, 0.0181])
    >>> focal_loss(output, target, gamma=1.0)
    tensor([3.4657e-01, 3.2645e-04])
    >>> task = Classification(loss=Partial(focal_loss, gamma=1.0))
    >>> task.get_params()["loss__gamma"]
    1.0
    """
    check_number(gamma, "gamma", "focal_loss", zero=True)
    logits = output.unsqueeze(1) if output.ndim == 1 else output  # of a single class
    # log(1 - p) is summed up from the other classes: a power of 1 - p would have an
    # infinite slope at p = 1 for gamma below 1. The lowest number, not -inf, stands
    # for the own class: gamma may be 0, and there may be no other class.
    own = target[:, None] == torch.arange(logits.shape[1], device=logits.device)
    log_proba = logits.log_softmax(dim=1)
    others = log_proba.masked_fill(own, torch.finfo(logits.dtype).min)
    factor = torch.exp(gamma * others.logsumexp(dim=1))
    return factor * nn.functional.nll_loss(log_proba, target, reduction="none")


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of values `(n, 1)` or `(n,)` and `(n,)`."""
    return _difference(output, target).square()


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the absolute error of values `(n, 1)` or `(n,)` and `(n,)`."""
    return _difference(output, target).abs()


def huber_loss(output: Tensor, target: Tensor, *, delta: float = 1.0) -> Tensor:
    """Return Huber's loss: half the square up to `delta`, linear beyond it.

    Parameters
    ----------
    output : Tensor of shape (n_samples,) or (n_samples, 1)
        Values.
    target : Tensor of shape (n_samples,)
        True values.
    delta : float, default=1.0
        The error beyond which the loss is linear, above 0, on the scale of the
        targets; with ``Regression(standardize=True)``, in standard deviations.

    Returns
    -------
    Tensor of shape (n_samples,)
        Losses.

    Raises
    ------
    InvalidParameterError
        If `delta` is not above 0, or not finite.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", Annals of
       Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import torch
    >>> from mtlearn import Partial, Regression
    >>> from mtlearn.losses import huber_loss
    >>> huber_loss(torch.tensor([1.0, 5.0]), torch.zeros(2), delta=2.0)
    tensor([0.5000, 8.0000])
    >>> Regression(loss=Partial(huber_loss, delta=0.5))
    Regression(loss=Partial(huber_loss, delta=0.5))
    """
    check_number(delta, "delta", "huber_loss", zero=False)
    # functional.huber_loss rejects two dtypes; a difference has only one.
    difference = _difference(output, target)
    return nn.functional.huber_loss(
        difference, torch.zeros_like(difference), reduction="none", delta=delta
    )


_LOSSES: dict[str, SampleLoss] = {
    "cross_entropy": cross_entropy,
    "bce": binary_cross_entropy,
    "binary_focal": binary_focal_loss,
    "asymmetric": asymmetric_loss,
    "focal": focal_loss,
    "mse": squared_error,
    "mae": absolute_error,
    "huber": huber_loss,
}


def _difference(output: Tensor, target: Tensor) -> Tensor:
    # A column less a vector would be a matrix.
    return output.reshape(target.shape) - target


class _UserLoss(nn.Module):
    """A user's loss, with the shapes it gets and returns made certain.

    Modules that it is made of are registered, so that their weights can learn.
    """

    def __init__(self, function: SampleLoss) -> None:
        super().__init__()
        self.function = function
        if not isinstance(function, nn.Module):
            self.parts = nn.ModuleList(_modules_in(function, set()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # A column beside a vector would broadcast to a matrix.
        is_vector = output.shape[1] == 1 and target.ndim == 1
        given = output.squeeze(1) if is_vector else output
        # Copies: a loss that works in place must not change what metrics are made of.
        loss = self.function(given.clone(), target.clone())
        if isinstance(loss, Tensor) and loss.shape == target.shape:
            return loss
        got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise InvalidParameterError(
            f"The loss {_called(self.function)} must return a tensor of shape "
            f"{'(n_samples,) = ' if target.ndim == 1 else ''}{tuple(target.shape)}: "
            f"one loss per {'sample' if target.ndim == 1 else 'label'}, not a mean. "
            f"Got {got} instead. For a loss of torch, use reduction='none'."
        )


def _called(function: SampleLoss) -> str:
    """Give a name, as a module prints a line for each part and weight."""
    inner = function.func if isinstance(function, functools.partial) else function
    return getattr(inner, "__name__", type(inner).__name__)


def _modules_in(value: Any, seen: set[int]) -> list[nn.Module]:
    """Find the modules that a callable holds, but for those a function refers to."""
    if id(value) in seen or isinstance(value, type | str | Tensor):
        return []
    seen.add(id(value))
    if isinstance(value, nn.Module):
        return [value]
    if inspect.ismethod(value):
        inside = [value.__self__]
    elif isinstance(value, functools.partial):
        inside = [value.func, *value.args, *value.keywords.values()]
    elif isinstance(value, list | tuple):
        inside = list(value)
    elif isinstance(value, dict):
        inside = list(value.values())
    else:
        inside = (
            []
            if inspect.isroutine(value)
            else list(getattr(value, "__dict__", {}).values())
        )
    return [module for each in inside for module in _modules_in(each, seen)]


def sample_loss(loss: str | SampleLoss, **options: float) -> SampleLoss:
    """Return a loss that gives one value per sample.

    Parameters
    ----------
    loss : str or callable
        A name, one of "cross_entropy", "focal", "mse", "mae", "huber", and of labels
        that are there or not "bce", "binary_focal", "asymmetric"; or a function of
        `(output, target)`. That gets outputs of shape `(n_samples,)` if the task has
        one output, else `(n_samples, n_outputs)`, and targets of shape `(n_samples,)`,
        or of several labels `(n_samples, n_labels)`; it returns the losses, of the
        shape of the targets.
    **options : float
        `label_smoothing` of "cross_entropy", in [0, 1], default 0; `gamma` of
        "focal", not negative, default 2; `delta` of "huber", above 0, default 1. Of
        "bce", "binary_focal" and "asymmetric", those of `binary_cross_entropy`,
        `binary_focal_loss` and `asymmetric_loss`.

    Returns
    -------
    callable
        Takes outputs of shape `(n_samples, n_outputs)` and targets of shape
        `(n_samples,)`, classes as int64 or real values, and returns the losses of
        shape `(n_samples,)`; of labels that are there or not, both are
        `(n_samples, n_outputs)`. It can be pickled if `loss` can. The loss made from a
        callable raises InvalidParameterError if that returns another shape.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, or the loss has no option of that name.
    ParameterTypeError
        If `loss` is neither a string nor a callable.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import sample_loss
    >>> output, target = torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 5.0])
    >>> sample_loss("mse")(output, target)
    tensor([0., 9.])
    >>> sample_loss("huber", delta=2.0)(output, target)
    tensor([0., 4.])
    """
    if isinstance(loss, str):
        if loss not in _LOSSES:
            raise InvalidParameterError(
                f"The 'loss' parameter of sample_loss must be one of {list(_LOSSES)} "
                f"or a callable. Got {loss!r} instead."
            )
        _check_options(loss, options)
        if "pos_weight" in options:
            return WeighedLabels(_LOSSES[loss], **options)
        return functools.partial(_LOSSES[loss], **options)
    if not callable(loss):
        raise ParameterTypeError(
            f"The 'loss' parameter of sample_loss must be one of {list(_LOSSES)} or a "
            f"callable. Got {loss!r} instead."
        )
    if options:
        raise InvalidParameterError(
            "A callable loss takes no options of sample_loss: bind them with "
            f"functools.partial. Got {sorted(options)}."
        )
    return _UserLoss(loss)


def _check_options(name: str, options: dict[str, float]) -> None:
    """Raise an error if the loss of this name lacks one of the options."""
    valid = list(inspect.signature(_LOSSES[name]).parameters)[2:]
    unknown = sorted(set(options) - set(valid))
    if unknown:
        raise InvalidParameterError(
            f"The options of the loss {name!r} must be among {valid}. "
            f"Got {unknown} instead."
        )
