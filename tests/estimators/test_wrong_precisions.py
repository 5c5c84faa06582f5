"""Networks that a device would compute wrongly in a shorter type."""

import pickle

import numpy as np
import pytest
import torch

from mtlearn import Classification, Partial, load, save
from mtlearn.exceptions import NetworkError
from mtlearn.networks import ResNet
from mtlearn.networks import _autocast as module
from tiny_problems import assert_same_bits, image_estimator, make_images


@pytest.fixture(autouse=True)
def _has_bfloat16(monkeypatch):
    found = {"avx512_bf16": True, "avx512_fp16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)


def narrow(width, **params):
    """Return an estimator, and images whose second stage halves them."""
    backbone = Partial(ResNet, widths=(4, 6), n_blocks=1, n_features=6)
    params = {"backbone": backbone, "max_epochs": 2, "device": "cpu", **params}
    X = np.random.default_rng(0).normal(size=(40, 20, width))
    y = np.arange(40) % 2
    return image_estimator(Classification(2), **params), X, y


# Torch computes convolutions with a stride wrongly whose output is one wide.
@pytest.mark.parametrize(
    ("width", "expected"),
    [(1, "float32"), (2, "float32"), (3, "bfloat16"), (9, "bfloat16")],
)
def test_auto_means_float32_where_bfloat16_is_wrong(width, expected):
    estimator, X, y = narrow(width)
    assert estimator.fit(X, y).precision_ == expected
    by_name = narrow(width, precision=expected)[0].fit(X, y)
    assert_same_bits(estimator, by_name)
    np.testing.assert_array_equal(estimator.predict_proba(X), by_name.predict_proba(X))
    assert estimator.partial_fit(X, y).precision_ == expected
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_the_log_says_which_layer(caplog):
    caplog.set_level("INFO", "mtlearn")
    estimator, X, y = narrow(2)
    estimator.fit(X, y)
    said = [each for each in caplog.records if "float32" in each.getMessage()]
    assert [each.levelname for each in said] == ["INFO"]
    message = said[0].getMessage()
    assert (
        "backbone ResNet computes in float32: in bfloat16, the layer 'back" in message
    )
    assert "'backbone.stages.1.0.residual.0', a conv2d of a batch of shape" in message


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_by_name_it_is_refused(method):
    estimator, X, y = narrow(2, precision="bfloat16")
    message = (
        r"^The network of the backbone ResNet cannot compute in precision='bfloat16' "
        r"on the device 'cpu': the layer 'backbone\.stages\.1\..*one wide.*\. Set "
        r"precision='float32'"
    )
    with pytest.raises(NetworkError, match=message):
        getattr(estimator, method)(X, y)
    assert not hasattr(estimator, "net_")
    assert estimator.set_params(precision="float16").fit(X, y).precision_ == "float16"


def test_more_training_in_a_precision_that_is_refused():
    estimator, X, y = narrow(2, precision="float32", warm_start=True)
    expected = estimator.fit(X, y).predict_proba(X)
    with pytest.raises(NetworkError, match="cannot compute in precision='bfloat16'"):
        estimator.set_params(precision="bfloat16").fit(X, y)
    assert estimator.net_.precision.name == "float32"
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    assert estimator.set_params(precision="auto").fit(X, y).n_iter_ == 4


@pytest.mark.parametrize("by_pickle", [False, True])
def test_a_file_is_loaded_where_bfloat16_is_wrong(monkeypatch, tmp_path, by_pickle):
    X, y = make_images()
    estimator = image_estimator(precision="bfloat16").fit(X, y)
    save(estimator, tmp_path / "file.mtlearn")
    data = pickle.dumps(estimator)
    assert pickle.loads(data).net_.precision.name == "bfloat16"
    monkeypatch.setattr(module, "fault_of", lambda call, device, dtype: "is wrong")
    loaded = pickle.loads(data) if by_pickle else load(tmp_path / "file.mtlearn")
    assert loaded.precision_ == "bfloat16"  # in which it was trained
    assert loaded.net_.precision.name == "float32"
    x = torch.from_numpy(np.moveaxis(X, -1, 1))
    with torch.no_grad():
        (output, *_) = loaded.net_.module_(x)
    expected = torch.softmax(output.double(), dim=1)
    np.testing.assert_allclose(loaded.predict_proba(X)[0], expected, rtol=1e-5)
