"""Draws that are the same on every device and for every dtype."""

import torch


def draw_symmetric(
    n_rows: int, x: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Draw numbers that are uniform in [-1, 1), some for each sample.

    Parameters
    ----------
    n_rows : int
        How many for each sample.
    x : tensor of shape (n_samples, ...)
        The batch.
    generator : torch.Generator
        Of the CPU.

    Returns
    -------
    tensor of shape (n_rows, n_samples)
        On the CPU, with the dtype of the batch.
    """
    # In float32 whatever the batch is, so that float64 sees the same changes.
    drawn = torch.rand(
        (n_rows, len(x)), generator=generator, dtype=torch.float32, device="cpu"
    )
    return (2 * drawn - 1).to(x.dtype)


def per_sample(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Shape one value for each sample so that it meets all values of the sample.

    Parameters
    ----------
    values : tensor of shape (n_samples,)
        One for each sample.
    x : tensor of shape (n_samples, ...)
        The batch.

    Returns
    -------
    tensor of shape (n_samples, 1, ...)
        On the device and with the dtype of the batch.
    """
    return values.to(x).view(-1, *[1] * (x.ndim - 1))
