"""Processes that train one network together."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from mtlearn.exceptions import InvalidParameterError, ProcessGroupError

Method = TypeVar("Method", bound=Callable[..., Any])


class Processes:
    """The processes of a group, which all take part in one fit.

    They talk by gloo, through the memory of the CPU, in a group of this fit alone: if
    one of them leaves it, the others notice at once, and the user's group stays usable.

    Attributes
    ----------
    rank : int
        The number of this process.
    size : int
        How many there are.
    """

    def __init__(self) -> None:
        # Whoever holds the group keeps its connections open: nobody else does.
        with _told():
            self._group: Any = dist.new_group(backend="gloo", timeout=_timeout())
        self.rank = dist.get_rank(self._group)
        self.size = dist.get_world_size(self._group)
        # Nobody leaves before all are there, also where all are about to fail.
        self.summed(torch.zeros(1))

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def close(self) -> None:
        """Leave the group of this fit."""
        group, self._group = self._group, None
        dist.destroy_process_group(group)

    def summed(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over the processes.

        Parameters
        ----------
        tensor : Tensor
            Of the same shape and dtype everywhere; not changed.

        Returns
        -------
        Tensor
            The same bits everywhere, where the tensor is.
        """
        total = tensor.detach().to("cpu", copy=True).contiguous()
        with _told():
            dist.all_reduce(total, group=self._group)
        return total.to(tensor.device)

    def gathered(self, tensor: Tensor) -> Tensor:
        """Give the tensors of all processes.

        Parameters
        ----------
        tensor : Tensor
            Of the same shape and dtype everywhere.

        Returns
        -------
        Tensor of shape (size, ...)
            In the order of their numbers.
        """
        own = tensor.detach().to("cpu").contiguous()
        found = [torch.empty_like(own) for _ in range(self.size)]
        with _told():
            dist.all_gather(found, own, group=self._group)
        return torch.stack(found).to(tensor.device)

    @torch.no_grad()
    def take_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Give tensors the values that they have in the first process.

        Parameters
        ----------
        tensors : sequence of Tensor
            Changed in place.
        """
        for tensor in tensors:
            value = tensor.detach().to("cpu", copy=True).contiguous()
            with _told():
                dist.broadcast(value, group=self._group, group_src=0)
            tensor.copy_(value)

    def of_first(self, value: Any) -> Any:
        """Give what the first process has.

        Parameters
        ----------
        value : object
            That of this process; can be pickled in the first one.

        Returns
        -------
        object
            Its own there, and a copy of it elsewhere.
        """
        held = [value]
        with _told():
            dist.broadcast_object_list(held, group=self._group, group_src=0)
        return value if self.is_first else held[0]

    def of_each(self, value: Any) -> list[Any]:
        """Give what each process has.

        Parameters
        ----------
        value : object
            That of this process; can be pickled.

        Returns
        -------
        list
            In the order of their numbers.
        """
        found = [None] * self.size
        with _told():
            dist.all_gather_object(found, value, group=self._group)
        return found


# None outside of a fit, and _ALONE in a fit inside of one.
_ALONE = object()
_present: ContextVar[Any] = ContextVar("_present", default=None)
_busy = threading.Lock()


def current_processes() -> Processes | None:
    """Give the processes that the fit around is shared by.

    Returns
    -------
    Processes or None
        None where it is this one's alone.
    """
    found = _present.get()
    return found if isinstance(found, Processes) else None


def has_group() -> bool:
    """Tell whether fits that begin here are shared by several processes."""
    begun = dist.is_available() and dist.is_initialized()
    return begun and dist.get_world_size() > 1


def common_seed(seed: int, owner: str) -> int:
    """Give the seed that the first process has drawn, if there are several.

    Parameters
    ----------
    seed : int
        That of this process.
    owner : str
        What is going to be fitted, for messages.

    Returns
    -------
    int
        The same everywhere.
    """
    with _of_a_fit(owner):
        processes = current_processes()
        return seed if processes is None else processes.of_first(seed)


def in_processes(fit: Method) -> Method:
    """Let a fit be shared by the processes of torch's group, if there is one.

    A fit inside of it, such as one that a callback begins, is not.

    Parameters
    ----------
    fit : method
        Of an estimator. All processes call it.

    Returns
    -------
    method
        Which raises `ProcessGroupError` if another process fails.
    """

    @wraps(fit)
    def fit_shared(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _of_a_fit(type(self).__name__):
            return fit(self, *args, **kwargs)

    return cast(Method, fit_shared)


@contextmanager
def _of_a_fit(owner: str) -> Iterator[None]:
    if not has_group():
        yield
        return
    if _present.get() is not None:
        token = _present.set(_ALONE)
        try:
            yield
        finally:
            _present.reset(token)
        return
    if not _busy.acquire(blocking=False):
        raise InvalidParameterError(
            f"Two fits of {owner} have begun at once in a process of a group, and each "
            "is shared by all processes of it. Set n_jobs=1 of what is around it."
        )
    try:
        token = _present.set(Processes())
        try:
            yield
        finally:
            processes = _present.get()
            _present.reset(token)
            processes.close()
    finally:
        _busy.release()


def _timeout() -> Any:
    """Give how long the user's group waits; None where it does not say."""
    world: Any = dist.group.WORLD
    for kind in ("cpu", "cuda"):
        try:
            return world._get_backend(torch.device(kind)).options._timeout
        except (RuntimeError, AttributeError):  # not of this kind of device
            continue
    return None


@contextmanager
def _told() -> Iterator[None]:
    """Say what it means that processes cannot talk to each other."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessGroupError(
            "Another process of the group has failed, has ended, or did not answer in "
            "time, so that the fit cannot go on. Its own output says why; all "
            "processes must call the same methods in the same order. With a "
            "checkpoint_dir, the same fit goes on after its last epoch when it is "
            f"started anew. torch says: {error}"
        ) from error
