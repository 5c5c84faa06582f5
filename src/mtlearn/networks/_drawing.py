"""Where layers draw their random numbers from."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# Of each thread: two may train at the same time.
_present = threading.local()


@contextmanager
def drawing_from(generators: Mapping[str, torch.Generator]) -> Iterator[None]:
    """Let the dropout of this package draw from some generators, in this thread.

    Without, as in a compiled network, it draws from torch's default one.

    Parameters
    ----------
    generators : mapping of str to torch.Generator
        By the type of the device that they are on, such as "cpu".

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import Dropout, drawing_from
    >>> generator = torch.Generator().manual_seed(0)
    >>> with drawing_from({"cpu": generator}):
    ...     Dropout(0.5)(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    """
    before = getattr(_present, "generators", None)
    _present.generators = generators
    try:
        yield
    finally:
        _present.generators = before


def generator_for(device: torch.device) -> torch.Generator | None:
    """Give the generator that this thread draws from on a device.

    Parameters
    ----------
    device : torch.device
        Where numbers are drawn.

    Returns
    -------
    torch.Generator or None
        None is torch's default one.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import generator_for
    >>> generator_for(torch.device("cpu")) is None
    True
    """
    if torch.compiler.is_compiling():  # a compiled graph takes no generator
        return None
    generators = getattr(_present, "generators", None)
    return None if generators is None else generators.get(device.type)


def dropped(x: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Set some values to zero, and scale the others up.

    Parameters
    ----------
    x : Tensor
        Of any shape.
    p : float
        Share of the values to drop, in (0, 1).
    generator : torch.Generator
        Draws which, as torch's default one would.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import dropped
    >>> dropped(torch.ones(6), 0.5, torch.Generator().manual_seed(0))
    tensor([0., 0., 2., 0., 0., 0.])
    """
    kept = torch.empty_like(x).bernoulli_(1 - p, generator=generator)
    return x * kept.div_(1 - p)


class Dropout(nn.Dropout):
    """Torch's dropout, which can draw from a generator; see `drawing_from`.

    Parameters
    ----------
    p : float, default=0.5
        Share of the values to drop, in [0, 1].
    inplace : bool, default=False
        Whether the input is written over, where torch's default generator draws.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import Dropout
    >>> Dropout(0.5).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """Set some values to zero in training, and scale the others up.

        Parameters
        ----------
        input : Tensor
            Of any shape.

        Returns
        -------
        Tensor
            Of the same shape.
        """
        draws = self.training and 0 < self.p < 1
        generator = generator_for(input.device) if draws else None
        if generator is None:
            return super().forward(input)
        return dropped(input, self.p, generator)
