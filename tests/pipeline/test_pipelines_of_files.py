"""A Pipeline from names of files to predictions: searched, saved and exported."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate

from mtlearn import SeedEnsemble, TemperatureScaled, load, save
from mtlearn.data import ImageFiles
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import ImageNormalizer, ImageReader, ImageStandardScaler
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_datasets import Pairs
from tiny_problems import image_estimator

PICTURES = smooth_pictures(24, height=10, width=14)
LIGHT = PICTURES.mean(axis=(1, 2, 3)) / 255
Y = np.column_stack([np.median(LIGHT) < LIGHT, LIGHT])


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [str(folder / name) for name in write_pictures(folder, PICTURES)]


def arrays(names):
    return ImageFiles(names, size=8).read()


def make(scaler=None, **params):
    """Return a Pipeline that takes names."""
    scaler = ImageNormalizer() if scaler is None else scaler
    estimator = image_estimator(n_threads=1, **params)
    return make_pipeline(ImageReader(8), scaler, estimator)


@pytest.mark.parametrize("scaler", [ImageNormalizer(), ImageStandardScaler()], ids=repr)
def test_names_files_and_arrays_are_alike(names, scaler):
    X = arrays(names)
    expected = make(scaler)[1:].fit(X, Y)
    from_names = make(scaler).fit(names, Y)
    from_files = make(scaler)[1:].fit(ImageFiles(names, size=8), Y)
    from_items = make(scaler)[1:].fit(Pairs(X, Y))

    for model, rows in [
        (from_names, names),
        (from_names, np.array(names)),
        (from_files, ImageFiles(names, size=8)),
        (from_files, X),
        (from_items, Pairs(X, Y)),
    ]:
        np.testing.assert_array_equal(model.predict(rows), expected.predict(X))
        assert model.score(rows, Y) == expected.score(X, Y)
    assert from_items.score(Pairs(X, Y)) == expected.score(X, Y)


def test_validation_rows_go_the_same_way(names):
    model = make().fit(names[:16], Y[:16], X_val=names[16:], y_val=Y[16:])
    X = arrays(names)
    expected = make()[1:].fit(X[:16], Y[:16], X_val=X[16:], y_val=Y[16:])

    losses = [row["valid_loss"] for row in model[-1].history_]
    assert losses == [row["valid_loss"] for row in expected[-1].history_]


def test_the_size_of_images_is_searched(names):
    grid = {"imagereader__image_size": [6, 8], "imagenormalizer__mean": ["imagenet"]}
    search = GridSearchCV(make(max_epochs=1), grid, cv=2, n_jobs=2).fit(names, Y)

    assert search.cv_results_["mean_test_score"].shape == (2,)
    assert search.best_estimator_[-1].image_shape_[0] in (6, 8)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(names), search.predict(names))


def test_groups_of_files(names):
    groups = np.arange(24) // 4
    found = [
        cross_validate(model, X, Y, cv=GroupKFold(3), groups=groups)["test_score"]
        for model, X in [(make(), names), (make()[1:], arrays(names))]
    ]
    np.testing.assert_array_equal(*found)


def test_saved_and_loaded(names, tmp_path):
    for model in (
        make(max_epochs=1).fit(names, Y),
        SeedEnsemble(make(max_epochs=1), 2, bootstrap=True).fit(names, Y),
        TemperatureScaled(make(max_epochs=1)).fit(names, Y),
    ):
        save(model, tmp_path / "model.mtlearn")
        again = load(tmp_path / "model.mtlearn")
        np.testing.assert_array_equal(again.predict(names), model.predict(names))


def test_an_ensemble_of_names_and_of_arrays(names):
    of_names = SeedEnsemble(make(max_epochs=1), 2, random_state=0).fit(names, Y)
    X = arrays(names)
    of_arrays = SeedEnsemble(make(max_epochs=1)[1:], 2, random_state=0).fit(X, Y)

    np.testing.assert_array_equal(of_names.predict(names), of_arrays.predict(X))
