"""Chances of rows: computed by hand, and met by what is drawn."""

import numpy as np
import pytest
import torch

from mtlearn import Classification, RaritySampler, Reconstruction, Regression, Tasks
from mtlearn.data import _sampling, draw_order, row_chances
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import fit_codec

TASKS = Tasks(a=Classification(3), b=Classification(2), size=Regression())


def chances(sampler, y, sample_weight=None, tasks=TASKS):
    codec = fit_codec(tasks, y, sample_weight)
    encoded = codec.encode(y, sample_weight)
    return row_chances(sampler, encoded, codec.tasks, "MultiTaskEstimator")


@pytest.fixture
def y():
    a = np.repeat([0.0, 1.0, 2.0], [1, 3, 6])
    b = np.tile([0.0, 1.0, 1.0, 1.0, 1.0], 2)
    return np.column_stack([a, b, np.arange(10.0)])


def test_classes_of_a_named_task_get_the_same_sum_of_chances(y):
    found = chances("a", y)

    np.testing.assert_allclose(
        [found[y[:, 0] == label].sum() for label in range(3)], 10 / 3
    )
    assert found.mean() == pytest.approx(1)


def test_every_classification_is_balanced(y):
    found = chances("balanced", y)

    for column in (0, 1):
        sums = [found[y[:, column] == label].sum() for label in np.unique(y[:, column])]
        np.testing.assert_allclose(sums, found.sum() / len(sums), rtol=1e-6)


def test_many_independent_tasks_are_balanced():
    y = (np.random.default_rng(0).random((3000, 5)) < 0.1).astype(float)
    tasks = Tasks(**{f"t{i}": Classification(2) for i in range(5)})
    found = chances("balanced", y, tasks=tasks)

    np.testing.assert_allclose(found @ y / found.sum(), 0.5, rtol=1e-6)
    assert different(found) > 3000 / 50


def make_tags(n_tags, n_samples=1500):
    """Return tags of a row, from nearly half of the rows to one in fifty."""
    shares = np.geomspace(0.455, 0.020, n_tags)
    y = np.random.default_rng(0).random((n_samples, n_tags)) < shares
    tasks = Tasks(**{f"t{i}": Classification(2) for i in range(n_tags)})
    return y.astype(float), tasks


def different(found):
    return found.sum() ** 2 / (found**2).sum()


def test_no_row_is_drawn_too_often_where_others_can_take_its_place():
    y, tasks = make_tags(17)
    y = y[:, [8, 16]]
    tasks = Tasks(a=Classification(2), b=Classification(2))
    found = chances("balanced", y, tasks=tasks)

    np.testing.assert_allclose(found @ y / found.sum(), 0.5, rtol=1e-4)
    assert found.max() < 101
    # Scaling without a bound gives the few rows with both tags 278 times the mean.
    assert different(found) > 1500 / 20


def test_the_rarest_class_alone_may_be_drawn_as_often_as_it_needs():
    y = np.column_stack([np.arange(2000) < 8, np.arange(2000) % 2])
    tasks = Tasks(a=Classification(2), b=Classification(2))
    with pytest.warns(UserWarning, match=r"2000 rows counts as 32 different"):
        found = chances("a", y, tasks=tasks)

    np.testing.assert_allclose(found[:8], 125)
    np.testing.assert_allclose(found[8:], 1000 / 1992)
    with pytest.warns(UserWarning, match="counts as 32 different"):
        both = chances("balanced", y, tasks=tasks)
    np.testing.assert_allclose(both, found, rtol=1e-6)


@pytest.mark.parametrize("n_tags", [10, 17])
def test_many_rare_classes_do_not_leave_a_handful_of_rows(n_tags):
    y, tasks = make_tags(n_tags)
    with pytest.warns(
        UserWarning, match=f"of all {n_tags} tasks equally often"
    ) as said:
        found = chances("balanced", y, tasks=tasks)

    # Of each tag, what would balance it alone; of each row, the most that one asks for.
    share = y.mean(axis=0)
    most = np.where(y == 1, 0.5 / share, 0.5 / (1 - share)).max(axis=1)
    np.testing.assert_allclose(found, most / most.mean())
    assert f"counts as {different(found):.0f} different" in str(said[0].message)
    drawn = draw_order(1500, found, torch.Generator().manual_seed(0))
    assert len(np.unique(drawn)) > 700
    assert (found @ y / found.sum() > 4 * share)[share < 0.03].all()


def test_rounds_end_where_there_is_no_solution(monkeypatch):
    rounds, balance = [], _sampling._balance
    monkeypatch.setattr(
        _sampling, "_balance", lambda *args: rounds.append(1) or balance(*args)
    )
    y, tasks = make_tags(17)
    with pytest.warns(UserWarning, match="all 17 tasks"):
        chances("balanced", y, tasks=tasks)

    assert len(rounds) < 17 * 15


def test_classes_that_no_chances_balance():
    # Each row with a 1 of one task has a 0 of both others.
    y = np.eye(3)[np.repeat([0, 1, 2], 200)]
    tasks = Tasks(**{name: Classification(2) for name in "abc"})
    with pytest.warns(
        UserWarning, match=r"all 3 tasks .* rows counts as 600 different"
    ):
        found = chances("balanced", y, tasks=tasks)

    np.testing.assert_allclose(found, 1)


def test_rows_without_a_class_among_many_rare_ones():
    y, tasks = make_tags(17)
    y[:100] = np.nan
    y[100:300, 1:] = np.nan
    values = np.column_stack([y, np.arange(1500.0)])
    tasks = Tasks(**dict(tasks.items()), size=Regression())
    values[:50, -1] = np.nan
    with pytest.warns(UserWarning, match="all 17 tasks"):
        found = chances("balanced", values, tasks=tasks)

    share = np.nanmean(y, axis=0)
    alone = np.where(y == 1, 0.5 / share, 0.5 / (1 - share))
    most = np.where(np.isnan(y), 0, alone).max(axis=1)
    most[50:100] = 1
    np.testing.assert_allclose(found, most / most.mean())


def test_a_missing_label_leaves_the_other_task_to_decide(y):
    y[0, 0] = np.nan
    found = chances("balanced", y)
    labelled = y[1:]

    for label in range(1, 3):
        share = found[1:][labelled[:, 0] == label].sum() / found[1:].sum()
        assert share == pytest.approx(1 / 2, rel=1e-6)


def test_rows_without_any_class_keep_their_chance(y):
    y[4, :2] = np.nan
    expected = chances("a", np.delete(y, 4, axis=0))

    np.testing.assert_allclose(np.delete(chances("a", y), 4), expected)
    assert chances("a", y)[4] == pytest.approx(1)


def test_rows_without_any_label_are_not_drawn(y):
    y[4] = np.nan
    found = chances("a", y)

    assert found[4] == 0
    assert found.mean() == pytest.approx(1)


def test_a_class_that_no_row_has_takes_no_part(y):
    y = y[y[:, 0] > 0]
    found = chances("a", y)

    np.testing.assert_allclose(
        [found[y[:, 0] == label].sum() for label in (1, 2)], 9 / 2
    )


def test_a_weight_of_two_counts_as_two_rows(y):
    weight = np.where(y[:, 0] == 1, 2.0, 1.0)
    twice = np.concatenate([y, y[y[:, 0] == 1]])
    first, second = chances("a", y, weight), chances("a", twice)[: len(y)]

    np.testing.assert_allclose(first / first[0], second / second[0])


def test_class_weights_that_balance_leave_nothing_to_do(y):
    tasks = Tasks(a=Classification(3, class_weight="balanced"), b=Classification(2))

    np.testing.assert_allclose(chances("a", y[:, :2], tasks=tasks), np.ones(10))


def test_none_draws_each_row_once(y):
    assert chances(None, y) is None
    order = draw_order(7, None, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(7))


@pytest.mark.parametrize("sampler", ["c", "size"])
def test_only_a_classification_can_be_balanced(y, sampler):
    message = rf"'sampler'.*\['a', 'b'\]\. Got '{sampler}' instead"
    with pytest.raises(InvalidParameterError, match=message):
        chances(sampler, y)


def test_a_task_may_be_called_balanced(y):
    tasks = Tasks(balanced=Classification(3), b=Classification(2))

    np.testing.assert_allclose(
        chances("balanced", y[:, :2], tasks=tasks), chances("a", y)
    )


def test_rows_are_drawn_by_their_chances():
    given = np.array([1.0, 0.0, 3.0, 6.0])
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([draw_order(4, given, generator) for _ in range(5000)])

    counts = np.bincount(drawn.numpy(), minlength=4) / len(drawn)

    assert counts[1] == 0
    np.testing.assert_allclose(counts, given / 10, atol=0.02)


def test_the_generator_decides_what_is_drawn():
    given = np.linspace(0.1, 1, 50)
    first, second, other = (
        draw_order(50, given, torch.Generator().manual_seed(seed)).tolist()
        for seed in (3, 3, 4)
    )

    assert first == second
    assert first != other


def test_tasks_are_drawn_alike_and_then_their_rows(y):
    y[2:, 0] = y[:4, 2] = np.nan
    y[:, 1] = np.nan
    y[9, 1] = 0
    found = chances("tasks", y)
    # Two rows are of a, six of the size, and one of these of b too.
    expected = np.array([1 / 2] * 2 + [0] * 2 + [1 / 6] * 5 + [1 / 6 + 1])
    np.testing.assert_allclose(found, expected / expected.mean())


def test_rows_without_weight_are_no_task_s(y):
    weight = np.ones((10, 3))
    weight[0, 0] = weight[1:, 1] = 0
    weight[2, 2] = 3  # drawn as often as others
    found = chances("tasks", y, weight)
    expected = np.array([1 + 1 / 10] + [1 / 9 + 1 / 10] * 9)
    np.testing.assert_allclose(found, expected / expected.mean())


def test_a_task_without_a_column_is_of_all_rows():
    y = np.array([0.0, 1, 2, np.nan])
    tasks = Tasks(a=Regression(), row=Reconstruction())
    codec = fit_codec(tasks, y)
    found = row_chances("tasks", codec.encode(y), codec.tasks, "It")
    expected = np.array([1 / 3 + 1 / 4] * 3 + [1 / 4])
    np.testing.assert_allclose(found, expected / expected.mean())


def test_few_labels_of_a_task_are_told():
    y = np.full((400, 2), np.nan)
    y[:398, 0], y[398:, 1] = np.arange(398), [0.0, 1.0]
    tasks = Tasks(a=Regression(), b=Regression())
    # 1 / (398 · (1/796)² + 2 · (1/4)²)
    with pytest.warns(UserWarning, match="counts as 8 different ones. Use a weight of"):
        chances("tasks", np.vstack([y, np.full((200, 2), [0.0, np.nan])]), tasks=tasks)


def test_a_task_may_be_called_tasks(y):
    tasks = Tasks(tasks=Classification(3), b=Classification(2), size=Regression())
    np.testing.assert_array_equal(chances("tasks", y, tasks=tasks), chances("a", y))
    with pytest.raises(InvalidParameterError, match="'task' parameter of the Rarity"):
        chances(RaritySampler("tasks"), y)
