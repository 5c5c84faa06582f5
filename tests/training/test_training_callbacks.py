"""What happens around epochs, on a net that only pretends."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn.training import BestWeights, EpochEnd, EpochHistory, Monitor
from mtlearn.training._callbacks import format_row
from mtlearn.training._loop import StopTraining


class History(list):
    """As much of skorch's history as the callbacks use."""

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return super().__getitem__(index[0])[index[1]]
        return super().__getitem__(index)

    def record(self, key, value):
        self[-1][key] = value


def pretend(valid=True, **figures):
    net = SimpleNamespace(
        history=History(),
        module_=nn.Linear(1, 1),
        criterion_=nn.Module(),
        tasks=SimpleNamespace(names=("a", "b")),
        optimizer_=SimpleNamespace(param_groups=[{"lr": 0.5}]),
    )
    empty = SimpleNamespace(summary=lambda prefix: {})
    train = {"train_loss": 1.0, "train_a_loss": 1.0, "train_b_loss": 2.0, **figures}
    net.tallies_ = {True: SimpleNamespace(summary=lambda prefix: train), False: empty}
    return net


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


def test_history_rows():
    rows = [{"epoch": 1}]
    callback, net = EpochHistory(rows), pretend()
    net.history.append({})
    callback.on_epoch_begin(net)
    callback.on_epoch_end(net)
    seconds = rows[1].pop("seconds")
    assert seconds >= 0
    assert rows[1] == {
        "epoch": 2,
        "train_loss": 1.0,
        "train_a_loss": 1.0,
        "train_b_loss": 2.0,
        "lr": 0.5,
    }
    # skorch's callbacks read the net's own history.
    assert net.history[-1, "train_b_loss"] == 2.0


def test_the_history_has_what_was_recorded_before():
    rows = []
    callback, net = EpochHistory(rows), pretend()
    net.history.append({"epoch": 1, "batches": [], "train_batch_count": 2})
    callback.on_epoch_begin(net)
    net.history.record("valid_a_f1", np.float64(0.5))
    net.history.record("valid_best", True)
    callback.on_epoch_end(net)
    assert list(rows[0])[-3:] == ["valid_a_f1", "lr", "seconds"]
    assert rows[0]["valid_a_f1"] == 0.5
    assert type(rows[0]["valid_a_f1"]) is float
    assert not {"batches", "train_batch_count", "valid_best"} & set(rows[0])
    assert net.row_ is rows[0]


def test_epoch_end_stops_where_it_is_told():
    calls = []
    answers = iter([False, True])
    callback = EpochEnd(lambda: calls.append("begin"), lambda: next(answers), [])
    callback.on_epoch_begin(None)
    callback.on_epoch_end(None)
    callback.on_epoch_begin(None)
    with pytest.raises(StopTraining):
        callback.on_epoch_end(None)
    assert calls == ["begin", "begin"]


def test_a_line_of_the_history():
    row = {
        "epoch": 3,
        "train_loss": 1.5,
        "valid_loss": 2.5,
        "train_a_loss": 0.25,
        "valid_a_loss": 0.5,
        "lr": 0.001,
        "seconds": 1.26,
    }
    expected = "epoch 3: loss 1.5000/2.5000 (a 0.2500/0.5000), lr 1.00e-03, 1.3 s"
    assert format_row(row, ("a",)) == expected
