"""Where layers draw their random numbers from."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

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
    with _present_as(generators, None):
        yield


@contextmanager
def drawing_from_each(generators: Sequence[torch.Generator]) -> Iterator[None]:
    """Let the dropout of stacked networks draw for each from a generator of its own.

    Within `torch.func.vmap` over networks, in this thread. The numbers are those that
    each network would draw by itself.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One for each network.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import Dropout, drawing_from_each
    >>> generators = [torch.Generator().manual_seed(seed) for seed in (0, 0)]
    >>> with drawing_from_each(generators):
    ...     torch.func.vmap(Dropout(0.5))(torch.ones(2, 1, 6))[1]
    tensor([[0., 0., 2., 0., 0., 0.]])
    """
    with _present_as(None, generators):
        yield


@contextmanager
def _present_as(
    generators: Mapping[str, torch.Generator] | None,
    of_each: Sequence[torch.Generator] | None,
) -> Iterator[None]:
    before = getattr(_present, "generators", None), _of_each()
    _present.generators, _present.of_each = generators, of_each
    try:
        yield
    finally:
        _present.generators, _present.of_each = before


def _of_each() -> Sequence[torch.Generator] | None:
    return getattr(_present, "of_each", None)


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


class _DroppedOfEach(torch.autograd.Function):
    """What `dropped` returns, for each of several networks by its own generator."""

    # The names are torch's.
    @staticmethod
    def forward(x: Tensor, p: float, generators: Sequence[torch.Generator]) -> Tensor:
        raise RuntimeError("dropout of several networks needs torch.func.vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing: it is never called, as what vmap runs has a graph."""

    @staticmethod
    def vmap(
        info: Any,
        in_dims: Sequence[int | None],
        x: Tensor,
        p: float,
        generators: Sequence[torch.Generator],
    ) -> tuple[Tensor, int]:
        """Draw for each network in the order of a batch of rows."""
        if in_dims[0] is None or x.ndim != 3:
            # The order in memory, which numbers are drawn in, might be another one.
            raise RuntimeError(
                "dropout for several networks is of features (n_samples, n_features)"
            )
        x = x.movedim(in_dims[0], 0)
        kept = torch.empty_like(x, memory_format=torch.contiguous_format)
        for own, generator in zip(kept, generators, strict=True):
            own.bernoulli_(1 - p, generator=generator)
        return x * kept.div_(1 - p), 0


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
        if draws and not torch.compiler.is_compiling():
            of_each = _of_each()
            if of_each is not None:
                return _DroppedOfEach.apply(input, self.p, of_each)
        generator = generator_for(input.device) if draws else None
        if generator is None:
            return super().forward(input)
        return dropped(input, self.p, generator)
