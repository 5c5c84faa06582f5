"""Columns of numbers as vectors, by pieces between quantiles."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PiecewiseLinear(nn.Module):
    """Gives each column of a table a vector that is piecewise linear in its value [1]_.

    A value is described by how much of each bin of its column lies below it, in [0, 1].
    Its vector is a linear function of that, which begins with zero, and of the value
    itself. Bins lie between quantiles of the column, of which `fit_inputs` learns;
    before that, they are those of a standard normal distribution.

    Parameters
    ----------
    in_features : int
        Number of columns.
    n_bins : int, default=48
        Bins of a column, at least 1. One with fewer values has fewer.
    width : int, default=12
        Length of the vector of a column.
    has_missing : sequence of bool, default=None
        Which columns have missing values: NaN, of which the vector is that of the
        column's mean and one of its own. None for none.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical Features
       in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import PiecewiseLinear
    >>> columns = PiecewiseLinear(1, n_bins=2, width=4)
    >>> columns.fit_inputs(torch.tensor([[0.0], [1.0], [5.0]]))
    >>> columns.shares(torch.tensor([[0.5], [3.0], [9.0]])).squeeze(1)
    tensor([[0.5000, 0.0000],
            [1.0000, 0.5000],
            [1.0000, 1.0000]])
    >>> columns(torch.zeros(3, 1)).shape
    torch.Size([3, 4])
    """

    edges: Tensor
    center: Tensor
    scale: Tensor

    def __init__(
        self,
        in_features: int,
        *,
        n_bins: int = 48,
        width: int = 12,
        has_missing: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        self.n_features = in_features * width
        # Less the ends, which lie nowhere.
        levels = torch.linspace(0, 1, n_bins + 3, dtype=torch.float32)[1:-1]
        edges = torch.empty(in_features, n_bins + 1)
        self.register_buffer("edges", edges.copy_(torch.special.ndtri(levels)))
        self.register_buffer("center", torch.empty(in_features).zero_())
        self.register_buffer("scale", torch.empty(in_features).fill_(1.0))
        self.slopes = nn.Parameter(torch.empty(in_features, width).uniform_(-1, 1))
        self.biases = nn.Parameter(torch.empty(in_features, width).uniform_(-1, 1))
        self.pieces = nn.Parameter(torch.empty(in_features, n_bins, width).zero_())
        self.missing = None
        if has_missing is not None and any(has_missing):
            vectors = torch.empty(in_features, width).uniform_(-1, 1)
            self.missing = nn.Parameter(vectors)

    @torch.no_grad()
    def fit_inputs(self, x: Tensor) -> None:
        """Take the bins, the mean and the spread of each column from some rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            Rows, at least one. Quantiles that are the same number are one edge, and
            missing values count for nothing.
        """
        if not x.shape[1]:
            return
        x = x.to(self.edges)
        missing = x.isnan()
        levels = torch.linspace(
            0, 1, self.edges.shape[1], dtype=x.dtype, device=x.device
        )
        for row, column, gaps in zip(
            self.edges, x.unbind(dim=1), missing.unbind(dim=1), strict=True
        ):
            if gaps.all():  # there is nothing between which a bin could lie
                row.fill_(0.0)
                continue
            found = torch.quantile(column[~gaps], levels).unique()
            row.fill_(found[-1])
            row[: len(found)] = found
        has_gaps = missing.any(dim=0)
        n_known = (~missing).sum(dim=0).clamp(min=1)
        center = x.mean(dim=0)
        center = center.where(~has_gaps, x.nanmean(dim=0).nan_to_num(0.0))
        self.center.copy_(center)
        x = x.where(~missing, center)
        spread = x.std(dim=0, correction=0)
        spread = spread.where(~has_gaps, spread * (len(x) / n_known).sqrt())
        # Of a column that rounding alone makes differ, no more than its center is
        # taken.
        least = torch.finfo(x.dtype).eps * x.abs().amax(dim=0)
        self.scale.copy_(spread.where(spread > least, 1.0))
        if self.missing is not None:
            self.missing[~has_gaps] = 0.0

    def shares(self, x: Tensor) -> Tensor:
        """Tell how much of each bin lies below the values.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, in_features, n_bins)
            In [0, 1]; 0 of a bin between two edges that are the same.
        """
        low, widths = self.edges[:, :-1], self.edges.diff(dim=1)
        is_bin = widths > 0
        # Of the type of the edges: a value of fewer digits is in another bin.
        above = x.to(low.dtype).unsqueeze(-1) - low
        return (above / widths.where(is_bin, 1.0)).clamp(0, 1) * is_bin

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors of all columns, one after the other.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, in_features * width)
            The vectors.
        """
        if self.missing is None:
            return self._vectors(x).flatten(1)
        # Before anything is computed of them, gradients too.
        gaps = x.isnan()
        vectors = self._vectors(x.where(~gaps, self.center))
        own = self.biases + self.missing
        return own.where(gaps.unsqueeze(-1), vectors).flatten(1)

    def _vectors(self, x: Tensor) -> Tensor:
        scaled = ((x - self.center) / self.scale).unsqueeze(-1)
        pieces = torch.einsum("ncb,cbw->ncw", self.shares(x), self.pieces)
        return scaled * self.slopes + self.biases + pieces
