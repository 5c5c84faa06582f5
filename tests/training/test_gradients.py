"""Gradients of tasks in the shared weights, against autograd by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.data import Labels, Samples
from mtlearn.data import _batches as batches
from mtlearn.exceptions import InvalidDataError, NetworkError
from mtlearn.networks import MLP
from mtlearn.training import (
    lookahead_affinity,
    shared_layers,
    take_samples,
    task_gradients,
)
from tiny_problems import (
    image_estimator,
    labelled_rows,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)

WEIGHTED = Tasks(kind=Classification(3, weight=2.0), size=Regression(weight=0.5))


def fitted(n_samples=40, **params):
    """Return a fitted net, and its rows, of which some lack a label."""
    X, y = make_table(n_samples)
    y[::5, 0] = np.nan
    y[1::7, 1] = np.nan
    weight = np.linspace(0.5, 1.5, n_samples)
    params = {"tasks": WEIGHTED, "backbone": Partial(MLP, hidden=(5, 4)), **params}
    estimator = table_estimator(**params).fit(X, y)
    return estimator, labelled_rows(estimator, X, y, weight)


def losses_by_hand(module, samples):
    """Compute the weighted mean losses with torch's own functions, in one piece."""
    x = torch.as_tensor(samples.X[samples.rows if samples.rows is not None else ...])
    kind, size = module(x)
    (first, second), weights = samples.labels.values, samples.labels.weights
    first = nn.functional.cross_entropy(kind, first, reduction="none")
    second = (size[:, 0] - second) ** 2
    means = [
        (w * each)[w > 0].sum() / w.sum()
        for each, w in zip((first, second), weights, strict=True)
    ]
    return [2.0 * means[0], 0.5 * means[1]]


def gradients_by_hand(net, samples):
    """Return each task's gradients in the weights of the two layers."""
    module = copy.deepcopy(net.module_).eval()
    layers = [module.backbone.layers[0], module.backbone.layers[2]]
    found = []
    for task in range(2):
        module.zero_grad()
        losses_by_hand(module, samples)[task].backward()
        each = [torch.cat([w.grad.ravel() for w in own.parameters()]) for own in layers]
        found.append(torch.cat(each).numpy())
    return np.array(found), layers[0].weight.numel() + layers[0].bias.numel()


@pytest.mark.parametrize(
    "mode",
    [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu")],
    ids=["no_grad", "inference_mode", "autocast"],
)
def test_modes_of_torch_around_it_change_nothing(mode):
    estimator, samples = fitted(precision="float32")
    expected = task_gradients(estimator.net_, samples).products
    affinity = lookahead_affinity(estimator.net_, samples, 0.1)
    with mode():
        found = task_gradients(estimator.net_, samples).products
        again = lookahead_affinity(estimator.net_, samples, 0.1)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(again, affinity)


def test_products_are_those_of_gradients_by_hand():
    estimator, samples = fitted()
    found = task_gradients(estimator.net_, samples)
    gradients, border = gradients_by_hand(estimator.net_, samples)
    layers = gradients[:, :border], gradients[:, border:]
    np.testing.assert_allclose(found.products, [each @ each.T for each in layers])
    norms = np.linalg.norm(gradients, axis=1)
    np.testing.assert_allclose(found.norms()[0], norms)
    cosine = gradients[0] @ gradients[1] / norms.prod()
    np.testing.assert_allclose(found.cosines()[0], [[1, cosine], [cosine, 1]])
    assert [(layer.name, layer.n_weights) for layer in found.layers] == [
        ("layers.0", border),
        ("layers.2", gradients.shape[1] - border),
    ]
    assert found.task_names == ("kind", "size")


def test_class_weights_are_weights_of_the_labels():
    tasks = Tasks(
        kind=Classification(3, class_weight={0: 1, 1: 5, 2: 0.1}), size=Regression()
    )
    estimator, samples = fitted(tasks=tasks)
    labels, net = samples.labels, estimator.net_
    plain = Samples(samples.X, Labels(labels.values, labels.loss_weights))
    assert not torch.equal(labels.weights[0], labels.loss_weights[0])
    for part in (np.arange(40), np.arange(20)):
        one, other = (take_samples(each, part) for each in (samples, plain))
        found = task_gradients(net, one).products
        np.testing.assert_array_equal(found, task_gradients(net, other).products)
        affinity = lookahead_affinity(net, one, 0.1)
        np.testing.assert_array_equal(affinity, lookahead_affinity(net, other, 0.1))


def test_parts_are_disjoint_rows_in_their_order():
    estimator, samples = fitted()
    found = task_gradients(estimator.net_, samples, n_parts=3)
    for part, products in zip(
        np.array_split(np.arange(40), 3), found.part_products, strict=True
    ):
        gradients, _ = gradients_by_hand(estimator.net_, take_samples(samples, part))
        np.testing.assert_allclose(products.sum(axis=0), gradients @ gradients.T)
    whole = task_gradients(estimator.net_, samples)
    np.testing.assert_allclose(found.products, whole.products)


def test_batches_add_up(monkeypatch):
    estimator, samples = fitted()
    whole = task_gradients(estimator.net_, samples)
    monkeypatch.setattr("mtlearn.training._loop.prediction_batch", lambda *_: 7)
    batched = task_gradients(estimator.net_, samples)
    np.testing.assert_allclose(batched.products, whole.products)


def test_no_more_parts_than_rows():
    estimator, samples = fitted()
    rows = take_samples(take_samples(samples, np.arange(10)), np.array([3, 4]))
    assert rows.rows.tolist() == [3, 4]
    assert len(task_gradients(estimator.net_, rows, n_parts=8).part_products) == 2


def test_a_task_without_labels_has_no_gradient():
    estimator, samples = fitted()
    unlabelled = take_samples(samples, np.array([0, 5, 10]))
    found = task_gradients(estimator.net_, unlabelled)
    assert found.norms()[0, 0] == 0
    assert found.norms()[0, 1] > 0
    assert np.isnan(found.cosines()[0]).tolist() == [[True, True], [True, False]]


def test_weights_that_do_not_train_have_none():
    estimator, samples = fitted()
    weights = list(estimator.net_.module_.backbone.parameters())
    for weight in weights[:2]:
        weight.requires_grad_(False)
    found = task_gradients(estimator.net_, samples)
    assert not found.products[0].any()
    assert found.products[1].any()
    for weight in weights:
        weight.requires_grad_(False)
    assert not task_gradients(estimator.net_, samples).products.any()


def test_nothing_is_changed_and_nothing_drawn():
    X, y = make_images()
    estimator = image_estimator(precision="bfloat16").fit(X, y)
    samples, network = labelled_rows(estimator, X, y), estimator.net_.module_
    network.train()
    network.backbone.stem.eval()
    modes = [module.training for module in network.modules()]
    before, trainings = weights_of(estimator), network.n_trainings
    gradients = [weight.grad.clone() for weight in network.parameters()]
    state = torch.get_rng_state()
    found = task_gradients(estimator.net_, samples, n_parts=2)
    affinity = lookahead_affinity(estimator.net_, samples, 0.1)
    np.testing.assert_array_equal(torch.get_rng_state(), state)
    assert modes == [module.training for module in network.modules()]
    assert trainings == network.n_trainings
    for weight, gradient in zip(network.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(weight.grad, gradient)
    for name, value in weights_of(estimator).items():
        np.testing.assert_array_equal(value, before[name])
    again = task_gradients(estimator.net_, samples, n_parts=2)
    np.testing.assert_array_equal(again.part_products, found.part_products)
    assert np.isfinite(affinity).all()


def test_it_computes_without_autocast():
    X, y = make_images()
    estimator = image_estimator(precision="bfloat16").fit(X, y)
    samples = labelled_rows(estimator, X, y)
    short = task_gradients(estimator.net_, samples)
    estimator.net_.precision = estimator.net_.precision.whole()
    whole = task_gradients(estimator.net_, samples)
    np.testing.assert_array_equal(short.products, whole.products)


def test_layers_of_an_image_network():
    X, y = make_images()
    network = image_estimator().fit(X, y).net_.module_
    layers = shared_layers(network)
    listed = [weight for own in layers.values() for weight in own]
    assert list(map(id, listed)) == list(map(id, network.backbone.parameters()))
    assert {"stem.0", "stem.1", "stages.0.0.residual.0"} <= set(layers)


class Scaled(nn.Module):
    """A weight of its own, and one that two layers have."""

    def __init__(self, in_features):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(in_features))
        self.first = nn.Linear(in_features, in_features)
        self.second = nn.Linear(in_features, in_features)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(self.scale * x)))


def test_weights_outside_of_layers_and_shared_ones():
    estimator, samples = fitted(backbone=Scaled)
    found = task_gradients(estimator.net_, samples)
    assert [(layer.name, layer.n_weights) for layer in found.layers] == [
        ("backbone", 4),
        ("first", 20),
        ("second", 4),
    ]
    assert [layer.has_matrix for layer in found.layers] == [False, True, False]
    assert (found.norms() > 0).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeze_backbone": True}, "The backbone is frozen.*freeze_backbone=False"),
        ({"backbone": Partial(MLP, hidden=())}, "The backbone MLP has no weights"),
    ],
)
def test_without_weights_that_train(params, message):
    estimator, samples = fitted(**params)
    for function in (task_gradients, lookahead_affinity):
        with pytest.raises(NetworkError, match=message):
            function(estimator.net_, samples, 1)


def test_rows_without_labels():
    estimator, samples = fitted()
    with pytest.raises(InvalidDataError, match="Rows without labels have no loss"):
        task_gradients(estimator.net_, Samples(samples.X))


@pytest.mark.parametrize(("first", "second"), [(0.05, 0.05), (0.01, 0.2)])
def test_the_affinity_is_that_of_a_step_by_hand(first, second):
    estimator, samples = fitted()
    names = dict(estimator.net_.module_.backbone.named_parameters())
    rates = {name: first if "layers.0" in name else second for name in names}
    rate = first if first == second else rates
    found = lookahead_affinity(estimator.net_, samples, rate)
    before = [loss.item() for loss in losses_by_hand(estimator.net_.module_, samples)]
    for task in range(2):
        module = copy.deepcopy(estimator.net_.module_)
        losses_by_hand(module, samples)[task].backward()
        for number, lr in ((0, first), (2, second)):
            torch.optim.SGD(module.backbone.layers[number].parameters(), lr=lr).step()
        after = [loss.item() for loss in losses_by_hand(module, samples)]
        expected = 1 - np.divide(after, before)
        np.testing.assert_allclose(found[task], expected, atol=1e-12)
    assert (np.diag(found) > 0).all()


def test_rows_are_brought_to_the_network_once(monkeypatch):
    estimator, samples = fitted()
    net, copies, choose = estimator.net_, [], batches.choose_inputs

    def chosen(*args):
        copies.append(choose(*args))
        return copies[-1]

    monkeypatch.setattr(batches, "choose_inputs", chosen)
    lookahead_affinity(net, samples, 0.1)
    assert len(copies) == 1
    copies.clear()
    task_gradients(net, samples, 3)
    assert sum(len(each.samples) for each in copies) == len(samples)


def test_no_affinity_without_labels():
    estimator, samples = fitted()
    found = lookahead_affinity(
        estimator.net_, take_samples(samples, np.array([0, 5, 10])), 0.05
    )
    assert np.isnan(found[:, 0]).all()
    assert found[0, 1] == 0  # no gradient, no step
    assert found[1, 1] > 0
