"""What a fit is told of its rows from outside."""

import numpy as np

from mtlearn._utils._row_plan import (
    RowPlan,
    chosen_plan,
    plan_of,
    planned_rows,
    resampled_plan,
)


def test_a_plan_holds_inside_and_for_as_many_rows():
    plan = RowPlan(3, np.array([0, 0, 1]))
    with planned_rows(plan):
        assert plan_of(3) is plan
        assert plan_of(2) == RowPlan(2)
    assert plan_of(3) == RowPlan(3)


def test_copies_of_copies():
    rows = np.array([1, 1, 0, 2])
    assert resampled_plan(4, rows).origins.tolist() == [1, 1, 0, 2]
    with planned_rows(RowPlan(4, np.array([5, 5, 6, 7]))):
        assert resampled_plan(4, rows).origins.tolist() == [5, 5, 5, 6]
        assert resampled_plan(4, np.array([3])) == RowPlan(1, np.array([7]))
        assert resampled_plan(4, None).origins.tolist() == [5, 5, 6, 7]
        assert resampled_plan(3, None) == RowPlan(3)


def test_rows_that_are_left_out():
    rows = np.array([0, 2, 3])
    assert chosen_plan(4, rows) == RowPlan(3)
    with planned_rows(RowPlan(4, np.array([5, 6, 6, 7]), np.array([1, 3]))):
        found = chosen_plan(4, rows)
    assert found.n_samples == 3
    assert found.origins.tolist() == [5, 6, 7]
    assert found.held_out.tolist() == [2]
