"""Precisions of a fit: what is short, what stays long, and what a file remembers."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn import Partial, Regression
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.networks import MLP, ResNet
from mtlearn.training._precision import has_bfloat16
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)

SHORT = {"amx_bf16": True, "amx_fp16": True}
HAS_BFLOAT16 = has_bfloat16(torch.device("cpu"))


@pytest.fixture
def pretend(monkeypatch):
    """Let the processor have what is given, and nothing else."""

    def pretend(found):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)

    return pretend


def table(**params):
    """Return a table estimator with batch norm, and its data."""
    backbone = Partial(MLP, hidden=(8, 6), batch_norm=True)
    params = {"backbone": backbone, "batch_size": 10, "device": "cpu", **params}
    return table_estimator(**params), *make_table()


def images(**params):
    """Return an image estimator without dropout, and its data."""
    backbone = Partial(ResNet, widths=(4, 6), n_blocks=1, n_features=6, dropout=0.0)
    params = {"backbone": backbone, "device": "cpu", **params}
    return image_estimator(**params), *make_images(n_channels=3)


both = pytest.mark.parametrize("make", [table, images])


def losses_of(estimator):
    keys = ("train_loss", "train_kind_loss", "train_size_loss")
    return np.array([[row[key] for key in keys] for row in estimator.history_])


def outputs_of(estimator, X):
    return [*estimator.predict_proba(X), estimator.embed(X)]


@pytest.mark.parametrize(
    ("found", "make", "expected"),
    [
        ({}, images, "float32"),
        (SHORT, images, "bfloat16"),
        ({"avx512_bf16": True}, images, "bfloat16"),
        ({}, table, "float64"),
        (SHORT, table, "float64"),
    ],
)
def test_the_precision_by_default(pretend, found, make, expected):
    pretend(found)
    estimator, X, y = make(max_epochs=1)
    assert estimator.precision == "auto"
    assert estimator.fit(X, y).precision_ == expected
    assert estimator.precision == "auto"


@pytest.mark.parametrize("name", ["bfloat16", "float32", "float64"])
@both
def test_a_precision_by_name(pretend, make, name):
    pretend({})
    estimator, X, y = make(precision=name)
    estimator.fit(X, y)
    assert estimator.precision_ == estimator.net_.precision.name == name
    weights = np.float64 if name == "float64" else np.float32
    kinds = {value.dtype for value in weights_of(estimator).values()}
    assert kinds == {np.dtype(weights), np.dtype(np.int64)}  # counts of batches
    assert estimator.embed(X).dtype == weights
    assert estimator.predict(X).dtype.kind == "f"
    for output in estimator.predict_proba(X):
        assert output.dtype.kind == "f"
        assert np.isfinite(output).all()


class Look(Callback):
    """Keeps the last module of each kind with what came out of it."""

    def __init__(self):
        self.seen = {}

    def on_train_begin(self, net, **kwargs):
        for part in net.module_.modules():
            part.register_forward_hook(self.see)

    def see(self, part, args, output):
        self.seen[type(part)] = part, output


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (table, {nn.Linear, nn.BatchNorm1d}),
        (images, {nn.Linear, nn.BatchNorm1d, nn.Conv2d, nn.BatchNorm2d}),
    ],
)
def test_layers_compute_in_bfloat16(make, kinds):
    look = Look()
    estimator, X, y = make(precision="bfloat16", callbacks=[look], max_epochs=1)
    estimator.fit(X, y)
    for kind in kinds:
        part, output = look.seen[kind]
        assert output.dtype == torch.bfloat16
        assert {value.dtype for value in part.parameters()} == {torch.float32}


@both
def test_losses_are_near_those_of_float32(make):
    losses = {}
    for name in ("bfloat16", "float32"):
        estimator, X, y = make(precision=name, max_epochs=4)
        losses[name] = losses_of(estimator.fit(X, y))
    assert np.isfinite(losses["bfloat16"]).all()
    assert not np.array_equal(losses["bfloat16"], losses["float32"])
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.1)
    assert losses["bfloat16"][-1, 0] < losses["bfloat16"][0, 0]


@both
def test_predictions_are_near_those_of_float32(make):
    estimator, X, y = make(precision="bfloat16")
    estimator.fit(X, y)
    found = outputs_of(estimator, X)
    network = estimator.net_.module_
    # Images are rows of height, width, channel; the network has channels first.
    x = torch.from_numpy(np.moveaxis(X, -1, 1) if X.ndim == 4 else X).float()
    with torch.no_grad():
        features, outputs = network.features(x), network(x)
    tasks = zip(estimator.tasks_, outputs, strict=True)
    expected = [*(task.activate(output) for task, output in tasks), features]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.numpy().dtype
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.05)
    assert not np.array_equal(found[-1], expected[-1])


def test_validation_is_in_the_same_precision():
    estimator, X, y = table(precision="bfloat16", early_stopping=True)
    estimator.fit(X, y, X_val=X, y_val=y)
    valid = np.array([row["valid_loss"] for row in estimator.history_])
    assert np.isfinite(valid).all()
    assert 1 <= estimator.best_epoch_ <= 4
    score = estimator.score(X, y)
    best = estimator.history_[estimator.best_epoch_ - 1]["valid_score"]
    assert score == pytest.approx(best, abs=0.05)


@both
def test_the_same_seed_gives_the_same_bits(make):
    first, X, y = make(precision="bfloat16")
    second, _, _ = make(precision="bfloat16")
    assert_same_bits(first.fit(X, y), second.fit(X, y))
    for one, other in zip(outputs_of(first, X), outputs_of(second, X), strict=True):
        np.testing.assert_array_equal(one, other)
    assert losses_of(first).tolist() == losses_of(second).tolist()


# Elsewhere it is emulated, in an order of sums that is not known.
@pytest.mark.skipif(not HAS_BFLOAT16, reason="the processor has no bfloat16")
@pytest.mark.parametrize("n_rows", [1, 7])
@both
def test_rows_are_predicted_alike_alone_and_among_all(make, n_rows):
    estimator, X, y = make(precision="bfloat16")
    expected = outputs_of(estimator.fit(X, y), X)
    for start in range(0, len(X) - n_rows, n_rows):
        rows = slice(start, start + n_rows)
        *outputs, shared = outputs_of(estimator, X[rows])
        np.testing.assert_array_equal(shared, expected[-1][rows])
        for one, all_ in zip(outputs, expected[:-1], strict=True):
            # The last layer is of float32, whose sums are in an order of their own.
            np.testing.assert_allclose(one, all_[rows], rtol=1e-6)


def test_predictions_are_not_rounded_to_bfloat16():
    X = np.random.default_rng(0).normal(size=(1000, 4, 4, 1))
    y = X.mean(axis=(1, 2, 3)) * 100
    distinct = {}
    for name in ("bfloat16", "float32"):
        estimator, *_ = images(tasks=Regression(), precision=name, max_epochs=1)
        estimator.fit(X, y)
        distinct[name] = len(np.unique(estimator.predict(X)))
    # Eight bits have at most 256 values between two powers of two.
    assert distinct["float32"] > 990
    assert distinct["bfloat16"] > 0.95 * distinct["float32"]


@both
def test_a_file_keeps_predictions(pretend, make):
    pretend(SHORT)
    estimator, X, y = make(precision="bfloat16")
    expected = outputs_of(estimator.fit(X, y), X)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert loaded.precision_ == loaded.net_.precision.name == "bfloat16"
    assert_same_bits(loaded, estimator)
    for one, other in zip(outputs_of(loaded, X), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@both
def test_a_file_is_loaded_where_there_is_no_bfloat16(pretend, make):
    pretend(SHORT)
    estimator, X, y = make(precision="bfloat16")
    expected = outputs_of(estimator.fit(X, y), X)
    data = pickle.dumps(estimator)
    pretend({})
    loaded = pickle.loads(data)
    assert loaded.net_.precision.name == "float32"
    assert_same_bits(loaded, estimator)
    found = outputs_of(loaded, X)
    assert not np.array_equal(found[-1], expected[-1])
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.05)
    # Training goes on in the precision that was asked for.
    assert loaded.partial_fit(X, y).precision_ == "bfloat16"


CHANGES = [
    ("float32", "bfloat16"),
    ("bfloat16", "float32"),
    ("bfloat16", "float64"),
    ("float64", "bfloat16"),
]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_going_on_in_another_precision(before, after, way, optimizer):
    estimator, X, y = table(precision=before, warm_start=True, optimizer=optimizer)
    estimator.fit(X, y)
    outputs_of(estimator, X)
    getattr(estimator.set_params(precision=after), way)(X, y)
    assert estimator.precision_ == estimator.net_.precision.name == after
    losses = losses_of(estimator)
    assert np.isfinite(losses).all()
    assert losses[-1, 0] < losses[0, 0]
    exact = np.float64 if after == "float64" else np.float32
    assert estimator.embed(X).dtype == exact
    assert {value.dtype for value in weights_of(estimator).values()} == {
        np.dtype(exact),
        np.dtype(np.int64),
    }


def test_images_go_on_in_another_precision():
    estimator, X, y = images(precision="float32", warm_start=True)
    estimator.fit(X, y)
    before = outputs_of(estimator, X)
    estimator.set_params(precision="bfloat16", lr=1e-12)
    estimator.fit(X, y)
    assert estimator.precision_ == "bfloat16"
    # The weights are those before, but batch norm counts on.
    for one, other in zip(outputs_of(estimator, X), before, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.3, atol=0.3)


def test_a_state_of_the_optimizer_outlives_a_shorter_type():
    estimator, X, y = table(precision="float32")
    estimator.partial_fit(X, y).set_params(precision="bfloat16").partial_fit(X, y)
    states = estimator.net_.optimizer_.state.values()
    assert {float(state["step"]) for state in states} == {8.0}
    assert {state["exp_avg"].dtype for state in states} == {torch.float32}


def fail_to_go_on(before, after):
    """Return an estimator whose change of precision failed, X and its predictions."""
    estimator, X, y = table(precision=before)
    expected = estimator.fit(X, y).predict(X)
    estimator.set_params(precision=after)
    with pytest.raises(InvalidDataError, match=r"label 17\.0 for task 'kind'"):
        estimator.partial_fit(X, np.where(y == y[0], 17.0, y))
    return estimator, X, expected


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_predictions_after_a_change_that_failed(before, after):
    estimator, X, expected = fail_to_go_on(before, after)
    np.testing.assert_allclose(estimator.predict(X), expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_the_precision_after_a_change_that_failed(before, after):
    estimator, *_ = fail_to_go_on(before, after)
    assert estimator.precision_ == estimator.net_.precision.name


def test_a_callback_may_predict_between_batches():
    modes = []

    class Predict(Callback):
        def on_batch_end(self, net, training, **kwargs):
            modes.append(net.module_.training)
            net.predict_proba(X[:3])

    estimator, X, y = table(callbacks=[Predict()], max_epochs=2)
    estimator.fit(X, y)
    assert modes == [True] * 8


def test_float16_where_the_processor_has_it(pretend):
    pretend(SHORT)
    estimator, X, y = table(precision="float16", max_epochs=8)
    estimator.fit(X, y)
    assert estimator.precision_ == "float16"
    assert estimator.net_.scaler_.is_enabled()
    losses = losses_of(estimator)
    assert np.isfinite(losses).all()
    assert losses[-1, 0] < losses[0, 0]
    expected = outputs_of(estimator, X)
    data = pickle.dumps(estimator)
    for one, other in zip(outputs_of(pickle.loads(data), X), expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    pretend({})
    loaded = pickle.loads(data)
    assert loaded.net_.precision.name == "float32"
    np.testing.assert_allclose(loaded.predict(X), estimator.predict(X), rtol=0.02)
    loaded.set_params(precision="auto").partial_fit(X, y)
    assert loaded.precision_ == "float64"


@both
def test_float16_where_the_processor_has_none(pretend, make):
    pretend({"amx_bf16": True})
    estimator, X, y = make(precision="float16")
    message = r"'precision' parameter of \w+ is 'float16', which the device 'cpu' does"
    for method in (estimator.fit, estimator.partial_fit):
        with pytest.raises(InvalidParameterError, match=message):
            method(X, y)
    assert not hasattr(estimator, "precision_")
