"""The network that joins a backbone and the heads."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.exceptions import NetworkError
from mtlearn.networks._features import Found, as_rows, input_of
from mtlearn.networks._order import in_order


class MultiTaskNetwork(nn.Module):
    """One backbone whose features all heads share.

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps a batch to features of shape `(n_samples, n_features)`, to `Features`,
        or to a tuple of one of these for each task.
    heads : sequence of torch.nn.Module
        One per task; each maps the features to outputs of shape
        `(n_samples, n_outputs)`, or as its task has it.
    memory_format : torch.memory_format, default=None
        Order in memory that batches are brought to; None leaves them as they come.
    row_values : int, default=0
        Values that a pass of one large image needs at once; see `check_memory`.
    per_task : bool, default=False
        Whether the backbone returns features for each task.
    n_members : int, default=None
        Of how many members the backbone returns features,
        `(n_samples, n_members, n_features)`; None where it has none.
    means : sequence of callable, default=None
        For each task what makes one output of those of the members; None takes the
        mean of all.
    columns : torch.nn.Module, default=None
        Makes numbers of the columns of a table, in front of the backbone.

    Notes
    -----
    In training, a network of members returns a row for each member of each sample, so
    that each learns by its own loss: `(n_samples * n_members, n_outputs)`. In
    evaluation mode it returns one for each sample.

    References
    ----------
    R. Caruana, "Multitask Learning", Machine Learning 28, 1997.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import MLP, MultiTaskNetwork, make_head
    >>> heads = [make_head(4, 3, hidden=()), make_head(4, 1, hidden=())]
    >>> network = MultiTaskNetwork(MLP(5, hidden=(4,)), heads)
    >>> [output.shape for output in network(torch.zeros(2, 5))]
    [torch.Size([2, 3]), torch.Size([2, 1])]
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: Sequence[nn.Module],
        memory_format: torch.memory_format | None = None,
        row_values: int = 0,
        per_task: bool = False,
        n_members: int | None = None,
        means: Sequence[Callable[[Tensor], Tensor]] | None = None,
        columns: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.n_members = n_members
        self.means = (mean_of_members,) * len(heads) if means is None else tuple(means)
        self.per_task = per_task
        self.memory_format = memory_format
        self.row_values = row_values
        self.n_trainings = 0
        # Whether its gradients are to be computed several times from one pass, which a
        # compiled one must know.
        self.keeps_graph = False
        self.frozen_names: tuple[str, ...] | None = None
        self.columns = columns
        self.backbone = backbone
        self.heads = nn.ModuleList(heads)

    def train(self, mode: bool = True) -> Self:
        """Enter training or evaluation mode, and count how often it was training.

        Weights change in between: torch does not count what fused optimisers do. What
        is frozen stays in evaluation mode.

        Parameters
        ----------
        mode : bool, default=True
            Whether to train.

        Returns
        -------
        MultiTaskNetwork
            This network.
        """
        self.n_trainings += mode
        super().train(mode)
        for part in self.frozen_parts():
            part.eval()
        return self

    def shared_parameters(self) -> dict[str, nn.Parameter]:
        """Give the weights that the tasks share, by their names in the backbone.

        Returns
        -------
        dict of str to Parameter
            All weights of the backbone, or those that its method `shared_parameters`
            returns, if it has one.

        Raises
        ------
        NetworkError
            If that returns something else.
        """
        named = dict(self.backbone.named_parameters())
        method: Any = getattr(self.backbone, "shared_parameters", None)
        if method is None:
            return named
        given = list(method())
        ids = {id(weight) for weight in given}
        found = {name: weight for name, weight in named.items() if id(weight) in ids}
        if len(found) != len(ids):
            raise NetworkError(
                f"The method shared_parameters of {type(self.backbone).__name__} must "
                "return weights of the backbone, such as self.shared.parameters(). "
                f"Got {len(ids) - len(found)} that are none of its parameters."
            )
        return found

    def frozen_parts(self) -> list[nn.Module]:
        """Give what stays in evaluation mode: modules with frozen weights alone.

        Returns
        -------
        list of Module
            The backbone, if all of it is frozen; parts of it, if its tasks share a
            part of the weights only; none if nothing is frozen.
        """
        if self.frozen_names is None:
            return []
        shared = set(map(id, self.shared_parameters().values()))
        return list(_parts_within(self.backbone, shared))

    def freeze_backbone(self, frozen: bool) -> None:
        """Keep the backbone as it is while the heads train, or let it train again.

        A frozen backbone has no gradients, and is in evaluation mode: its batch norms
        use their statistics and leave them, and it drops nothing. Where the backbone
        has a method `shared_parameters`, the others of its weights go on training.

        Parameters
        ----------
        frozen : bool
            Whether to freeze it. What had no gradients before it was frozen has none
            after.
        """
        if frozen == (self.frozen_names is not None):
            return
        weights = self.shared_parameters()
        if self.frozen_names is None:
            names = [name for name in weights if weights[name].requires_grad]
            self.frozen_names = tuple(names)
            for weight in weights.values():
                # An optimiser would follow a gradient that is left over.
                weight.requires_grad_(False).grad = None
            for part in self.frozen_parts():
                part.eval()
        else:
            parts = self.frozen_parts()
            for name in self.frozen_names:
                weights[name].requires_grad_()
            self.frozen_names = None
            for part in parts:
                part.train(self.training)

    def features(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> Found:
        """Return the shared features, without running a head.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch: as the backbone takes it, or `columns`, if there are such.
        weights : mapping of str to Tensor, default=None
            To be taken instead of the backbone's own, by their names in it.

        Returns
        -------
        Tensor of shape (n_samples, n_features), Features, or tuple of one for each task
            The output of the backbone.
        """
        x = self._given(x)
        if weights:
            return torch.func.functional_call(self.backbone, dict(weights), (x,))
        return self.backbone(x)

    def gate_weights(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return how much each task takes of each expert of the backbone.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch, as the backbone takes it.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_experts)
            Of each task: what the method `gate_weights` of the backbone returns.
        """
        backbone: Any = self.backbone
        return backbone.gate_weights(self._given(x))

    def _given(self, x: Tensor) -> Tensor:
        """Give a batch as the backbone takes it."""
        if self.columns is not None:
            x = self.columns(x)
        return x if self.memory_format is None else in_order(x, self.memory_format)

    @torch.no_grad()
    def fit_inputs(self, x: Tensor, *, backbone: bool = True) -> None:
        """Show a batch of training rows to the parts that learn from such.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch, as `features` takes it.
        backbone : bool, default=True
            Whether the backbone is among these parts, if it has a use for rows.
        """
        columns: Any = self.columns
        if columns is not None:
            columns.fit_inputs(x)
        learning: Any = self.backbone
        if backbone and hasattr(learning, "fit_inputs"):
            learning.fit_inputs(self._given(x))

    def outputs(
        self, features: Found, only: Sequence[int] | None = None
    ) -> tuple[Tensor, ...]:
        """Return the outputs of tasks from their features.

        Parameters
        ----------
        features : Tensor, Features, or tuple of one for each task
            What `features` has returned.
        only : sequence of int, default=None
            The numbers of tasks, whose heads alone are run; None runs all of them.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_outputs)
            The output of each head, in task order or that of the numbers.
        """
        if self.n_members is None:
            return self._outputs(features, only)
        outputs = self._outputs(as_rows(features), only)
        return outputs if self.training else self.joined(outputs, only)

    def joined(
        self, outputs: Sequence[Tensor], only: Sequence[int] | None = None
    ) -> tuple[Tensor, ...]:
        """Make one output of those of the members of each sample.

        Parameters
        ----------
        outputs : sequence of Tensor of shape (n_samples * n_members, n_outputs)
            What `outputs` returns in training.
        only : sequence of int, default=None
            The numbers of their tasks; None for all.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_outputs)
            Their means, as each task understands them.
        """
        n_members = self.n_members
        if n_members is None:
            return tuple(outputs)
        means = self.means if only is None else [self.means[each] for each in only]
        return tuple(
            mean(output.unflatten(0, (-1, n_members)))
            for mean, output in zip(means, outputs, strict=True)
        )

    def _outputs(
        self, features: Found, only: Sequence[int] | None
    ) -> tuple[Tensor, ...]:
        numbers = range(len(self.heads)) if only is None else only
        heads = self.heads if only is None else [self.heads[each] for each in only]
        if isinstance(features, Tensor):
            return tuple(head(features) for head in heads)
        return tuple(
            head(input_of(head, features, number))
            for number, head in zip(numbers, heads, strict=True)
        )

    def forward(self, x: Tensor, with_features: bool = False) -> Any:
        """Return the outputs of all tasks from one run of the backbone.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch, as the backbone takes it.
        with_features : bool, default=False
            Whether to return the features too.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_outputs)
            The output of each head, in task order; or this tuple and the features.
        """
        features = self.features(x)
        outputs = self.outputs(features)
        returned = (outputs, features) if with_features else outputs
        # The same either way: a compiler makes another network of another answer.
        return tuple(returned) if self.keeps_graph else returned


def mean_of_members(outputs: Tensor) -> Tensor:
    """Give the mean of `(n_samples, n_members, ...)` over the members."""
    return outputs.mean(dim=1)


def _parts_within(module: nn.Module, shared: Container[int]) -> Iterator[nn.Module]:
    """Give the largest modules whose weights are all among some, by their ids."""
    if all(id(weight) in shared for weight in module.parameters()):
        yield module
        return
    for child in module.children():
        if any(True for _ in child.parameters()):
            yield from _parts_within(child, shared)


def needs_batch(network: nn.Module, *, thaws: bool = False) -> bool:
    """Tell whether training needs batches of more than one sample.

    Batch norm cannot train on a single value per channel.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    thaws : bool, default=False
        Whether what is frozen is going to train too.

    Returns
    -------
    bool
        True if a batch norm layer is in it, outside of what is frozen.

    Examples
    --------
    >>> from mtlearn.networks import MLP, needs_batch
    >>> needs_batch(MLP(5)), needs_batch(MLP(5, batch_norm=True))
    (False, True)
    """
    parts = []
    if isinstance(network, MultiTaskNetwork) and not thaws:
        parts = network.frozen_parts()
    frozen = {id(module) for part in parts for module in part.modules()}
    return any(
        isinstance(module, _BatchNorm) and id(module) not in frozen
        for module in network.modules()
    )
