"""The weights of the best epoch, on a net that only pretends."""

import pytest
import torch
from pretended_nets import pretend

from mtlearn.training import BestWeights, Monitor


def run_epochs(callback, net, losses):
    """Pretend epochs with these validation losses; stop as the callback says."""
    callback.on_train_begin(net)
    for epoch, loss in enumerate(losses):
        net.history.append({"valid_loss": loss})
        with torch.no_grad():
            net.module_.weight.fill_(epoch + 1)
        callback.on_epoch_end(net)
        if callback.stalled_:
            break
    callback.on_train_end(net)
    return len(net.history)


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best"),
    [
        ([3, 2, 1, 0], 2, 4, 4),
        ([3, 1, 2, 2, 0], 2, 4, 2),
        ([3, 1, 2, 0.5, 2, 2, 2], 2, 6, 4),
        ([1, 1, 1, 1], 3, 4, 1),
        ([3, 1, 2, 2, 2, 2, 2], None, 7, 2),
        ([float("nan"), 1.0, 2.0], 5, 3, 2),
        ([float("nan"), 3.0, float("nan"), 2.0], 2, 4, 4),
    ],
)
def test_best_weights(losses, patience, epochs, best):
    net = pretend()
    callback = BestWeights(restore=True, patience=patience)
    assert run_epochs(callback, net, losses) == epochs
    assert callback.best_epoch_ == best
    assert net.module_.weight.item() == best


def test_best_weights_of_a_figure_that_rises():
    net = pretend()
    monitor = Monitor("loss", ("valid",), greater_is_better=True, min_delta=0.5)
    callback = BestWeights(restore=True, patience=3, monitor=monitor)
    assert run_epochs(callback, net, [1, 1.2, 2, 2.4, float("nan"), 2.5, 9]) == 6
    assert callback.best_epoch_ == net.module_.weight.item() == 3


def test_a_figure_that_lags_is_of_the_epoch_before():
    net = pretend()
    callback = BestWeights(restore=True, lags=True)
    run_epochs(callback, net, [3, 4, 2, 5])
    assert callback.best_epoch_ == net.module_.weight.item() == 2


def test_best_weights_may_stay_where_they_are():
    net = pretend()
    callback = BestWeights(restore=False, patience=2)
    run_epochs(callback, net, [3, 1, 2, 2])
    assert callback.best_epoch_ == 2
    assert net.module_.weight.item() == 4
