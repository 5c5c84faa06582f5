"""Setting validation rows aside."""

import numpy as np
import pytest

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec
from mtlearn.training import unlabelled_tasks, validation_rows

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


def test_copies_stay_together_and_count_as_rows():
    origins = np.repeat(np.arange(100), np.where(np.arange(100) < 50, 1, 9))
    y = (origins % 2).astype(float)  # 50 rows alone, and 50 that come nine times
    codec = fit_codec(Classification(2), y)
    targets = codec.encode(y)
    mixed = np.random.default_rng(0).permutation(500)
    for seed in range(10):
        train, valid = validation_rows(
            targets.take(mixed), codec.tasks, 0.2, seed, origins=origins[mixed]
        )
        assert len(valid) == 100
        assert not set(origins[mixed][train]) & set(origins[mixed][valid])


def test_missing_labels_are_a_stratum():
    y = np.column_stack([np.arange(100) % 2, np.zeros(100)]).astype(float)
    y[:50, 1] = np.nan
    _, valid = split(y, BOTH)
    assert np.isnan(y[valid, 1]).sum() == 10


def test_real_values_are_spread():
    y = np.linspace(0, 1, 100) + 0.5
    for seed in range(5):
        _, valid = split(y, Regression(), seed=seed)
        assert np.bincount((5 * (y[valid] - 0.5)).astype(int).clip(max=4)).tolist() == (
            [4] * 5
        )


def sparse(n_labels, n_rows=100, seed=0):
    """Two regressions, the second of which has few labels."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n_rows, 2))
    y[rng.permutation(n_rows)[n_labels:], 1] = np.nan
    return y


REALS = Tasks(a=Regression(), b=Regression())


@pytest.mark.parametrize("n_labels", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.6])
def test_few_labels_are_on_both_sides(n_labels, fraction):
    for seed in range(20):
        y = sparse(n_labels, seed=seed)
        _, valid = split(y, REALS, fraction, seed)
        held_out = np.isfinite(y[valid, 1]).sum()
        assert len(valid) == round(100 * fraction)
        assert 1 <= held_out < n_labels
        assert abs(held_out - n_labels * fraction) <= 1
        assert unlabelled_tasks(np.isfinite(y[valid]).T, REALS) == []


def test_the_only_label_and_the_only_row_of_a_class_stay_in_training():
    tasks = Tasks(kind=Classification(3), b=Regression())
    for seed in range(30):
        y = sparse(1, n_rows=40, seed=seed)
        y[:, 0] = np.arange(40) % 2
        y[seed, 0] = 2
        train, valid = split(y, tasks, 0.5, seed)
        assert set(y[train, 0]) == {0, 1, 2}
        assert np.isfinite(y[train, 1]).sum() == 1
        assert unlabelled_tasks(np.isfinite(y[valid]).T, tasks) == ["b"]


def test_training_keeps_a_row_of_each_class():
    y = np.repeat([0, 1, 2, 3], [2, 2, 3, 43])
    for seed in range(30):
        train, _ = split(y, Classification(), 0.9, seed)
        assert set(y[train]) == {0, 1, 2, 3}


def test_many_tasks_of_few_labels():
    tasks = Tasks(**{f"t{i}": Classification(2) for i in range(17)})
    rng = np.random.default_rng(0)
    y = np.full((170, 17), np.nan)
    for i in range(17):
        y[10 * i : 10 * i + 10, i] = rng.permutation(10) % 2  # no row has two labels
    train, valid = split(y, tasks, 0.1)
    assert len(valid) == 17
    assert np.isfinite(y[valid]).T.sum(axis=0).tolist() == [1] * 17
    for column in y[train].T:
        assert set(column[np.isfinite(column)]) == {0, 1}
    # Two rows cannot hold labels of all: as many as they can.
    _, valid = split(y, tasks, 0.01)
    assert len(valid) == 2
    assert len(unlabelled_tasks(np.isfinite(y[valid]).T, tasks)) == 15


def test_a_weight_of_zero_is_no_label():
    y = sparse(40)
    weights = np.ones((100, 2))
    labelled = np.flatnonzero(np.isfinite(y[:, 1]))
    weights[labelled[2:], 1] = 0
    codec = fit_codec(REALS, y, weights)
    targets = codec.encode(y, weights)
    for seed in range(20):
        _, valid = validation_rows(targets, codec.tasks, 0.1, seed)
        assert len(np.intersect1d(valid, labelled[:2])) == 1


@pytest.mark.parametrize(("n_rows", "fraction"), [(1, 0.5), (4, 0.1), (1, 0.95)])
def test_an_empty_side(n_rows, fraction):
    message = f"With n_samples={n_rows} and validation_fraction={fraction} the split"
    with pytest.raises(InvalidDataError, match=message):
        split(np.zeros(n_rows), Classification(2), fraction)


def test_classes_of_one_row_each_leave_none_to_validate():
    message = "30 rows to train on and 0 to validate; the only row of a class is for"
    with pytest.raises(InvalidDataError, match=message):
        split(np.arange(30), Classification(), 0.2)


def test_no_label_to_validate_on():
    y = np.full(50, np.nan)
    y[3] = 1.0
    message = "no label to validate on.*Pass more labels.*or pass X_val and y_val"
    with pytest.raises(InvalidDataError, match=message):
        split(y, Regression(), 0.2)
