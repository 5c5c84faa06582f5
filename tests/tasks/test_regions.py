"""How ill labels fit, and the labels that fit, by kind."""

import numpy as np
import pytest

from mtlearn import Classification, Count, MultiLabel, Ordinal, Regression
from shaped_kinds import Vector

NAN = np.nan


def fitted(task, labels):
    labels = np.asarray(labels)
    return task.fit(labels, np.ones(labels.shape), "own")


def less(chances):
    return 1 - chances


CHANCES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])


@pytest.mark.parametrize("task", [Classification(), Ordinal(["c", "a", "b"])])
def test_classes(task):
    task = fitted(task, ["a", "b", "c"])
    found = task.misfits(np.array(["b", "c"]), np.ones(2), CHANCES, less)
    np.testing.assert_allclose(found, [[0.8], [0.6]])
    rows = np.vstack([CHANCES, [NAN] * 3])
    inside = task.regions(rows, np.array([0.75]), less)
    expected = [[True, False, False], [True, True, True], [True, True, True]]
    expected[1] = [True, True, True]
    np.testing.assert_array_equal(inside, expected)
    inside = task.regions(rows, np.array([0.65]), less)
    np.testing.assert_array_equal(inside[1], [False, False, True])


def test_labels_in_columns():
    task = fitted(MultiLabel(), [[0, 1], [1, 0]])
    labels = np.array([[1, 0], [0, NAN]])
    weight = np.array([[1, 2], [1, 0]])
    chances = np.array([[0.9, 0.4], [0.3, 0.5]])
    found = task.misfits(labels, weight, chances, less)
    np.testing.assert_allclose(found, [[0.1, 0.4], [0.3, NAN]])
    rows = np.vstack([chances, [NAN, NAN]])
    inside = task.regions(rows, np.array([0.2, 0.55]), less)
    expected = [
        [[False, True], [True, False]],
        [[False, False], [True, True]],
        [[True, True], [True, True]],
    ]
    np.testing.assert_array_equal(inside, expected)


def test_labels_in_sets():
    sets = np.empty(2, dtype=object)
    sets[:] = [frozenset("a"), frozenset("ab")]
    task = fitted(MultiLabel(["a", "b"]), sets)
    chances = np.array([[0.9, 0.4], [0.3, 0.5]])
    found = task.misfits(sets, np.ones(2), chances, less)
    np.testing.assert_allclose(found, [[0.1, 0.4], [0.7, 0.5]])


def test_values_and_what_members_say():
    # The deviation of the training labels is 2, a tenth of which is added.
    task = fitted(Regression(), [1.0, 5.0])
    values, labels = np.array([[1.0], [4.0]]), np.array([3, 3])
    found = task.misfits(labels, np.ones(2), values, less)
    np.testing.assert_allclose(found, [[2.0], [1.0]])
    spread = np.array([[0.3], [0.0]])
    found = task.misfits(labels, np.ones(2), values, less, spread)
    np.testing.assert_allclose(found, [[2 / 0.5], [1 / 0.2]])
    intervals = task.regions(values, np.array([2.0]), less, spread)
    np.testing.assert_allclose(intervals, [[0.0, 2.0], [3.6, 4.4]], atol=1e-13)
    rows = np.vstack([values, [NAN]])
    np.testing.assert_array_equal(
        task.regions(rows, np.array([np.inf]), less),
        [[-np.inf, np.inf], [-np.inf, np.inf], [NAN, NAN]],
    )


@pytest.mark.parametrize(
    ("task", "labels", "scale", "ends"),
    [
        (Regression(standardize=False), [1.0, 5.0], 1.0, (-np.inf, np.inf)),
        (Regression(bounds=(-1, 9)), [1.0, 5.0], 2.0, (-1, 9)),
        (Count(), [0, 8], 2.0, (0.0, np.inf)),
    ],
)
def test_scales_and_ranges(task, labels, scale, ends):
    task = fitted(task, labels)
    assert task.value_scale == scale
    assert task.value_range == ends
    found = task.regions(np.array([[3.0]]), np.array([20.0]), less)
    np.testing.assert_allclose(found, np.clip([[-17.0, 23.0]], *ends), rtol=1e-13)


@pytest.mark.parametrize("shrunk", [1.0, 1e-4])
@pytest.mark.parametrize(("scale", "digits"), [(1.0, 2), (1e-12, 14), (1e9, -7)])
def test_a_value_at_the_limit_is_inside(scale, digits, shrunk):
    # Many of these sums of a value and its own distance are off by the last digit.
    rng = np.random.default_rng(0)
    task = fitted(Regression(), [scale, 5 * scale])
    values, labels = np.round(scale * rng.normal(size=(2, 2000)), digits)
    labels[::3], values = 0, shrunk * values
    (distances,) = task.misfits(labels, np.ones(2000), values[:, None], less).T
    noise = 1 + rng.choice([-1, 0, 1], size=2000) * 2e-16
    for row, distance in enumerate(distances):
        own = (values[row] * noise[row]).reshape(1, 1)
        (low, high), *_ = task.regions(own, np.array([distance]), less)
        assert low <= labels[row] <= high
        size = abs(values[row]) + distance
        assert high - low <= 2 * distance + 1e-13 * size


def test_a_kind_without_a_region_has_no_parts():
    task, outputs = Vector(2), np.zeros((3, 2))
    assert task.region is None
    assert task.misfits(outputs, np.ones((3, 2)), outputs, less).shape == (3, 0)
    assert task.regions(outputs, np.zeros(0), less).shape == (3, 0)
