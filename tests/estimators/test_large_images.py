"""Images whose pass would not fit into memory are refused before it is tried."""

import pickle

import numpy as np
import pytest

from mtlearn import load, save
from mtlearn.exceptions import InvalidDataError
from mtlearn.networks import _memory
from tiny_problems import image_estimator, make_images

SIZE = 30_000


@pytest.fixture
def memory(monkeypatch):
    """Set the bytes of the machine, whatever it has."""

    def set_bytes(n_bytes):
        monkeypatch.setattr(_memory, "memory_of", lambda device: n_bytes)

    return set_bytes


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("backbone", ["resnet", "resnet_v2"])
def test_training_on_huge_images(memory, method, dtype, backbone):
    memory(64 * 2**30)
    # A view of one number: were it copied, it would have 900 million.
    X = np.broadcast_to(np.array(1, dtype=dtype), (2, SIZE, SIZE))
    message = (
        r"\(30000, 30000, 1\), each of which takes 3\.4 GiB .* needs 429\.2 GiB .* "
        r"'cpu' has 64\.0 GiB\. Resize or crop the images"
    )
    estimator = image_estimator(backbone=backbone)
    with pytest.raises(InvalidDataError, match=message):
        getattr(estimator, method)(X, np.array([[0, 0.5], [1, 1.5]]))


@pytest.fixture
def small_is_large(monkeypatch):
    monkeypatch.setattr(_memory, "_LARGE", 36)


# The input and output of its convolutions from four maps to four of 6 x 6.
ROW = 8 * 36 * 4


@pytest.mark.usefixtures("small_is_large")
def test_a_batch_that_does_not_fit(memory):
    X, y = make_images()
    memory(8 * ROW)
    estimator = image_estimator(precision="float32", batch_size=8).fit(X, y)
    assert estimator.n_iter_ == 2
    with pytest.raises(InvalidDataError, match=r"A pass of 9 .*, or lower batch_size"):
        estimator.set_params(batch_size=9).fit(X, y)


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("method", ["predict", "predict_proba", "embed", "score"])
def test_prediction_that_does_not_fit(memory, method):
    X, y = make_images(n_samples=8)
    estimator = image_estimator(precision="float32").fit(X, y)
    memory(7 * ROW)
    rest = (y,) if method == "score" else ()
    with pytest.raises(
        InvalidDataError, match=r"A pass of 8 .*, or pass fewer at a ti"
    ):
        getattr(estimator, method)(X, *rest)
    assert len(estimator.predict(X[:7])) == 7


@pytest.mark.usefixtures("small_is_large")
def test_a_file_on_a_smaller_machine(memory, tmp_path):
    X, y = make_images()
    estimator = image_estimator(precision="float32").fit(X, y)
    file = pickle.dumps(estimator)
    save(estimator, tmp_path / "model.mtlearn")
    expected = estimator.predict(X)
    np.testing.assert_array_equal(load(tmp_path / "model.mtlearn").predict(X), expected)
    memory(ROW)
    with pytest.raises(InvalidDataError, match="A pass of 2 at once"):
        pickle.loads(file)
    with pytest.raises(ValueError, match="A pass of 2 at once"):
        load(tmp_path / "model.mtlearn")
