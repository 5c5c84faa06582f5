"""Modes of torch that a caller may be in."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def own_modes() -> Iterator[None]:
    """Compute in the calling thread as if torch were as it begins.

    Around it, a user may have `torch.autocast`, which would choose another precision
    than the estimator has, or `torch.inference_mode` or `torch.no_grad`, in which
    nothing can be trained, and what is made can never be.
    """
    with ExitStack() as stack:
        # Each only where it is needed: a prediction of one row takes little longer.
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield
