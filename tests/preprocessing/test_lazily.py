"""Images on disk and datasets go through the transformers as arrays do."""

import io

import numpy as np
import pytest
from every_transformer import TRANSFORMERS
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from torch.utils.data import Subset

from mtlearn.data import ChangedImages, ImageFiles
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReader,
    ImageStandardScaler,
)
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_datasets import Items, Pairs

every_transformer = pytest.mark.parametrize(
    "transformer", [*TRANSFORMERS, ImageNormalizer()], ids=repr
)
PICTURES = smooth_pictures(9, height=6, width=6)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [str(folder / name) for name in write_pictures(folder, PICTURES)]


def learned(transformer):
    return {k: v for k, v in vars(transformer).items() if k.endswith("_")}


def assert_learned_the_same(one, other):
    expected = learned(other)
    assert learned(one).keys() == expected.keys()
    for name, value in learned(one).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@every_transformer
def test_images_on_disk(transformer, names):
    X = ImageFiles(names, size=6)
    expected = clone(transformer).fit(PICTURES)
    fitted = clone(transformer).fit(X)

    assert_learned_the_same(fitted, expected)
    view, array = fitted.transform(X[2:]), expected.transform(PICTURES[2:])
    assert isinstance(view, ChangedImages)
    assert (view.shape, view.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(view.read(), array)
    np.testing.assert_array_equal(view[[4, 0]].read(), array[[4, 0]])


@every_transformer
@pytest.mark.parametrize("layout", [(6, 6, 3), (6, 18), (9, 12), (100,)], ids=str)
def test_datasets(transformer, layout):
    numbers = PICTURES.reshape(9, -1)[:, : np.prod(layout)] / 255
    X, y = numbers.reshape(9, *layout).astype(np.float32), np.arange(9)
    expected = clone(transformer).fit(X)
    fitted = clone(transformer).fit(Pairs(X, y))

    assert_learned_the_same(fitted, expected)
    array = expected.transform(X)
    for dataset in (Pairs(X, y), Subset(Pairs(X, y), range(9)), Items(X)):
        view = fitted.transform(dataset)
        assert len(view) == 9
        for number in (0, 8):
            item = view[number]
            x, label = item if isinstance(item, tuple) else (item, number)
            np.testing.assert_array_equal(x, array[number])
            assert label == number


@pytest.mark.parametrize("make", [GlobalMaxScaler, ImageStandardScaler])
def test_images_are_read_once_to_fit(make, names, monkeypatch):
    read, rows_read = ImageFiles._read, []

    def counted(images, rows):
        rows_read.extend(rows.tolist())
        return read(images, rows)

    monkeypatch.setattr(ImageFiles, "_read", counted)
    X = ImageFiles(names, size=6)
    view = make().fit(X).transform(X)
    assert rows_read == [*range(9)]
    assert view[:0].shape == (0, 6, 6, 3)
    assert len(rows_read) == 9


@pytest.mark.parametrize("make", [GlobalMaxScaler, ImageStandardScaler])
def test_many_images_are_not_read_at_once(make, names, monkeypatch):
    read, sizes = ImageFiles._read, []

    def counted(images, rows):
        sizes.append(len(rows))
        return read(images, rows)

    monkeypatch.setattr(ImageFiles, "_read", counted)
    brightest = PICTURES.max(axis=(1, 2, 3)).argmax()
    rows = np.append(np.full(299, brightest - 1), brightest)
    X = ImageFiles(names, size=96)[rows]
    fitted = make().fit(X)
    assert sum(sizes) == 300
    assert max(sizes) * 96 * 96 * 3 <= 2**25
    assert max(sizes) <= 256
    assert_learned_the_same(fitted, make().fit(X.read()))


@pytest.mark.parametrize("make", [GlobalMaxScaler, ImageStandardScaler])
def test_a_bar_shows_how_far_it_is(make, names, capsys):
    X = ImageFiles(names, size=6)
    make().fit(X)
    assert capsys.readouterr().err == ""
    make(verbose=1).fit(X)
    assert "9/9" in capsys.readouterr().err
    make(verbose=1).fit(PICTURES)
    assert capsys.readouterr().err == ""


@every_transformer
def test_another_layout(transformer, names):
    fitted = clone(transformer).fit(ImageFiles(names, size=6))
    with pytest.raises(
        InvalidDataError, match=r"as fitted. Got the shape \(9, 5, 5, 3"
    ):
        fitted.transform(ImageFiles(names, size=5))
    np.testing.assert_array_equal(
        fitted.transform(PICTURES), clone(transformer).fit_transform(PICTURES)
    )


@every_transformer
def test_no_inverse_of_what_is_not_read(transformer, names):
    fitted = clone(transformer).fit(ImageFiles(names, size=6))
    with pytest.raises(DataTypeError, match=r"images on disk .* pass X.read\(\)"):
        fitted.inverse_transform(ImageFiles(names, size=6))


def test_names_become_images(names):
    reader = ImageReader(6, mode="L", image_fit="pad", n_workers=1)
    assert reader.fit(names) is reader
    assert reader.image_shape_ == (6, 6, 1)
    X = reader.transform(names[:2])
    assert isinstance(X, ImageFiles)
    assert (X.shape, X.fit, X.n_workers) == ((2, 6, 6, 1), "pad", 1)


def test_names_below_a_root(names, tmp_path):
    kept = write_pictures(tmp_path, PICTURES[:2])
    X = ImageReader(6, root=tmp_path).fit_transform(np.array(kept))
    np.testing.assert_array_equal(X.read(), PICTURES[:2])


def test_a_pipeline_of_names_in_any_container(names):
    model = make_pipeline(ImageReader(6), ImageNormalizer(mean=0.0, std=1.0))
    X = model.set_output(transform="pandas").fit_transform(names)
    np.testing.assert_allclose(X.read(), PICTURES / 255, atol=1e-6)


@pytest.mark.parametrize("name", ["image_size", "image_fit"])
def test_a_parameter_of_the_reader_is_named(names, name):
    with pytest.raises(
        (InvalidParameterError, ParameterTypeError),
        match=f"'{name}' of ImageReader.* Got 'wide'",
    ):
        ImageReader(**{"image_size": 6, name: "wide"}).fit(names)


@pytest.mark.parametrize("X", [PICTURES, [], [1, 2], "a.png", io.BytesIO()])
def test_what_are_no_names(X):
    with pytest.raises(
        DataTypeError, match="X of ImageReader must be a list, array or"
    ):
        ImageReader(6).fit(X)
