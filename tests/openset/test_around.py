"""What an open-set classifier is around, and what is around it."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    ConformalPredictor,
    OpenSetClassifier,
    Partial,
    Reconstruction,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TestTimeAugmented,
    TunedThresholds,
    VotingEnsemble,
    load,
    save,
)
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP
from mtlearn.openset import OpenSetDetector
from open_problems import known_points, point_estimator, two_columns, unknown_points
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import assert_same_bits, image_estimator

X, Y = known_points()
FAR = unknown_points()
BOTH = np.vstack([X, FAR])
SETTINGS = {"quantile": 0.9, "calibration": 0.2, "random_state": 0}
NETWORK_SCORES = ["knn", "mahalanobis", "energy", "reconstruction"]


def with_rows(**params):
    tasks = Tasks(kind=Classification(), rows=Reconstruction())
    return point_estimator(tasks, **{"max_epochs": 3, **params})


@pytest.fixture(scope="module")
def ensemble():
    return SeedEnsemble(with_rows(), n_members=2, random_state=0).fit(X, Y)


@pytest.mark.parametrize("score", NETWORK_SCORES)
def test_scores_of_an_ensemble_are_means_over_its_members(ensemble, score):
    every, *members = (
        OpenSetDetector(FrozenEstimator(each), scores=score, quantile=0.5).fit(X, Y)
        for each in (ensemble, *ensemble.estimators_)
    )
    each = [member.score_samples(BOTH) for member in members]
    assert not np.allclose(*each)
    assert_allclose(every.score_samples(BOTH), np.mean(each, axis=0))


def test_members_count_by_their_weights():
    members = [("a", with_rows()), ("b", with_rows(random_state=1))]
    voting = VotingEnsemble(members, weights=[1, 3]).fit(X, Y)
    every, *each = (
        OpenSetDetector(inside, scores="knn", quantile=0.5).fit(X, Y)
        for inside in (voting, *voting.estimators_)
    )
    first, second = (member.score_samples(BOTH) for member in each)
    expected = 0.25 * first + 0.75 * second
    assert_allclose(every.score_samples(BOTH), expected)


def test_members_that_are_ensembles_count_as_one():
    first, second = (SeedEnsemble(with_rows(), n, random_state=n) for n in (1, 2))
    voting = VotingEnsemble([("a", first), ("b", second)], weights=[1, 3]).fit(X, Y)
    every, *each = (
        OpenSetDetector(inside, scores="knn", quantile=0.5).fit(X, Y)
        for inside in (voting, *voting.estimators_)
    )
    one, other = (member.score_samples(BOTH) for member in each)
    assert_allclose(every.score_samples(BOTH), 0.25 * one + 0.75 * other)


def test_the_probability_of_an_ensemble_is_that_which_it_predicts(ensemble):
    detector = OpenSetDetector(ensemble, scores="max_probability", quantile=0.5)
    found = detector.fit(X, Y).score_samples(BOTH)
    assert_allclose(found, ensemble.predict_proba(BOTH).max(axis=1) - 1)


@pytest.mark.parametrize("frozen", [False, True])
def test_disagreement_is_the_spread_of_the_members(ensemble, frozen):
    estimator = FrozenEstimator(ensemble) if frozen else ensemble
    detector = OpenSetDetector(estimator, scores="disagreement", quantile=0.5)
    found = detector.fit(X, Y).score_samples(BOTH)
    members = [member.predict_proba(BOTH) for member in ensemble.estimators_]
    assert_allclose(-found, np.std(members, axis=0).mean(axis=1), atol=1e-12)


def test_predictions_by_how_members_disagree():
    inside = SeedEnsemble(with_rows(), n_members=2, random_state=0)
    open_set = OpenSetClassifier(inside, score="disagreement", **SETTINGS).fit(X, Y)
    unknown = open_set.score_samples(BOTH) < open_set.offset_
    assert 0 < unknown.sum() < len(BOTH)
    known = open_set.predict_known(BOTH)
    assert_array_equal(open_set.predict(BOTH), np.where(unknown, -1, known))


@pytest.mark.parametrize(
    "inside",
    [
        with_rows(max_epochs=1),
        SeedEnsemble(with_rows(max_epochs=1), n_members=1),
        TemperatureScaled(SeedEnsemble(with_rows(max_epochs=1), n_members=2)),
    ],
)
def test_only_members_disagree(inside):
    with pytest.raises(InvalidParameterError, match="needs an ensemble, whose members"):
        OpenSetClassifier(inside, score="disagreement").fit(X, Y)


def test_a_temperature_counts_in_probabilities_alone():
    inside = with_rows().fit(X, Y)
    scaled = TemperatureScaled(FrozenEstimator(inside)).fit(X, Y)
    for score, same in (("energy", True), ("max_probability", False)):
        found, plain = (
            OpenSetDetector(each, scores=score, quantile=0.5, random_state=0).fit(X, Y)
            for each in (scaled, inside)
        )
        both = found.score_samples(BOTH), plain.score_samples(BOTH)
        assert np.array_equal(*both) == same


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "around",
    [
        ConformalPredictor,
        OpenSetClassifier,
        SeedEnsemble,
        TemperatureScaled,
        TestTimeAugmented,
        TunedThresholds,
        lambda inside: VotingEnsemble([("a", inside)]),
    ],
)
def test_nothing_around_it_loses_what_is_unknown(around, frozen):
    inside = OpenSetClassifier(point_estimator(max_epochs=1), **SETTINGS)
    if frozen:
        inside = FrozenEstimator(inside.fit(X, Y))
    with pytest.raises(InvalidParameterError, match="must not be an OpenSetClassifier"):
        around(make_pipeline(StandardScaler(), inside)).fit(X, Y)


def test_around_a_pipeline():
    pipe = make_pipeline(StandardScaler(), point_estimator())
    open_set = OpenSetClassifier(pipe, **SETTINGS).fit(100 * X, Y)
    assert (open_set.predict(100 * FAR) == -1).all()
    assert (open_set.predict(100 * X) >= 0).mean() > 0.8
    assert open_set.n_features_in_ == 3


def test_in_a_pipeline():
    pipe = make_pipeline(StandardScaler(), OpenSetClassifier(point_estimator()))
    pipe.set_params(opensetclassifier__quantile=0.9).fit(X, Y)
    assert (pipe.predict(FAR) == -1).all()


@pytest.mark.parametrize("prefit", [False, True])
def test_an_estimator_that_is_fitted_stays_as_it_is(prefit):
    inside = point_estimator().fit(X, Y)
    more, labels = known_points(200, seed=5)
    given = inside if prefit else FrozenEstimator(inside)
    params = SETTINGS | ({"calibration": "prefit"} if prefit else {})
    open_set = OpenSetClassifier(given, **params).fit(more, labels)
    assert_array_equal(open_set.predict_proba(X), inside.predict_proba(X))
    # Every row counts, scored by what the others have taught.
    assert len(open_set.detector_.calibration_scores_) == 200
    assert (open_set.predict(FAR) == -1).all()


def test_each_row_is_scored_by_what_the_others_have_taught():
    inside = point_estimator().fit(X, Y)
    more, labels = known_points(10, seed=5)
    detector = OpenSetDetector(inside, scores="mahalanobis", quantile=0.5)
    found = detector.fit(more, labels).calibration_scores_
    expected = []
    for row in range(10):  # ten rows in ten parts
        others = np.delete(np.arange(10), row)
        alone = OpenSetDetector(inside, scores="mahalanobis", quantile=0.5)
        alone.fit(more[others], labels[others])
        expected.append(-alone.score_samples(more[[row]])[0])
    assert_allclose(found, np.sort(expected))


def test_without_labels_the_predicted_ones_count():
    inside = point_estimator().fit(X, Y)
    params = {"scores": "mahalanobis", "quantile": 0.9, "random_state": 0}
    found = OpenSetDetector(inside, **params).fit(X)
    expected = OpenSetDetector(inside, **params).fit(X, inside.predict(X))
    assert_array_equal(found.score_samples(BOTH), expected.score_samples(BOTH))
    open_set = OpenSetClassifier(
        FrozenEstimator(inside), score="mahalanobis", quantile=0.9, random_state=0
    )
    assert open_set.fit(X).offset_ == found.offset_


@pytest.mark.parametrize("cv", [3, StratifiedKFold(3)])
def test_folds_score_all_rows(cv):
    settings = SETTINGS | {"calibration": cv, "score": "max_probability"}
    open_set = OpenSetClassifier(point_estimator(), **settings).fit(X, Y)
    assert len(open_set.detector_.calibration_scores_) == 300
    assert_same_bits(open_set.estimator_, point_estimator().fit(X, Y))
    if cv == 3:
        return
    expected = []
    for train, test in cv.split(X, Y):
        member = point_estimator().fit(X[train], Y[train])
        expected.extend(1 - member.predict_proba(X[test]).max(axis=1))
    assert_allclose(open_set.detector_.calibration_scores_, np.sort(expected))


def test_a_row_that_is_held_out_again_counts_once():
    rows = np.arange(300)
    folds = [(rows[60:], rows[:60]), (rows[100:], rows[:100]), (rows[:60], rows[40:60])]
    settings = SETTINGS | {"calibration": folds, "score": "max_probability"}
    inside = point_estimator(max_epochs=2)
    found = OpenSetClassifier(inside, **settings).fit(X, Y).detector_
    expected = []
    for train, own in zip(folds, (rows[:60], rows[60:100]), strict=False):
        member = clone(inside).fit(X[train[0]], Y[train[0]])
        expected.extend(1 - member.predict_proba(X[own]).max(axis=1))
    assert_allclose(found.calibration_scores_, np.sort(expected))


def test_a_search_over_scores_and_quantiles():
    y = np.append(Y, [-1] * 50)
    folds = [
        (train, np.append(test, np.arange(300, 350)))
        for train, test in StratifiedKFold(2).split(X, Y)
    ]
    grid = {"score": ["knn", ["energy", "knn"]], "quantile": [0.2, 0.9]}
    search = GridSearchCV(
        OpenSetClassifier(point_estimator(), calibration=0.2, random_state=0),
        grid,
        cv=folds,
        refit=False,
        error_score="raise",
    )
    search.fit(BOTH, y)
    assert search.best_params_["quantile"] == 0.9
    assert len(set(search.cv_results_["mean_test_score"])) > 2


def test_weights_are_routed():
    weights = np.linspace(0.1, 1, 300)
    plain = OpenSetClassifier(point_estimator(), **SETTINGS)
    plain.fit(X, Y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = point_estimator().set_fit_request(sample_weight=True)
        routed = OpenSetClassifier(inner, **SETTINGS)
        routed.fit(X, Y, sample_weight=weights)
    assert_same_bits(routed.estimator_, plain.estimator_)
    assert routed.offset_ == plain.offset_


def made_of_all():
    labels, tasks = two_columns(Y)
    tasks = Tasks(**dict(tasks.items()), rows=Reconstruction())
    scores = ["knn", "mahalanobis", "energy", "reconstruction_relative"]
    inside = SeedEnsemble(point_estimator(tasks, max_epochs=2), 2, random_state=0)
    return OpenSetClassifier(inside, score=scores, **SETTINGS).fit(X, labels)


def test_files_and_pickles_predict_the_same(tmp_path):
    open_set = made_of_all()
    save(open_set, tmp_path / "open")
    for again in (load(tmp_path / "open"), pickle.loads(pickle.dumps(open_set))):
        assert_array_equal(again.predict(BOTH), open_set.predict(BOTH))
        assert_array_equal(again.score_samples(BOTH), open_set.score_samples(BOTH))
        again.set_quantile(0.5)
        assert (again.offset_ > open_set.offset_).all()
        assert again.get_params()["score"] == open_set.get_params()["score"]
    save(open_set.detectors_["kind"], tmp_path / "detector")
    scores = load(tmp_path / "detector").score_samples(BOTH)
    assert_array_equal(scores, open_set.score_samples(BOTH)[:, 0])


def test_one_detector_for_the_row_stays_one(tmp_path):
    labels, tasks = two_columns(Y)
    open_set = OpenSetClassifier(point_estimator(tasks), per="row", **SETTINGS)
    save(open_set.fit(X, labels), tmp_path / "open")
    assert load(tmp_path / "open").set_quantile(0.5).offset_ > open_set.offset_


def test_a_clone_has_the_parameters_alone():
    open_set = OpenSetClassifier(point_estimator(), task="task_0", **SETTINGS)
    again = clone(open_set.fit(X, Y))
    assert not hasattr(again, "detectors_")
    assert again.get_params()["task"] == "task_0"
    assert_array_equal(again.fit(X, Y).predict(BOTH), open_set.predict(BOTH))


@pytest.mark.parametrize("score", ["energy", ["disagreement"], "nonsense"])
def test_what_is_set_after_a_fit_counts_from_the_next_one(score):
    open_set = OpenSetClassifier(point_estimator(max_epochs=2), **SETTINGS).fit(X, Y)
    expected = open_set.predict(BOTH), open_set.score_samples(BOTH)
    open_set.set_params(score=score, task="nobody", per="row", unknown_label=7)
    found = open_set.predict(BOTH), open_set.score_samples(BOTH)
    for each, other in zip(found, expected, strict=True):
        assert_array_equal(each, other)


def test_a_fit_that_fails_leaves_what_was_learned():
    open_set = OpenSetClassifier(point_estimator(), **SETTINGS).fit(X, Y)
    expected = open_set.predict(BOTH)
    open_set.set_params(unknown_label=2)
    with pytest.raises(ValueError, match="must be none of the classes"):
        open_set.fit(X, Y)
    assert_array_equal(open_set.predict(BOTH), expected)


def test_the_same_seed_has_the_same_bits():
    first, second = (
        OpenSetClassifier(point_estimator(), **SETTINGS).fit(X, Y) for _ in range(2)
    )
    assert_array_equal(first.score_samples(BOTH), second.score_samples(BOTH))


@pytest.mark.parametrize("score", ["auto", "mahalanobis", "max_probability", "energy"])
def test_rows_that_are_alike_are_decided_alike_in_any_batch(score):
    # A table of twelve different rows, whose scores are far from all different: many
    # are that of the threshold.
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 12, size=600)
    table = np.round(3 * rng.normal(size=(12, 5)), 1)[kinds]
    inside = point_estimator(backbone=Partial(MLP, hidden=(100,)), max_epochs=2)
    open_set = OpenSetClassifier(inside, score=score, **SETTINGS)
    open_set.fit(table, kinds % 2)
    whole = open_set.predict(table)
    _, firsts = np.unique(kinds, return_index=True)
    for size in (1, 2, 3, 7):
        for first in firsts:
            own = table[[first] * size]
            assert_array_equal(open_set.predict(own), whole[[first] * size])


@pytest.mark.filterwarnings("ignore:.*cannot be read", "ignore:.*no prediction")
@pytest.mark.parametrize("frozen", [False, True])
def test_images_that_are_skipped_are_missing_and_not_unknown(tmp_path, frozen):
    pictures = smooth_pictures(60, height=12, width=12)
    y = (pictures.mean(axis=(1, 2, 3)) > 127).astype(int)
    names = [tmp_path / name for name in write_pictures(tmp_path, pictures)]
    for name in names[3], names[40]:
        name.write_bytes(b"")
    images = ImageFiles(list(map(str, names)), size=12, n_workers=1, on_error="skip")
    inside = image_estimator(Classification(), max_epochs=1)
    if frozen:
        inside = FrozenEstimator(inside.fit(images, y))
    settings = SETTINGS | {"quantile": 0.5}
    open_set = OpenSetClassifier(inside, **settings).fit(images, y)
    predicted, inlier = open_set.predict(images), open_set.predict_inlier(images)
    missing = np.isin(np.arange(60), [3, 40])
    for found in (predicted, inlier, open_set.score_samples(images)):
        assert_array_equal(np.isnan(found), missing)
    proba = open_set.predict_proba(images, include_unknown=True)
    assert_array_equal(np.isnan(proba).all(axis=1), missing)
    assert_array_equal(predicted == -1, inlier == -1)
    assert (predicted == -1).any()
    others = predicted[~missing]
    assert open_set.score(images, y) == np.mean(others == y[~missing])
