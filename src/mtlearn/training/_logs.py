"""The history as it grows: in a file, and in the log."""

import csv
import os
from pathlib import Path
from typing import Any

from skorch.callbacks import Callback

from mtlearn._utils._logging import logger
from mtlearn._utils._validation import check_bool
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training._callbacks import format_row


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
        logger.info("%s", format_row(self.rows[-1], net.tasks.names))


class CSVLogger(Callback):
    """Write the history to a file, a line an epoch.

    The file begins with a header: the keys of the first row of the history. What a
    later row has beside them is left out. Each line is in the file when its epoch
    ends, so that a crash loses nothing.

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
                f"Got {self.path!r} instead."
            )
        check_bool(self.append, "append", "CSVLogger")
        self.columns_: list[str] | None = None
        # To fail now, and not after an epoch, if it cannot be written. What is there
        # stays until the first epoch ends: this may be a run that goes on with it.
        with Path(self.path).open("a", encoding="utf-8"):
            pass

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        row = net.row_
        if self.columns_ is None:
            self.columns_ = self._begin(list(row))
        with Path(self.path).open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([row.get(key, "") for key in self.columns_])

    def state_dict(self) -> dict[str, Any]:
        """Give the columns, and how long the file is."""
        return {"columns": self.columns_, "size": Path(self.path).stat().st_size}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the file, without lines of epochs that are run anew."""
        if Path(self.path).stat().st_size >= state["size"]:
            self.columns_ = state["columns"]
            os.truncate(self.path, state["size"])

    def _begin(self, columns: list[str]) -> list[str]:
        """Write the header, or read that of an earlier training."""
        if not self.append:
            os.truncate(self.path, 0)
        with Path(self.path).open("r+", encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), None)
            if header is None:
                csv.writer(file).writerow(columns)
                return columns
        if set(header) == set(columns):
            return header
        raise InvalidParameterError(
            f"The file {str(self.path)!r} of CSVLogger has the columns {header}, and "
            f"this training {columns}. Give another path, or append=False to begin it "
            "anew."
        )
