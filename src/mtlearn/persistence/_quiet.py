"""Silence while torch exports, which belongs to the process and not to a thread."""

import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr

_LOGGERS = (
    "torch.onnx",
    "torch.export",
    "torch.fx.experimental.symbolic_shapes",
    "onnxscript",
    "onnx_ir",
)


class _Silence:
    """How many are silent at present, and what the last of them undoes."""

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        # Held for a moment at the beginning and at the end, never in between.
        self.lock = threading.Lock()
        self.n_silent = 0
        self.undo = ExitStack()

    def renew(self) -> None:
        """Forget the threads of a process that this one was forked from."""
        self.undo.close()
        self._begin_anew()

    def begin(self) -> None:
        """Begin the silence, if nobody else has."""
        with self.lock:
            if self.n_silent == 0:
                self.undo = _silenced()
            self.n_silent += 1

    def end(self) -> None:
        """End the silence, if nobody else needs it."""
        with self.lock:
            self.n_silent -= 1
            if self.n_silent == 0:
                self.undo.close()


def _silenced() -> ExitStack:
    """Silence loggers, warnings and prints, until what is returned is closed."""
    stack = ExitStack()
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.CRITICAL)
    # torch prints whole graphs where it fails.
    stack.enter_context(warnings.catch_warnings())
    stack.enter_context(redirect_stderr(io.StringIO()))
    warnings.simplefilter("ignore")
    return stack


_SILENCE = _Silence()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_SILENCE.renew)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what the exporter logs, warns of and prints; its errors are raised.

    Several threads may export at the same time: the last one to end gives the process
    its voice back.
    """
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()
