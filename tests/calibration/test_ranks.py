"""Ranks by hand, and joint limits that hold what they promise."""

import numpy as np
import pytest
from scipy import stats

from mtlearn._utils._conformal_rank import conformal_rank
from mtlearn.calibration._ranks import joint_limits, limits_of

# Ten of them, in no order; sorted, they are 0.1 to 1.0.
TEN = np.array([0.7, 0.2, 1.0, 0.4, 0.9, 0.1, 0.6, 0.3, 0.8, 0.5])


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.05, 0.1),  # 11 * 0.05 = 0.55: the 1st
        (0.5, 0.6),  # 11 * 0.5 = 5.5: the 6th
        (0.9, 1.0),  # 11 * 0.9 = 9.9: the 10th
        (0.91, np.inf),  # 11 * 0.91 = 10.01: there is no 11th
        (8 / 11, 0.8),  # whole: the 8th
    ],
)
def test_ranks_of_ten(confidence, expected):
    (found,) = limits_of(TEN[:, np.newaxis], confidence)
    assert found == expected
    level = conformal_rank(10, confidence) / 10
    if level <= 1:
        # The smallest value with such a share at most as large.
        assert found == np.quantile(TEN, level, method="inverted_cdf")


def test_parts_are_ranked_by_themselves_and_without_what_is_missing():
    two = np.column_stack([TEN, 10 * TEN])
    two[TEN > 0.75, 1] = np.nan
    # Of seven: 8 * 0.5 = 4, the 4th; of ten the 6th.
    np.testing.assert_allclose(limits_of(two, 0.5), [0.6, 4.0])
    two[:, 1] = np.nan
    np.testing.assert_allclose(limits_of(two, 0.5), [0.6, np.inf])


def test_joint_ranks_by_hand():
    # Largest ranks of the rows: 3, 5, 4, 4, 5. Of five, 6 * 0.5 = 3: the third is 4,
    # and one more is 5.
    misfits = np.array(
        [[0.1, 30.0], [0.2, 50.0], [0.3, 40.0], [0.4, 10.0], [0.5, 20.0]]
    )
    np.testing.assert_allclose(joint_limits(misfits, 0.5), [0.5, 50.0])
    # 6 * 0.1 = 0.6: the first is 3, and one more is 4.
    np.testing.assert_allclose(joint_limits(misfits, 0.1), [0.4, 40.0])
    # 6 * 0.6 = 3.6: the fourth is 5, and there is no sixth.
    np.testing.assert_allclose(joint_limits(misfits, 0.6), [np.inf, np.inf])
    # Ranks do not see units.
    stretched = np.exp(misfits * [10.0, 0.1])
    np.testing.assert_allclose(
        joint_limits(stretched, 0.5), np.exp([0.5 * 10, 50 * 0.1])
    )


def test_without_a_row_there_is_no_limit():
    np.testing.assert_array_equal(joint_limits(np.empty((0, 2)), 0.1), [np.inf] * 2)


def test_rows_that_are_alike_have_the_first_of_their_ranks():
    # Ranks of the first part: 1, 1, 1, 4.
    misfits = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [1.0, 4.0]])
    # 5 * 0.2 = 1: the first is 1, and one more is 2.
    np.testing.assert_allclose(joint_limits(misfits, 0.2), [0.0, 2.0])


@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("rounded", [False, True])
def test_all_parts_are_kept_together(correlation, rounded):
    n, n_new, n_runs, confidence = 79, 50, 400, 0.8
    rng = np.random.default_rng(int(10 * correlation))
    hits = []
    for _ in range(n_runs):
        shared = rng.normal(size=(n + n_new, 1))
        own = rng.normal(size=(n + n_new, 3))
        misfits = np.abs(correlation * shared + own) * [1, 10, 100]
        if rounded:
            misfits = np.round(misfits / [1, 10, 100], 1)
        known, new = misfits[:n], misfits[n:]
        hits.append((new <= joint_limits(known, confidence)).all(axis=1).sum())
        apart = (new <= limits_of(known, confidence)).all(axis=1).sum()
        hits[-1] = hits[-1], apart
    joint, apart = np.mean(hits, axis=0) / n_new
    # As many as for one part, if not more: no less than a beta-binomial sum allows.
    rank = conformal_rank(n, confidence)
    drawn = stats.betabinom(n_new, rank, n + 1 - rank)
    error = drawn.std() / np.sqrt(n_runs) / n_new
    assert joint > drawn.mean() / n_new - 3 * error
    assert joint < confidence + (0.06 if rounded else 0.04)
    assert apart < confidence - 0.08
