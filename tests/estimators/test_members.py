"""Networks of members in estimators: kept, gone on with, and with each technique."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import r2_score
from skorch.callbacks import Callback

from mtlearn import Classification, Partial, Regression, Tasks, load, save
from mtlearn.networks import BackboneOfEach, TabM
from mtlearn.training import EMA, TaskMetric
from tiny_problems import assert_same_bits, make_table, table_estimator

X, Y = make_table(48)
Y[::7, 0] = np.nan
Y[3::5, 1] = np.nan


def estimator(**params):
    backbone = Partial(TabM, n_members=3, hidden=(4,), n_bins=3, width=2)
    return table_estimator(**{"backbone": backbone, "batch_size": 16, **params})


@pytest.fixture(scope="module")
def fitted():
    return estimator().fit(X, Y)


def test_files_and_pickles_predict_the_same(fitted, tmp_path):
    save(fitted, tmp_path / "tabm.mtlearn")
    for again in (load(tmp_path / "tabm.mtlearn"), pickle.loads(pickle.dumps(fitted))):
        assert_same_bits(again, fitted)
        assert_array_equal(again.predict(X), fitted.predict(X))
        assert_array_equal(again.embed(X), fitted.embed(X))
        assert again.net_.module_.n_members == 3


def test_the_name_is_that_of_the_class(tmp_path):
    named = estimator(backbone="tabm", max_epochs=1, precision="float32").fit(X, Y)
    assert named.net_.module_.n_members == 32
    save(named, tmp_path / "tabm.mtlearn")
    again = load(tmp_path / "tabm.mtlearn")
    assert_array_equal(again.predict(X), named.predict(X))


def test_a_clone_has_the_same_bits(fitted):
    assert_same_bits(clone(fitted).fit(X, Y), fitted)


class Crash(Callback):
    armed = False

    def on_epoch_end(self, net, **kwargs):
        if Crash.armed and len(net.history) == 3:
            raise RuntimeError("crash")


def test_an_interrupted_fit_ends_with_the_same_bits(tmp_path, monkeypatch):
    params = {"callbacks": [Crash()], "averaging": EMA(), "early_stopping": True}
    expected = estimator(**params).fit(X, Y)
    interrupted = estimator(checkpoint_dir=tmp_path, **params)
    monkeypatch.setattr(Crash, "armed", True)
    with pytest.raises(RuntimeError, match="crash"):
        interrupted.fit(X, Y)
    monkeypatch.setattr(Crash, "armed", False)
    assert_same_bits(interrupted.fit(X, Y), expected)
    assert interrupted.history_[0]["valid_loss"] == expected.history_[0]["valid_loss"]


def test_a_weight_of_two_is_a_row_twice_where_the_bins_are_the_same():
    params = {"batch_size": 500, "optimizer": "sgd"}
    params["backbone"] = Partial(
        TabM, n_members=3, hidden=(4,), n_bins=1, width=2, dropout=0.0
    )
    table, y = X[:20].copy(), Y[:20]
    # Of one bin the edges are the extremes, and these columns have a mean of zero.
    table = np.vstack([table, -table])
    y = np.vstack([y, y])
    weighted = estimator(**params).fit(table, y, sample_weight=np.full(40, 2.0))
    twice = estimator(**params).fit(np.vstack([table, table]), np.vstack([y, y]))
    assert_allclose(weighted.predict(X), twice.predict(X), rtol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {"aggregation": "upgrad"},
        {"aggregation": "pcgrad", "accumulate": 2},
        {"loss_weights": "gradnorm"},
        {"loss_weights": "famo", "accumulate": 2},
        {"mixing": "mixup"},
        {"mixing": "mixup", "accumulate": 2},
        {"sampler": "tasks"},
        {"freeze_epochs": 2},
        {"layer_decay": 0.5},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_with_what_changes_a_step(params):
    found = estimator(**params, max_epochs=8).fit(X, Y)
    assert len(found.predict(X)) == len(X)
    assert found.history_[-1]["train_loss"] < found.history_[0]["train_loss"]


def test_aggregated_gradients_of_one_sum_are_those_of_the_loss():
    plain = estimator(max_epochs=2, backbone=without_dropout()).fit(X, Y)
    summed = estimator(
        max_epochs=2, backbone=without_dropout(), aggregation=lambda g: torch.ones(2)
    )
    assert_allclose(summed.fit(X, Y).predict(X), plain.predict(X), rtol=1e-6)


def test_pieces_of_a_batch_are_the_batch():
    whole = estimator(max_epochs=2, backbone=without_dropout()).fit(X, Y)
    pieces = estimator(
        max_epochs=2, backbone=without_dropout(), batch_size=8, accumulate=2
    )
    assert_allclose(pieces.fit(X, Y).predict(X), whole.predict(X), rtol=1e-6)
    for one, other in zip(pieces.history_, whole.history_, strict=True):
        assert one["train_size_r2"] == pytest.approx(other["train_size_r2"])
        assert one["train_loss"] == pytest.approx(other["train_loss"])


def without_dropout():
    return Partial(TabM, n_members=3, hidden=(4,), n_bins=3, width=2, dropout=0.0)


def test_a_metric_of_training_sees_what_the_members_predict_together():
    metric = TaskMetric(r2_score, "size", name="twin", on="train")
    found = estimator(callbacks=[metric], max_epochs=2, backbone=without_dropout()).fit(
        X, Y
    )
    for epoch in found.history_:
        assert epoch["train_size_twin"] == pytest.approx(epoch["train_size_r2"])


def test_epochs_of_each_task_have_members(tmp_path):
    tasks = Tasks(kind=Classification(3), size=Regression())
    found = estimator(
        tasks=tasks, early_stopping="task", max_epochs=12, lr=0.3, random_state=2
    ).fit(X, Y)
    backbone = found.net_.module_.backbone
    assert isinstance(backbone, BackboneOfEach)
    assert backbone.n_members == 3
    by_hand = [part(torch.from_numpy(X)) for part in backbone.eval().parts]
    expected = by_hand[backbone.which[1]].mean(dim=1).detach()
    assert_allclose(found.embed(X, task="size"), expected, rtol=1e-9)
    save(found, tmp_path / "each.mtlearn")
    assert_array_equal(load(tmp_path / "each.mtlearn").predict(X), found.predict(X))
    again = pickle.loads(pickle.dumps(found))
    assert_array_equal(again.predict(X), found.predict(X))
