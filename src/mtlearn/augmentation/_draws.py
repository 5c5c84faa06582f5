"""Draws that are the same on every device and for every dtype."""

import torch


class SharedGenerator(torch.Generator):
    """A generator of which all samples of a batch get the same draws.

    They are those that a batch of one sample gets from a generator with this seed.
    """


def n_drawn(n_samples: int, generator: torch.Generator) -> int:
    """Tell for how many samples to draw; one is then expanded to all of them."""
    return 1 if isinstance(generator, SharedGenerator) else n_samples


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
    size = (n_rows, n_drawn(len(x), generator))
    drawn = torch.rand(size, generator=generator, dtype=torch.float32, device="cpu")
    return (2 * drawn - 1).to(x.dtype).expand(n_rows, len(x))


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
