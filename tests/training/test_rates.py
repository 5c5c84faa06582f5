"""Groups of weights and their rates, counted by hand."""

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP, MultiTaskNetwork
from mtlearn.training import Rates


class Shares(MLP):
    """Tasks share all but the layer in the middle."""

    def shared_parameters(self):
        return [*self.layers[0].parameters(), *self.layers[4].parameters()]


def made(cls=MLP, hidden=(4, 3, 2)):
    network = MultiTaskNetwork(cls(5, hidden=hidden), [nn.Linear(2, 1)])
    loss = nn.Parameter(torch.zeros(1))
    return network, [*network.parameters(), loss]


def groups(rates, network, learnable):
    """Return the rates, and the places of each group's weights."""
    places = {id(weight): place for place, weight in enumerate(learnable)}
    found = rates.groups(network, learnable)
    return (
        pytest.approx([rate for rate, _ in found], rel=1e-12),
        [[places[id(weight)] for weight in weights] for _, weights in found],
    )


# Each layer has a matrix and a bias; the head's are 6 and 7, the loss's 8.
@pytest.mark.parametrize(
    ("rates", "values", "places"),
    [
        (Rates(0.5), [0.5], [list(range(9))]),
        (Rates(0.5, 0.1), [0.1, 0.5], [[0, 1, 2, 3, 4, 5], [6, 7, 8]]),
        (
            Rates(0.5, None, 0.5),
            [0.0625, 0.125, 0.25, 0.5],
            [[0, 1], [2, 3], [4, 5], [6, 7, 8]],
        ),
        (
            Rates(0.5, 8.0, 0.5),
            [1.0, 2.0, 4.0, 0.5],
            [[0, 1], [2, 3], [4, 5], [6, 7, 8]],
        ),
    ],
)
def test_groups(rates, values, places):
    assert groups(rates, *made()) == (values, places)


def test_layers_that_tasks_do_not_share_do_not_count():
    found = groups(Rates(1.0, None, 0.1), *made(Shares))

    assert found == ([0.01, 0.1, 1.0], [[0, 1], [4, 5], [2, 3, 6, 7, 8]])


def test_a_network_without_heads_to_train():
    network, _ = made()
    found = Rates(1.0, None, 0.1).groups(network, network.backbone.parameters())

    assert [rate for rate, _ in found] == pytest.approx([0.001, 0.01, 0.1])


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (Rates(1.0, 0.25), r"'backbone_lr' .* Got 0\.25 instead"),
        (Rates(1.0, 0.25, 0.75), r"'layer_decay' .* Got 0\.75 instead"),
    ],
)
def test_nothing_is_shared(rates, message):
    with pytest.raises(InvalidParameterError, match=message):
        rates.groups(*made(hidden=()))
