"""Which weights of a backbone come first, for learning rates that fall with depth."""

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

_LISTS = nn.Sequential | nn.ModuleList | nn.ModuleDict


def layer_numbers(backbone: nn.Module) -> dict[str, int]:
    """Tell in which layer of a backbone each weight is, from its input on.

    In a network of blocks, such as residual or transformer blocks, each block is a
    layer, with what lies between it and the one before; what follows the last block
    belongs to it, and what comes before the first is layer 0, the stem. In a network
    without blocks each layer with a matrix is one, and norms belong to what they
    follow.

    Blocks are the items of a `Sequential`, `ModuleList` or `ModuleDict` of which most
    have several matrices, and that have no such list inside. Modules count in the order
    in which they were registered, which is that of most networks' computation, and a
    weight of several modules counts for the first one.

    Parameters
    ----------
    backbone : torch.nn.Module
        Any network.

    Returns
    -------
    dict of str to int
        For each weight, by its name, in which layer it is: 0, 1, and so on.

    Examples
    --------
    >>> from mtlearn.networks import MLP, layer_numbers
    >>> layer_numbers(MLP(3, hidden=(4, 2)))
    {'layers.0.weight': 0, 'layers.0.bias': 0, 'layers.2.weight': 1, 'layers.2.bias': 1}
    """
    outline = _Outline(backbone)
    names = {id(weight): name for name, weight in backbone.named_parameters()}
    layers: list[list[int]] = [[]]
    between: list[int] = []
    left, has_begun = set(names), False
    for weights, may_begin in outline.pieces(backbone):
        found = [each for each in weights if each in left]
        left.difference_update(found)
        if may_begin and outline.multiplies(found):
            if outline.multiplies(layers[-1]):
                layers.append([])
            layers[-1] += between + found
            between, has_begun = [], True
        elif has_begun and outline.has_blocks:
            between += found
        else:
            layers[-1] += found
    layers[-1] += between
    return {names[each]: k for k, layer in enumerate(layers) for each in layer}


class _Outline:
    """What of a network is a layer, and what only holds layers.

    Parameters
    ----------
    backbone : torch.nn.Module
        The network.
    """

    def __init__(self, backbone: nn.Module) -> None:
        self.matrices = _matrices(backbone)
        inner, self.wrappers = backbone, {id(backbone)}
        while len(parts := self._parts(inner)) == 1:
            inner = parts[0]
            self.wrappers.add(id(inner))
        self.has_blocks = self._has_blocks(inner)

    def pieces(self, module: nn.Module) -> Iterator[tuple[list[int], bool]]:
        """Give the weights, by their ids, and whether a layer may begin with them."""
        yield [id(weight) for weight in module.parameters(recurse=False)], False
        for child in module.children():
            if self._is_open(child):
                yield from self.pieces(child)
                continue
            is_block = isinstance(module, _LISTS) and self._n_matrices(child) > 1
            weights = [id(weight) for weight in child.parameters()]
            yield weights, is_block or not self.has_blocks

    def multiplies(self, weights: list[int]) -> bool:
        """Tell whether one of some weights is a matrix."""
        return not self.matrices.isdisjoint(weights)

    def _is_open(self, module: nn.Module) -> bool:
        """Tell whether a module holds layers, and is none."""
        if id(module) in self.wrappers:
            return True
        if self.has_blocks:
            return self._has_blocks(module)
        return isinstance(module, _LISTS)

    def _has_blocks(self, module: nn.Module) -> bool:
        return any(map(self._is_list_of_blocks, module.modules()))

    def _is_list_of_blocks(self, module: nn.Module) -> bool:
        """Tell whether most items of a list have several matrices."""
        if not isinstance(module, _LISTS):
            return False
        sizes = [self._n_matrices(part) for part in self._parts(module)]
        return 2 * sum(size > 1 for size in sizes) > len(sizes)

    def _parts(self, module: nn.Module) -> list[nn.Module]:
        return [each for each in module.children() if self._n_matrices(each)]

    def _n_matrices(self, module: nn.Module) -> int:
        return sum(id(weight) in self.matrices for weight in module.parameters())


def _matrices(backbone: nn.Module) -> set[int]:
    """Find what layers multiply by, by its id: no biases, and nothing of norms.

    Of all that a weight is computed from, as by torch's `weight_norm`, one counts.
    """
    computed = [
        each for each in backbone.modules() if isinstance(each, ParametrizationList)
    ]
    within = {id(part) for each in computed for part in each.modules()}
    weights = [
        weight
        for module in backbone.modules()
        if id(module) not in within
        and not isinstance(module, nn.LayerNorm | nn.RMSNorm)
        for weight in module.parameters(recurse=False)
    ]
    for each in computed:
        originals = list(each.parameters(recurse=False))
        weights += sorted(originals, key=nn.Parameter.numel)[-1:]
    return {id(weight) for weight in weights if weight.ndim > 1}
