"""The part of each batch that one of several processes has."""

from typing import NamedTuple

import numpy as np


class Share(NamedTuple):
    """What a process has of a batch.

    Attributes
    ----------
    n_rows : int
        Rows of the whole batch.
    n_sharing : int
        How many processes have a row of it.
    rows : ndarray of int
        The places in the batch of those that are here.
    passes : tuple of slice
        Which of these go through the network at a time.
    counted : tuple of bool
        Whether the rows of each pass count. A process without any has the first row of
        the pass, so that all take the same steps, with weights of zero.
    """

    n_rows: int
    n_sharing: int
    rows: np.ndarray
    passes: tuple[slice, ...]
    counted: tuple[bool, ...]

    @property
    def padding(self) -> np.ndarray | None:
        """Which of the rows are there for nothing; None if all count."""
        if all(self.counted):
            return None
        found = np.zeros(len(self.rows), dtype=bool)
        for rows, is_counted in zip(self.passes, self.counted, strict=True):
            found[rows] = not is_counted
        return found


class Shard(NamedTuple):
    """One of several processes, which each have a part of every batch.

    Attributes
    ----------
    number : int
        From 0.
    size : int
        How many processes there are.
    """

    number: int
    size: int

    def share_of(self, passes: list[slice]) -> Share:
        """Give the share in a batch: of each pass, consecutive rows.

        Parameters
        ----------
        passes : list of slice
            Rows that go through the network at a time, in all processes together.

        Returns
        -------
        Share
            Of about the same number of rows in each process.
        """
        rows: list[np.ndarray] = []
        places: list[slice] = []
        counted: list[bool] = []
        begin = 0
        for each in passes:
            n_rows = each.stop - each.start
            first, last = (
                n_rows * number // self.size
                for number in (self.number, self.number + 1)
            )
            counted.append(first < last)
            if first == last:
                first, last = 0, 1
            rows.append(np.arange(each.start + first, each.start + last))
            places.append(slice(begin, begin + last - first))
            begin = places[-1].stop
        n_rows = passes[-1].stop - passes[0].start
        n_sharing = min(n_rows, self.size)
        return Share(
            n_rows, n_sharing, np.concatenate(rows), tuple(places), tuple(counted)
        )
