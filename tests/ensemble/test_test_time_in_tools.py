"""TestTimeAugmented in the tools of scikit-learn and of this package."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import checked_estimators
from changed_views import around, assert_near, flip, jitter
from mtlearn import (
    Classification,
    Regression,
    SeedEnsemble,
    TemperatureScaled,
    TestTimeAugmented,
    load,
    save,
)
from mtlearn.augmentation import Augmentation
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.preprocessing import ImageStandardScaler
from tiny_datasets import Pairs
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
)


def _checked(make, tasks):
    inner = make(tasks).set_params(random_state=0)
    return TestTimeAugmented(inner, 3, augmentation=jitter, random_state=0)


@parametrize_with_checks(
    [
        _checked(checked_estimators.table_estimator, None),
        _checked(checked_estimators.image_estimator, Classification()),
        _checked(checked_estimators.image_estimator, Regression()),
    ]
)
def test_conformance(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def images():
    return make_images(n_channels=3)


@pytest.fixture(scope="module")
def fitted(images):
    return image_estimator(precision="float32").fit(*images)


def test_around_it(images):
    X, y = images
    outer = TestTimeAugmented(image_estimator(), 2, random_state=0)
    tempered = TemperatureScaled(outer, random_state=0).fit(X, y)
    assert tempered.estimator_.seeds_ == outer.fit(X, y).seeds_
    grid = {"estimator__lr": [0.1, 0.01], "augmentation": [flip, "light"], "n": [1, 2]}
    search = GridSearchCV(outer, grid, cv=2).fit(X, y)
    assert search.best_estimator_.estimator_.lr == search.best_params_["estimator__lr"]
    seeds = SeedEnsemble(outer, seeds=[4, 5]).fit(X, y)
    assert [each.estimator_.random_state for each in seeds.estimators_] == [4, 5]
    assert seeds.predict(X).shape == y.shape


def test_datasets(images, fitted):
    X, y = images
    outer = around(fitted)
    expected = outer.predict_proba(X)
    assert_near(outer.predict_proba(Pairs(X, y)), expected)
    assert outer.score(Pairs(X, y)) == pytest.approx(outer.score(X, y))
    trained = TestTimeAugmented(image_estimator(precision="float32"), 2)
    trained.set_params(augmentation=flip).fit(Pairs(X, y))
    assert_same_bits(trained.estimator_, fitted)


def test_images_on_disk(tmp_path):
    pytest.importorskip("PIL")
    from mtlearn.data import ImageFiles
    from mtlearn.preprocessing import ImageNormalizer
    from pictures_on_disk import smooth_pictures, write_pictures

    names = write_pictures(tmp_path, smooth_pictures(12, height=10, width=14))
    files = ImageFiles(names, size=8, root=tmp_path)
    y = np.column_stack([np.arange(12) % 2, np.arange(12.0)])
    pipe = make_pipeline(ImageNormalizer(), image_estimator(precision="float32"))
    outer = TestTimeAugmented(pipe, 3, augmentation="standard", random_state=0)
    outer.fit(files, y)
    assert_near(outer.predict_proba(files), outer.predict_proba(files.read()), atol=0)


@pytest.mark.parametrize("augmentation", ["light", Augmentation(noise=0.1), flip])
def test_pickled_cloned_and_saved(images, fitted, tmp_path, augmentation):
    X, y = images
    inner = image_estimator(precision="float32")
    outer = TestTimeAugmented(inner, 3, augmentation=augmentation, random_state=0)
    expected = outer.fit(X, y).predict_proba(X)
    path = tmp_path / "augmented.mtlearn"
    save(outer, path)
    custom = {"flip": flip} if augmentation is flip else {}
    loaded = load(path, custom_objects=custom)
    for again in (
        pickle.loads(pickle.dumps(outer)),
        loaded,
        clone(outer).fit(X, y),
    ):
        assert vars(again).keys() == vars(outer).keys()
        assert again.seeds_ == outer.seeds_
        assert_near(again.predict_proba(X), expected, atol=0)


def test_weights_are_passed_on_and_routed(images):
    X, y = images
    weights = np.linspace(0.1, 1, 24)
    expected = image_estimator().fit(X, y, weights)
    plain = TestTimeAugmented(image_estimator(), 2).fit(X, y, sample_weight=weights)
    assert_same_bits(plain.estimator_, expected)
    pipe = make_pipeline(ImageStandardScaler(), image_estimator())
    inside = TestTimeAugmented(pipe, 2).fit(X, y, sample_weight=weights)
    pipe.fit(X, y, multitaskimageestimator__sample_weight=weights)
    assert_same_bits(inside.estimator_[-1], pipe[-1])
    with sklearn.config_context(enable_metadata_routing=True):
        wants = image_estimator().set_fit_request(sample_weight=True)
        routed = TestTimeAugmented(wants, 2).fit(X, y, sample_weight=weights)
    assert_same_bits(routed.estimator_, expected)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": StandardScaler()}, ParameterTypeError, "estimator of mtlearn"),
        ({"n": 0}, InvalidParameterError, "'n' parameter of TestTimeAugmented.*Got 0"),
        ({"n": 2.5}, ParameterTypeError, "'n' parameter of TestTimeAugmented"),
        ({"augmentation": "big"}, InvalidParameterError, "of TestTimeAugmented.*'big'"),
        ({"augmentation": 3}, ParameterTypeError, "of TestTimeAugmented.*Got 3"),
        ({"augmentation": Augmentation(flip=1)}, ValueError, "'flip'"),
        ({"random_state": "x"}, InvalidParameterError, "'random_state'"),
    ],
)
def test_bad_parameters(images, params, error, message):
    given = {"estimator": image_estimator(), **params}
    with pytest.raises(error, match=message):
        TestTimeAugmented(**given).fit(*images)


def test_not_fitted_and_frozen(images, fitted):
    X, y = images
    with pytest.raises(NotFittedError):
        TestTimeAugmented(image_estimator()).predict(X)
    with pytest.raises(NotFittedError):
        TestTimeAugmented(FrozenEstimator(image_estimator())).fit(X, y)
    outer = TestTimeAugmented(FrozenEstimator(fitted))
    with pytest.raises(ParameterTypeError, match=r"no use for .*\['X_val', 'sample_w"):
        outer.fit(X, y, np.ones(24), X_val=X)
    with pytest.raises(InvalidParameterError, match=r"Augmentation\(\.\.\.\) first"):
        outer.set_params(augmentation__rotate=3)
    assert outer.fit(X, y).estimator_.estimator is fitted
    default = TestTimeAugmented()
    assert get_tags(default).input_tags.three_d_array
    assert hasattr(default, "predict_proba")
    with pytest.raises(InvalidParameterError, match="Pass an estimator first"):
        default.set_params(estimator__lr=3)
