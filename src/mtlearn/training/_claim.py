"""Names in a folder that each belong to one training at a time, in any process."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows, where trainings of one name share files
    # A module may not be None for mypy, which reads these lines as on Linux.
    fcntl = None  # type: ignore[assignment]


@contextmanager
def claimed(folder: Path, name: str) -> Iterator[str]:
    """Have a name that no other training has meanwhile.

    It is held by a lock of the operating system, which ends with the process.

    Parameters
    ----------
    folder : Path
        Where the lock is; made if need be.
    name : str
        The name to have.

    Yields
    ------
    str
        The name, or while n others are called so, another one, the same for each n.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, number = None, 0
    while lock is None:
        found = name if number == 0 else _other(name, number)
        path = folder / f".{found}.lock"
        lock, number = _locked(path), number + 1
    try:
        yield found
    finally:
        # While it is locked: else it might be another one's by now.
        path.unlink(missing_ok=True)
        os.close(lock)


def _other(name: str, number: int) -> str:
    digest = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
    return digest[: len(name)]


def _locked(path: Path) -> int | None:
    """Open and lock a file, or give None if another one has it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.stat(path), os.fstat(lock)):
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except FileNotFoundError:  # its owner has just gone
            pass
        except OSError:  # a file system without locks
            return lock
        os.close(lock)
