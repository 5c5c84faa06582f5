"""Images whose channels seem to come first."""

import warnings

import numpy as np
import pytest
import torch

from mtlearn import Classification
from mtlearn.data import warn_channels_first
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from tiny_datasets import Items
from tiny_problems import image_estimator

TURNED = [
    (3, 32, 32),
    (3, 24, 32),
    (1, 24, 32),
    (2, 24, 32),
    (4, 48, 64),
    (3, 480, 640),
    (3, 5, 17),
    (1, 8, 8),
    (3, 5, 5),
]
AS_THEY_SHOULD_BE = [
    (3, 5, 16),
    (3, 5, 1),
    (5, 24, 32),
    (24, 32, 3),
    (32, 3, 32),
    (4, 4, 4),
    (3, 200, 3),
    (1, 200, 16),
    (1, 1, 512),
    (4, 4, 512),
    (7, 7, 512),
]


@pytest.mark.parametrize("shape", TURNED, ids=str)
def test_turned_images(shape):
    with pytest.warns(UserWarning, match=r"looks like channels first\. If so, pass n"):
        warn_channels_first(shape)


@pytest.mark.parametrize("shape", AS_THEY_SHOULD_BE, ids=str)
def test_images_as_they_should_be(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_channels_first(shape)


SHAPE = (3, 5, 18)
X = np.random.default_rng(0).random((4, *SHAPE), dtype=np.float32)
CONTAINERS = {
    "array": lambda X: X,
    "tensor": torch.tensor,
    "list": list,
    "dataset": Items,
}


@pytest.mark.parametrize("contain", CONTAINERS.values(), ids=CONTAINERS)
def test_every_container(contain):
    estimator = image_estimator(Classification(2), max_epochs=1)
    with pytest.warns(UserWarning, match=r"\(3, 5, 18\), which looks like .*movedim"):
        estimator.fit(contain(X), [0, 1, 0, 1])
    estimator.predict(contain(X))  # says nothing anew


@pytest.mark.parametrize(
    "transformer",
    [GlobalMaxScaler(), ImageStandardScaler(), ImageReshaper(), ImageReshaper(SHAPE)],
    ids=repr,
)
def test_transformers(transformer):
    plain = "image_shape" not in transformer.get_params()
    with pytest.warns(UserWarning, match=r"\(3, 5, 18\), which looks like channels fi"):
        transformer.fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer.transform(X)
        transformer.set_params(**({} if plain else {"image_shape": (3, 5, 9)}))
        transformer.fit(X[..., :9])


@pytest.mark.parametrize("layout", [(3, 18), (270,)], ids=str)
def test_transformers_of_what_has_no_channels(layout):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GlobalMaxScaler().fit(np.ones((2, *layout)))
        ImageStandardScaler().fit(np.ones((2, *layout)))
