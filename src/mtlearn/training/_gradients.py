"""Gradients of each task's loss in the weights that the tasks share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn.data import Labels, Samples
from mtlearn.exceptions import InvalidDataError, NetworkError
from mtlearn.losses import Inputs
from mtlearn.networks import MultiTaskNetwork
from mtlearn.training._modes import own_modes
from mtlearn.training._randomness import Randomness

# The name of a backbone's own weights, which are in no module inside of it.
_ROOT = "backbone"


@dataclass(frozen=True)
class SharedLayer:
    """A module of the backbone with weights of its own.

    Attributes
    ----------
    name : str
        Its path in the backbone.
    n_weights : int
        How many numbers its weight, bias and the like have.
    has_matrix : bool
        Whether one of them has several dimensions, unlike those of batch norm.
    """

    name: str
    n_weights: int
    has_matrix: bool


@dataclass(frozen=True)
class TaskGradients:
    """Inner products of the tasks' gradients in the shared weights.

    The gradient of a task is that of its mean loss times its weight, so that the sum
    over tasks is what training follows, on average over its batches, where each row is
    drawn once an epoch.

    Attributes
    ----------
    task_names : tuple of str
        In task order.
    layers : tuple of SharedLayer
        In the order of the backbone.
    products : ndarray of shape (n_layers, n_tasks, n_tasks)
        Of the gradients of all rows, by layer.
    part_products : ndarray of shape (n_parts, n_layers, n_tasks, n_tasks)
        Of the gradients of disjoint parts of the rows.
    """

    task_names: tuple[str, ...]
    layers: tuple[SharedLayer, ...]
    products: np.ndarray
    part_products: np.ndarray

    def cosines(self) -> np.ndarray:
        """Compute the cosine between each two tasks' gradients.

        Returns
        -------
        ndarray of shape (1 + n_layers, n_tasks, n_tasks)
            Of the whole backbone first; NaN where a gradient is zero.
        """
        return _cosines(self.products)

    def part_cosines(self) -> np.ndarray:
        """Compute the same of each part of the rows.

        Returns
        -------
        ndarray of shape (n_parts, 1 + n_layers, n_tasks, n_tasks)
            Of the whole backbone first; NaN where a gradient is zero.
        """
        return _cosines(self.part_products)

    def norms(self) -> np.ndarray:
        """Compute the length of each task's gradient.

        Returns
        -------
        ndarray of shape (1 + n_layers, n_tasks)
            Of the whole backbone first.
        """
        return np.sqrt(np.diagonal(_with_whole(self.products), axis1=-2, axis2=-1))


def shared_layers(network: MultiTaskNetwork) -> dict[str, list[nn.Parameter]]:
    """List the layers that the tasks share; see `shared_parameters` of the network.

    Parameters
    ----------
    network : MultiTaskNetwork
        The network.

    Returns
    -------
    dict of str to list of Parameter
        By the path of the module that has them; those of batch norm are a layer of
        their own. A weight that two modules have counts for the first.

    Raises
    ------
    NetworkError
        If the backbone has no weights, or is frozen.
    """
    if network.frozen_names is not None:
        raise NetworkError(
            "The backbone is frozen, so tasks have no gradients in its weights. Set "
            "freeze_backbone=False."
        )
    layers: dict[str, list[nn.Parameter]] = {}
    left = set(map(id, network.shared_parameters().values()))
    for path, module in network.backbone.named_modules():
        own = [each for each in module.parameters(recurse=False) if id(each) in left]
        left.difference_update(map(id, own))
        if own:
            layers[path or _ROOT] = own
    if not layers:
        raise NetworkError(
            f"The backbone {type(network.backbone).__name__} has no weights that the "
            "tasks share. Use one with layers."
        )
    return layers


def take_samples(samples: Samples, index: np.ndarray) -> Samples:
    """Take some rows, without a copy of X.

    Parameters
    ----------
    samples : Samples
        Rows with labels.
    index : ndarray of int
        Which of them.

    Returns
    -------
    Samples
        These rows.
    """
    labels = _labels(samples)
    return Samples(
        samples.X,
        labels.take(torch.from_numpy(index)),
        index if samples.rows is None else samples.rows[index],
    )


@own_modes()
def task_gradients(net: Any, samples: Samples, n_parts: int = 1) -> TaskGradients:
    """Compute each task's gradient in the shared weights, and compare them.

    The network is in evaluation mode for it and computes without autocast, so that the
    numbers depend on nothing drawn; neither it nor its gradients are changed. Of each
    batch the graph is freed before the next one.

    Parameters
    ----------
    net : MultiTaskNet
        A net.
    samples : Samples
        Rows with labels, at least one.
    n_parts : int, default=1
        Parts of the rows, in their order; no more than there are rows.

    Returns
    -------
    TaskGradients
        The gradient of a task without labels is zero. Weights that do not train have
        none.

    Raises
    ------
    NetworkError
        If the backbone has no weights, or is frozen.
    """
    layers = shared_layers(net.module_)
    weights = [weight for own in layers.values() for weight in own]
    parts = np.array_split(np.arange(len(samples)), min(n_parts, len(samples)))
    total: list[Tensor] = []
    products = []
    with _undisturbed(net):
        for index in parts:
            part = take_samples(samples, index)
            sums = _gradient_sums(net, net.get_iterator(part), weights)
            products.append(_products(sums, layers) * _outer_scale(net, part))
            # Of no more than one part and the total: there may be many weights.
            total = (
                [a.add_(b) for a, b in zip(total, sums, strict=True)] if total else sums
            )
            del sums
    return TaskGradients(
        net.tasks.names,
        tuple(_describe(name, own) for name, own in layers.items()),
        _products(total, layers) * _outer_scale(net, samples),
        np.stack(products),
    )


@own_modes()
def lookahead_affinity(
    net: Any, samples: Samples, rate: float | Mapping[str, float]
) -> np.ndarray:
    """Compute what a step for one task does to the loss of each other one.

    The step is one of gradient descent on the shared weights, along the gradient of one
    task's weighted mean loss. The weights themselves are not touched.

    Parameters
    ----------
    net : MultiTaskNet
        A net.
    samples : Samples
        Rows with labels, at least one.
    rate : float or mapping of str to float
        Length of the step, as a learning rate: of all shared weights, or of each by its
        name in the backbone.

    Returns
    -------
    ndarray of shape (n_tasks, n_tasks)
        In row i and column j: one minus the ratio of the loss of task j after and
        before a step for task i; positive where the step helps. NaN where j has no
        loss, as without labels.

    Raises
    ------
    NetworkError
        If the backbone has no weights, or is frozen.
    """
    shared_layers(net.module_)
    named = net.module_.shared_parameters()
    rates = rate if isinstance(rate, Mapping) else dict.fromkeys(named, rate)
    with _undisturbed(net):
        # One for all passes: on a GPU each one would bring the rows there anew.
        batches = net.get_iterator(samples)
        before = _mean_losses(net, batches, {})
        sums = _gradient_sums(net, batches, list(named.values()))
        after = []
        for i, scale in enumerate(_scales(net, samples).tolist()):
            moved = {
                name: weight.detach() - rates[name] * scale * each[i]
                for (name, weight), each in zip(named.items(), sums, strict=True)
            }
            after.append(_mean_losses(net, batches, moved))
    ratio = np.full((len(before), len(before)), np.nan)
    np.divide(np.stack(after), before, out=ratio, where=np.abs(before) > 0)
    return 1 - ratio


@contextmanager
def _undisturbed(net: Any) -> Iterator[None]:
    """Evaluate, and leave modes and random generators as they were."""
    modes = [(module, module.training) for module in net.module_.modules()]
    with Randomness(0, torch.device(net.device)).for_all(), torch.enable_grad():
        try:
            for module, _ in modes:
                module.training = False
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def _loss_sums(
    net: Any, x: Tensor, labels: Labels, moved: Mapping[str, Tensor]
) -> Tensor:
    """Sum up weight times loss of a batch, with some weights of the backbone moved."""
    network = net.module_
    outputs = tuple(
        task.link(output)
        for task, output in zip(
            net.tasks, network.outputs(network.features(x, moved)), strict=True
        )
    )
    return net.criterion_.sums(
        outputs, labels.values, labels.loss_weights, Inputs(x, x)
    )[0]


def _gradient_sums(net: Any, batches: Any, weights: list[nn.Parameter]) -> list[Tensor]:
    """Sum up the gradients over rows: for each weight one of shape (n_tasks, ...)."""
    n_tasks = len(net.tasks)
    sums = [weight.new_zeros((n_tasks, *weight.shape)) for weight in weights]
    trained = [(w, s) for w, s in zip(weights, sums, strict=True) if w.requires_grad]
    if not trained:  # as a callback may have frozen them for a while
        return sums
    for x, labels in batches:
        losses = _loss_sums(net, x, labels, {})
        for i, loss in enumerate(losses.unbind()):
            gradients = torch.autograd.grad(
                loss,
                [weight for weight, _ in trained],
                retain_graph=i + 1 < n_tasks,
                allow_unused=True,
            )
            for (_, total), gradient in zip(trained, gradients, strict=True):
                if gradient is not None:
                    total[i] += gradient
    return sums


def _mean_losses(net: Any, batches: Any, moved: Mapping[str, Tensor]) -> np.ndarray:
    """Compute each task's mean loss; NaN without labels."""
    total = torch.zeros(len(net.tasks), dtype=torch.float64, device="cpu")
    with torch.no_grad():
        for x, labels in batches:
            total += _loss_sums(net, x, labels, moved).double().cpu()
    weights = _weight_sums(batches.samples)
    means = np.full(len(weights), np.nan)
    return np.divide(total.numpy(), weights, out=means, where=weights > 0)


def _labels(samples: Samples) -> Labels:
    if samples.labels is None:
        raise InvalidDataError("Rows without labels have no loss. Pass y.")
    return samples.labels


def _weight_sums(samples: Samples) -> np.ndarray:
    weights = _labels(samples).loss_weights
    return torch.stack([each.double().sum() for each in weights]).cpu().numpy()


def _scales(net: Any, samples: Samples) -> np.ndarray:
    """Give what turns a sum over rows into a weighted mean, by task."""
    weights = _weight_sums(samples)
    factors = np.asarray(net.criterion_.task_weights)
    return np.divide(factors, weights, out=np.zeros(len(weights)), where=weights > 0)


def _outer_scale(net: Any, samples: Samples) -> np.ndarray:
    scales = _scales(net, samples)
    return np.outer(scales, scales)


def _products(
    sums: list[Tensor], layers: Mapping[str, list[nn.Parameter]]
) -> np.ndarray:
    """Multiply the tasks' gradients with each other, layer by layer."""
    left, products = iter(sums), []
    for own in layers.values():
        n_tasks = len(sums[0])
        product = torch.zeros(n_tasks, n_tasks, dtype=torch.float64, device="cpu")
        for _ in own:
            flat = next(left).flatten(1).double()
            product += (flat @ flat.T).cpu()
        products.append(product.numpy())
    return np.stack(products)


def _describe(name: str, own: list[nn.Parameter]) -> SharedLayer:
    has_matrix = any(weight.ndim > 1 for weight in own)
    return SharedLayer(name, sum(weight.numel() for weight in own), has_matrix)


def _with_whole(products: np.ndarray) -> np.ndarray:
    """Put the sum over layers, which is that of the whole backbone, before them."""
    whole = products.sum(axis=-3, keepdims=True)
    return np.concatenate([whole, products], axis=-3)


def _cosines(products: np.ndarray) -> np.ndarray:
    products = _with_whole(products)
    norms = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    lengths = norms[..., :, np.newaxis] * norms[..., np.newaxis, :]
    cosines = np.full_like(products, np.nan)
    np.divide(products, lengths, out=cosines, where=lengths > 0)
    return np.clip(cosines, -1, 1)
