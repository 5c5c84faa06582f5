"""The skorch net: batches, the loss, stopping and pickles."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn.data import Samples
from mtlearn.training import activations, features
from mtlearn.training._loop import StopTraining
from tiny_nets import batch_losses, make_net, make_problem, train

NORMED = {"hidden": (4,), "batch_norm": True}


def test_training_lowers_the_loss():
    samples, tasks = make_problem()
    net = train(make_net(tasks), samples, epochs=20)
    losses = batch_losses(net)
    assert np.mean(losses[-1]) < np.mean(losses[0])
    assert not net.module_.training


def test_batches_of_training_and_of_prediction():
    samples, tasks = make_problem(41)
    plain = make_net(tasks)
    normed = make_net(tasks, module__backbone_params=NORMED)
    sizes = [len(x) for x, _ in plain.get_iterator(samples, training=True)]
    assert sizes == [10, 10, 10, 10, 1]
    sizes = [len(x) for x, _ in normed.get_iterator(samples, training=True)]
    assert sizes == [10, 10, 10, 11]
    inputs = [x for x, _ in normed.get_iterator(samples)]
    np.testing.assert_array_equal(torch.cat(inputs), samples.X)


def test_the_order_seed_decides_the_order():
    samples, tasks = make_problem()
    nets = [train(make_net(tasks), samples) for _ in range(2)]
    first, second = map(batch_losses, nets)
    assert first == second


def test_activations_are_probabilities_and_values():
    samples, tasks = make_problem()
    net = train(make_net(tasks), samples)
    sign, value = map(torch.cat, zip(*activations(net, samples), strict=True))
    np.testing.assert_allclose(sign.sum(dim=1), 1)
    assert value.shape == (30, 1)
    raw = net.module_(torch.tensor(samples.X))[1].detach()
    task = tasks["value"]
    np.testing.assert_allclose(value, raw * task.scale_ + task.mean_)


def test_features_come_from_the_backbone():
    samples, tasks = make_problem()
    net = make_net(tasks)
    (found,) = features(net, samples)
    expected = net.module_.backbone(torch.tensor(samples.X)).detach()
    np.testing.assert_array_equal(found, expected)


class Raise(Callback):
    def __init__(self, error):
        self.error = error
        self.ended = False

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise self.error

    def on_train_end(self, net, **kwargs):
        self.ended = True


def test_stop_training_ends_it_normally():
    samples, tasks = make_problem()
    stop = Raise(StopTraining())
    net = train(make_net(tasks), samples, stop, epochs=9)
    assert len(net.history) == 2
    assert stop.ended


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_else_is_raised_goes_through(error):
    samples, tasks = make_problem()
    net, stop = make_net(tasks), Raise(error())
    with pytest.raises(error):
        train(net, samples, stop)
    assert not stop.ended
    assert not net.module_.training
    assert net.callbacks_ == []


def test_validation_rows_are_counted_apart():
    samples, tasks = make_problem()
    labels = samples.labels
    cut = type(labels)(
        tuple(v[:7] for v in labels.values), tuple(w[:7] for w in labels.weights)
    )
    valid = Samples(samples.X[:7], cut)
    net = train(make_net(tasks), samples, valid=valid, epochs=1)
    for training, prefix in ((True, "train"), (False, "valid")):
        assert net.tallies_[training].summary(prefix)[f"{prefix}_sign_loss"] > 0
    weights = [tally.losses[1, 0].item() for tally in net.tallies_.values()]
    assert weights == [30, 7]


def test_a_pickle_holds_the_weights_and_no_torch_object():
    samples, tasks = make_problem()
    net = train(make_net(tasks), samples)
    data = pickle.dumps(net)
    assert b"_rebuild_tensor" not in data
    loaded = pickle.loads(data)
    outputs = [activations(each, samples) for each in (net, loaded)]
    for one, other in zip(*outputs, strict=True):
        assert all(a.equal(b) for a, b in zip(one, other, strict=True))
    assert loaded.device == "cpu"
    assert loaded.lr == 0.1
    assert loaded.optimizer is torch.optim.SGD


def test_loading_leaves_torchs_generator_alone():
    samples, tasks = make_problem()
    data = pickle.dumps(train(make_net(tasks), samples))
    before = torch.get_rng_state()
    pickle.loads(data)
    assert torch.get_rng_state().equal(before)


def test_the_history_keeps_the_batches_of_the_last_epoch_only():
    samples, tasks = make_problem()
    net = train(make_net(tasks), samples)
    assert [len(epoch["batches"]) for epoch in net.history] == [0, 0, 3]
