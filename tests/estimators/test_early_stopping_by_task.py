"""Each task has the network of its own best epoch."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    report,
    save,
)
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import LearningCurvesDisplay
from mtlearn.networks import CGC, MLP, BackboneOfEach, ResNet
from mtlearn.training import BestTaskWeights, Monitor
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)


def apart(make):
    """Return rows of which one column can be learned, and the other is noise."""
    X, y = make(80)
    y[:, 0] = np.random.default_rng(1).permutation(y[:, 0])
    return X[:40], y[:40], X[40:], y[40:]


TABLE, IMAGES = apart(make_table), apart(make_images)
STOPS = {"early_stopping": "task", "n_iter_no_change": 5, "max_epochs": 60}


def fitted(make, data, **params):
    X, y, X_val, y_val = data
    return make(**{**STOPS, **params}).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.fixture(scope="module")
def table():
    estimator = fitted(table_estimator, TABLE)
    assert len(set(estimator.best_epochs_.values())) == 2
    return estimator


def losses(estimator, name):
    return [row[f"valid_{name}_loss"] for row in estimator.history_]


def test_it_stops_when_no_task_gets_better(table):
    found = table.best_epochs_
    for name in ("kind", "size"):
        assert found[name] == 1 + np.argmin(losses(table, name))
    assert found["kind"] < found["size"] == table.best_epoch_
    assert table.n_iter_ == min(60, found["size"] + 5)


def same_for_each_task(estimator, make, data, **params):
    """Compare with fits of as many epochs that restore what is best for one task."""
    X_val = data[2]
    found = estimator.predict(X_val)
    for number, name in enumerate(("kind", "size")):
        other = fitted(
            make,
            data,
            **{
                "early_stopping": True,
                "monitor": f"{name}_loss",
                "n_iter_no_change": 100,
                "max_epochs": estimator.n_iter_,
            },
            **params,
        )
        assert other.best_epoch_ == estimator.best_epochs_[name]
        np.testing.assert_array_equal(other.predict(X_val)[:, number], found[:, number])
        probabilities = other.predict_proba(X_val)[number]
        np.testing.assert_array_equal(
            probabilities, estimator.predict_proba(X_val)[number]
        )


EXPERTS = Partial(CGC, hidden=(6,), n_shared=2)
AUTO = {"kind": Classification(3), "size": Regression(), "row": Reconstruction()}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"backbone": EXPERTS},
        {"averaging": "ema"},
        {"compile": {"backend": "eager"}},
    ],
    ids=["plain", "features of each", "ema", "compiled"],
)
def test_each_task_has_the_network_of_its_epoch(params):
    estimator = fitted(table_estimator, TABLE, **params)
    assert len(set(estimator.best_epochs_.values())) == 2
    assert isinstance(estimator.net_.module_.backbone, BackboneOfEach)
    same_for_each_task(estimator, table_estimator, TABLE, **params)


def test_images_with_batch_norms():
    params = {"max_epochs": 15, "lr": 0.1, "precision": "float32"}
    estimator = fitted(image_estimator, IMAGES, **params)
    assert len(set(estimator.best_epochs_.values())) == 2
    params.pop("max_epochs")
    same_for_each_task(estimator, image_estimator, IMAGES, **params)


def test_files_pickles_and_features(table, tmp_path):
    X_val = TABLE[2]
    save(table, tmp_path / "tasks.mtlearn")
    for other in (
        pickle.loads(pickle.dumps(table)),
        load(tmp_path / "tasks.mtlearn"),
    ):
        assert_same_bits(table, other)
        np.testing.assert_array_equal(other.predict(X_val), table.predict(X_val))
        assert other.best_epochs_ == table.best_epochs_
    one, other = (table.embed(X_val, name) for name in ("kind", "size"))
    assert not np.array_equal(one, other)
    with pytest.raises(InvalidParameterError, match="each has features of its own"):
        table.embed(X_val)


def test_curves_and_the_page_know_whose_epoch_it_is(table):
    X_val, y_val = TABLE[2:]
    display = LearningCurvesDisplay.from_estimator(table).plot()
    expected = {"all tasks": table.best_epoch_, **table.best_epochs_}
    for (task, _), ax in display.axes_.items():
        (best,) = [line for line in ax.get_lines() if len(line.get_xdata()) == 2]
        assert best.get_xdata()[0] == expected.get(task, table.best_epoch_)
    page = report(table, X_val, y_val, path=None, random_state=0).html
    low, high = sorted(table.best_epochs_.values())
    assert f"the weights are those of epoch {low} to {high}" in page
    row = table.history_[table.best_epochs_["kind"] - 1]
    assert f"<td>{row['valid_kind_accuracy']:.3f}</td>" in page


class Crash(Callback):
    armed = False

    def on_epoch_end(self, net, **kwargs):
        if Crash.armed and len(net.history) == 8:
            raise RuntimeError("crash")


def test_what_was_interrupted_ends_with_the_same_bits(table, tmp_path, monkeypatch):
    params = {"callbacks": [Crash()], "checkpoint_dir": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr(Crash, "armed", True)
        with pytest.raises(RuntimeError, match="crash"):
            fitted(table_estimator, TABLE, **params)
    assert list(tmp_path.iterdir())
    again = fitted(table_estimator, TABLE, **params)
    assert_same_bits(table, again)
    assert again.best_epochs_ == table.best_epochs_


def test_a_frozen_backbone_is_there_once():
    estimator = fitted(table_estimator, TABLE, freeze_backbone=True)
    assert len(set(estimator.best_epochs_.values())) == 2
    assert isinstance(estimator.net_.module_.backbone, MLP)
    same_for_each_task(estimator, table_estimator, TABLE, freeze_backbone=True)


def test_epochs_of_a_warm_start_count_on():
    params = {"freeze_backbone": True, "warm_start": True, "max_epochs": 7}
    estimator = fitted(table_estimator, TABLE, **params)
    X, y, X_val, y_val = TABLE
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    assert estimator.n_iter_ == 14
    for name in ("kind", "size"):
        assert estimator.best_epochs_[name] == 8 + np.argmin(
            losses(estimator, name)[7:]
        )


def test_one_epoch_that_is_the_best_of_all():
    estimator = fitted(table_estimator, TABLE, max_epochs=1)
    assert estimator.best_epochs_ == {"kind": 1, "size": 1}
    assert isinstance(estimator.net_.module_.backbone, MLP)
    estimator.partial_fit(*TABLE[:2])
    assert estimator.best_epochs_ == {"kind": 2, "size": 2}


def test_weights_that_are_not_restored():
    estimator = fitted(table_estimator, TABLE, restore_best=False)
    last = table_estimator(max_epochs=estimator.n_iter_).fit(*TABLE[:2])
    assert_same_bits(last, estimator)


def test_by_metrics():
    estimator = fitted(table_estimator, TABLE, monitor="score")
    for key, name in (("kind_accuracy", "kind"), ("size_r2", "size")):
        figures = [row[f"valid_{key}"] for row in estimator.history_]
        assert estimator.best_epochs_[name] == 1 + np.argmax(figures)


def test_by_how_much_it_must_be_better(table):
    estimator = fitted(table_estimator, TABLE, min_delta=0.2)
    best, epoch = np.inf, 0
    for number, loss in enumerate(losses(estimator, "size"), start=1):
        if loss < best - 0.2:
            best, epoch = loss, number
    assert estimator.best_epochs_["size"] == epoch < table.best_epochs_["size"]


def test_tasks_without_a_column_and_without_labels():
    X, y, X_val, y_val = TABLE
    y_val = y_val.copy()
    y_val[:, 0] = np.nan
    estimator = table_estimator(Tasks(**AUTO), **STOPS)
    told = "The tasks 'kind' have no finite figure of validation rows in any epoch"
    left_out = "No validation row has a label of 'kind'"
    with pytest.warns(match=told), pytest.warns(match=left_out):
        estimator.fit(X, y, X_val=X_val, y_val=y_val)
    found = estimator.best_epochs_
    assert found["kind"] == estimator.n_iter_ or found["kind"] == estimator.best_epoch_
    assert found["row"] == 1 + np.argmin(losses(estimator, "row"))
    last = table_estimator(Tasks(**AUTO), max_epochs=estimator.n_iter_).fit(X, y)
    np.testing.assert_array_equal(
        last.predict_proba(X)[0], estimator.predict_proba(X)[0]
    )
    assert estimator.reconstruct(X).shape == X.shape


def test_members_of_an_ensemble():
    X, y, X_val, y_val = TABLE
    ensemble = SeedEnsemble(table_estimator(**STOPS), n_members=2, random_state=0)
    ensemble.fit(X, y, X_val=X_val, y_val=y_val)
    sizes = [each.predict(X_val)[:, 1] for each in ensemble.estimators_]
    np.testing.assert_allclose(ensemble.predict(X_val)[:, 1], np.mean(sizes, axis=0))


def test_more_training_is_refused(table):
    X, y, X_val, y_val = TABLE
    copy = pickle.loads(pickle.dumps(table))
    with pytest.raises(InvalidParameterError, match="a backbone for each of several"):
        copy.partial_fit(X, y)
    copy.set_params(warm_start=True)
    with pytest.raises(InvalidParameterError, match="Set warm_start=False and call"):
        copy.fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(copy.predict(X_val), table.predict(X_val))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"monitor": "size_loss"}, "'loss' or 'score' with early_.* Got 'valid_size_l"),
        ({"monitor": "train_loss"}, "'loss' or 'score' with early_.* Got 'train_loss'"),
        ({"averaging": "swa"}, "'averaging' parameter of MultiTaskEstimator is SWA"),
    ],
)
def test_what_does_not_go_with_it(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        fitted(table_estimator, TABLE, **params)


def test_backbones_are_compared_number_by_number():
    """Two tasks of one epoch share a backbone, also where it is not the first."""
    parts = [MLP(3, hidden=(4,)) for _ in range(2)]
    network = BackboneOfEach.of(parts, (1, 0, 1))
    x = torch.rand(5, 3)
    found = network(x)
    for features, number in zip(found, (1, 0, 1), strict=True):
        torch.testing.assert_close(features, parts[number](x))
    params, given = {"widths": (4,), "n_blocks": 1}, {"in_channels": 2}
    made = BackboneOfEach(ResNet, params, (0, 1), **given, image_size=(8, 8))
    assert made.parts[0].stem[0].in_channels == 2
    assert made.shared_parameters() == []


def test_patience_is_that_of_the_last_task():
    monitors = {
        name: Monitor(f"{name}_loss", ("valid",), tasks=(name,)) for name in "ab"
    }
    callback = BestTaskWeights(False, 2, monitors)
    net = type("Net", (), {"history": {}})()
    callback.on_train_begin(net)
    stalled = []
    for one, other in [(3, 9), (4, 8), (5, np.nan), (2, 8), (3, 8), (2, 9)]:
        net.history = {(-1, "valid_a_loss"): one, (-1, "valid_b_loss"): other}
        callback.on_epoch_end(net)
        stalled.append(callback.stalled_)
    assert stalled == [False, False, False, False, False, True]
    assert callback.best_epochs_ == {"a": 4, "b": 2}
    assert callback.best_epoch_ == 4
    assert not callback.weights_  # which nobody asked for
