"""The numbers of a comparison of methods, of figures that are made up."""

import numpy as np
import pytest
from scipy import stats

from mtlearn.inspection._method_figures import (
    Figures,
    figure_rows,
    figures_of,
    method_rows,
)
from mtlearn.inspection._method_fits import Scored
from tiny_problems import table_tasks


def made_up(values, names=("single", "equal", "other")):
    columns = (("kind", "accuracy"), ("size", "r2"), ("size", "mae"))
    values = np.array(values, dtype=float)
    seconds = np.ones(values.shape[:2])
    return Figures(names, table_tasks(), columns, values, seconds, 0.25, 0.9)


def change_of(values, weights):
    """Compute the change of weighted means, of which each has an own sum of weights."""
    known = np.isfinite(values[0])
    weights = np.where(known, weights[:, None], 0)
    single, _, other = (np.nan_to_num(values) * weights).sum(axis=1) / weights.sum(
        axis=0
    )
    parts = np.array([1, 1, -1]) * (other - single) / np.abs(single)
    return 100 * (parts[0] + parts[1:].mean()) / 2


@pytest.mark.parametrize("lacks", [False, True])
def test_the_interval_of_the_change_is_that_of_its_slopes(lacks):
    values = np.random.default_rng(0).uniform(0.2, 1, size=(3, 6, 3))
    values[:, :, 1] -= 1.2  # an R2 below zero
    if lacks:
        values[:, 2, 0] = np.nan
    (line,) = [
        each for each in method_rows(made_up(values)) if each["method"] == "other"
    ]
    step, terms = 1e-6, []
    for fold in range(6):
        ends = []
        for sign in (1, -1):
            weights = np.ones(6)
            weights[fold] += sign * step
            ends.append(change_of(values, weights))
        terms.append(6 * (ends[0] - ends[1]) / (2 * step))
    error = np.sqrt((1 / 6 + 0.25) * np.var(terms, ddof=1))
    mean = change_of(values, np.ones(6))
    low, high = stats.t.interval(0.9, 5, mean, error)
    got = [line[key] for key in ("delta_m", "low", "high")]
    assert got == pytest.approx([mean, low, high], rel=1e-5)


def test_figures_that_are_not_there_or_zero_are_left_out():
    values = np.ones((3, 2, 3))
    values[2] = 1.5
    values[0, :, 0] = 0
    values[:, :, 1] = np.nan
    rows = {each["method"]: each for each in method_rows(made_up(values))}
    assert rows["other"]["delta_m"] == pytest.approx(-50)
    # An accuracy of zero has a rank; an R2 that is not there has none.
    assert rows["other"]["mean_rank"] == pytest.approx(1.5)
    values[0, :, 2] = 0
    rows = {each["method"]: each for each in method_rows(made_up(values))}
    assert np.isnan([rows["other"][key] for key in ("delta_m", "low", "high")]).all()
    values[...] = np.nan
    lines = method_rows(made_up(values))
    assert all(np.isnan(each["mean_rank"]) for each in lines)
    assert np.isnan([row["value"] for row in figure_rows(made_up(values))]).all()


def test_a_fold_that_one_method_has_no_figure_of_compares_none():
    columns = [("kind", "accuracy"), ("size", "r2")]
    values = [[[0.5, 0.1], [0.6, 0.2]], [[0.7, 0.3], [np.nan, 0.4]]]
    folds = [
        [Scored(dict(zip(columns, each, strict=True)), 1.0) for each in fold]
        for fold in values
    ]
    metrics = {"kind": ["accuracy"], "size": ["r2"]}
    found = figures_of(folds, ("equal", "other"), table_tasks(), metrics, 0.5, 0.95)
    np.testing.assert_allclose(found.mean(), [[0.5, 0.2], [0.6, 0.3]])


def test_the_first_fit_of_a_process_says_nothing_of_time():
    found = made_up(np.ones((3, 4, 3)))
    found.seconds[1], found.seconds[2] = [9.0, 2, 2, 9], [5.0, 3, 3, 3]
    ratios = {each["method"]: each["time_ratio"] for each in method_rows(found)}
    assert ratios == {"single": 0.5, "equal": 1.0, "other": 1.5}
