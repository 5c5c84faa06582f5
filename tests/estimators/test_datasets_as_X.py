"""A dataset trains, predicts and scores as an array of the same values does."""

import numpy as np
import pytest
import torch
from skorch.helper import SliceDataset
from torch.utils.data import TensorDataset

from mtlearn import Classification, Regression, Tasks
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.exceptions import InvalidDataError
from tiny_datasets import Items, ListedItems, Pairs, Stream
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

IMAGES = make_images()
TABLE = make_table()
MAKERS = {"images": (image_estimator, *IMAGES), "table": (table_estimator, *TABLE)}

DATASETS = {
    "pairs": Pairs,
    "rows": lambda X, y: Items(X),
    "no torch class": lambda X, y: ListedItems(list(zip(X, y, strict=True))),
    "tensors": lambda X, y: TensorDataset(torch.from_numpy(X), torch.from_numpy(y)),
    "skorch's": lambda X, y: SliceDataset(Pairs(X, y)),
}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
@pytest.mark.parametrize(("make", "X", "y"), MAKERS.values(), ids=MAKERS)
def test_the_same_bits(make, X, y, dataset):
    expected, items = make().fit(X, y), dataset(X, y)
    estimator = make().fit(items, y)
    assert_same_bits(expected, estimator)
    assert estimator.n_features_in_ == expected.n_features_in_
    for method in ("predict", "embed"):
        found = getattr(estimator, method)(items)
        np.testing.assert_array_equal(found, getattr(expected, method)(X))
    for found, array in zip(
        estimator.predict_proba(items), expected.predict_proba(X), strict=True
    ):
        np.testing.assert_array_equal(found, array)
    assert estimator.score(items, y) == expected.score(X, y)
    for name, column in (("kind", 0), ("size", 1)):
        view, labels = expected.task(name), y[:, column]
        np.testing.assert_array_equal(view.predict(items), view.predict(X))
        assert view.score(items, labels) == view.score(X, labels)


OPTIONS = {
    "validation": {"early_stopping": True, "validation_fraction": 0.25},
    "sampler": {"sampler": "balanced"},
    "average": {"averaging": "swa", "max_epochs": 3},
    "plateau": {"lr_schedule": "plateau", "n_threads": 1},
    "float32": {"precision": "float32"},
}
OF_IMAGES = {
    "augmentation": {"augmentation": Augmentation(flip="horizontal", noise=0.1)},
    "mixing": {"mixing": MixUp(1.0)},
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [(kind, each) for kind in MAKERS for each in OPTIONS.values()]
    + [("images", each) for each in OF_IMAGES.values()],
    ids=str,
)
def test_the_same_bits_whatever_the_training(kind, options):
    make, X, y = MAKERS[kind]
    weights = np.random.default_rng(1).uniform(0.1, 2, y.shape)
    expected = make(**options).fit(X, y, weights)
    assert_same_bits(expected, make(**options).fit(Pairs(X, y), None, weights))
    assert_same_bits(expected, make(**options).fit(Items(X), y, weights))


@pytest.mark.parametrize(("make", "X", "y"), MAKERS.values(), ids=MAKERS)
def test_labels_of_the_items(make, X, y):
    expected, pairs = make().fit(X, y), Pairs(X, y)
    estimator = make().fit(pairs)
    assert_same_bits(expected, estimator)
    assert estimator.score(pairs) == expected.score(X, y)
    assert estimator.predict(pairs).dtype == expected.predict(X).dtype
    # Labels that are passed go before those of the items.
    assert_same_bits(expected, make().fit(Pairs(X, y[::-1]), y))


def test_missing_and_named_labels_of_the_items():
    X, y = TABLE
    y = y.astype(object)
    y[::5, 0] = None
    named = [{"kind": kind, "size": size} for kind, size in y]
    tasks = Tasks(kind=Classification(3), size=Regression())
    expected = table_estimator(tasks).fit(X, y)
    assert_same_bits(expected, table_estimator(tasks).fit(Pairs(X, y)))
    estimator = table_estimator(tasks).fit(Pairs(X, named))
    assert_same_bits(expected, estimator)
    assert estimator.score(Pairs(X, named)) == expected.score(X, y)


@pytest.mark.parametrize("kinds", [None, Classification(), Regression()], ids=str)
def test_one_column(kinds):
    X, y = TABLE[0], TABLE[1][:, 0].astype(int)
    params = {"max_epochs": 2, "random_state": 0}
    expected = table_estimator().set_params(tasks=kinds, **params).fit(X, y)
    estimator = table_estimator().set_params(tasks=kinds, **params).fit(Pairs(X, y))
    assert_same_bits(expected, estimator)
    np.testing.assert_array_equal(estimator.predict(Items(X)), expected.predict(X))


@pytest.mark.parametrize(("make", "X", "y"), MAKERS.values(), ids=MAKERS)
def test_validation_rows(make, X, y):
    train, held_out = slice(6, None), slice(6)
    expected = make().fit(X[train], y[train], X_val=X[held_out], y_val=y[held_out])
    pairs = Pairs(X[held_out], y[held_out])
    for X_val, y_val in ((pairs, None), (pairs, y[held_out])):
        estimator = make().fit(X[train], y[train], X_val=X_val, y_val=y_val)
        assert_same_bits(expected, estimator)
        assert (
            estimator.history_[-1]["valid_loss"]
            == (expected.history_[-1]["valid_loss"])
        )
    both = make().fit(Pairs(X[train], y[train]), X_val=pairs)
    assert_same_bits(expected, both)
    with pytest.raises(
        InvalidDataError, match=r"Item 0 .* no label, .*y_val for X_val"
    ):
        make().fit(X[train], y[train], X_val=Items(X[held_out]))


@pytest.mark.parametrize(("make", "X", "y"), MAKERS.values(), ids=MAKERS)
def test_partial_fit_and_going_on(make, X, y):
    expected, estimator = make(), make()
    for rows in (slice(0, 12), slice(12, 24)):
        expected.partial_fit(X[rows], y[rows])
        estimator.partial_fit(Pairs(X[rows], y[rows]))
    assert_same_bits(expected, estimator)
    for each, data in ((expected, (X, y)), (estimator, (Pairs(X, y),))):
        each.set_params(warm_start=True).fit(*data)
    assert_same_bits(expected, estimator)


def test_checkpoints(tmp_path):
    X, y = IMAGES
    expected = image_estimator().fit(X, y)
    pairs = Pairs(X, y)
    estimator = image_estimator(checkpoint_dir=tmp_path).fit(pairs)
    assert_same_bits(expected, estimator)
    # The shape, the labels, whether the rows are those of before, two epochs, and the
    # statistics of the batch norms.
    assert len(pairs.read) == 1 + (1 + 1 + 2 + 1) * len(X) + 1


@pytest.mark.parametrize(("make", "X", "y"), MAKERS.values(), ids=MAKERS)
def test_what_is_read(make, X, y):
    n_rows, epochs = len(X), 3
    items = Items(X)
    estimator = make(max_epochs=epochs).fit(items, y)
    # The first item tells the shape; then each epoch reads each item once, as do the
    # statistics of batch norms in the end.
    passes = epochs + (make is image_estimator)
    assert len(items.read) == 1 + passes * n_rows
    assert np.bincount(items.read[1:]).tolist() == [passes] * n_rows
    items.read.clear()
    estimator.predict(items)
    assert items.read == [0, *range(n_rows)]
    pairs = Pairs(X, y)
    make(max_epochs=epochs).fit(pairs)  # labels take one pass more
    assert len(pairs.read) == 1 + (1 + passes) * n_rows


def test_labels_without_a_dataset_are_still_required():
    for make, X, _ in MAKERS.values():
        for method in ("fit", "partial_fit"):
            with pytest.raises(InvalidDataError, match="requires y to be passed, but"):
                getattr(make(), method)(X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "embed", "score"])
def test_what_is_refused(method):
    X, y = IMAGES
    estimator = image_estimator().fit(X, y)
    call = getattr(estimator, method)
    with pytest.raises(ValueError, match=r"shape .* = \(6, 5, 1\), but .* \(6, 6, 1\)"):
        call(Pairs(X[:, :, 1:], y))
    with pytest.raises(TypeError, match="map-style dataset"):
        call(Stream(X))
    with pytest.raises(ValueError, match=r"item 7 has \(1, 6, 1\)"):
        call(Pairs([*X[:7], X[7][:1], *X[8:]], y))
    if method == "score":
        with pytest.raises(ValueError, match="Item 0 of the dataset has no label"):
            call(Items(X))


def test_tables_are_compared_with_the_fit():
    X, y = TABLE
    estimator = table_estimator().fit(Pairs(X, y))
    with pytest.raises(ValueError, match="X has 3 features, but MultiTaskEstimator is"):
        estimator.predict(Items(X[:, :3]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        table_estimator().fit(Items(X), y[:-1])
