"""Each score against another computation, from the outputs that anyone can ask for."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.covariance import ShrunkCovariance
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from mtlearn import Classification, Ordinal, Reconstruction, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError
from mtlearn.openset import OpenSetClassifier, OpenSetDetector, _knn, _mahalanobis
from tiny_problems import image_estimator, make_images, make_table, table_estimator

LOGIT_SCORES = ["max_logit", "energy", "reconstruction_logit"]


@pytest.fixture(scope="module")
def model():
    """Return a fitted estimator that also makes its rows again, and other rows."""
    X, y = make_table(120)
    tasks = Tasks(kind=Classification(3), size=Regression(), rows=Reconstruction())
    return table_estimator(tasks, max_epochs=10).fit(X, y)


X_KNOWN, Y_KNOWN = make_table(60, seed=1)
X_NEW = 3 * make_table(25, seed=2)[0]


def scored(model, name):
    detector = OpenSetDetector(model, scores=name, quantile=0.5, random_state=0)
    return -detector.fit(X_KNOWN, Y_KNOWN).score_samples(X_NEW)


def logits_of(model, X):
    """Run the network by hand, without an activation."""
    network = model.net_.module_.eval()
    with torch.no_grad():
        return network(torch.from_numpy(X))[0].numpy()


def test_knn_is_the_tenth_neighbour_of_scikit_learn(model):
    unit = [
        each / np.linalg.norm(each, axis=1, keepdims=True)
        for each in (model.embed(X_KNOWN), model.embed(X_NEW))
    ]
    neighbors = NearestNeighbors(n_neighbors=10).fit(unit[0])
    assert_allclose(scored(model, "knn"), neighbors.kneighbors(unit[1])[0][:, 9])


def test_knn_goes_to_the_last_where_there_are_fewer():
    known, new = np.eye(3)[:2], np.array([[0.0, 0.0, 5.0], [4.0, 0.0, 0.0]])
    detector = OpenSetDetector(scores="knn", quantile=0.5).fit(np.vstack([known] * 2))
    assert_allclose(-detector.score_samples(new), [2**0.5, 2**0.5])


def test_knn_of_no_direction_and_of_large_numbers():
    known = np.full((20, 2), 1e30, dtype=np.float32)
    detector = OpenSetDetector(scores="knn", quantile=0.5).fit(known)
    new = np.array([[0, 0], [3e-20, 3e-20], [1, 0]])
    expected = [1, 0, (2 - 2**0.5) ** 0.5]
    assert_allclose(-detector.score_samples(new), expected, atol=1e-7)


def test_lengths_that_float32_has_no_squares_of():
    found = _knn.of_unit_length(np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32))
    assert_allclose(found, [[0.6, 0.8], [0.6, 0.8]])
    assert found.dtype == np.float32


def test_rows_of_no_known_class_tell_mahalanobis_nothing():
    X, codes = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    nobody = np.where(np.arange(40) < 10, -1, codes)
    found, expected = (
        _mahalanobis.fit(*data, 0) for data in ((X, nobody), (X[10:], codes[10:]))
    )
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_features_of_each_task_where_the_backbone_has_some():
    class Split(torch.nn.Module):
        def __init__(self, in_features, n_tasks):
            super().__init__()
            self.layers = torch.nn.ModuleList(
                torch.nn.Linear(in_features, 5) for _ in range(n_tasks)
            )

        def forward(self, x):
            return tuple(layer(x) for layer in self.layers)

    X, y = make_table(60)
    labels = np.column_stack([y[:, 0], y[:, 0] > 0]).astype(int)
    tasks = Tasks(kind=Classification(), first=Classification())
    model = table_estimator(tasks, backbone=Split).fit(X, labels)
    settings = {"score": "knn", "quantile": 0.5, "random_state": 0}
    open_set = OpenSetClassifier(FrozenEstimator(model), **settings).fit(X, labels)
    found, predicted = open_set.score_samples(X_NEW), open_set.predict(X_NEW)
    for place, name in enumerate(["kind", "first"]):
        known, new = (model.embed(each, task=name) for each in (X, X_NEW))
        detector = OpenSetDetector(scores="knn", quantile=0.5, random_state=0)
        expected = detector.fit(known.astype(float)).score_samples(new)
        assert_allclose(found[:, place], expected, atol=1e-7)
    assert_array_equal(predicted == -1, found < open_set.offset_)


def test_knn_keeps_at_most_4500_rows_drawn_with_the_seed():
    X = np.random.default_rng(0).normal(3, 1, size=(4600, 2))
    codes = np.zeros(len(X), dtype=int)
    rows = [_knn.fit(X, codes, seed)["rows"] for seed in (0, 0, 1)]
    assert rows[0].shape == (4500, 2)
    assert_allclose(np.linalg.norm(rows[0], axis=1), 1)
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_mahalanobis_is_the_nearest_class_by_the_shared_covariance(model):
    known, new = model.embed(X_KNOWN), model.embed(X_NEW)
    kinds = Y_KNOWN[:, 0]
    means = {kind: known[kinds == kind].mean(axis=0) for kind in np.unique(kinds)}
    off = known - np.array([means[kind] for kind in kinds])
    fitted = ShrunkCovariance(shrinkage=0.01, assume_centered=True).fit(off)
    inverse = np.linalg.inv(fitted.covariance_)
    distances = cdist(new, list(means.values()), "mahalanobis", VI=inverse) ** 2
    assert_allclose(scored(model, "mahalanobis"), distances.min(axis=1), rtol=1e-6)


def test_mahalanobis_of_features_that_never_vary():
    X = np.column_stack([np.arange(30.0), np.ones(30)])
    detector = OpenSetDetector(scores="mahalanobis", quantile=0.5).fit(X)
    # Of the variance v of the first column: 0.995 v of it, and 0.005 v of the other.
    v = X[:, 0].var()
    expected = [4 / (0.995 * v), 1 / (0.005 * v)]
    found = -detector.score_samples([[16.5, 1.0], [14.5, 2.0]])
    assert_allclose(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_directions_that_are_alike_are_no_distance_apart(dtype):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 30))
    lengths = rng.uniform(0.1, 10, size=(600, 1))
    known = (points[np.arange(600) % 40] * lengths).astype(dtype)
    state = _knn.fit(known, np.zeros(600, dtype=int), 0)
    assert_array_equal(_knn.score(state, points.astype(dtype)), np.zeros(40))
    off = points + 1e-3 * np.linalg.norm(points, axis=1, keepdims=True)
    assert (_knn.score(state, off.astype(dtype)) > 1e-4).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_classes_of_one_point_each_have_no_variance(scale):
    rng = np.random.default_rng(0)
    points, codes = scale * rng.normal(size=(3, 5)), np.arange(60) % 3
    noise = 1 + 1e-15 * rng.normal(size=(60, 5))
    detector = OpenSetDetector(scores="mahalanobis", quantile=0.9, random_state=0)
    detector.fit(points[codes] * noise, codes)
    assert_array_equal(detector.score_samples(points), [0, 0, 0])
    assert detector.offset_ == 0
    assert_array_equal(detector.predict(points), [1, 1, 1])
    # In units of the mean square of the features, of a hundredth of the ball.
    size = np.mean(points**2)
    off = points + 0.1 * scale * np.eye(3, 5)
    expected = (0.1 * scale) ** 2 / (0.01 * size)
    assert_allclose(-detector.score_samples(off), expected, rtol=1e-6)
    assert_array_equal(detector.predict(off), [-1, -1, -1])


def test_max_probability_is_that_of_predictions(model):
    expected = 1 - model.predict_proba(X_NEW)[0].max(axis=1)
    assert_allclose(scored(model, "max_probability"), expected)


def test_logits_are_those_of_the_head(model):
    logits = logits_of(model, X_NEW)
    assert_allclose(scored(model, "max_logit"), -logits.max(axis=1), rtol=1e-6)
    energies = -np.log(np.exp(logits).sum(axis=1))
    assert_allclose(scored(model, "energy"), energies, rtol=1e-6)


def test_reconstructions_by_hand(model):
    errors = ((model.reconstruct(X_NEW) - X_NEW) ** 2).mean(axis=1)
    assert_allclose(scored(model, "reconstruction"), errors, rtol=1e-6)
    relative = errors / X_NEW.var(axis=1)
    assert_allclose(scored(model, "reconstruction_relative"), relative, rtol=1e-6)


def test_the_eleventh_logit(model):
    errors = ((model.reconstruct(X_NEW) - X_NEW) ** 2).mean(axis=1)
    logits = logits_of(model, X_NEW)
    factor = np.median(logits.max(axis=1) / errors)
    # The rule as it is written: one more score, and the largest of all wins.
    both = np.column_stack([logits, factor * errors])
    unknown = both.argmax(axis=1) == logits.shape[1]
    assert 0 < unknown.sum() < len(unknown)
    found = scored(model, "reconstruction_logit") > 1 / factor
    np.testing.assert_array_equal(found, unknown)


def test_reconstructions_of_images_are_relative_to_their_variance():
    X, y = make_images(40)
    tasks = Tasks(kind=Classification(2), size=Regression(), image=Reconstruction())
    model = image_estimator(tasks).fit(X, y)
    detector = OpenSetDetector(model, scores="reconstruction_relative", quantile=0.5)
    found = -detector.fit(X, y).score_samples(X)
    errors = model.reconstruction_error(X)
    assert_allclose(found, errors / X.var(axis=(1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("names", ["auto", ["energy", "knn"]])
def test_of_several_the_largest_z_score_counts(model, names):
    detector = OpenSetDetector(model, scores=names, quantile=0.5, random_state=0)
    detector.fit(X_KNOWN, Y_KNOWN)
    each = ["knn", "mahalanobis"] if names == "auto" else names
    found = []
    for name in each:
        alone = OpenSetDetector(model, scores=name, quantile=0.5, random_state=0)
        alone.fit(X_KNOWN, Y_KNOWN)
        middle, high = np.percentile(alone.calibration_scores_, [50, 95])
        found.append((-alone.score_samples(X_NEW) - middle) / (high - middle))
    assert_allclose(-detector.score_samples(X_NEW), np.max(found, axis=0), rtol=1e-6)


@pytest.mark.parametrize("score", ["msp", [], ["knn", "knn"], ["auto"], None, 3])
def test_scores_that_are_none(score):
    X, y = make_table()
    with pytest.raises(InvalidParameterError, match="The 'score' parameter of OpenSet"):
        OpenSetClassifier(table_estimator(), score=score).fit(X, y)
    with pytest.raises(InvalidParameterError, match="The 'scores' parameter of Open"):
        OpenSetDetector(scores=score).fit(X)


@pytest.mark.parametrize("score", LOGIT_SCORES)
def test_a_head_without_a_score_of_each_class(score):
    X, y = make_table()
    tasks = Tasks(kind=Ordinal([0, 1, 2]), rows=Reconstruction())
    model = table_estimator(tasks).fit(X, y[:, 0])
    with pytest.raises(InvalidParameterError, match="the head of task 'kind' does not"):
        OpenSetClassifier(FrozenEstimator(model), score=score).fit(X, y[:, 0])


@pytest.mark.parametrize("score", ["reconstruction", "reconstruction_relative"])
def test_an_estimator_that_reconstructs_nothing(score):
    X, y = make_table()
    with pytest.raises(InvalidParameterError, match="needs a Reconstruction among"):
        OpenSetClassifier(table_estimator(), score=score).fit(X, y)


def test_a_table_alone_has_no_logits():
    with pytest.raises(InvalidParameterError, match="looks at what an estimator pred"):
        OpenSetDetector(scores="energy").fit(make_table()[0])
