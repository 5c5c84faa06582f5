"""Images that cannot be read are left out of training, and predicted as missing."""

import os
import pickle
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from mtlearn import Classification, MultiLabel, Ordinal, Regression, SeedEnsemble, Tasks
from mtlearn import TestTimeAugmented as TimeAugmented
from mtlearn.calibration import (
    ConformalPredictor,
    TemperatureScaled,
    TunedThresholds,
)
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection import EmbeddingDisplay, TaskConflictDisplay, example_images
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.model_selection import cross_val_predict
from mtlearn.preprocessing import GlobalMaxScaler, ImageReader, ImageStandardScaler
from mtlearn.reporting import report
from mtlearn.training import _inference
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import assert_same_bits, image_estimator

PICTURES = smooth_pictures(24, height=12, width=12)
LIGHT = PICTURES.mean(axis=(1, 2, 3)) / 255
IS_LIGHT = np.median(LIGHT) < LIGHT
Y = np.column_stack([IS_LIGHT, LIGHT])
TASKS = Tasks(kind=Classification(), light=Regression())
BROKEN = np.array([2, 3, 17])
WHOLE = np.setdiff1d(np.arange(24), BROKEN)
LEFT_OUT = r"3 of 24 images of X cannot be read, and are left out: the first is image 2"
MISSING = "3 of 24 images of X cannot be read, and nothing is predicted for them: "
MISSING += "the first is image 2"

silently = pytest.mark.filterwarnings(
    "ignore:.*cannot be read", "ignore:.*no prediction"
)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Files of which one is empty, one is no image, and one is not there."""
    folder = tmp_path_factory.mktemp("pictures")
    names = [folder / name for name in write_pictures(folder, PICTURES)]
    names[2].write_bytes(b"")
    names[3].write_bytes(b"no image")
    os.remove(names[17])
    return list(map(str, names))


@pytest.fixture
def X(names):
    return ImageFiles(names, size=12, n_workers=2, on_error="skip")


def fitted(images, y, **params):
    return image_estimator(TASKS, **params).fit(images, y)


def test_a_fit_is_that_of_the_others(X, names):
    weight = np.linspace(1, 2, 24)
    params = {"early_stopping": True, "validation_fraction": 0.25}
    for of_all, of_others in [((), ()), ((weight,), (weight[WHOLE],))]:
        expected = image_estimator(TASKS, **params)
        expected.fit(PICTURES[WHOLE], Y[WHOLE], *of_others)
        with pytest.warns(UserWarning, match=LEFT_OUT) as caught:
            found = image_estimator(TASKS, **params).fit(X, Y, *of_all)
        assert f"the file {names[2]!r} (it is empty)" in str(caught[0].message)
        assert len(caught) == 1
        assert_same_bits(expected, found)
        assert expected.history_[0]["valid_loss"] == found.history_[0]["valid_loss"]


@silently
@pytest.mark.parametrize("kept", [False, True], ids=["read", "cache"])
def test_other_ways_into_a_fit(names, tmp_path, kept):
    cache = tmp_path / "cache" if kept else None
    X = ImageFiles(names, size=12, cache=cache, on_error="skip")
    expected = fitted(PICTURES[WHOLE], Y[WHOLE])
    assert_same_bits(expected, fitted(X, Y))
    assert_same_bits(expected, fitted(pickle.loads(pickle.dumps(X)), Y))
    frame = pd.DataFrame(Y, columns=["kind", "light"], index=np.arange(24) + 100)
    assert_same_bits(expected, fitted(X, frame))
    expected.partial_fit(PICTURES[WHOLE[:5]], Y[WHOLE[:5]])
    found = fitted(X, Y)
    assert_same_bits(expected, found.partial_fit(X[:7], Y[:7]))


@silently
def test_validation_rows(X):
    part = np.isin(np.arange(16), BROKEN)
    val = {"X_val": PICTURES[[16, *range(18, 24)]], "y_val": Y[[16, *range(18, 24)]]}
    expected = image_estimator(TASKS).fit(PICTURES[:16][~part], Y[:16][~part], **val)
    found = image_estimator(TASKS)
    with pytest.warns(UserWarning, match="1 of 8 images of X_val .* image 17 of X"):
        found.fit(X[:16], Y[:16], X_val=X[16:], y_val=Y[16:])
    assert_same_bits(expected, found)
    assert expected.history_[-1]["valid_loss"] == found.history_[-1]["valid_loss"]


def assert_same(found, of_others):
    """Compare with predictions for the others, in batches of which nothing is wrong."""
    assert_allclose(found, expected_rows(of_others), rtol=1e-5)


def expected_rows(values):
    full = np.full((24, *values.shape[1:]), np.nan)
    full[WHOLE] = values
    return full


def test_predictions_are_missing(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    with pytest.warns(UserWarning, match=MISSING) as caught:
        found = estimator.predict(X)
    assert len(caught) == 1
    assert_same(found, estimator.predict(PICTURES[WHOLE]))
    with pytest.warns(UserWarning, match=MISSING):
        features = estimator.embed(X)
    assert_same(features, estimator.embed(PICTURES[WHOLE]))
    with pytest.warns(UserWarning, match=MISSING):
        chances = estimator.predict_proba(X)
    pairs = zip(chances, estimator.predict_proba(PICTURES[WHOLE]), strict=True)
    for output, expected in pairs:
        assert_same(output, expected)
    with pytest.warns(UserWarning, match=MISSING):
        kinds = estimator.task("kind").predict(X)
    assert_array_equal(kinds, found[:, 0])
    # The others are silent, and what is read says what is wrong.
    assert_same(found, estimator.predict(X[WHOLE]))
    with pytest.raises(InvalidDataError, match="Image 2 of X"):
        X.read()
    with pytest.raises(InvalidDataError, match="Image 2 of X"):
        estimator.predict(ImageFiles(X.files, size=12))


@silently
@pytest.mark.parametrize("kept", [False, True], ids=["read", "cache"])
def test_predictions_in_several_batches(names, tmp_path, monkeypatch, kept):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    cache = tmp_path / "cache" if kept else None
    X = ImageFiles(names, size=12, cache=cache, on_error="skip")
    monkeypatch.setitem(_inference._PIXELS, "cpu", 1)  # the fewest rows at once
    assert_same(estimator.predict(X), estimator.predict(PICTURES[WHOLE]))
    assert np.flatnonzero(np.isnan(estimator.embed(X[10:])[:, 0])).tolist() == [7]


@silently
def test_scores_are_those_of_the_others(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    weight = np.linspace(1, 2, 24)
    expected = estimator.score(PICTURES[WHOLE], Y[WHOLE], weight[WHOLE])
    assert estimator.score(X, Y, weight) == pytest.approx(expected, rel=1e-5)
    view = estimator.task("kind")
    assert view.score(X, Y[:, 0]) == view.score(PICTURES[WHOLE], Y[WHOLE, 0])
    for name, scorer in task_scorers(TASKS).items():
        assert scorer(estimator, X, Y) == pytest.approx(
            scorer(estimator, PICTURES[WHOLE], Y[WHOLE]), rel=1e-5
        ), name
    others = task_report(estimator, PICTURES[WHOLE], Y[WHOLE])
    for found, expected in zip(
        task_report(estimator, X, Y).rows, others.rows, strict=True
    ):
        assert found["n_labelled"] == 21
        assert found["value"] == pytest.approx(expected["value"], rel=1e-5)
    with pytest.raises(InvalidDataError, match="of a row that has a prediction"):
        view.score(X[BROKEN], Y[BROKEN, 0])


def test_scorers_say_how_many_are_left_out(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task_scorers(TASKS)["kind_accuracy"](estimator, X, Y)
    texts = [str(each.message) for each in caught]
    assert len(texts) == 2
    assert texts[0].startswith(MISSING)
    assert texts[1].startswith("3 of 24 rows have no prediction")
    assert texts[1].endswith("the first is row 2.")


@silently
@pytest.mark.parametrize(
    "make",
    [
        lambda: SeedEnsemble(image_estimator(TASKS), n_members=2, random_state=0),
        lambda: TimeAugmented(image_estimator(TASKS), n=3, random_state=0),
        lambda: TemperatureScaled(image_estimator(TASKS), random_state=0),
        lambda: TunedThresholds(image_estimator(TASKS), random_state=0),
        lambda: ConformalPredictor(image_estimator(TASKS), 0.5, random_state=0),
        lambda: make_pipeline(GlobalMaxScaler(), image_estimator(TASKS)),
        lambda: make_pipeline(ImageStandardScaler(), image_estimator(TASKS)),
    ],
    ids=[
        "seeds",
        "views",
        "temperature",
        "thresholds",
        "conformal",
        "maximum",
        "standard",
    ],
)
def test_what_is_around_it(X, make):
    estimator = make().fit(X, Y)
    assert_same(estimator.predict(X), estimator.predict(X[WHOLE]))
    expected = estimator.score(X[WHOLE], Y[WHOLE])
    assert estimator.score(X, Y) == pytest.approx(expected, rel=1e-5)


@silently
def test_scalers_learn_from_the_others(X):
    for scaler in (GlobalMaxScaler(), ImageStandardScaler()):
        expected = scaler.fit_transform(PICTURES[WHOLE])
        assert_array_equal(scaler.fit(X).transform(X)[WHOLE].read(), expected)


def conformal(estimator):
    return ConformalPredictor(estimator, 0.8)


@silently
def test_what_is_calibrated_on_files_behind_a_reader(names):
    reader = ImageReader(image_size=12, on_error="skip")
    tasks = Tasks(light=Classification())
    model = make_pipeline(reader, image_estimator(tasks, max_epochs=1)).fit(
        names, IS_LIGHT
    )
    for around in (TemperatureScaled, TunedThresholds, conformal):
        of_all = around(FrozenEstimator(model)).fit(names, IS_LIGHT)
        others = np.array(names)[WHOLE]
        of_others = around(FrozenEstimator(model)).fit(others, IS_LIGHT[WHOLE])
        assert_allclose(
            of_all.predict_proba(others), of_others.predict_proba(others), rtol=1e-5
        )
        assert_array_equal(of_all.predict(others), of_others.predict(others))
        assert of_all.predict(names)[2] is None


@silently
def test_displays_are_of_the_others(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    shown = EmbeddingDisplay.from_estimator(estimator, X, Y, method="pca")
    assert_array_equal(shown.rows, WHOLE)
    assert_array_equal(shown.labels["light"], LIGHT[WHOLE])
    of_all, of_others = (
        TaskConflictDisplay.from_estimator(estimator, *data).conflicts()[0]
        for data in ((X, Y), (PICTURES[WHOLE], Y[WHOLE]))
    )
    assert of_all.cosine == pytest.approx(of_others.cosine, rel=1e-4)


def test_examples_are_of_the_others(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    found = example_images(estimator, X, np.array([2, 4, 17]))
    assert [each is None for each in found] == [True, False, True]


@silently
def test_a_report_is_of_the_others(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    page = report(estimator, X, Y, path=None, n_bootstraps=2)
    low, high = PICTURES[WHOLE].min(), PICTURES[WHOLE].max()
    span = f"{low:.4g} to {high:.4g}, mean {PICTURES[WHOLE].mean():.4g}, of 21 rows"
    assert span in page.html


@silently
def test_searches_and_folds(X, names):
    estimator = image_estimator(TASKS, max_epochs=1, n_threads=1)
    reader = make_pipeline(ImageReader(image_size=12, on_error="skip"), estimator)
    scores = [
        cross_val_score(each, images, Y, cv=3, error_score="raise")
        for each, images in ((estimator, X), (reader, names))
    ]
    assert np.isfinite(scores[0]).all()
    assert_array_equal(*scores)
    search = GridSearchCV(
        reader,
        {"multitaskimageestimator__lr": [1e-3, 1e-2]},
        scoring=task_scorers(TASKS),
        refit="mean_score",
        cv=2,
        error_score="raise",
    ).fit(names, Y)
    assert np.isfinite(search.cv_results_["mean_test_kind_accuracy"]).all()
    found = cross_val_predict(estimator, X, Y, cv=3)
    assert np.isnan(found).all(axis=1).tolist() == np.isin(range(24), BROKEN).tolist()


@silently
def test_labels_of_the_others_count(X):
    """A class that only broken images have is none."""
    y = np.where(np.isin(np.arange(24), BROKEN), "none", np.where(IS_LIGHT, "a", "b"))
    estimator = image_estimator(Classification()).fit(X, y)
    assert estimator.classes_.tolist() == ["a", "b"]
    assert [*estimator.predict(X)[[2, 3, 17]]] == [None] * 3
    tags = np.column_stack([IS_LIGHT, ~IS_LIGHT]).astype(int)
    several = image_estimator(MultiLabel()).fit(X, tags).predict(X)
    assert np.isnan(several[BROKEN]).all()


@silently
@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (Classification(), [False, True]),
        (Classification(), [2**60, 2**60 + 1]),
        (Ordinal(categories=[2**60, 2**60 + 1]), [2**60, 2**60 + 1]),
        (Classification(), ["a", "b"]),
    ],
    ids=["truth", "large", "levels", "text"],
)
def test_labels_of_any_type_are_scored(X, task, labels):
    y = np.array(labels)[IS_LIGHT.astype(int)]
    estimator = image_estimator(task).fit(X, y)
    expected = estimator.score(PICTURES[WHOLE], y[WHOLE])
    assert estimator.score(X, y) == pytest.approx(expected)
    assert estimator.task("task_0").score(X, y) == pytest.approx(expected)


def test_a_file_that_was_mended(names, tmp_path):
    moved = [tmp_path / f"{row}.png" for row in range(24)]
    for path, name in zip(moved, names, strict=True):
        if os.path.exists(name):
            shutil.copy(name, path)
    X = ImageFiles(moved, size=12, on_error="skip")
    assert np.flatnonzero(~X.readable()).tolist() == BROKEN.tolist()
    moved[3].write_bytes(moved[4].read_bytes())
    assert np.flatnonzero(~X[::-1].readable()).tolist() == [6, 21]
    # One that can no longer be read is no image to train on.
    moved[0].write_bytes(b"")
    with pytest.raises(InvalidDataError, match="Image 0 of X"):
        fitted(X[[0, 1, 4, 5]], Y[[0, 1, 4, 5]])


@silently
def test_members_are_compared_on_the_others(X):
    ensemble = SeedEnsemble(image_estimator(TASKS), n_members=2, random_state=0)
    ensemble.fit(PICTURES[WHOLE], Y[WHOLE])
    found = ensemble_report(ensemble, X, Y)
    expected = ensemble_report(ensemble, PICTURES[WHOLE], Y[WHOLE])
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), rtol=1e-4)


@silently
def test_nothing_to_score(X):
    estimator = fitted(PICTURES[WHOLE], Y[WHOLE])
    for score in (
        estimator.score,
        lambda X, y: estimator.task("kind").score(X, y[:, 0]),
    ):
        with pytest.raises(InvalidDataError, match="of a row that has a prediction"):
            score(X[BROKEN], Y[BROKEN])
        with pytest.raises(InvalidDataError, match="every one is missing"):
            score(X[BROKEN], np.full((3, 2), np.nan))


def test_scores_never_leave_out_rows_in_silence():
    """A network that computes NaN is no better than it says."""
    estimator = image_estimator(Regression()).fit(PICTURES, LIGHT)
    some = np.where(LIGHT < 0.5, LIGHT, np.nan)
    estimator._outputs = lambda X, decode: [some]
    estimator._output = lambda X, position, decode: some
    n_rows = np.isnan(some).sum()
    for score in (estimator.score, estimator.task("task_0").score):
        with pytest.warns(UserWarning, match=f"{n_rows} of 24 rows have no predict"):
            score(PICTURES, LIGHT)
    estimator._outputs = lambda X: [some[:, None]]
    with pytest.warns(UserWarning, match=f"{n_rows} of 24 rows have no predict"):
        assert task_report(estimator, PICTURES, LIGHT).rows[0]["value"] == 1


def test_what_cannot_be(X, names):
    with pytest.raises(InvalidDataError, match=r"No image of X can be read. The first"):
        fitted(X[BROKEN], Y[BROKEN])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(X, Y[:-1])
    with pytest.raises(InvalidParameterError, match=r"'on_error'.*'raise', 'skip'"):
        ImageFiles(names, size=12, on_error="ignore")
    with pytest.raises(InvalidDataError, match=r"Image 2 of X.*on_error='skip'"):
        fitted(ImageFiles(names, size=12, n_workers=1), Y)
