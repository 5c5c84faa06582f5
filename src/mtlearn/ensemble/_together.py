"""Fits side by side, whose networks are trained together."""

import threading
from collections.abc import Callable, MutableMapping, Sequence
from contextvars import copy_context
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from sklearn import config_context, get_config

from mtlearn._utils._threads import threads
from mtlearn.data import Batches
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import (
    Obstacle,
    gains_together,
    likeness,
    losses_of,
    meeting_at,
    obstacle_of,
    own_modes,
    train_together,
)

# What `losses_of` says of nets that were looked at.
Seen: TypeAlias = MutableMapping[Any, list[bytes | None]]


class _Abandoned(BaseException):
    """Ends a fit whose result nobody wants any more."""


class _Fit:
    """A fit in a thread of its own, which runs only while it is waited for.

    Parameters
    ----------
    call : callable
        The fit.

    Attributes
    ----------
    asked : tuple of (MultiTaskNet, Batches) or None
        The epoch that the fit waits for; None when it has ended.
    result, error : object, BaseException or None
        What the call has returned or raised.
    goes_alone : bool
        Whether it takes all epochs itself, without being asked.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self.asked: tuple[Any, Batches] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.goes_alone = False
        self._call = call
        self._answer: bool | BaseException = False
        self._is_abandoned = False
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._config = get_config()  # scikit-learn's, which belongs to a thread
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), daemon=True
        )
        self._thread.start()

    def go_on(self, answer: bool | BaseException = False) -> None:
        """Answer what was asked, and wait until the fit asks again or ends.

        Parameters
        ----------
        answer : bool or BaseException, default=False
            Whether the epoch has been taken, or what the fit shall raise.
        """
        self._answer = answer
        self._turn.release()
        self._back.acquire()

    def abandon(self) -> None:
        """End the fit, and wait for that."""
        self._is_abandoned = True
        self._turn.release()
        self._thread.join()

    def _run(self) -> None:
        self._turn.acquire()
        try:
            if self._is_abandoned:
                return
            with config_context(**self._config), meeting_at(self._ask):
                self.result = self._call()
        except BaseException as error:
            self.error = error
        finally:
            self.asked = None
            self._back.release()

    def _ask(self, net: Any, batches: Batches) -> bool:
        if not self.goes_alone:
            self.asked = net, batches
            self._back.release()
            self._turn.acquire()
        if self._is_abandoned:
            raise _Abandoned
        answer, self._answer = self._answer, False
        if isinstance(answer, BaseException):
            raise answer
        return answer


def fits_together(
    calls: Sequence[Callable[[], Any]], *, required: bool, n_threads: int | None
) -> list[Any]:
    """Run several fits, and train networks that are alike together.

    One thread runs at a time: the fits take turns, and meet before each epoch. Those
    whose networks are alike are taken in one pass, others take it by themselves.

    Parameters
    ----------
    calls : sequence of callable
        The fits.
    required : bool
        Whether it is an error if something stands in the way; else these fits are as
        without, and so are those that would gain no time.
    n_threads : int or None
        Torch threads of a pass; None leaves the number alone.

    Returns
    -------
    list
        What the calls return.

    Raises
    ------
    InvalidParameterError
        If something stands in the way.
    """
    fits: list[_Fit] = []
    seen: Seen = WeakKeyDictionary()
    try:
        for call in calls:
            fits.append(_Fit(call))
            fits[-1].go_on()
            _look(fits[-1], seen, required)
        while waiting := [fit for fit in fits if fit.asked is not None]:
            answers = _answers(waiting, seen, n_threads)
            for fit, answer in zip(waiting, answers, strict=True):
                fit.go_on(answer)
                _look(fit, seen, required)
        return [fit.result for fit in fits]
    finally:
        for fit in fits:
            fit.abandon()


def _look(fit: _Fit, seen: Seen, required: bool) -> None:
    """Raise what a fit has raised, and let it go alone if something is in the way."""
    while fit.asked is not None and not fit.goes_alone:
        net, _ = fit.asked
        # At each epoch: a callback may have changed the network.
        found = obstacle_of(net, tries=net not in seen)
        if found is None and (required or gains_together(net)):
            if net not in seen:
                seen[net] = losses_of(net)
            return
        if found is not None and required:
            raise _error_of(found)
        fit.goes_alone = True
        fit.go_on()
    if fit.error is not None:
        raise fit.error


def _error_of(obstacle: Obstacle) -> InvalidParameterError:
    return InvalidParameterError(
        "The 'vectorized' parameter of SeedEnsemble must be False or 'auto' where the "
        f"members cannot be trained together, and their {obstacle.parameter!r} "
        f"parameter stands in the way: {obstacle.reason}. Got True instead. Set "
        f"vectorized='auto', or change {obstacle.parameter!r}."
    )


def _answers(
    waiting: Sequence[_Fit], seen: Seen, n_threads: int | None
) -> list[bool | BaseException]:
    """Take the epochs of those that are alike, and give each fit its answer."""
    groups: list[tuple[Any, list[int]]] = []
    epochs = [fit.asked for fit in waiting if fit.asked is not None]
    for number, (net, batches) in enumerate(epochs):
        own = likeness(net, batches)
        group = next((g for like, g in groups if like == own), None)
        if group is None:
            groups.append((own, [number]))
        else:
            group.append(number)
    answers: list[bool | BaseException] = [False] * len(waiting)
    for _, group in groups:
        if len(group) == 1:
            continue  # which it takes as quickly by itself
        nets, batches_of_each = zip(*(epochs[number] for number in group), strict=True)
        losses = [seen[net] for net in nets]
        with own_modes(), threads(n_threads):
            errors = train_together(nets, batches_of_each, losses)
        for number, error in zip(group, errors, strict=True):
            answers[number] = True if error is None else error
    return answers
