"""Columns with categories and missing values, as numbers or vectors."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._each import BackboneOfEach

_ARGUMENTS = {"n_categories", "has_missing"}


class ColumnEncoder(nn.Module):
    """Makes numbers without gaps of a table with missing values and categories.

    What comes out is: each column of numbers, in their order, with its mean where a
    value is missing; a column of ones and zeros for each column with missing values,
    which tells where; and one for each category of the others, which tells where that
    is. A category that is unknown is in none of these.

    It has no weights: the first layer of a backbone has some for each of these numbers.

    Parameters
    ----------
    n_categories : sequence of int
        How many categories each column has, which are numbered from 0 on; 0 of a column
        of numbers.
    has_missing : sequence of bool
        Whether a column may have missing values, which are NaN, as unknown categories
        are.

    Raises
    ------
    InvalidParameterError
        If the two differ in length, or a number of categories is negative.

    Examples
    --------
    A number that may be missing, and three categories.

    >>> import torch
    >>> from mtlearn.networks import ColumnEncoder
    >>> columns = ColumnEncoder((0, 3), (True, False))
    >>> columns.fit_inputs(torch.tensor([[1.0, 0.0], [3.0, 2.0]]))
    >>> columns(torch.tensor([[5.0, 2.0], [torch.nan, 0.0]]))
    tensor([[5., 0., 0., 0., 1.],
            [2., 1., 1., 0., 0.]])
    """

    center: Tensor
    numbers: Tensor
    gaps: Tensor
    sources: Tensor
    codes: Tensor

    def __init__(
        self, n_categories: Sequence[int], has_missing: Sequence[bool]
    ) -> None:
        super().__init__()
        check_columns(n_categories, has_missing, len(n_categories), "ColumnEncoder")
        numbers = [j for j, k in enumerate(n_categories) if not k]
        gaps = [j for j, missing in enumerate(has_missing) if missing]
        self.n_features = len(numbers) + len(gaps) + sum(n_categories)
        self.register_buffer("center", torch.empty(len(numbers)).zero_())
        # What follows from the arguments is in no file.
        sources = [_whole(j).repeat(k) for j, k in enumerate(n_categories)]
        codes = [torch.arange(k, dtype=torch.int64) for k in n_categories]
        found = {
            "numbers": _whole(*numbers),
            "gaps": _whole(*gaps),
            "sources": torch.cat(sources),
            "codes": torch.cat(codes),
        }
        for name, values in found.items():
            self.register_buffer(name, values, persistent=False)

    @torch.no_grad()
    def fit_inputs(self, x: Tensor) -> None:
        """Take the mean of each column of numbers from some rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Rows; that of a column without a value is 0.
        """
        self.center.copy_(x[:, self.numbers].nanmean(dim=0).nan_to_num_(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Return rows of numbers.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The numbers.
        """
        numbers = x[:, self.numbers]
        known = numbers.where(~numbers.isnan(), self.center)
        is_missing = x[:, self.gaps].isnan()
        is_category = x[:, self.sources] == self.codes
        return torch.cat([known, is_missing.to(x), is_category.to(x)], dim=1)


class CategoryVectors(nn.Module):
    """Gives each category of each column a vector.

    One that is unknown or missing has another one of its column. One that is in none of
    the rows of `fit_inputs` begins with the vector of zeros.

    Parameters
    ----------
    n_categories : sequence of int
        As of `ColumnEncoder`; columns of numbers have no vectors.
    width : int
        Length of a vector.
    """

    columns: Tensor
    counts: Tensor
    starts: Tensor

    def __init__(self, n_categories: Sequence[int], width: int) -> None:
        super().__init__()
        columns = [j for j, k in enumerate(n_categories) if k]
        counts = [n_categories[j] for j in columns]
        sizes = [count + 1 for count in counts]
        starts = list(accumulate(sizes, initial=0))[:-1]
        found = {"columns": columns, "counts": counts, "starts": starts}
        for name, values in found.items():
            self.register_buffer(name, _whole(*values), persistent=False)
        self.vectors = nn.Parameter(torch.empty(sum(sizes), width).uniform_(-1, 1))

    @torch.no_grad()
    def fit_inputs(self, x: Tensor) -> None:
        """Learn which categories there are.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Rows.
        """
        is_lacking = torch.ones_like(self.vectors[:, 0], dtype=torch.bool)
        is_lacking[self._places(x).unique()] = False
        self.vectors[is_lacking] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors of all columns of categories, one after the other.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, n_columns_of_categories * width)
            The vectors.
        """
        return functional.embedding(self._places(x), self.vectors).flatten(1)

    def _places(self, x: Tensor) -> Tensor:
        """Give the rows of `vectors`; NaN is neither above nor below."""
        codes = x[:, self.columns]
        is_known = (codes >= 0) & (codes < self.counts)
        return codes.where(is_known, self.counts.to(x)).long() + self.starts


def check_columns(
    n_categories: Sequence[int], has_missing: Sequence[bool], n_columns: int, owner: str
) -> None:
    """Raise if columns are described that are none.

    Parameters
    ----------
    n_categories, has_missing : sequence
        As of `ColumnEncoder`.
    n_columns : int
        How many columns there are.
    owner : str
        Who asks, for messages.

    Raises
    ------
    InvalidParameterError
        If they are not of so many columns, or a number of categories is negative.
    """
    given = {"n_categories": n_categories, "has_missing": has_missing}
    for name, values in given.items():
        if len(values) != n_columns:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must have an entry for each of "
                f"{n_columns} columns. Got {len(values)} instead."
            )
    if min(n_categories, default=0) < 0:
        raise InvalidParameterError(
            f"The 'n_categories' parameter of {owner} must be 0 or more for each "
            f"column. Got {min(n_categories)} instead."
        )


def takes_columns(
    backbone: Callable[..., nn.Module], params: Mapping[str, Any]
) -> bool:
    """Tell whether a backbone has an own way with categories and missing values.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        One of this package or another.
    params : mapping of str to object
        Arguments of its constructor.

    Returns
    -------
    bool
        Whether its constructor has the arguments `n_categories` and `has_missing`.
    """
    cls = params["backbone"] if backbone is BackboneOfEach else backbone
    return inspect.signature(cls).parameters.keys() >= _ARGUMENTS


def _whole(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)
