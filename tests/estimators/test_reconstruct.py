"""Estimators that make X again beside what they predict."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from torch import nn

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    load,
    save,
)
from mtlearn.augmentation import Augmentation
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidParameterError, UnknownTaskError
from mtlearn.networks import MLP, Decoder, ResNet
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import GlobalMaxScaler
from pictures_on_disk import smooth_pictures, write_pictures

PICTURES = smooth_pictures(40, height=9, width=10)
X = PICTURES.astype(np.float32) / 255
LIGHT = X.mean(axis=(1, 2, 3))
Y = np.where(np.median(LIGHT) < LIGHT, "light", "dark")
SMALL = Partial(Decoder, widths=(6, 4))


def make(image=None, **params):
    tasks = Tasks(kind=Classification(), image=image or Reconstruction(decoder=SMALL))
    defaults = {
        "backbone": Partial(ResNet, widths=(4, 8), n_blocks=1),
        "max_epochs": 2,
        "batch_size": 16,
        "precision": "float32",
        "n_threads": 1,
        "random_state": 0,
    }
    return MultiTaskImageEstimator(tasks, **{**defaults, **params})


def squares(made, images):
    return ((made - images) ** 2).reshape(len(images), -1).mean(axis=1)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(X, Y)


@pytest.fixture(scope="module")
def grey():
    return make(max_epochs=1).fit(X.mean(axis=3), Y)


def test_images_are_made_again(fitted):
    made = fitted.reconstruct(X)
    assert made.shape == X.shape
    assert_allclose(fitted.reconstruction_error(X), squares(made, X), rtol=1e-5)
    last = fitted.history_[-1]
    expected = 1 - last["train_image_loss"] / X.var()
    assert last["train_image_r2"] == pytest.approx(expected, rel=1e-3)


def test_it_learns():
    slopes = np.random.default_rng(0).uniform(-1, 1, size=(2, 64, 1, 1))
    images = (
        slopes[0] * np.linspace(-1, 1, 8) + slopes[1] * np.linspace(-1, 1, 8)[:, None]
    )
    estimator = make(max_epochs=40, lr=0.01).fit(images, images[:, 0, 0] > 0)
    assert estimator.history_[-1]["train_image_r2"] > 0.7
    constant = squares(images.mean(axis=0), images).mean()
    assert estimator.reconstruction_error(images).mean() < 0.3 * constant


def test_what_is_predicted_keeps_its_layout(fitted):
    assert fitted.predict(X).shape == (40,)
    assert fitted.predict_proba(X).shape == (40, 2)
    assert fitted.classes_.tolist() == ["dark", "light"]
    assert 0 <= fitted.score(X, Y) <= 1
    assert fitted.task_names_ == ("kind", "image")


@pytest.mark.parametrize("shape", [(9, 10), (9, 10, 1), (9, 10, 3)])
def test_layouts_of_images(shape):
    images = X if shape == (9, 10, 3) else X.mean(axis=3).reshape(-1, *shape)
    made = make(max_epochs=1).fit(images, Y).reconstruct(images[:5])
    assert made.shape == (5, *shape)


class Items(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return self.images[row]


@pytest.mark.parametrize("container", [list, np.ndarray.tolist, torch.as_tensor, Items])
@pytest.mark.parametrize("shape", [(9, 10), (9, 10, 1)])
def test_images_in_other_containers(grey, container, shape):
    images = X[:5].mean(axis=3).reshape(-1, *shape)
    made = grey.reconstruct(container(images))
    assert made.shape == (5, *shape)
    assert_allclose(made.ravel(), grey.reconstruct(images).ravel(), atol=1e-6)


def test_rows_of_a_table():
    rows = X.reshape(40, -1)[:, :6]
    tasks = Tasks(kind=Classification(), row=Reconstruction(head=Head((8,))))
    backbone = Partial(MLP, hidden=(5,))
    estimator = MultiTaskEstimator(
        tasks, backbone=backbone, max_epochs=2, n_threads=1, random_state=0
    )
    made = estimator.fit(rows, Y).reconstruct(rows)
    assert made.shape == (40, 6)
    assert_allclose(estimator.reconstruction_error(rows), squares(made, rows))


def test_errors_are_those_of_the_loss():
    estimator = make(Reconstruction(loss="mae", decoder=SMALL)).fit(X, Y)
    expected = abs(estimator.reconstruct(X) - X).reshape(40, -1).mean(axis=1)
    assert_allclose(estimator.reconstruction_error(X), expected, rtol=1e-5)
    estimator = make(Reconstruction(loss="bce", decoder=SMALL)).fit(X, Y)
    made = estimator.reconstruct(X).astype(np.float64)
    entropy = -(X * np.log(made) + (1 - X) * np.log(1 - made))
    expected = entropy.reshape(40, -1).mean(axis=1)
    assert_allclose(estimator.reconstruction_error(X), expected, rtol=1e-4)


class Linear(nn.Module):
    """A decoder of the user's."""

    def __init__(self, in_features, output_shape, bias=True):
        super().__init__()
        self.layer = nn.Linear(in_features, int(np.prod(output_shape)), bias=bias)
        self.shape = output_shape

    def forward(self, features):
        return self.layer(features).unflatten(1, self.shape)


def test_a_decoder_of_the_users():
    image = Reconstruction(decoder=Partial(Linear, bias=False))
    estimator = make(image).fit(X, Y)
    assert estimator.reconstruct(X[:3]).shape == (3, 9, 10, 3)
    assert estimator.get_params()["tasks__image__decoder__bias"] is False
    assert make(Reconstruction(head=Head(()))).fit(X, Y).reconstruct(X[:3]).size == 810


def test_rows_without_a_label_train_it():
    few = np.full(40, None, dtype=object)
    few[:8] = Y[:8]
    params = {"batch_size": 40, "max_epochs": 1, "n_threads": 1}
    whole = make(**params).fit(X, few)
    history = whole.history_[-1]
    # Before the first step, over all rows and not only those with a label.
    start = make(**params, lr=1e-12).fit(X, few)
    errors = start.history_[-1]["train_image_loss"]
    assert history["train_image_loss"] == pytest.approx(errors, rel=1e-5)
    weights = make(**params).fit(X, few, np.r_[np.ones(8), np.zeros(32)])
    assert weights.history_[-1]["train_image_loss"] != pytest.approx(errors, rel=1e-3)


def test_a_pipeline_scales_what_is_made_again():
    model = make_pipeline(GlobalMaxScaler(), make()).fit(PICTURES, Y)
    scaled = model[:-1].transform(PICTURES)
    assert_allclose(
        model[-1].reconstruction_error(scaled),
        squares(model[-1].reconstruct(scaled), scaled),
        rtol=1e-5,
    )


def test_ensembles_give_means():
    ensemble = SeedEnsemble(make(), n_members=3, random_state=0).fit(X, Y)
    each = [member.reconstruct(X) for member in ensemble.estimators_]
    assert_allclose(ensemble.reconstruct(X), np.mean(each, axis=0), atol=1e-6)
    errors = [member.reconstruction_error(X) for member in ensemble.estimators_]
    found = ensemble.reconstruction_error(X)
    assert_allclose(found, np.mean(errors, axis=0), rtol=1e-6)
    scaled = TemperatureScaled(make(), random_state=0).fit(X, Y)
    assert_array_equal(scaled.reconstruct(X), scaled.estimator_.reconstruct(X))


def test_files_pickles_and_checkpoints(fitted, tmp_path):
    expected = fitted.reconstruct(X)
    save(fitted, tmp_path / "model.mtl")
    for again in (load(tmp_path / "model.mtl"), pickle.loads(pickle.dumps(fitted))):
        assert_array_equal(again.reconstruct(X), expected)
    whole = make(checkpoint_dir=tmp_path / "checkpoints").fit(X, Y)
    assert_array_equal(whole.reconstruct(X), expected)
    assert_array_equal(clone(fitted).fit(X, Y).reconstruct(X), expected)
    half = make(max_epochs=1, warm_start=True).fit(X, Y)
    assert half.fit(X, Y).n_iter_ == 2
    part = make().partial_fit(X, Y, classes=[np.unique(Y)])
    assert part.reconstruct(X).shape == X.shape


def test_images_that_are_skipped(fitted, tmp_path):
    names = [tmp_path / name for name in write_pictures(tmp_path, PICTURES[:4])]
    names[1].write_bytes(b"")
    files = ImageFiles(names, size=(9, 10), on_error="skip")
    with pytest.warns(UserWarning, match="1 of 4 images"):
        made = fitted.reconstruct(files)
    assert np.isnan(made).all(axis=(1, 2, 3)).tolist() == [False, True, False, False]
    with pytest.warns(UserWarning, match="1 of 4 images"):
        assert np.isnan(fitted.reconstruction_error(files)).sum() == 1


def test_which_task_and_whether_there_is_one(fitted):
    plain = make().set_params(tasks=Classification())
    assert not hasattr(plain, "reconstruct")
    assert not hasattr(plain.fit(X, Y), "reconstruction_error")
    assert hasattr(make(), "reconstruct")
    with pytest.raises(UnknownTaskError, match=r"there are \['image'\]. Got 'kind'"):
        fitted.reconstruct(X, "kind")
    tasks = Tasks(
        kind=Classification(),
        one=Reconstruction(decoder=SMALL),
        other=Reconstruction(decoder=SMALL, loss="mae"),
    )
    both = make(max_epochs=1).set_params(tasks=tasks).fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"\['one', 'other'\]. Got None"):
        both.reconstruct(X)
    found = both.reconstruction_error(X, task="other")
    made = both.reconstruct(X, "other")
    assert_allclose(found, abs(made - X).reshape(40, -1).mean(axis=1), rtol=1e-5)
    assert (made != both.reconstruct(X, "one")).any()


def test_its_weight_counts_in_the_loss():
    row = make(Reconstruction(weight=3.0, decoder=SMALL)).fit(X, Y).history_[-1]
    expected = row["train_kind_loss"] + 3 * row["train_image_loss"]
    assert row["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_regression_beside_it():
    tasks = Tasks(image=Reconstruction(decoder=SMALL), light=Regression())
    estimator = make().set_params(tasks=tasks).fit(X, LIGHT)
    assert estimator.predict(X).shape == (40,)
    assert estimator.reconstruct(X).shape == X.shape


@pytest.mark.parametrize("denoise", [False, True])
def test_noise_is_part_of_the_image_unless_it_is_to_go(denoise):
    """A network that cannot learn tells, by its loss, what it was compared with."""

    class Zero(nn.Module):
        def __init__(self, in_features, output_shape):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, *output_shape))

        def forward(self, features):
            return self.weight.expand(len(features), -1, -1, -1)

    image = Reconstruction(decoder=Zero, denoise=denoise)
    augmentation = Augmentation(noise=0.3)
    estimator = make(image, lr=1e-12, augmentation=augmentation, batch_size=40)
    found = estimator.fit(X, Y).history_[0]["train_image_loss"]
    expected = (X**2).mean() + (0 if denoise else 0.3**2)
    assert found == pytest.approx(expected, rel=0.02 if not denoise else 1e-5)
