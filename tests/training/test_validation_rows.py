"""Setting validation rows aside."""

import numpy as np
import pytest

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec
from mtlearn.training import validation_rows

BOTH = Tasks(left=Classification(), right=Classification())


def split(y, tasks, fraction=0.2, seed=0):
    codec = fit_codec(tasks, y)
    return validation_rows(codec.encode(y), codec.tasks, fraction, seed)


def test_two_tasks_are_stratified_at_once():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 2, 200), rng.integers(0, 5, 200)])
    _, valid = split(y, BOTH)
    assert len(valid) == 40
    for column in y.T:
        expected = np.bincount(column) * 0.2
        np.testing.assert_allclose(np.bincount(column[valid]), expected, atol=1)


def test_every_row_is_on_one_side():
    y = np.column_stack([np.arange(50) % 2, np.arange(50) % 3])
    train, valid = split(y, BOTH)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), range(50))
    assert (np.diff(train) > 0).all()
    assert (np.diff(valid) > 0).all()


def test_seeds():
    y = np.column_stack([np.arange(50) % 2, np.arange(50) % 3])
    first = split(y, BOTH)[1]
    np.testing.assert_array_equal(split(y, BOTH)[1], first)
    assert not np.array_equal(split(y, BOTH, seed=1)[1], first)


def test_missing_labels_are_a_stratum():
    y = np.column_stack([np.arange(100) % 2, np.zeros(100)]).astype(float)
    y[:50, 1] = np.nan
    _, valid = split(y, BOTH)
    assert np.isnan(y[valid, 1]).sum() == 10


def test_regressions_are_split_at_random():
    y = np.linspace(0, 1, 100) + 0.5
    _, valid = split(y, Regression())
    assert len(valid) == 20
    assert y[valid].std() > 0.1


@pytest.mark.parametrize(("n_rows", "fraction"), [(1, 0.5), (4, 0.1), (4, 0.95)])
def test_an_empty_side(n_rows, fraction):
    message = f"With n_samples={n_rows} and validation_fraction={fraction} the split"
    with pytest.raises(InvalidDataError, match=message):
        split(np.zeros(n_rows), Classification(2), fraction)
