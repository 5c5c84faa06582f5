"""Sample weights of one column, or of one a task."""

import numpy as np
import pytest

from mtlearn import Classification, Regression, Tasks
from tiny_problems import (
    assert_same_bits,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)


def assert_close(first, second):
    expected = weights_of(first)
    for name, value in weights_of(second).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-8, atol=1e-10)


def test_weight_two_equals_a_row_twice():
    X, y = make_table()
    twice = np.arange(40) % 3 == 0
    weighted = table_estimator().fit(X, y, 1.0 + twice)
    repeated = table_estimator().fit(
        np.concatenate([X, X[twice]]), np.concatenate([y, y[twice]])
    )
    assert_close(weighted, repeated)
    assert not same_bits(weighted, table_estimator().fit(X, y))


def test_a_weight_for_each_task_equals_labels_twice():
    X, y = make_table()
    weights = np.ones((40, 2))
    weights[:10, 0] = 2.0
    weights[20:, 1] = 2.0
    again = np.full((30, 2), np.nan)
    again[:10, 0] = y[:10, 0]
    again[10:, 1] = y[20:, 1]
    weighted = table_estimator().fit(X, y, weights)
    repeated = table_estimator().fit(
        np.concatenate([X, X[:10], X[20:]]), np.concatenate([y, again])
    )
    assert_close(weighted, repeated)


def test_zero_weight_rows_equal_absent_rows():
    X, y = make_table()
    keep = np.arange(40) % 4 != 0
    zero = table_estimator().fit(X, y, keep.astype(float))
    assert_close(zero, table_estimator().fit(X[keep], y[keep]))


def test_one_column_weighs_every_task():
    X, y = make_table()
    weight = np.linspace(0, 2, 40)
    one = table_estimator().fit(X, y, weight)
    assert_same_bits(one, table_estimator().fit(X, y, np.column_stack([weight] * 2)))


def test_a_common_factor_changes_nothing():
    X, y = make_table()
    weight = np.linspace(0.5, 2, 40)
    assert_close(
        table_estimator().fit(X, y, weight), table_estimator().fit(X, y, 8 * weight)
    )


def test_weights_with_a_missing_label():
    X, y = make_table()
    y[:10, 0] = np.nan
    weight = np.linspace(0.5, 2, 40)
    masked = np.column_stack([weight, weight])
    masked[:10, 0] = 0.0
    first = table_estimator().fit(X, y, weight)
    assert_same_bits(first, table_estimator().fit(X, y, masked))


def test_partial_fit_takes_weights():
    X, y = make_table()
    holes = y.copy()
    holes[:10, 1] = np.nan
    weights = np.ones((40, 2))
    weights[:10, 1] = 0.0
    first = table_estimator().partial_fit(X, holes)
    assert_same_bits(first, table_estimator().partial_fit(X, y, weights))


def test_weights_count_in_the_history():
    X, y = make_table()
    weights = np.linspace(0.1, 1, 40)
    tasks = Tasks(kind=Classification(3), size=Regression())
    estimator = table_estimator(tasks, lr=1e-300, max_epochs=1)
    estimator.fit(X, y, weights)
    right = estimator.predict(X)[:, 0] == y[:, 0]
    expected = np.average(right, weights=weights)
    assert estimator.history_[0]["train_kind_accuracy"] == pytest.approx(expected)
