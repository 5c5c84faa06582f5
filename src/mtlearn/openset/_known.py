"""Rows of known classes, as the networks see them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtlearn.openset._evidence import Observed, seen_by


class Known(NamedTuple):
    """What is seen of rows, and of which class they are.

    Attributes
    ----------
    observed : list of dict of str to Evidence
        Of each network, by task.
    codes : dict of str to ndarray of shape (n_samples,)
        Classes by task; below 0 where nobody knows.
    """

    observed: Observed
    codes: dict[str, np.ndarray]

    def take(self, rows: np.ndarray) -> "Known":
        """Select rows."""
        return Known(
            [
                {name: each.take(rows) for name, each in by.items()}
                for by in self.observed
            ],
            {name: each[rows] for name, each in self.codes.items()},
        )

    def only(self, names: Sequence[str]) -> "Known":
        """Keep what some tasks see."""
        codes = {name: self.codes[name] for name in names}
        return Known(seen_by(self.observed, names), codes)

    def of(self, names: Sequence[str]) -> "Known":
        """Keep what some tasks see, of rows with a label and an image that is read."""
        kept = self.only(names)
        return kept.take(kept.rows())

    def rows(self) -> np.ndarray:
        """Give the numbers of the rows with a label and an image that is read."""
        usable = np.logical_or.reduce([each >= 0 for each in self.codes.values()])
        for by in self.observed:
            for evidence in by.values():
                usable &= evidence.known()
        return np.flatnonzero(usable)

    def __len__(self) -> int:
        return len(next(iter(self.codes.values())))
