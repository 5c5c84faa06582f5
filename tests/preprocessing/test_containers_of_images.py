"""What transformers take as X, beside arrays."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone

from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler

IMAGES = np.random.default_rng(0).integers(0, 255, (4, 3, 5, 3), dtype=np.uint8)
CONTAINERS = {
    "list": list,
    "series": lambda X: pd.Series(list(X)),
    "pictures": lambda X: [Image.fromarray(image) for image in X],
    "tensor": torch.tensor,
    "list of tensors": lambda X: list(torch.tensor(X)),
    "open mask": lambda X: np.ma.array(X, mask=False),
}

every_transformer = pytest.mark.parametrize(
    "transformer", [GlobalMaxScaler(), ImageStandardScaler(), ImageReshaper()], ids=repr
)


@every_transformer
@pytest.mark.parametrize("contain", CONTAINERS.values(), ids=CONTAINERS)
def test_the_same_bits_from_every_container(transformer, contain):
    expected = clone(transformer).fit(IMAGES)
    images = expected.transform(IMAGES)
    fitted = clone(transformer).fit(contain(IMAGES))
    np.testing.assert_array_equal(fitted.transform(contain(IMAGES)), images)
    np.testing.assert_array_equal(
        fitted.inverse_transform(list(images)), expected.inverse_transform(images)
    )


@every_transformer
def test_bfloat16_is_read_exactly(transformer):
    X = torch.tensor([[[0.5, -3.140625], [2.0, 1.0]]]).bfloat16()
    found = clone(transformer).fit_transform(X)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(
        found, clone(transformer).fit_transform(X.float().numpy())
    )


def masked(X):
    return np.ma.masked_where(X[0, 0, 0, 0] == X, X)


REFUSED = {
    "masked": (masked, DataTypeError, r"^X is a masked array"),
    "masked images": (lambda X: list(masked(X)), DataTypeError, "^X holds a masked"),
    "files": (lambda X: ["a.png"] * len(X), DataTypeError, "^X of .* names of files"),
    "sizes": (
        lambda X: [X[0], X[1, :2]],
        InvalidDataError,
        r"Image 0 has the shape \(3, 5, 3\), image 1 has \(2, 5, 3\)",
    ),
    "a picture": (
        lambda X: Image.fromarray(X[0].astype(np.uint8)),
        InvalidDataError,
        "is one picture",
    ),
    "a gradient": (
        lambda X: torch.tensor(X / 1.0, requires_grad=True),
        InvalidDataError,
        r"^X is a tensor .*X\.detach\(\)",
    ),
}


@every_transformer
@pytest.mark.parametrize("method", ["fit", "transform", "inverse_transform"])
@pytest.mark.parametrize(("change", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_at_every_method(transformer, method, change, error, message):
    fitted = clone(transformer).fit(IMAGES)
    with pytest.raises(error, match=message):
        getattr(fitted, method)(change(IMAGES))


def test_a_masked_maximum_is_not_taken():
    images = np.ma.array(np.ones((4, 2, 2)), mask=False)
    images[0, 0, 0] = 1e6
    assert GlobalMaxScaler().fit(images).max_ == 1e6
    images[0, 0, 0] = np.ma.masked
    with pytest.raises(DataTypeError, match="whose mask would be lost"):
        GlobalMaxScaler().fit(images)
    assert GlobalMaxScaler().fit(images.filled(0)).max_ == 1.0
