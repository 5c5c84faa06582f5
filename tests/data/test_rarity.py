"""Rows drawn by how rare their labels are: counted by hand."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mtlearn import Classification, Count, MultiLabel, RaritySampler, Regression, Tasks
from mtlearn.data import draw_order, row_chances, sampling_of
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks import fit_codec

TAGS = Tasks(tags=MultiLabel(2))
# Of five known cells each, in 4/5 and 2/5 of the rows.
Y = np.array([[1, 0], [1, 0], [1, 1], [1, 1], [0, 0.0]])
NAN = np.nan


def chances(sampler, y, sample_weight=None, tasks=TAGS):
    codec = fit_codec(tasks, y, sample_weight)
    encoded = codec.encode(y, sample_weight)
    return row_chances(sampler, encoded, codec.tasks, "MultiTaskEstimator")


def sampling(sampler, y, sample_weight=None, tasks=TAGS):
    codec = fit_codec(tasks, y, sample_weight)
    encoded = codec.encode(y, sample_weight)
    found = row_chances(sampler, encoded, codec.tasks, "MultiTaskEstimator")
    return sampling_of(found, encoded, codec.tasks)


def assert_in_proportion(found, expected):
    expected = np.array(expected, dtype=float)
    np.testing.assert_allclose(found, expected / expected.mean())


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        # 1/f is 5/4 and 5/2, their mean 15/8.
        (RaritySampler(), [5 / 4, 5 / 4, 15 / 8, 15 / 8, 5 / 4]),
        (RaritySampler("tags", reduce="max"), [5 / 4, 5 / 4, 5 / 2, 5 / 2, 5 / 4]),
        (RaritySampler(power=2.0), [1, 1, (1 + 4) / 2, (1 + 4) / 2, 1]),
        (RaritySampler(power=0.0), [1, 1, 1, 1, 1]),
        # A label in 4/5 is worth no less than one in 1/2: 2 and 5/2.
        (RaritySampler(floor=0.5), [2, 2, 9 / 4, 9 / 4, 2]),
        (RaritySampler(floor=0.1), [1, 1, 1, 1, 1]),
        (RaritySampler(floor=1.0), [5 / 4, 5 / 4, 15 / 8, 15 / 8, 5 / 4]),
        ("balanced", [5 / 4, 5 / 4, 15 / 8, 15 / 8, 5 / 4]),
        ("tags", [5 / 4, 5 / 4, 15 / 8, 15 / 8, 5 / 4]),
    ],
)
def test_chances_of_rows(sampler, expected):
    assert_in_proportion(chances(sampler, Y), expected)


def test_repeat_factors_are_a_case_of_it():
    y = (np.random.default_rng(0).random((300, 4)) < [0.7, 0.3, 0.1, 0.04]).astype(
        float
    )
    f, t = y.mean(axis=0), 0.2
    factors = np.maximum(1, np.sqrt(t / f))
    of_rows = np.max(np.where(y == 1, factors, 1), axis=1)
    sampler = RaritySampler(power=0.5, reduce="max", floor=t)

    assert_in_proportion(chances(sampler, y, tasks=Tasks(tags=MultiLabel(4))), of_rows)


def test_only_known_cells_count():
    # The labels are in 4/5 and in 2/3 of the cells that are known.
    y = np.array([[1, 0], [1, NAN], [1, 1], [1, 1], [0, NAN]])

    both = (5 / 4 + 3 / 2) / 2
    assert_in_proportion(chances("balanced", y), [5 / 4, 5 / 4, both, both, 5 / 4])


def test_a_row_without_a_label_comes_like_the_most_common_one():
    y = np.array([[0, 1], [0, 1], [1, 0], [0, 0.0]])

    assert_in_proportion(chances("balanced", y), [2, 2, 4, 2])


def test_weights_count_rows():
    weight = np.array([1.0, 1, 1, 1, 4])  # 4/8 and 2/8 of the weight

    assert_in_proportion(chances("balanced", Y, weight), [2, 2, 3, 3, 2])
    cells = np.array([2.0, 1, 1, 1, 1])
    twice = np.concatenate([Y[:1], Y])
    assert_in_proportion(chances("balanced", Y, cells), chances("balanced", twice)[1:])


def test_label_sets():
    sets = np.empty(5, dtype=object)
    sets[:] = [("a",), ("a",), ("a", "b"), ("b", "a"), ()]

    assert_in_proportion(
        chances("balanced", sets, tasks=Tasks(tags=MultiLabel())), chances("tags", Y)
    )


def test_classes_are_labels_of_which_each_row_has_one():
    y = np.repeat([0.0, 1.0, 2.0], [1, 3, 6])
    tasks = Classification(4)  # the last of which no row has

    found = chances(RaritySampler(), y, tasks=Tasks(kind=tasks))
    assert_in_proportion(found, np.repeat([10, 10 / 3, 10 / 6], [1, 3, 6]))
    found = chances(RaritySampler(power=0.5), y, tasks=Tasks(kind=tasks))
    assert_in_proportion(found, np.sqrt(np.repeat([10, 10 / 3, 10 / 6], [1, 3, 6])))


MIXED = Tasks(tags=MultiLabel(2), kind=Classification(2), size=Regression())


@pytest.fixture
def mixed():
    kind = np.array([0, 1, 1, 1, 1.0])
    return np.column_stack([Y, kind, np.arange(5.0)])


def test_labels_of_all_tasks_count_together(mixed):
    worth = {"a": 5 / 4, "b": 5 / 2, 0: 5, 1: 5 / 4}
    rows = [["a", 0], ["a", 1], ["a", "b", 1], ["a", "b", 1], [1]]

    expected = [np.mean([worth[label] for label in row]) for row in rows]
    assert_in_proportion(chances(RaritySampler(), mixed, tasks=MIXED), expected)
    expected = [max(worth[label] for label in row) for row in rows]
    sampler = RaritySampler(reduce="max")
    assert_in_proportion(chances(sampler, mixed, tasks=MIXED), expected)


def test_one_task_of_several(mixed):
    for sampler in ("tags", RaritySampler("tags")):
        assert_in_proportion(chances(sampler, mixed, tasks=MIXED), chances("tags", Y))


def test_a_row_of_which_nothing_is_known_comes_like_the_mean_row(mixed):
    mixed[1, :2] = NAN  # the labels are in 3/4 and 2/4 of the others
    found = chances("tags", mixed, tasks=MIXED)

    known = np.array([4 / 3, 5 / 3, 5 / 3, 4 / 3])
    assert_in_proportion(found, np.insert(known, 1, known.mean()))
    mixed[1] = NAN  # and there is nothing at all to learn from it
    found = chances("tags", mixed, tasks=MIXED)
    assert_in_proportion(found, np.insert(known, 1, 0))


def test_a_row_is_known_by_any_of_the_tasks(mixed):
    mixed[0, 2], mixed[1, 2] = NAN, 0  # the classes are in 1/4 and 3/4 of the others
    found = chances(RaritySampler(), mixed, tasks=MIXED)

    a, b, first, second = 5 / 4, 5 / 2, 4, 4 / 3
    rows = [[a], [a, first], [a, b, second], [a, b, second], [second]]
    assert_in_proportion(found, [np.mean(row) for row in rows])


def test_a_label_without_weight_is_not_there(mixed):
    weight = np.ones((5, 3))
    weight[2, 0] = 0  # of what is known of its tags; they are in 3/4 and 1/4
    found = chances(RaritySampler(reduce="max"), mixed, weight, tasks=MIXED)

    rows = [5, 4 / 3, 5 / 4, 4, 5 / 4]
    assert_in_proportion(found, rows)


def test_class_weights_count_as_where_classes_are_balanced():
    y = np.array([0, 1, 1, 1.0])
    tasks = Tasks(kind=Classification(2, class_weight={0: 3.0}))
    told = sampling(RaritySampler(), y, tasks=tasks)

    np.testing.assert_allclose(chances(RaritySampler(), y, tasks=tasks), 1)
    np.testing.assert_allclose(chances("balanced", y, tasks=tasks), 1)
    np.testing.assert_allclose(told["prevalence"]["kind"], [1 / 4, 3 / 4])
    np.testing.assert_allclose(told["drawn"]["kind"], [1 / 4, 3 / 4])


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_rows_without_any_label_are_drawn_alike(reduce):
    told = sampling(RaritySampler(reduce=reduce), np.zeros((6, 2)))

    assert told["effective_rows"] == 6
    np.testing.assert_array_equal(told["drawn"]["tags"], 0)


def test_balanced_classes_whose_rows_come_by_rarity(mixed):
    mixed[:2, 2] = 0
    found = chances("balanced", mixed, tasks=MIXED)

    # Each class half of the draws; within it as the tags alone say.
    alone = np.array([5 / 4, 5 / 4, 15 / 8, 15 / 8, 5 / 4])
    np.testing.assert_allclose(found[:2], 5 / 4)
    np.testing.assert_allclose(found[2:], 5 / 2 * alone[2:] / alone[2:].sum())


def test_what_is_drawn_is_told():
    told = sampling(RaritySampler(reduce="max"), Y)

    # Chances 1, 1, 2, 2, 1: of 7, the labels have 6 and 4.
    assert told["n_rows"] == 5
    assert told["effective_rows"] == pytest.approx(7**2 / 11)
    np.testing.assert_allclose(told["prevalence"]["tags"], [4 / 5, 2 / 5])
    np.testing.assert_allclose(told["drawn"]["tags"], [6 / 7, 4 / 7])


def test_what_is_drawn_of_known_cells_and_classes(mixed):
    mixed[4, 1] = NAN  # the second label is in 2 of 4, and in 4 of 6 that are drawn
    weight = np.array([1.0, 1, 1, 1, 3])
    told = sampling(RaritySampler("tags", reduce="max"), mixed, tasks=MIXED)
    weighted = sampling("kind", mixed, weight, tasks=MIXED)

    assert sorted(told["drawn"]) == ["kind", "tags"]
    factors = [5 / 4, 5 / 4, 2, 2, 5 / 4]
    np.testing.assert_allclose(told["drawn"]["tags"][1], 4 / 6.5)
    np.testing.assert_allclose(told["drawn"]["kind"][0], factors[0] / sum(factors))
    np.testing.assert_allclose(weighted["prevalence"]["kind"], [1 / 7, 6 / 7])
    np.testing.assert_allclose(weighted["drawn"]["kind"], [1 / 2, 1 / 2])


def test_what_is_drawn_comes_true():
    y = (np.random.default_rng(0).random((500, 3)) < [0.8, 0.2, 0.05]).astype(float)
    told = sampling("balanced", y, tasks=Tasks(tags=MultiLabel(3)))
    found = chances("balanced", y, tasks=Tasks(tags=MultiLabel(3)))
    generator = torch.Generator().manual_seed(0)
    rows = np.concatenate([draw_order(500, found, generator) for _ in range(200)])

    np.testing.assert_allclose(y[rows].mean(axis=0), told["drawn"]["tags"], atol=0.005)


def one_in(n_rows, n_rare):
    """Return a label that most rows have, and one that few have."""
    rare = np.arange(n_rows) < n_rare
    return np.column_stack([~rare, rare]).astype(float)


@pytest.mark.parametrize(
    ("n_rows", "n_rare", "power", "effective"),
    [(100, 1, 1.0, 4), (20, 1, 1.0, 4), (2000, 9, 1.0, 36), (200, 2, 2.0, 2)],
)
def test_few_rows_that_make_most_of_an_epoch(n_rows, n_rare, power, effective):
    message = rf"MultiTaskEst.* epoch of {n_rows} rows counts as {effective} different"
    with pytest.warns(UserWarning, match=message):
        chances(RaritySampler(power=power), one_in(n_rows, n_rare))


def test_no_warning_in_ordinary_use():
    # A long tail from 0.9 to 0.01, as in real pictures; rare and few labels alone.
    y = np.random.default_rng(0).random((2000, 17)) < np.geomspace(0.9, 0.01, 17)
    tasks = Tasks(tags=MultiLabel(17))
    for sampler in ("balanced", RaritySampler(reduce="max")):
        chances(sampler, y.astype(float), tasks=tasks)
    chances("balanced", one_in(1000, 10))
    for n_rows in range(2, 10):
        chances("balanced", one_in(n_rows, 1))


def test_a_power_that_no_float_has():
    with pytest.warns(UserWarning, match="counts as 2 different"):
        found = chances(RaritySampler(power=1000.0, reduce="max"), one_in(200, 2))

    np.testing.assert_allclose(found, np.where(np.arange(200) < 2, 100, 0))


def test_a_label_that_no_row_has_changes_nothing():
    y = np.column_stack([Y, np.zeros(5)])
    found = chances("balanced", y, tasks=Tasks(tags=MultiLabel(3)))

    assert_in_proportion(found, chances("balanced", Y))


@pytest.mark.parametrize("task", ["size", "other"])
def test_a_task_without_labels_or_classes(mixed, task):
    message = rf"'task' parameter of the RaritySampler .*\['tags', 'kind'\].*'{task}'"
    with pytest.raises(InvalidParameterError, match=message):
        chances(RaritySampler(task), mixed, tasks=MIXED)


def test_no_task_with_labels_or_classes():
    tasks = Tasks(a=Regression(), b=Count())
    with pytest.raises(InvalidParameterError, match=r"there are \[\]\. Got None"):
        chances(RaritySampler(), np.ones((4, 2)), tasks=tasks)


@pytest.mark.parametrize(
    ("sampler", "error", "message"),
    [
        (RaritySampler(3), ParameterTypeError, "'task' .* None or the name"),
        (RaritySampler(power="1"), ParameterTypeError, "'power' .* real number"),
        (RaritySampler(power=np.inf), InvalidParameterError, r"'power' .* \[0, inf"),
        (RaritySampler(reduce="min"), InvalidParameterError, "'reduce' .* 'mean', 'm"),
        (RaritySampler(floor=0), InvalidParameterError, r"'floor' .* \(0, 1\]"),
        (RaritySampler(floor=1.5), InvalidParameterError, r"'floor' .* Got 1\.5"),
    ],
)
def test_parameters(sampler, error, message):
    with pytest.raises(error, match=message.replace("' .*", "' .* of Owner .*", 1)):
        sampler.validate("Owner")


def test_a_value():
    sampler = RaritySampler("tags", 0.5, "max", 0.1)

    assert repr(clone(sampler)) == repr(sampler)
    assert sampler.get_params() == {
        "task": "tags", "power": 0.5, "reduce": "max", "floor": 0.1,
    }  # fmt: skip
