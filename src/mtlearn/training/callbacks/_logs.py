"""The history as it grows: in a file, and in the log."""

import csv
import os
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

from skorch.callbacks import Callback

from mtlearn._utils._files import write_atomically
from mtlearn._utils._listing import bracketed
from mtlearn._utils._logging import logger
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_bool
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training._member import current_member, named_line
from mtlearn.training._processes import current_processes
from mtlearn.training.callbacks._showing import format_row


class EpochLog(Callback):
    """Log a line an epoch with the loss of each task.

    The logger is ``logging.getLogger("mtlearn")``, the level INFO.

    Parameters
    ----------
    rows : list of dict
        The history, which another callback fills.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        line = format_row(self.rows[-1], net.tasks.names)
        logger.info("%s", named_line(line))


class CSVLogger(Callback):
    """Write the history to a file, a line an epoch.

    The file begins with a header: the keys of the history's rows. Each line is in the
    file when its epoch ends, so that a crash loses nothing.

    Each member of an ensemble has a file of its own: the numbers of members, from 0,
    stand in the place of ``{member}`` in `path`, and their seeds in that of ``{seed}``.
    Without either, the number comes before the ending: ``log-0.csv``, ``log-1.csv``.
    Other trainings with one path, such as the candidates of a search, begin the file
    anew one after the other. Of several at once, the one that began last keeps it: the
    others notice, warn, and write no more.

    Parameters
    ----------
    path : str or path-like
        The file. Its folder must be there.
    append : bool, default=False
        Whether to go on with the file if it is there; else each training begins it
        anew.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> from mtlearn.training import CSVLogger
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     logger = CSVLogger(Path(folder, "log.csv"))
    ...     estimator = MultiTaskEstimator(
    ...         Regression(), max_epochs=2, callbacks=[logger], random_state=0
    ...     ).fit(X, X[:, 0])
    ...     lines = Path(folder, "log.csv").read_text().splitlines()
    >>> lines[0]
    'epoch,train_loss,train_score,train_task_0_loss,train_task_0_r2,lr,seconds'
    >>> len(lines)
    3
    """

    def __init__(self, path: Any, append: bool = False) -> None:
        self.path = path
        self.append = append

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise ParameterTypeError(
                "The 'path' parameter of CSVLogger must be a string or a path. "
                f"Got {short(self.path)} instead."
            )
        check_bool(self.append, "append", "CSVLogger")
        self.file_ = _file_of_member(os.fspath(self.path))
        self.columns_: list[str] | None = None
        self.last_ = b""  # the line that was written last
        self.size_ = 0  # of the file with it
        self.is_lost_ = False
        processes = current_processes()
        self.follows_ = processes is not None and not processes.is_first
        if self.follows_:
            return
        # To fail now, and not after an epoch, if it cannot be written. What is there
        # stays until the first epoch ends: this may be a run that goes on with it.
        with self.file_.open("a", encoding="utf-8"):
            pass

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if self.is_lost_ or self.follows_:
            return
        row = net.row_
        if self.columns_ is None:
            self.columns_ = self._begin(list(row))
        elif not self._ends_as_written():
            self.is_lost_ = True
            warn(
                f"The file {str(self.file_)!r} of CSVLogger is written by another "
                "training too; this one writes no more to it. Give each its own path.",
            )
            return
        if not set(row) <= set(self.columns_):
            self._add_columns([key for key in row if key not in self.columns_])
        self.last_ = _line([row.get(key, "") for key in self.columns_])
        with self.file_.open("ab") as file:
            file.write(self.last_)
            self.size_ = file.tell()

    def state_dict(self) -> dict[str, Any]:
        """Give the columns, how long the file is, and how it ends."""
        last = self.last_.decode()
        return {"columns": self.columns_, "size": self.size_, "last": last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the file, without lines of epochs that are run anew."""
        last, size = state["last"].encode(), state["size"]
        if self.follows_:
            return
        if self.file_.stat().st_size >= size and self._ends(last, size):
            os.truncate(self.file_, size)
            self.columns_, self.last_, self.size_ = state["columns"], last, size

    def _ends_as_written(self) -> bool:
        """Tell whether nobody else has written since."""
        if not self.file_.exists():
            return False
        is_as_long = self.file_.stat().st_size == self.size_
        return is_as_long and self._ends(self.last_, self.size_)

    def _ends(self, last: bytes, size: int) -> bool:
        """Tell whether the file has this line where its first bytes end."""
        with self.file_.open("rb") as file:
            file.seek(size - len(last))
            return file.read(len(last)) == last

    def _begin(self, columns: list[str]) -> list[str]:
        """Write the header, or read that of an earlier training."""
        if not self.append:
            os.truncate(self.file_, 0)
        with self.file_.open("r+", encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), None)
            if header is None:
                file.write(_line(columns).decode())
                return columns
        if set(header) == set(columns):
            return header
        raise InvalidParameterError(
            f"The file {str(self.file_)!r} of CSVLogger has the columns "
            f"{bracketed(header)}, and this training {bracketed(columns)}. Give "
            "another path, or append=False to begin it anew."
        )

    def _add_columns(self, columns: list[str]) -> None:
        """Widen the lines that are there, which have nothing in new columns."""
        with self.file_.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        whole = [header + columns, *(line + [""] * len(columns) for line in lines)]
        content = b"".join(map(_line, whole))

        def write(file: BinaryIO) -> None:
            file.write(content)

        write_atomically(self.file_, write)
        self.columns_ = header + columns


def _file_of_member(path: str) -> Path:
    """Give each member of an ensemble a file of its own."""
    member = current_member()
    named = "{member}" in path or "{seed}" in path
    if member is None:
        if named:
            raise InvalidParameterError(
                "The 'path' parameter of CSVLogger has {member} or {seed}, which are "
                f"those of the members of an ensemble. Got {path!r} in a training of "
                "its own: give a plain path."
            )
        return Path(path)
    if named:
        path = path.replace("{member}", member.name)
        return Path(path.replace("{seed}", str(member.seed)))
    plain = Path(path)
    return plain.with_name(f"{plain.stem}-{member.name}{plain.suffix}")


def _line(cells: Iterable[Any]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
