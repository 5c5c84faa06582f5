"""Losses that give one value per sample."""

import functools
import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

SampleLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(
    output: Tensor, target: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy of logits `(n, k)` and classes `(n,)`."""
    return nn.functional.cross_entropy(
        output, target, reduction="none", label_smoothing=label_smoothing
    )


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of values `(n, 1)` and `(n,)`."""
    return (output.squeeze(1) - target).square()


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the absolute error of values `(n, 1)` and `(n,)`."""
    return (output.squeeze(1) - target).abs()


def huber(output: Tensor, target: Tensor, *, delta: float = 1.0) -> Tensor:
    """Return Huber's loss: half the square up to `delta`, linear beyond it."""
    # functional.huber_loss rejects two dtypes; a difference has only one.
    difference = output.squeeze(1) - target
    return nn.functional.huber_loss(
        difference, torch.zeros_like(difference), reduction="none", delta=delta
    )


_LOSSES: dict[str, SampleLoss] = {
    "cross_entropy": cross_entropy,
    "mse": squared_error,
    "mae": absolute_error,
    "huber": huber,
}


class _UserLoss:
    """A user's loss, with the shapes it gets and returns made certain."""

    def __init__(self, function: SampleLoss) -> None:
        self.function = function

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        # A column beside a vector would broadcast to a matrix.
        column = output.squeeze(1) if output.shape[1] == 1 else output
        # Copies: a loss that works in place must not change what metrics are made of.
        loss = self.function(column.clone(), target.clone())
        if isinstance(loss, Tensor) and loss.shape == target.shape:
            return loss
        got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise InvalidParameterError(
            f"The loss {self.function!r} must return a tensor of shape (n_samples,) = "
            f"{tuple(target.shape)}: one loss per sample, not a mean. "
            f"Got {got} instead. For a loss of torch, use reduction='none'."
        )


def sample_loss(loss: str | SampleLoss, **options: float) -> SampleLoss:
    """Return a loss that gives one value per sample.

    Parameters
    ----------
    loss : {"cross_entropy", "mse", "mae", "huber"} or callable
        A name, or a function of `(output, target)`. The function gets outputs of
        shape `(n_samples,)` if the task has one output, else
        `(n_samples, n_outputs)`, and targets of shape `(n_samples,)`; it returns
        the losses, of shape `(n_samples,)`.
    **options : float
        `label_smoothing` of "cross_entropy", in [0, 1], default 0; `delta` of
        "huber", above 0, default 1.

    Returns
    -------
    callable
        Takes outputs of shape `(n_samples, n_outputs)` and targets of shape
        `(n_samples,)`, classes as int64 or real values, and returns the losses of
        shape `(n_samples,)`. It can be pickled if `loss` can. The loss made from a
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
