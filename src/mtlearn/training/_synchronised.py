"""Batch normalisation over the rows of all processes.

torch's own SyncBatchNorm is for GPUs, and another class of layer, which would be in
what is saved.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from mtlearn.training._processes import Processes


class SynchronisedNorms(TorchFunctionMode):
    """Lets batch norms in training see the rows of all processes.

    Parameters
    ----------
    processes : Processes
        All of them run the same layers.
    is_counted : bool
        Whether the rows of this process count.
    """

    def __init__(self, processes: Processes, is_counted: bool) -> None:
        super().__init__()
        self.processes = processes
        self.is_counted = is_counted

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.batch_norm:
            return self._batch_norm(*args, **kwargs)
        return func(*args, **kwargs)

    def _batch_norm(
        self,
        input: Tensor,  # torch's names
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Do what torch does, but for what the statistics in training are of."""
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        x = _wide(input)
        mean, variance, count = _statistics(x, self.processes, self.is_counted)
        if count < 2:
            raise ValueError(
                "Expected more than 1 value per channel when training, got input size "
                f"{tuple(input.shape)} in one of {self.processes.size} processes"
            )
        if running_mean is not None and running_var is not None:
            unbiased = variance * (count / (count - 1))
            for running, present in ((running_mean, mean), (running_var, unbiased)):
                running.lerp_(present.to(running.dtype), momentum)
        out: Tensor = _Normalised.apply(
            x, weight, bias, mean, variance, count, eps, self.processes, self.is_counted
        )
        return out.to(input.dtype)


def _wide(x: Tensor) -> Tensor:
    """Give values in a type in which many of them can be added up."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (x.ndim - 2))


@torch.no_grad()
def _statistics(
    x: Tensor, processes: Processes, is_counted: bool
) -> tuple[Tensor, Tensor, float]:
    """Give mean and variance of each channel, and of how many values they are.

    Those of the processes are joined as by Chan et al.: differences of large sums of
    squares would lose digits.
    """
    # Far faster than torch.var_mean.
    mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
    count = torch.full_like(mean, x.numel() / x.shape[1] if is_counted else 0.0)
    counts, means, variances = processes.gathered(
        torch.stack([count, mean, variance])
    ).unbind(1)
    total = counts.sum(dim=0)
    mean = (counts * means).sum(dim=0) / total
    squares = counts * (variances + (means - mean).square())
    return mean, squares.sum(dim=0) / total, float(total[0])


class _Normalised(torch.autograd.Function):
    """Values of known mean and variance, which depend on the rows of all processes."""

    # The names are torch's.
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: float,
        eps: float,
        processes: Processes,
        is_counted: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.of_all = count, eps, processes, is_counted
        return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, mean, variance = ctx.saved_tensors
        count, eps, processes, is_counted = ctx.of_all
        # As if mean and variance were given; then what comes through these.
        found, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, eps, [True] * 3
        )
        # Rows that do not count have no gradient, and add zeros.
        sums, products = processes.summed(torch.stack([of_bias, of_weight])) / count
        if is_counted:
            scale = (variance + eps).rsqrt()
            factor = scale if weight is None else scale * weight
            found = found - _by_channel(factor * sums, x)
            centred = x - _by_channel(mean, x)
            found.addcmul_(centred, _by_channel(-factor * scale * products, x))
        wanted = [
            each if needs else None
            for each, needs in zip(
                (found, of_weight, of_bias), ctx.needs_input_grad, strict=False
            )
        ]
        return *wanted, *[None] * 6
