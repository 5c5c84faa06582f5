"""Tasks that are known to be alike."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses.penalties._base import Penalty, TaskWeights, stacked

Edge = tuple[str, str] | tuple[str, str, float]


class GraphLaplacian(Penalty):
    """Weights that are near each other where tasks are neighbours.

    ``strength / 2 * sum a_ij * ||W_i - W_j||^2`` over the edges (i, j) of a graph of
    tasks, which is ``strength / 2 * tr(W L W^T)`` with its Laplacian L. Outputs are
    compared in their order.

    Parameters
    ----------
    edges : sequence of (str, str) or (str, str, float)
        Pairs of tasks, by name, with equal numbers of outputs; the third part is the
        weight `a_ij` of the edge, above 0, else 1.
    strength : float
        Its factor, not negative.

    See Also
    --------
    TaskCovariance : Learns which tasks are alike.
    CommonMean : All pairs.

    Notes
    -----
    Weights are those of the network: for regressions they are of targets that
    `standardize` has scaled.

    References
    ----------
    .. [1] T. Evgeniou, C. A. Micchelli, M. Pontil, "Learning Multiple Tasks with Kernel
       Methods", Journal of Machine Learning Research 6, 2005.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import GraphLaplacian
    >>> weights = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[3.0, 2.0]])}
    >>> GraphLaplacian([("a", "b")], 0.5)(weights)
    tensor(1.)
    >>> GraphLaplacian([("a", "b", 2.0)], 0.5)(weights)
    tensor(2.)
    """

    def __init__(self, edges: Sequence[Edge], strength: float) -> None:
        self.edges = edges
        self.strength = strength

    def validate(self, owner: str) -> None:
        """Check the parameters; see `Penalty`."""
        where = self._of(owner)
        check_real(self.strength, "strength", where, low=0)
        seen = set()
        for edge in _edges(self.edges, where):
            _check_edge(edge, where)
            pair = frozenset(edge[:2])
            if pair in seen:
                raise InvalidParameterError(
                    f"The 'edges' parameter of {where} has the edge between "
                    f"{edge[0]!r} and {edge[1]!r} twice. Give it once, with its weight "
                    "as a third part."
                )
            seen.add(pair)

    def named(self) -> tuple[str, ...]:
        """Give the names of the tasks at the ends of its edges."""
        ends = (name for edge in self.edges for name in edge[:2])
        return tuple(dict.fromkeys(ends))

    def check(self, weights: TaskWeights, owner: str) -> None:
        """Check that neighbours have as many outputs; see `Penalty`."""
        for edge in self.edges:
            remedy = "Take this edge out."
            self._check_same_outputs(weights, edge[:2], owner, remedy)

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute half the squared distances along edges; see `Penalty`."""
        first, places = 0, {}
        for name, each in weights.items():
            places[name] = range(first, first := first + len(each))
        columns = stacked(weights)
        pairs = [
            (i, j, edge[2] if len(edge) == 3 else 1.0)
            for edge in self.edges
            for i, j in zip(places[edge[0]], places[edge[1]], strict=True)
        ]
        one, other, factors = zip(*pairs, strict=True)
        apart = columns[list(one)] - columns[list(other)]
        distances = apart.square().sum(dim=1)
        return (distances * distances.new_tensor(factors)).sum() / 2


def _edges(edges: Any, where: str) -> list[Any]:
    if isinstance(edges, str) or not isinstance(edges, Iterable):
        raise ParameterTypeError(
            f"The 'edges' parameter of {where} must be a sequence of pairs of names, "
            f"such as [('a', 'b')]. Got {short(edges)} instead."
        )
    found = list(edges)
    if not found:
        raise InvalidParameterError(
            f"The 'edges' parameter of {where} must have at least one edge. Leave the "
            "penalty out if no tasks are neighbours."
        )
    return found


def _check_edge(edge: Any, where: str) -> None:
    are_names = (
        isinstance(edge, tuple | list)
        and len(edge) in (2, 3)
        and all(isinstance(name, str) for name in edge[:2])
    )
    if not are_names or edge[0] == edge[1]:
        raise InvalidParameterError(
            f"Each edge in the 'edges' parameter of {where} must be a pair of names of "
            "two tasks, with a weight as a third part if it is not 1. "
            f"Got {short(edge)} instead."
        )
    if len(edge) == 3:
        name = f"edges[{edge[0]!r}, {edge[1]!r}]"
        check_real(edge[2], name, where, low=0, include_low=False)
