"""TemperatureScaled with several labels: one for each, of the cells that are known."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from mtlearn import (
    Classification,
    MultiLabel,
    Tasks,
    TemperatureScaled,
    TunedThresholds,
    load,
    save,
)
from mtlearn.tasks._temperature import lowest_temperature
from tiny_problems import table_estimator

NAMES = ["sun", "sea", "snow"]


def problem(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    tags = (X[:, :3] + rng.normal(size=(n, 3)) > [0.0, 0.5, 1.0]).astype(float)
    tags[rng.random((n, 3)) < 0.2] = np.nan
    return X, np.column_stack([tags, X[:, 3] + rng.normal(size=n) > 0])


def overfitted(**params):
    """Return an estimator that is far too sure."""
    tasks = Tasks(tags=MultiLabel(NAMES, **params), kind=Classification(2))
    return table_estimator(tasks, lr=0.05, max_epochs=120).fit(*problem(100))


@pytest.fixture(scope="module")
def inner():
    return overfitted()


def log_loss(chances, truth, weight, temperature):
    """Compute the mean loss by the formula."""
    known = ~np.isnan(truth)
    odds = np.log(chances[known]) - np.log1p(-chances[known])
    scaled = 1 / (1 + np.exp(-odds / temperature))
    right = np.where(truth[known] > 0, scaled, 1 - scaled)
    return -np.average(np.log(right), weights=weight[known])


@pytest.mark.parametrize("weighted", [False, True])
def test_each_label_has_the_temperature_with_the_lowest_loss(inner, weighted):
    X, y = problem(seed=1)
    weight = np.linspace(0.1, 2, 300) if weighted else np.ones(300)
    scaled = TemperatureScaled(FrozenEstimator(inner))
    scaled.fit(X, y, sample_weight=weight if weighted else None)
    found, before = scaled.temperatures_["tags"], inner.predict_proba(X)[0]
    assert found.shape == (3,)
    assert scaled.unscaled_ == {"tags": []}
    assert len(set(found)) == 3
    grid = np.geomspace(0.5, 15, 1001)
    for place, temperature in enumerate(found):
        own = before[:, place], y[:, place], weight
        losses = [log_loss(*own, each) for each in grid]
        best = grid[np.argmin(losses)]
        assert temperature == pytest.approx(best, rel=0.005)
        assert temperature > 1.2
        after = scaled.predict_proba(X)[0][:, place], y[:, place], weight
        # No worse than before on the samples that it was found on.
        assert log_loss(*after, 1) <= log_loss(*own, 1)
        assert log_loss(*after, 1) == pytest.approx(min(losses), abs=1e-5)


def test_no_temperature_is_taken_that_is_no_better_than_none():
    assert lowest_temperature(lambda t: (np.log(t) - 0.01) ** 2 + (t != 1)) == 1
    assert lowest_temperature(lambda t: (np.log(t) - 0.5) ** 2) == pytest.approx(
        np.exp(0.5), rel=1e-3
    )


def test_labels_that_few_have_or_lack_keep_one(inner):
    X, y = problem(seed=1)
    y[:, :3] = 0
    y[:10, 0], y[:9, 1], y[9:, 2] = 1, 1, 1  # ten with, nine with, nine without
    y[10:40, 1:3] = np.nan  # which are no samples without them
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X, y)
    assert scaled.unscaled_ == {"tags": ["sea", "snow"]}
    assert_array_equal(scaled.temperatures_["tags"] == 1, [False, True, True])
    before, after = (each.predict_proba(X)[0] for each in (inner, scaled))
    assert_array_equal(before[:, 1:], after[:, 1:])
    y[:, :3] = np.nan
    with pytest.warns(UserWarning, match="known label of 'tags': the temperature sta"):
        scaled.fit(X, y)
    assert scaled.temperatures_["tags"].tolist() == [1, 1, 1]
    assert scaled.unscaled_ == {"tags": NAMES}


@pytest.mark.parametrize("params", [{}, {"loss": "asymmetric"}, {"thresholds": 0.3}])
def test_decisions_stay_and_the_tasks_make_them_too(params, tmp_path):
    inner = overfitted(**params)
    X, y = problem(seed=1)
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X, y)
    save(scaled, tmp_path / "scaled.mtlearn")
    for each in (scaled, load(tmp_path / "scaled.mtlearn")):
        assert_array_equal(each.predict(X), inner.predict(X))
        tags, kind = each._outputs(X)
        assert_array_equal(tags, scaled.predict_proba(X)[0])
        assert_array_equal(each.tasks_["tags"].decode(tags), inner.predict(X)[:, :3])
        assert_array_equal(each.tasks_["kind"].decode(kind), inner.predict(X)[:, 3])
        assert each.unscaled_ == scaled.unscaled_
    assert (tags != inner.predict_proba(X)[0]).any()


def test_inside_of_thresholds_and_around_them(inner):
    X, y = problem(seed=1)
    tuned = TunedThresholds(FrozenEstimator(inner)).fit(X, y)
    outside = TemperatureScaled(FrozenEstimator(tuned)).fit(X, y)
    assert_array_equal(outside.predict(X), tuned.predict(X))
    tags, kind = outside._outputs(X)
    assert_array_equal(outside.tasks_["tags"].decode(tags), tuned.predict(X)[:, :3])
    assert_array_equal(outside.tasks_["kind"].decode(kind), tuned.predict(X)[:, 3])
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X, y)
    best = TunedThresholds(FrozenEstimator(scaled), method="best").fit(X, y)
    plain = TunedThresholds(FrozenEstimator(inner), method="best").fit(X, y)
    # The order of samples is the same, and so is the best cut in it.
    assert_array_equal(best.predict(X), plain.predict(X))


def test_labels_that_come_as_sets():
    X, y = problem()
    block = np.nan_to_num(y[:, :3])
    names = np.array(["a", "b", "c"])
    sets = pd.Series([set(names[row > 0]) for row in block])
    found = [
        TemperatureScaled(
            table_estimator(MultiLabel()), validation_fraction=0.5, random_state=0
        ).fit(X, each)
        for each in (sets, block)
    ]
    expected = found[1].temperatures_["task_0"]
    assert_allclose(found[0].temperatures_["task_0"], expected)
    assert (expected != 1).all()
    assert found[0].unscaled_ == {"task_0": []}


def test_it_is_the_division_of_log_odds_also_for_the_exporter(inner):
    task = inner.tasks_["tags"]
    chances = np.array([[0.2, 0.999, 0.5], [1e-9, 0.7, 1 - 1e-9], [0, 1, 0.3]])
    temperature = np.array([2.0, 0.5, 1.0])
    with np.errstate(divide="ignore"):
        odds = np.log(chances) - np.log(1 - chances)
    expected = 1 / (1 + np.exp(-odds / temperature))
    assert_allclose(task.calibrated(chances, temperature), expected, rtol=1e-9)
    tensors = torch.tensor(chances), torch.tensor(temperature)
    assert_allclose(task.exported_calibration()(*tensors), expected, rtol=1e-9)
    again = task.calibrated(chances, np.ones(3))
    assert_array_equal(again, chances)
