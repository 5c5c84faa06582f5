"""score: the mean over tasks of accuracy or R²."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from tiny_problems import image_estimator, make_images, make_table, table_estimator


@pytest.fixture(scope="module")
def fitted():
    X, y = make_table()
    return table_estimator(max_epochs=20).fit(X, y), X, y


def expected_score(estimator, X, y, rows, weights=(None, None)):
    predicted = estimator.predict(X)
    kind, size = rows
    return np.mean(
        [
            accuracy_score(y[kind, 0], predicted[kind, 0], sample_weight=weights[0]),
            r2_score(y[size, 1], predicted[size, 1], sample_weight=weights[1]),
        ]
    )


def test_mean_over_tasks(fitted):
    estimator, X, y = fitted
    everything = np.ones(len(X), dtype=bool)
    expected = expected_score(estimator, X, y, (everything, everything))
    assert estimator.score(X, y) == pytest.approx(expected)


def test_missing_labels_are_left_out(fitted):
    estimator, X, y = fitted
    y = y.copy()
    y[:7, 0] = y[5:20, 1] = np.nan
    there = ~np.isnan(y)
    expected = expected_score(estimator, X, y, there.T)
    assert estimator.score(X, y) == pytest.approx(expected)


def test_a_task_without_labels_is_left_out(fitted):
    estimator, X, y = fitted
    holes = y.copy()
    holes[:, 1] = np.nan
    assert estimator.score(X, holes) == estimator.task("kind").score(X, y[:, 0])


def test_no_label_at_all(fitted):
    estimator, X, y = fitted
    with pytest.raises(InvalidDataError, match="no label to score"):
        estimator.score(X, np.full_like(y, np.nan))


def test_unknown_labels_are_wrong(fitted):
    estimator, X, y = fitted
    kind = estimator.task("kind")
    strange = y.copy()
    strange[:20, 0] = 77
    right = estimator.predict(X)[:, 0] == strange[:, 0]
    size = estimator.task("size").score(X, y[:, 1])
    assert not right[:20].any()
    assert estimator.score(X, strange) == pytest.approx((right.mean() + size) / 2)
    assert kind.score(X, strange[:, 0]) == pytest.approx(right.mean())


@pytest.mark.parametrize("shape", [(40,), (40, 2)])
def test_weights(fitted, shape):
    estimator, X, y = fitted
    weights = np.random.default_rng(0).random(shape)
    pair = (weights, weights) if weights.ndim == 1 else weights.T
    everything = np.ones(len(X), dtype=bool)
    expected = expected_score(estimator, X, y, (everything, everything), pair)
    assert estimator.score(X, y, weights) == pytest.approx(expected)


def test_zero_weight_equals_absence(fitted):
    estimator, X, y = fitted
    weights = np.ones_like(y)
    weights[3:17, 0] = weights[::2, 1] = 0
    holes = np.where(weights == 0, np.nan, y)
    assert estimator.score(X, y, weights) == estimator.score(X, holes)


def test_wrong_lengths(fitted):
    estimator, X, y = fitted
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 30"):
        estimator.score(X, y[:30])
    with pytest.raises(InvalidDataError, match=r"shape \(30,\); expected \(40,\) or"):
        estimator.score(X, y, np.ones(30))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(40), r"Row 0 of sample_weight is negative \(-1\.0\)"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
        (np.full(40, np.inf), "sample_weight contains infinity"),
        (np.zeros(40), "y has no label to score: every one is missing"),
        (np.ones((40, 3)), r"shape \(40, 3\); expected \(40,\) or \(40, 2\)"),
        (np.full(40, 1e308), r"values up to 1e\+308, whose sum is too large"),
    ],
)
def test_bad_weights(fitted, weights, message):
    estimator, X, y = fitted
    with pytest.raises(ValueError, match=message):
        estimator.score(X, y, weights)


def test_strings():
    X, y = make_images()
    words = np.array(["no", "yes"])[y[:, 0].astype(int)]
    estimator = image_estimator(Classification()).fit(X, words)
    right = np.mean(estimator.predict(X) == words)
    assert estimator.score(X, words) == pytest.approx(right)


def test_a_score_of_bounded_values():
    X, _ = make_table()
    share = 1 / (1 + np.exp(-X[:, 3]))
    tasks = Tasks(share=Regression(bounds=(0, 1)))
    estimator = table_estimator(tasks, max_epochs=100).fit(X, share)
    predicted = estimator.predict(X)
    assert predicted.min() >= 0
    assert predicted.max() <= 1
    assert estimator.score(X, share) == pytest.approx(r2_score(share, predicted))
    assert estimator.score(X, share) > 0.9
