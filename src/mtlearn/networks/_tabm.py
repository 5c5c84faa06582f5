"""A backbone for tables whose members share most of their weights."""

import os
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._columns import CategoryVectors, check_columns
from mtlearn.networks._drawing import Dropout
from mtlearn.networks._piecewise import PiecewiseLinear
from mtlearn.networks._weights import load_weights

_ADAPTERS = ("first", "all")


class TabM(nn.Module):
    """Fully connected network of many members that share their weights [1]_.

    A member differs from another by factors of what goes into a layer (`inputs`), and,
    with ``adapters="all"``, by factors of what comes out and by biases, as in a batch
    ensemble [2]_. Columns become piecewise linear vectors first; see `PiecewiseLinear`.

    A network trains each member by its own loss and predicts by the mean of the
    members' predictions: it returns features of each. Its heads are those of all
    members, whose features have factors of their own.

    Parameters
    ----------
    in_features : int
        Number of columns of the table.
    n_members : int, default=32
        Number of members.
    hidden : sequence of int, default=(64, 64)
        Width of each layer, at least one; the last one is the length of the feature
        vectors. Each layer ends in a ReLU.
    adapters : {"first", "all"}, default="first"
        Which layers members differ in, beside their features.
    dropout : float, default=0.1
        Share of each layer's outputs that are dropped in training, in [0, 1].
    n_bins : int, default=48
        Bins of a column, at least 1.
    width : int, default=12
        Length of the vector of a column, at least 1.
    weights : str or path-like, default=None
        File to start from, as `save_weights` writes it from such a network. It holds
        the bins too, which are kept.
    n_categories : sequence of int, default=None
        How many categories each column has, which are numbered from 0 on and have a
        vector each; 0 of a column of numbers. None for numbers alone.
    has_missing : sequence of bool, default=None
        Which columns have missing values, which are NaN; None for none. Unknown
        categories are NaN too, and have a vector in any case.

    Raises
    ------
    InvalidParameterError
        If there is no layer, no member or no bin, there are no such adapters, or
        columns are described that there are not.
    NetworkError
        If the file of `weights` cannot be read or does not fit.

    Notes
    -----
    Columns need no scaling: an estimator shows the network its training rows, and bins,
    means and spreads of columns are those of the rows. More training keeps them.

    References
    ----------
    .. [1] Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: Advancing Tabular Deep
       Learning with Parameter-Efficient Ensembling", ICLR 2025.
    .. [2] Y. Wen, D. Tran, J. Ba, "BatchEnsemble: An Alternative Approach to Efficient
       Ensemble and Lifelong Learning", ICLR 2020.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import TabM
    >>> TabM(5, n_members=4, hidden=(8,))(torch.zeros(3, 5)).shape
    torch.Size([3, 4, 8])
    """

    numbers: Tensor

    def __init__(
        self,
        in_features: int,
        *,
        n_members: int = 32,
        hidden: Sequence[int] = (64, 64),
        adapters: str = "first",
        dropout: float = 0.1,
        n_bins: int = 48,
        width: int = 12,
        weights: str | os.PathLike[str] | None = None,
        n_categories: Sequence[int] | None = None,
        has_missing: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        _check(n_members, hidden, adapters, n_bins, width)
        counts = (0,) * in_features if n_categories is None else n_categories
        gaps = (False,) * in_features if has_missing is None else has_missing
        check_columns(counts, gaps, in_features, "TabM")
        self.n_members = n_members
        self.n_features = hidden[-1]
        numbers = [j for j, count in enumerate(counts) if not count]
        self.columns = PiecewiseLinear(
            len(numbers),
            n_bins=n_bins,
            width=width,
            has_missing=[gaps[j] for j in numbers],
        )
        self.categories = None
        if any(counts):
            self.categories = CategoryVectors(counts, width)
            places = torch.tensor(numbers, dtype=torch.int64)
            self.register_buffer("numbers", places, persistent=False)
        # The vector of a column has one factor, as the column is one input.
        self.inputs = nn.Parameter(torch.empty(n_members, in_features).normal_())
        self.layers = nn.ModuleList()
        n_inputs = in_features * width
        for number, n_outputs in enumerate(hidden):
            own_inputs = adapters == "all" and number > 0
            self.layers.append(
                _Shared(n_inputs, n_outputs, n_members, adapters == "all", own_inputs)
            )
            n_inputs = n_outputs
        self.dropout = Dropout(dropout)
        signs = torch.empty(n_members, n_inputs).bernoulli_(0.5).mul_(2).sub_(1)
        self.outputs = nn.Parameter(signs)
        if weights is not None:
            load_weights(self, weights)

    def fit_inputs(self, x: Tensor) -> None:
        """Take the bins of the columns from rows; see `PiecewiseLinear`.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            Training rows.
        """
        if self.categories is not None:
            self.categories.fit_inputs(x)
            x = x[:, self.numbers]
        self.columns.fit_inputs(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of each member.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            The rows.

        Returns
        -------
        Tensor of shape (n_samples, n_members, n_features)
            The features.
        """
        vectors = self._vectors(x)
        width = vectors.shape[1] // x.shape[1]
        first, *others = self.layers
        found = self._ended(first(vectors, self.inputs.repeat_interleave(width, dim=1)))
        for layer in others:
            found = self._ended(layer(found))
        return found * self.outputs

    def _vectors(self, x: Tensor) -> Tensor:
        """Give the vectors of all columns, those of numbers first."""
        if self.categories is None:
            return self.columns(x)
        of_numbers = self.columns(x[:, self.numbers])
        return torch.cat([of_numbers, self.categories(x)], dim=1)

    def _ended(self, found: Tensor) -> Tensor:
        return self.dropout(functional.relu(found))


class _Shared(nn.Module):
    """A linear layer of all members.

    Parameters
    ----------
    n_inputs, n_outputs, n_members : int
        Sizes.
    own : bool
        Whether each member has factors of the outputs and a bias of its own.
    own_inputs : bool
        Whether it has factors of the inputs, too.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, n_members: int, own: bool, own_inputs: bool
    ) -> None:
        super().__init__()
        bound = n_inputs**-0.5

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

        def ones(n_values: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(n_members, n_values).fill_(1.0))

        self.weight = drawn(n_outputs, n_inputs)
        self.bias = drawn(n_members, n_outputs) if own else drawn(n_outputs)
        self.factors = ones(n_outputs) if own else None
        self.inputs = ones(n_inputs) if own_inputs else None

    def forward(self, x: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_inputs) or (n_samples, n_members, n_inputs)
            What members share, or what each has.
        inputs : Tensor of shape (n_members, n_inputs), default=None
            Factors of what they share.

        Returns
        -------
        Tensor of shape (n_samples, n_members, n_outputs)
            Of each member.
        """
        if inputs is not None:
            # In the weights: products with the inputs would be as large as all
            # members' inputs together.
            weights = self.weight * inputs.unsqueeze(1)
            found = functional.linear(x, weights.flatten(0, 1))
            found = found.unflatten(1, (len(inputs), -1))
        else:
            x = x if self.inputs is None else x * self.inputs
            found = functional.linear(x, self.weight)
        found = found if self.factors is None else found * self.factors
        return found + self.bias


def _check(
    n_members: int, hidden: Sequence[int], adapters: str, n_bins: int, width: int
) -> None:
    if not hidden:
        raise InvalidParameterError(
            "The 'hidden' parameter of TabM must have a width for each layer, one at "
            f"least. Got {hidden!r} instead."
        )
    if adapters not in _ADAPTERS:
        names = " or ".join(map(repr, _ADAPTERS))
        raise InvalidParameterError(
            f"The 'adapters' parameter of TabM must be {names}. Got {adapters!r} "
            "instead."
        )
    counts = {"n_members": n_members, "n_bins": n_bins, "width": width}
    for name, count in counts.items():
        if count < 1:
            raise InvalidParameterError(
                f"The {name!r} parameter of TabM must be 1 or more. Got {count!r} "
                "instead."
            )
