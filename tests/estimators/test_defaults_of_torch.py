"""Torch's default type and device: a fit does not depend on them."""

import pickle

import pytest
import torch

from mtlearn import Partial, load, save
from mtlearn.augmentation import Augmentation, CutMix, MixUp
from mtlearn.networks import MLP
from mtlearn.training import lookahead_affinity, task_gradients
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    labelled_rows,
    make_images,
    make_table,
    table_estimator,
)

CHANGED = Augmentation(
    flip="horizontal", crop=1, translate=0.2, noise=0.1, blur=0.5, cutout=0.4
)

DRAWN = Augmentation(
    resized_crop=(0.3, 1.0),
    policy="randaugment",
    saturation=0.3,
    hue=0.1,
    greyscale=0.3,
)


def table(**params):
    return table_estimator(backbone=Partial(MLP, dropout=0.5), batch_size=10, **params)


MADE = {
    "table": lambda: table(early_stopping=True),
    "sampled": lambda: table(sampler="balanced", averaging="ema"),
    "images": lambda: image_estimator(averaging="swa"),
    "augmented": lambda: image_estimator(augmentation=CHANGED, mixing=CutMix()),
    "drawn": lambda: image_estimator(augmentation=DRAWN),
    "mixed": lambda: image_estimator(mixing=MixUp(probability=0.5)),
}


@pytest.fixture(params=MADE, ids=str)
def make(request):
    return MADE[request.param]


@pytest.fixture
def set_defaults():
    """Change torch's defaults until a test ends."""

    def changed(dtype=None, device=None):
        if dtype is not None:
            torch.set_default_dtype(dtype)
        torch.set_default_device(device)

    yield changed
    changed(torch.float32)


def rows_for(estimator):
    return make_images() if "Image" in type(estimator).__name__ else make_table()


def test_the_default_type_is_of_no_matter(make, set_defaults):
    X, y = rows_for(make())
    expected = make().fit(X, y)
    set_defaults(dtype=torch.float64)
    assert_same_bits(expected, make().fit(X, y))


# No numbers are on this device: what is made there by oversight fails.
def test_the_default_device_is_of_no_matter(make, set_defaults, tmp_path):
    X, y = rows_for(make())
    expected = make().fit(X, y)
    outputs = expected.predict(X)
    set_defaults(device="meta")
    found = make().fit(X, y)
    assert_same_bits(expected, found)
    save(found, tmp_path / "model")
    for each in (found, load(tmp_path / "model"), pickle.loads(pickle.dumps(found))):
        assert (each.predict(X) == outputs).all()
    rows = labelled_rows(found, X, y)
    assert task_gradients(found.net_, rows, 2).cosines().shape[1:] == (2, 2)
    assert lookahead_affinity(found.net_, rows, 0.1).shape == (2, 2)
