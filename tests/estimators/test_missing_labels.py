"""A missing label adds nothing, whatever marks it and whatever the kind."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.helper import SliceDict

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.networks import MLP
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

MISSING = np.random.default_rng(1).random((40, 2)) < 0.3


@pytest.mark.parametrize("columns", [[0], [1], [0, 1]], ids=str)
@pytest.mark.parametrize("batch_size", [7, 200])
def test_missing_equals_zero_weight(columns, batch_size):
    X, y = make_table()
    mask = np.zeros_like(MISSING)
    mask[:, columns] = MISSING[:, columns]
    estimator = table_estimator(batch_size=batch_size)
    missing = estimator.fit(X, np.where(mask, np.nan, y))
    zero = table_estimator(batch_size=batch_size).fit(X, y, (~mask).astype(float))
    assert_same_bits(missing, zero)
    assert missing.history_[-1]["train_loss"] == zero.history_[-1]["train_loss"]
    assert not same_bits(missing, table_estimator(batch_size=batch_size).fit(X, y))


def test_what_stands_at_a_missing_label_does_not_matter():
    X, y = make_table()
    weights = (~MISSING).astype(float)
    # Neither a class that is not declared nor a huge value is looked at.
    wild = np.where(MISSING, [99.0, 1e300], y)
    first = table_estimator().fit(X, y, weights)
    assert_same_bits(first, table_estimator().fit(X, wild, weights))


@pytest.mark.parametrize("column", [0, 1])
def test_missing_equals_dropped_rows_for_the_one_task(column):
    # The other task has no weight, so that dropping rows changes nothing for it.
    X, y = make_table()
    weights = [float(column == 0), float(column == 1)]
    holes = y.copy()
    rows = MISSING[:, column]
    holes[rows, column] = np.nan
    options = {"loss_weights": weights, "optimizer": "sgd"}
    missing = table_estimator(**options).fit(X, holes)
    dropped = table_estimator(**options).fit(X[~rows], y[~rows])
    name = "kind" if column == 0 else "size"
    for one, other in zip(missing.history_, dropped.history_, strict=True):
        assert one[f"train_{name}_loss"] == pytest.approx(other[f"train_{name}_loss"])
    found, expected = weights_of(missing), weights_of(dropped)
    # The other head stays as it began, which follows from its labels.
    start = f"heads.{1 - column}.0.bias"
    assert start in found
    for key in found.keys() - {start}:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-9, atol=1e-12)


def hand_computed_step(weights, X, y, lr, factors):
    """One step of plain gradient descent of a linear network with two heads."""
    params = {name: torch.tensor(value) for name, value in weights.items()}
    for value in params.values():
        value.requires_grad_()
    x = torch.tensor(X)
    logits = x @ params["heads.0.0.weight"].T + params["heads.0.0.bias"]
    output = (x @ params["heads.1.0.weight"].T + params["heads.1.0.bias"])[:, 0]
    there = ~np.isnan(y)
    kind = torch.tensor(y[there[:, 0], 0]).long()
    loss = factors[0] * torch.nn.functional.cross_entropy(logits[there[:, 0]], kind)
    labelled = y[there[:, 1], 1]
    size = torch.tensor((labelled - labelled.mean()) / labelled.std())
    loss = loss + factors[1] * ((output[there[:, 1]] - size) ** 2).mean()
    loss.backward()
    stepped = {name: (p - lr * p.grad).detach().numpy() for name, p in params.items()}
    return loss.item(), stepped


def test_one_step_by_hand():
    X, y = make_table()
    y[MISSING] = np.nan
    options = {
        "backbone": Partial(MLP, hidden=()),
        "optimizer": torch.optim.SGD,
        "loss_weights": [2.0, 0.5],
    }
    # A rate of next to nothing shows the initial weights.
    start = weights_of(table_estimator(lr=1e-300, max_epochs=1, **options).fit(X, y))
    loss, expected = hand_computed_step(start, X, y, 0.1, options["loss_weights"])
    estimator = table_estimator(lr=0.1, max_epochs=1, **options).fit(X, y)
    assert estimator.history_[0]["train_loss"] == pytest.approx(loss, rel=1e-12)
    for name, value in weights_of(estimator).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, err_msg=name)
        assert not np.array_equal(value, start[name])


@pytest.mark.parametrize("marker", [np.nan, None, pd.NA], ids=str)
@pytest.mark.parametrize("make", [table_estimator, image_estimator])
def test_markers(marker, make):
    X, y = make_table() if make is table_estimator else make_images()
    holes, objects = y.copy(), y.astype(object)
    holes[:5, 0] = holes[3:9, 1] = np.nan
    objects[:5, 0] = objects[3:9, 1] = marker
    assert_same_bits(make().fit(X, holes), make().fit(X, objects))


def test_missing_labels_in_frames_and_slice_dicts():
    X, y = make_table()
    y[MISSING] = np.nan
    frame = pd.DataFrame(y, columns=["kind", "size"])
    expected = table_estimator().fit(X, y)
    assert_same_bits(expected, table_estimator().fit(X, frame))
    frame = frame.astype({"kind": "Int64", "size": "Float64"})
    assert frame["kind"].isna().any()
    assert_same_bits(expected, table_estimator().fit(X, frame))
    columns = SliceDict(kind=y[:, 0], size=y[:, 1])
    assert_same_bits(expected, table_estimator().fit(X, columns))


def test_a_batch_without_a_label_of_a_task():
    X, y = make_table()
    y[1:, 0] = np.nan  # one label in the whole training set
    tasks = Tasks(kind=Classification(3), size=Regression())
    estimator = table_estimator(tasks, batch_size=5).fit(X, y)
    assert all(np.isfinite(value).all() for value in weights_of(estimator).values())
    assert np.isfinite([row["train_loss"] for row in estimator.history_]).all()


def test_target_scale_is_that_of_the_labels_there_are():
    X, y = make_table()
    y[MISSING] = np.nan
    task = table_estimator().fit(X, y).tasks_["size"]
    assert task.mean_ == pytest.approx(np.nanmean(y[:, 1]))
    assert task.scale_ == pytest.approx(np.nanstd(y[:, 1]))


def test_predictions_have_no_holes():
    X, y = make_table()
    y[MISSING] = np.nan
    estimator = table_estimator().fit(X, y)
    assert np.isfinite(estimator.predict(X)).all()
    assert np.isfinite(estimator.score(X, y))


def test_validation_labels_may_be_missing():
    X, y = make_table()
    holes = y.copy()
    holes[:, 1] = np.nan
    with pytest.warns(UserWarning, match="No validation row has a label of 'size'"):
        estimator = table_estimator().fit(X, y, X_val=X, y_val=holes)
    row = estimator.history_[0]
    assert row["valid_loss"] == pytest.approx(row["valid_kind_loss"])
    assert np.isnan(row["valid_size_loss"])
