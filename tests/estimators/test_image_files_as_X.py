"""Images on disk train, predict and score as an array of the same values does."""

import numpy as np
import pytest
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_validate,
    learning_curve,
    train_test_split,
)

from mtlearn import MultiTaskEstimator, Regression, SeedEnsemble
from mtlearn.data import ImageFiles
from mtlearn.exceptions import DataTypeError, InvalidDataError
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import assert_same_bits, image_estimator

PICTURES = smooth_pictures(24, height=12, width=12)
LIGHT = PICTURES.mean(axis=(1, 2, 3)) / 255
Y = np.column_stack([np.median(LIGHT) < LIGHT, LIGHT])


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [str(folder / name) for name in write_pictures(folder, PICTURES)]


@pytest.fixture
def X(names):
    return ImageFiles(names, size=12, n_workers=2)


OPTIONS = {
    "plain": {},
    "validation": {"early_stopping": True, "validation_fraction": 0.25},
    "augmentation and sampler": {"augmentation": "light", "sampler": "balanced"},
    "average": {"averaging": "swa", "max_epochs": 3},
}


@pytest.mark.parametrize("params", OPTIONS.values(), ids=OPTIONS)
def test_the_same_bits(X, names, params, tmp_path):
    expected = image_estimator(**params).fit(PICTURES, Y)
    np.save(tmp_path / "pictures.npy", PICTURES)
    ways = [
        np.load(tmp_path / "pictures.npy", mmap_mode="r"),
        X,
        ImageFiles(names, size=12, n_workers=1),
        ImageFiles(names, size=12, n_workers=3),
        ImageFiles(names, size=12, n_workers=3, cache=tmp_path / "cache"),
    ]
    for images in ways:
        estimator = image_estimator(**params).fit(images, Y)
        assert_same_bits(expected, estimator)
        assert estimator.image_shape_ == (12, 12, 3)
        for method in ("predict", "embed"):
            found = getattr(estimator, method)(images)
            np.testing.assert_array_equal(found, getattr(expected, method)(PICTURES))
        assert estimator.score(images, Y) == expected.score(PICTURES, Y)


def test_validation_rows_on_disk(X):
    expected = image_estimator().fit(
        PICTURES[:16], Y[:16], X_val=PICTURES[16:], y_val=Y[16:]
    )
    estimator = image_estimator().fit(X[:16], Y[:16], X_val=X[16:], y_val=Y[16:])

    assert_same_bits(expected, estimator)
    assert estimator.history_[1]["valid_loss"] == expected.history_[1]["valid_loss"]


def tried(images):
    """Return the figures of tools of scikit-learn."""
    estimator = image_estimator(max_epochs=1, n_threads=1)
    groups = np.arange(24) // 4
    scores = cross_validate(
        estimator, images, Y, cv=GroupKFold(3), groups=groups, return_train_score=True
    )
    search = GridSearchCV(estimator, {"lr": [1e-3, 1e-2]}, cv=2).fit(images, Y)
    curve = learning_curve(estimator, images, Y, cv=2, train_sizes=[0.5, 1.0])
    of_search = search.cv_results_["mean_test_score"]
    return scores["test_score"], scores["train_score"], of_search, *curve[1:3]


def test_tools_of_scikit_learn(X):
    for one, other in zip(tried(X), tried(PICTURES), strict=True):
        np.testing.assert_array_equal(one, other)
    held_out = train_test_split(X, random_state=0)[1]
    assert isinstance(held_out, ImageFiles)
    np.testing.assert_array_equal(
        held_out.read(), train_test_split(PICTURES, random_state=0)[1]
    )


def test_nothing_is_read_to_split(names):
    X = ImageFiles([*names[:12], *["no such file"] * 12], size=12)
    parts = train_test_split(X, Y, shuffle=False, test_size=0.5)

    image_estimator(max_epochs=1).fit(parts[0], parts[2])


def test_members_of_an_ensemble_share_them(X):
    member = image_estimator(max_epochs=1, n_threads=1)
    for params in ({}, {"bootstrap": True}):
        make = SeedEnsemble(member, 2, random_state=0, **params)
        expected = make.fit(PICTURES, Y).predict(PICTURES)
        np.testing.assert_array_equal(make.fit(X, Y).predict(X), expected)


def test_a_fit_goes_on_from_its_checkpoint(X, tmp_path, monkeypatch):
    expected = image_estimator(max_epochs=4).fit(X, Y)
    estimator = image_estimator(max_epochs=4, checkpoint_dir=tmp_path / "kept")
    read, n_read = ImageFiles._read, []

    def fail_late(images, rows):
        n_read.append(len(rows))
        if sum(n_read) > 2 * 24:
            raise RuntimeError("crash")
        return read(images, rows)

    with monkeypatch.context() as patch:
        patch.setattr(ImageFiles, "_read", fail_late)
        with pytest.raises(RuntimeError, match="crash"):
            estimator.fit(X, Y)
    assert list((tmp_path / "kept").iterdir())
    assert_same_bits(expected, estimator.fit(X, Y))
    assert len(estimator.history_) == 4


def test_a_broken_file_is_named_by_its_row(names, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"")
    X = ImageFiles([*names[:10], tmp_path / "broken.png", *names[11:]], size=12)

    with pytest.raises(InvalidDataError, match=r"^Image 10 of X, the file '.*broken"):
        image_estimator().fit(X, Y)
    with pytest.raises(InvalidDataError, match=r"^X_val: Image 10 of X"):
        image_estimator().fit(X[:10], Y[:10], X_val=X[10:], y_val=Y[10:])


def test_images_of_another_size_are_refused(X, names):
    estimator = image_estimator().fit(X, Y)

    with pytest.raises(InvalidDataError, match=r"images of shape .* = \(8, 8, 3\)"):
        estimator.predict(ImageFiles(names, size=8))


def test_tables_are_no_images(X):
    with pytest.raises(DataTypeError, match=r"images on disk .ImageFiles.24 files"):
        MultiTaskEstimator(Regression()).fit(X, LIGHT)


def test_names_of_files_say_what_to_do(names):
    with pytest.raises(DataTypeError, match=r"mtlearn.data.ImageFiles\(files, size="):
        image_estimator().fit(names, Y)
