"""Several gradients of one pass through a compiled network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kept_graph(net: Any) -> Iterator[None]:
    """Let a compiled network compute several gradients from one pass.

    It is compiled with this in mind: otherwise the first one takes its memory over.
    torch asks for it again where gradients are computed.
    """
    if not net.is_compiled_:
        yield
        return
    from torch._functorch import config  # torch itself imports it late

    net.module_.keeps_graph = True
    try:
        with config.patch(donated_buffer=False):
            yield
    finally:
        net.module_.keeps_graph = False
