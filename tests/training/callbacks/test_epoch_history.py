"""Rows of the history, on a net that only pretends."""

import numpy as np
from pretended_nets import pretend

from mtlearn.training import EpochHistory


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
