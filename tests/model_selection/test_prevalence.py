"""Each label of each fold is within one row of what it should be."""

import numpy as np
import pandas as pd
import pytest

from mtlearn import Classification, MultiLabel, Regression, Tasks
from mtlearn.model_selection import (
    MultiTaskStratifiedKFold,
    multitask_train_test_split,
)

NAMES = [f"tag {i}" for i in range(17)]
PREVALENCE = np.geomspace(0.9, 0.03, 17)
ONE_ROW = 1 + 1e-6


def make_labels(n_samples, seed, holes=0.0):
    rng = np.random.RandomState(seed)
    y = (rng.random_sample((n_samples, 17)) < PREVALENCE).astype(float)
    y[rng.random_sample(y.shape) < holes] = np.nan
    return y


def most_off(columns, parts):
    """Largest difference of a value's count in a part from the part's share of it."""
    n_samples = len(columns)
    off = []
    for column in columns.T:
        for value in np.unique(column[~np.isnan(column)]):
            own = column == value
            off += [own[p].sum() - own.sum() * len(p) / n_samples for p in parts]
        own = np.isnan(column)
        off += [own[p].sum() - own.sum() * len(p) / n_samples for p in parts]
    return np.abs(off).max()


def folds_of(y, n_splits, tasks, seed):
    folds = MultiTaskStratifiedKFold(n_splits, tasks=tasks, random_state=seed)
    tests = [test for _, test in folds.split(y, y)]
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1
    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(len(y)))
    return tests


@pytest.mark.parametrize("n_splits", [3, 5, 10])
@pytest.mark.parametrize("seed", range(10))
def test_labels_alone(n_splits, seed):
    y = make_labels(1003, seed)

    assert most_off(y, folds_of(y, n_splits, MultiLabel(17), seed)) < ONE_ROW


@pytest.mark.parametrize("n_splits", [3, 5, 10])
@pytest.mark.parametrize("seed", range(10))
def test_labels_beside_other_kinds_in_a_frame(n_splits, seed):
    rng = np.random.RandomState(seed)
    y = pd.DataFrame(make_labels(1000, seed).astype(int), columns=NAMES)
    y.insert(0, "kind", np.array(list("abcd"))[rng.randint(4, size=1000)])
    y["size"] = rng.normal(size=1000)
    tasks = Tasks(tags=MultiLabel(NAMES), kind=Classification(), size=Regression())

    tests = folds_of(y, n_splits, tasks, seed)

    columns = np.column_stack(
        [
            y[NAMES],
            y["kind"].map(dict(zip("abcd", range(4), strict=True))),
            (y["size"].rank() - 0.5) // 200,
        ]
    )
    assert most_off(columns, tests) < ONE_ROW


@pytest.mark.parametrize("seed", range(10))
def test_labels_with_holes(seed):
    y = make_labels(2000, seed, holes=0.3)

    assert most_off(y, folds_of(y, 5, MultiLabel(17), seed)) < ONE_ROW


@pytest.mark.parametrize("seed", range(10))
def test_sets_in_a_column(seed):
    y = make_labels(600, seed)
    sets = np.empty(600, dtype=object)
    sets[:] = [{NAMES[i] for i in np.flatnonzero(row)} for row in y]
    sets[seed::20] = None
    y[seed::20] = np.nan

    tests = folds_of(sets, 5, MultiLabel(NAMES), seed)

    assert most_off(y, tests) < ONE_ROW


@pytest.mark.parametrize("seed", range(10))
def test_three_parts(seed):
    y = make_labels(800, seed)

    parts = multitask_train_test_split(
        np.arange(800), val_size=0.1, test_size=0.2, stratify=y, random_state=seed
    )

    assert [len(part) for part in parts] == [560, 80, 160]
    assert most_off(y, parts) < ONE_ROW
