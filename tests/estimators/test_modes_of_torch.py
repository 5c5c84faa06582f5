"""Estimators under autocast, no_grad and inference_mode of the user's."""

import pickle
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from mtlearn import load, save
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

MODES = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "set_grad_enabled": lambda: torch.set_grad_enabled(False),
}
around = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
kinds = pytest.mark.parametrize(
    ("make", "data"),
    [(image_estimator, make_images), (table_estimator, make_table)],
    ids=["images", "tables"],
)


def outputs_of(estimator, X):
    return [estimator.predict(X), *estimator.predict_proba(X), estimator.embed(X)]


def trained(make, data, mode):
    """Return an estimator after all kinds of training, and what it predicts."""
    X, y = data()
    params = {"device": "cpu", "precision": "float32", "early_stopping": True}
    estimator = make(warm_start=True, **params)
    with mode():
        estimator.fit(X, y, X_val=X, y_val=y)
        first = outputs_of(estimator, X)
        estimator.fit(X, y, X_val=X, y_val=y)
    estimator.partial_fit(X, y)  # outside of it
    with mode():
        return estimator, X, [*first, *outputs_of(estimator, X)]


@around
@kinds
def test_training_and_predictions_have_the_same_bits(make, data, mode):
    found, _, outputs = trained(make, data, mode)
    expected, _, others = trained(make, data, nullcontext)
    assert_same_bits(found, expected)
    for row, other in zip(found.history_, expected.history_, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    for one, other in zip(outputs, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")


@around
@pytest.mark.parametrize("by_pickle", [False, True])
def test_a_file_that_is_read_in_such_a_mode(tmp_path, by_pickle, mode):
    estimator, X, outputs = trained(image_estimator, make_images, nullcontext)
    path = tmp_path / "file.mtlearn"
    save(estimator, path)
    data = pickle.dumps(estimator)
    with mode():
        loaded = pickle.loads(data) if by_pickle else load(path)
    found = outputs_of(loaded, X)
    for one, other in zip(found, outputs[len(found) :], strict=True):
        np.testing.assert_array_equal(one, other)
    assert loaded.partial_fit(X, make_images()[1]).n_iter_ > estimator.n_iter_


@around
def test_rows_that_come_in_parts(mode):
    X, y = make_table()
    found, expected = (table_estimator(precision="float32") for _ in range(2))
    for around_it in (mode, nullcontext, mode):
        with around_it():
            found.partial_fit(X, y)
        expected.partial_fit(X, y)
    assert_same_bits(found, expected)
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


@around
def test_the_modes_come_back(mode):
    X, y = make_table()
    with mode():
        before = (
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
        )
        table_estimator(max_epochs=1).fit(X, y).predict(X)
        after = (
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
        )
    assert after == before
