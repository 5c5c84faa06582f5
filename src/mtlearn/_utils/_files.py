"""Files that are written whole or not at all."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_LONGEST = 230  # bytes of a name, of which file systems take 255


@contextmanager
def open_atomically(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file beside its place, and put it there once it is on the disk.

    Parameters
    ----------
    path : str or path-like
        Where to; a file that is there is replaced at once. A link stays one, to the
        new file, and a device, such as a null device, is written into.

    Yields
    ------
    file
        To write to. If what is done with it raises, nothing has changed.
    """
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    if not target.parent.is_dir():  # not the file beside it, of which nobody knows
        raise FileNotFoundError(
            errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent)
        )
    # Not tempfile, whose files no one else may read. As much of the name as there is
    # room for: what a killed process leaves is found by it.
    start = os.fsencode(target.name)[:_LONGEST].decode(errors="ignore")
    beside = target.with_name(f".{start}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_atomically(
    path: str | os.PathLike[str], write: Callable[[BinaryIO], None]
) -> None:
    """Write a file as `open_atomically` opens it.

    Parameters
    ----------
    path : str or path-like
        Where to.
    write : callable
        Writes to the open file that it gets. If it raises, nothing has changed.
    """
    with open_atomically(path) as file:
        write(file)
