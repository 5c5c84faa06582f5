"""Prediction with a trained net, batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mtlearn.data import Samples
from mtlearn.networks import (
    MultiTaskNetwork,
    check_memory,
    features_of,
    fingerprint,
    for_inference,
    shares_modules,
    vector_of,
)
from mtlearn.training._row_change import RowChange

# Pixels (of tables: cells) of a batch. On a processor its activations should fit into
# a core's cache; a GPU wants to have much to do at once.
_PIXELS = {"cpu": 2**16}
_PIXELS_ELSEWHERE = 2**21
_MOST_ROWS = 4096
_FEWEST_ROWS = 8


def prediction_batch(samples: Samples, device: torch.device | str) -> int:
    """Choose how many rows are predicted at once.

    Parameters
    ----------
    samples : Samples
        Rows.
    device : torch.device or str
        Where the network is.

    Returns
    -------
    int
        A number that depends on the size of a row only.
    """
    pixels = _PIXELS.get(torch.device(device).type, _PIXELS_ELSEWHERE)
    rows = pixels // max(1, prod(samples.X.shape[1:3]))
    return min(max(rows, _FEWEST_ROWS), _MOST_ROWS)


def activations(
    net: Any,
    samples: Samples,
    only: Sequence[int] | None = None,
    change: RowChange | None = None,
) -> Iterator[tuple[Tensor, ...]]:
    """Compute probabilities and values, batch by batch.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net.
    samples : Samples
        Rows.
    only : sequence of int or None, default=None
        Numbers of tasks, whose heads alone are run; None runs all of them.
    change : callable or None, default=None
        Maps a batch to the one that the network sees in its place.

    Yields
    ------
    tuple of Tensor of shape (n_batch, n_outputs)
        In task order, or of these tasks, on the CPU.
    """
    network = inference_network(net)
    tasks = list(net.tasks)
    if only is not None:
        tasks = [tasks[number] for number in only]
    function = network if only is None else partial(_outputs_of, network, only)
    for outputs in _run(net, network, function, samples, change):
        yield tuple(
            task.activate(output.to(net.precision.dtype)).cpu()
            for task, output in zip(tasks, outputs, strict=True)
        )


def _outputs_of(
    network: MultiTaskNetwork, only: Sequence[int], x: Tensor
) -> tuple[Tensor, ...]:
    return network.outputs(network.features(x), only)


def features(net: Any, samples: Samples, only: int | None = None) -> Iterator[Tensor]:
    """Compute feature vectors, batch by batch.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net.
    samples : Samples
        Rows.
    only : int or None, default=None
        The number of a task; None where all share their features.

    Yields
    ------
    Tensor of shape (n_batch, n_features)
        On the CPU.
    """
    network = inference_network(net)
    for found in _run(net, network, network.features, samples):
        vector = vector_of(features_of(found, 0 if only is None else only))
        yield vector.to(net.precision.dtype).cpu()


def gate_weights(net: Any, samples: Samples) -> Iterator[tuple[Tensor, ...]]:
    """Compute how much each task takes of each expert, batch by batch.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net, whose backbone has a method `gate_weights`.
    samples : Samples
        Rows.

    Yields
    ------
    tuple of Tensor of shape (n_batch, n_experts)
        Of each task, on the CPU.
    """
    network = inference_network(net)
    for found in _run(net, network, network.gate_weights, samples):
        yield tuple(each.to(net.precision.dtype).cpu() for each in found)


def reconstructions(
    net: Any, samples: Samples, number: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Compute what a task makes of its inputs, batch by batch.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net.
    samples : Samples
        Rows.
    number : int
        Of the task, whose head alone is run.

    Yields
    ------
    made : Tensor of shape (n_batch, *input_shape)
        On the scale of the inputs, on the CPU.
    errors : Tensor of shape (n_batch,)
        The loss of each row, on the CPU.
    """
    network = inference_network(net)
    task: Any = list(net.tasks)[number]
    loss = net.criterion_.losses[number]

    def make(x: Tensor) -> tuple[Tensor, Tensor]:
        (output,) = _outputs_of(network, [number], x)
        output = output.to(net.precision.dtype)
        return task.activate(output), task.errors(loss, task.link(output), x)

    for made, errors in _run(net, network, make, samples):
        yield made.cpu(), errors.cpu()


class Observation(NamedTuple):
    """What is seen inside of a network, of some rows.

    Attributes
    ----------
    features : tuple of Tensor or ndarray of shape (n_samples, n_features)
        What the head of each of some tasks is given, without maps; one where all share
        it.
    scores : tuple of Tensor or ndarray of shape (n_samples, n_outputs)
        What each head makes of it, before any activation.
    outputs : tuple of Tensor or ndarray of shape (n_samples, n_outputs)
        The same as probabilities and values.
    errors, variances : Tensor or ndarray of shape (n_samples,), or None
        The loss of a reconstruction, and the variance of the values of the input.
    """

    features: tuple[Any, ...]
    scores: tuple[Any, ...]
    outputs: tuple[Any, ...]
    errors: Any
    variances: Any


def observations(
    net: Any,
    samples: Samples,
    numbers: Sequence[int],
    *,
    with_scores: bool,
    remaking: int | None,
) -> Iterator[Observation]:
    """Look inside of the network, batch by batch, in one run of its backbone.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net.
    samples : Samples
        Rows.
    numbers : sequence of int
        Of the tasks.
    with_scores : bool
        Whether to run their heads.
    remaking : int or None
        The number of a task that makes its inputs again, to be run too.

    Yields
    ------
    Observation
        On the CPU.
    """
    network, dtype = inference_network(net), net.precision.dtype
    tasks = list(net.tasks)
    apart = numbers if network.per_task else numbers[:1]

    def observe(x: Tensor) -> Observation:
        found = network.features(x)
        parts = [vector_of(features_of(found, each)) for each in apart]
        given = network.outputs(found, numbers) if with_scores else ()
        scores = [each.to(dtype) for each in given]
        errors = variances = None
        if remaking is not None:
            task: Any = tasks[remaking]
            (output,) = network.outputs(found, [remaking])
            loss = net.criterion_.losses[remaking]
            errors = task.errors(loss, task.link(output.to(dtype)), x)
            variances = x.flatten(1).double().var(dim=1, correction=0)
        return Observation(
            tuple(part.to(dtype) for part in parts),
            tuple(scores),
            (),
            errors,
            variances,
        )

    # Activated as other predictions are.
    for seen in _run(net, network, observe, samples):
        yield Observation(
            tuple(each.cpu() for each in seen.features),
            tuple(each.cpu() for each in seen.scores),
            tuple(
                tasks[number].activate(each).cpu()
                for number, each in zip(numbers, seen.scores, strict=False)
            ),
            *(None if each is None else each.cpu() for each in seen[3:]),
        )


def _run(
    net: Any,
    network: MultiTaskNetwork,
    function: Callable,
    samples: Samples,
    change: RowChange | None = None,
) -> Iterator[Any]:
    device = torch.device(net.device)
    check_memory(
        net.module_.row_values,
        net.module__input_shape,
        min(len(samples), prediction_batch(samples, device)),
        net.precision.autocast or net.precision.dtype,
        device,
        remedy=", or pass fewer at a time",
    )
    # A network that keeps what it computes, and trains on, needs normal tensors.
    shares = shares_modules(network, net.module_)
    guard = torch.no_grad if shares else torch.inference_mode
    for x, _ in net.get_iterator(samples):
        # Not around the loop: what takes the batches must not run inside of it.
        with guard():
            # As in training: in the type of the batch, not in that of the network.
            x = x if change is None else change(x)
            with net.precision.context(net.device):
                outputs = function(x)
        yield outputs


def inference_network(net: Any) -> MultiTaskNetwork:
    """Return the network that predicts, made anew where weights have changed.

    Parameters
    ----------
    net : MultiTaskNet
        A trained net; it keeps what is returned.

    Returns
    -------
    MultiTaskNetwork
        In evaluation mode.
    """
    net.refresh_statistics()
    network = net.module_
    state = fingerprint(network)
    if state is None or net.compile_options is not None:
        return network.eval()
    if net.inference_ is None or not state.is_same(net.inference_[0]):
        net.inference_ = state, for_inference(network, net.precision.autocast)
    return net.inference_[1]
