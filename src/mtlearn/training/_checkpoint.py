"""A file an epoch, from which a training that was killed goes on."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mtlearn._utils._archive import Format, read_archive, write_archive
from mtlearn._utils._logging import logger
from mtlearn.exceptions import ModelFormatError
from mtlearn.training._processes import Processes
from mtlearn.training._state import (
    StateDecoder,
    StateEncoder,
)

FORMAT = Format("mtlearn-checkpoint", 1, "an interrupted fit")
STATE, TENSORS = "state.json", "tensors.safetensors"
_KEPT = 2

# Files of trainings that have ended, where something larger is to keep them.
_waiting: ContextVar[list[Path] | None] = ContextVar("_waiting", default=None)


@contextmanager
def kept_checkpoints() -> Iterator[list[Path]]:
    """Keep the last checkpoint of each training that ends inside.

    A rerun then finds it, and has nothing left to train.

    Yields
    ------
    list of Path
        Grows by the files that are kept; pass it to `release` when they may go.
    """
    files: list[Path] = []
    token = _waiting.set(files)
    try:
        yield files
    finally:
        _waiting.reset(token)


def release(files: Iterable[Path]) -> None:
    """Remove checkpoints, unless something larger is to keep them too.

    Parameters
    ----------
    files : iterable of Path
        Some may be gone.
    """
    waiting = _waiting.get()
    if waiting is not None:
        waiting.extend(files)
        return
    for file in files:
        file.unlink(missing_ok=True)


class Checkpoints:
    """The files of one training, by the epoch that they were written after.

    Parameters
    ----------
    folder : Path
        Where they are; made if need be.
    fingerprint : str
        Of the training; see `fingerprint_of`.
    seed : int
        Of the training. Where the user gave none, that of an earlier checkpoint holds.

    Attributes
    ----------
    seed : int
        The seed to train with.
    """

    def __init__(self, folder: Path, fingerprint: str, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.fingerprint = fingerprint
        self._found = self._read_newest()
        # What a run that was killed had begun to write.
        self._torn = list(folder.glob(f".{fingerprint}-*"))
        self.seed: int = seed if self._found is None else self._found["seed"]

    def _files(self) -> list[Path]:
        """Give the files, oldest first."""
        return sorted(self.folder.glob(f"{self.fingerprint}-*.checkpoint"))

    def _read_newest(self) -> dict[str, Any] | None:
        """Read the newest file that is whole."""
        for path in reversed(self._files()):
            try:
                return _read(path)
            except ModelFormatError as error:
                logger.warning("%s The one before it is tried.", error)
        return None

    def take(self) -> dict[str, Any] | None:
        """Give what was found, once, so that its memory is free afterwards.

        Returns
        -------
        dict or None
            What `write` was given.
        """
        found, self._found = self._found, None
        return found

    def share(self, processes: Processes) -> "Checkpoints":
        """Give other processes what was found; they write none.

        Parameters
        ----------
        processes : Processes
            Which train one network, and of which this is the first.

        Returns
        -------
        Checkpoints
            These.
        """
        processes.of_first((self._found, self.seed))
        return self

    def write(self, epoch: int, state: dict[str, Any]) -> None:
        """Write a file, and remove all but the last two.

        Parameters
        ----------
        epoch : int
            How many epochs have been run.
        state : dict
            What to go on from.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        encoder = StateEncoder()
        record = encoder.encode({**state, "seed": self.seed}, "state")
        parts = {
            STATE: json.dumps(record, allow_nan=False).encode(),
            TENSORS: save_tensors(encoder.arrays),
        }
        path = self.folder / f"{self.fingerprint}-{epoch:06d}.checkpoint"
        write_archive(path, parts, {"epoch": epoch}, FORMAT)
        for old in self._files()[:-_KEPT]:
            old.unlink(missing_ok=True)

    def finish(self) -> None:
        """Remove the files: the training has ended well."""
        files = self._files()
        for old in [*files[:-1], *self._torn]:
            old.unlink(missing_ok=True)
        release(files[-1:])


class FollowedCheckpoints(Checkpoints):
    """What another process keeps and has found.

    Parameters
    ----------
    processes : Processes
        Which train one network, and of which this is not the first.
    """

    def __init__(self, processes: Processes) -> None:
        self._found, self.seed = processes.of_first(None)

    def write(self, epoch: int, state: dict[str, Any]) -> None:
        """Leave it to the first process."""

    def finish(self) -> None:
        """Leave it to the first process."""


def _read(path: Path) -> dict[str, Any]:
    parts, _ = read_archive(path, {STATE, TENSORS}, FORMAT)
    try:
        return StateDecoder(load_tensors(parts[TENSORS])).decode(
            json.loads(parts[STATE])
        )
    except Exception as error:
        raise ModelFormatError(f"The file {str(path)!r} is none: {error}.") from error
