"""Weights of gradients against their formulas, in the gradients themselves."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.losses import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    FairGrad,
    NashMTL,
    PCGrad,
    UPGrad,
)
from mtlearn.losses.aggregation import resolve_aggregation

NAMES = {
    "pcgrad": PCGrad,
    "upgrad": UPGrad,
    "mgda": MGDA,
    "cagrad": CAGrad,
    "imtl_g": IMTLG,
    "aligned": AlignedMTL,
    "nash": NashMTL,
    "fairgrad": FairGrad,
}
VALUES = [cls() for cls in NAMES.values()]


def gradients(n_tasks, seed, n_weights=20):
    """Draw gradients of unequal length, some of which conflict."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(size=(n_tasks, 1)))
    return lengths * (rng.normal(size=(n_tasks, n_weights)) + 0.2)


def conflicting(seed):
    """Draw two gradients with an angle above 90 degrees."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, 5))
    return np.array([one, other - np.sign(one @ other) * 2 * (one @ other) * one])


def aggregated(value, rows, *generator):
    return value(rows @ rows.T, *generator) @ rows


MANY = [gradients(n, seed) for n, seed in itertools.product([2, 3, 8], range(3))]
# What has no inverse, or no solution.
ODD = {
    "opposite": np.array([[1.0, 2.0], [-1.0, -2.0]]),
    "opposite, unequal": np.array([[1.0, 2.0], [-2.0, -4.0]]),
    "opposite of three": np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]),
    "equal": np.ones((3, 4)),
    "dependent": np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
    "nothing": np.zeros((2, 3)),
    "one that is zero": np.array([[0.0, 0.0], [1.0, 2.0], [-1.0, 0.5]]),
    "tiny": np.array([[1e-9, 2e-9], [3.0, -1.0]]),
    "around zero": np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]]),
}


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_there_are_always_weights(value, rows):
    found = value(rows @ rows.T)
    assert found.dtype == np.float64
    assert found.shape == (len(rows),)
    assert np.isfinite(found).all()
    if not isinstance(value, FairGrad):  # whose steps are longer for short gradients
        longest = np.linalg.norm(rows, axis=1).sum()
        assert np.linalg.norm(found @ rows) <= 1.1 * max(2, longest)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_task_without_a_gradient_changes_nothing(value):
    rows = gradients(3, 1)
    wider = np.insert(rows, 1, 0.0, axis=0)
    np.testing.assert_allclose(aggregated(value, wider), aggregated(value, rows))
    assert value(wider @ wider.T)[1] == 0


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_single_task_has_its_own_gradient(value):
    assert value([[7.0]]).tolist() == [1.0]
    assert value([[0.0, 0.0], [0.0, 7.0]]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_order_of_tasks_does_not_matter(value):
    rows = gradients(2, 3)
    turned = value(rows[::-1] @ rows[::-1].T)[::-1]
    np.testing.assert_allclose(turned, value(rows @ rows.T), rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_pcgrad_of_two_tasks(seed):
    one, other = rows = conflicting(seed)
    product = one @ other
    assert product < 0
    expected = one - product / (other @ other) * other
    expected += other - product / (one @ one) * one
    np.testing.assert_allclose(aggregated(PCGrad(), rows), expected)


def pcgrad_in_order(rows, orders):
    total = 0
    for row, order in zip(rows, orders, strict=True):
        kept = row.copy()
        for other in order:
            product = kept @ rows[other]
            if product < 0:
                kept -= product / (rows[other] @ rows[other]) * rows[other]
        total += kept
    return total


def test_pcgrad_draws_the_order_of_the_others():
    rows = gradients(4, 1, n_weights=3)
    generator = torch.Generator().manual_seed(0)
    twin = torch.Generator().manual_seed(0)
    orders = []
    for task in range(4):
        others = [other for other in range(4) if other != task]
        drawn = torch.randperm(3, generator=twin).tolist()
        orders.append([others[place] for place in drawn])
    found = aggregated(PCGrad(), rows, generator)
    np.testing.assert_allclose(found, pcgrad_in_order(rows, orders))
    assert torch.equal(generator.get_state(), twin.get_state())
    again = [aggregated(PCGrad(), rows, generator) for _ in range(5)]
    assert not all(np.allclose(each, found) for each in again)


def test_pcgrad_without_a_generator_takes_tasks_in_their_order():
    rows = gradients(3, 1, n_weights=2)
    orders = [[1, 2], [0, 2], [0, 1]]
    found = aggregated(PCGrad(), rows)
    np.testing.assert_allclose(found, pcgrad_in_order(rows, orders))


def test_without_a_conflict_pcgrad_is_the_sum_and_upgrad_the_mean():
    rows = np.abs(gradients(3, 0))
    np.testing.assert_array_equal(PCGrad()(rows @ rows.T), np.ones(3))
    np.testing.assert_allclose(UPGrad()(rows @ rows.T), np.ones(3) / 3)


@pytest.mark.parametrize("seed", range(4))
def test_upgrad_of_two_tasks(seed):
    # With two, the nearest point of the cone is on the normal plane of the other.
    rows = conflicting(seed)
    expected = pcgrad_in_order(rows, [[1], [0]]) / 2
    np.testing.assert_allclose(aggregated(UPGrad(1e-12), rows), expected, rtol=1e-6)


@pytest.mark.parametrize("rows", MANY)
def test_upgrad_hinders_no_task(rows):
    found = aggregated(UPGrad(), rows)
    products = rows @ found / np.linalg.norm(rows, axis=1) / np.linalg.norm(found)
    assert products.min() > -1e-3
    assert aggregated(UPGrad(), rows) @ rows.mean(axis=0) > 0


@pytest.mark.parametrize("seed", range(8))
def test_mgda_of_two_tasks(seed):
    one, other = rows = gradients(2, seed, n_weights=3)
    share = (other - one) @ other / ((one - other) @ (one - other))
    share = np.clip(share, 0, 1)
    found = MGDA()(rows @ rows.T)
    np.testing.assert_allclose(found, [share, 1 - share], atol=1e-8)


@pytest.mark.parametrize("rows", MANY)
def test_mgda_is_the_shortest_of_the_hull(rows):
    weights = MGDA()(rows @ rows.T)
    shortest = weights @ rows
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    # Of no corner is the part along it shorter.
    least = shortest @ shortest
    assert (rows @ shortest >= least * (1 - 1e-6)).all()


def test_mgda_is_zero_where_the_hull_is_around_zero():
    found = aggregated(MGDA(), ODD["around zero"])
    np.testing.assert_allclose(found, 0, atol=1e-8)


@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
@pytest.mark.parametrize("rows", MANY)
def test_cagrad_serves_the_worst_task_best(rows, c):
    mean = rows.mean(axis=0)
    radius = c * np.linalg.norm(mean)
    found = aggregated(CAGrad(c), rows)
    assert np.linalg.norm(found - mean) == pytest.approx(radius, rel=1e-6)
    rng = np.random.default_rng(0)
    # No step of the ball is better for the worst one: in the span, and next to it.
    steps = rng.normal(size=(400, len(rows))) @ rows
    steps = np.vstack([steps, found - mean + 0.02 * steps])
    steps *= radius / np.linalg.norm(steps, axis=1, keepdims=True)
    others = (rows @ (mean + steps).T).min(axis=0)
    assert (rows @ found).min() >= others.max() - 1e-6 * np.abs(others).max()


def test_cagrad_of_no_radius_is_the_mean():
    rows = gradients(3, 0)
    np.testing.assert_array_equal(CAGrad(0)(rows @ rows.T), np.full(3, 1 / 3))


def test_cagrad_of_opposite_gradients_of_one_length_is_zero():
    rows = ODD["opposite"]
    np.testing.assert_allclose(aggregated(CAGrad(0.9), rows), 0, atol=1e-12)


@pytest.mark.parametrize("rows", MANY)
def test_imtl_g_has_equal_projections(rows):
    weights = IMTLG()(rows @ rows.T)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    projections = units @ (weights @ rows)
    np.testing.assert_allclose(projections, projections[0], rtol=1e-8)
    assert projections[0] > 0
    assert weights.sum() == pytest.approx(1)


def test_imtl_g_never_goes_against_every_task():
    # The cosines are 0.9, 0.9 and 0.65; the third gradient is so short that the sum
    # of the weights is negative.
    units = np.linalg.cholesky([[1, 0.65, 0.9], [0.65, 1, 0.9], [0.9, 0.9, 1]])
    rows = units * np.array([[1.0], [1.0], [0.1]])
    weights = IMTLG()(rows @ rows.T)
    assert weights.sum() == pytest.approx(-1)
    projections = units @ (weights @ rows)
    np.testing.assert_allclose(projections, projections[0], rtol=1e-8)
    assert projections[0] > 0


@pytest.mark.parametrize("name", ["opposite", "opposite, unequal", "opposite of three"])
def test_imtl_g_stands_still_where_projections_can_only_be_zero(name):
    np.testing.assert_array_equal(IMTLG()(ODD[name] @ ODD[name].T), 0)


@pytest.mark.parametrize("rows", MANY)
def test_aligned_makes_singular_values_equal(rows):
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    expected = values.min() * (left @ right).mean(axis=0)
    np.testing.assert_allclose(aggregated(AlignedMTL(), rows), expected)


def test_aligned_leaves_zero_values_out():
    rows = ODD["dependent"]
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    expected = values[1] * (left[:, :2] @ right[:2]).mean(axis=0)
    np.testing.assert_allclose(aggregated(AlignedMTL(), rows), expected)


@pytest.mark.parametrize("rows", MANY)
def test_nash(rows):
    gramian = rows @ rows.T
    weights = NashMTL()(gramian)
    assert weights.min() > 0
    np.testing.assert_allclose(gramian @ weights, 1 / weights, rtol=1e-6)
    length = np.linalg.norm(weights @ rows)
    assert length == pytest.approx(np.sqrt(len(rows)))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("rows", MANY)
def test_fairgrad(rows, alpha):
    gramian = rows @ rows.T
    weights = FairGrad(alpha)(gramian)
    np.testing.assert_allclose(gramian @ weights, weights ** (-1 / alpha), rtol=1e-6)
    if alpha == 1:
        np.testing.assert_allclose(weights, NashMTL()(gramian), rtol=1e-6)


@pytest.mark.parametrize("value", [NashMTL(), FairGrad()], ids=repr)
def test_bargains_of_gradients_of_very_unequal_length(value):
    rows = gradients(3, 0) * np.array([[1e-6], [1.0], [1e4]])
    gramian, power = rows @ rows.T, 1 / getattr(value, "alpha", 1.0)
    weights = value(gramian)
    np.testing.assert_allclose(gramian @ weights, weights**-power, rtol=1e-6)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_common_factor(value):
    rows = gradients(3, 5)
    # Squared lengths a million times as large.
    power = {NashMTL: -0.5, FairGrad: -1 / 1.5}.get(type(value), 0)
    expected = value(rows @ rows.T) * 1e6**power
    np.testing.assert_allclose(value(1e6 * (rows @ rows.T)), expected, rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_of_two_tasks_by_hand_in_any_unit(factor):
    # The gradients are (1, 0) and (-1, 1): of squared lengths 1 and 2, product -1.
    gramian = factor * np.array([[1.0, -1.0], [-1.0, 2.0]])
    np.testing.assert_allclose(PCGrad()(gramian), [2, 1.5])
    np.testing.assert_allclose(MGDA()(gramian), [0.6, 0.4], rtol=1e-6)
    # In units of the trace the diagonal is 1/3 and 2/3, and each has 0.1 more.
    ends = [1 / 3 / (1 / 3 + 0.1), 1 / 3 / (2 / 3 + 0.1)]
    expected = [(1 + each) / 2 for each in ends]
    np.testing.assert_allclose(UPGrad(ridge=0.1)(gramian), expected)
    # The mean of unit vectors at a right angle, 0.4 of its length longer.
    np.testing.assert_allclose(CAGrad(0.4)(factor * np.eye(2)), [0.7, 0.7], rtol=1e-6)


def test_of_gradients_that_are_alike_but_for_rounding():
    nearly = [[1.0, 1.0], [1.0, 1.0 + 1e-9]]
    np.testing.assert_allclose(AlignedMTL()(nearly), [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(MGDA()(np.ones((2, 2))), [0.5, 0.5], rtol=1e-5)
    # Two that are alike, and one at a right angle to them but for rounding.
    nearly = [[1.0, 1.0 - 1e-9, 0.0], [1.0 - 1e-9, 1.0, 1e-6], [0.0, 1e-6, 1.0]]
    np.testing.assert_allclose(IMTLG()(nearly), [0.25, 0.25, 0.5], rtol=1e-5)


def test_imtl_g_has_bounds_where_weights_add_up_to_nothing():
    # Of unit vectors the weights are in proportion to -1, 1 and 1; with the first one
    # half as long to -2, 1 and 1.
    cosines = np.array([[1, 0.9, 0.9], [0.9, 1, 0.7], [0.9, 0.7, 1]])
    weights = IMTLG()(cosines * np.outer([0.5, 1, 1], [0.5, 1, 1]))
    np.testing.assert_allclose(weights, [-500, 250, 250])


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_tensors_and_lists_are_taken_too(value):
    rows = gradients(3, 5)
    expected = value(rows @ rows.T)
    np.testing.assert_array_equal(value((rows @ rows.T).tolist()), expected)
    np.testing.assert_array_equal(value(torch.from_numpy(rows @ rows.T)), expected)


@pytest.mark.parametrize(
    ("gramian", "message"),
    [
        (np.ones((2, 3)), r"MGDA expects .* \(n_tasks, n_tasks\).* shape \(2, 3\)"),
        (np.ones(3), r"Got shape \(3,\)"),
        ([[1.0, np.nan], [np.nan, 1.0]], "MGDA expects a Gramian of finite numbers"),
        ([[np.inf]], "infinite or NaN"),
    ],
)
def test_what_is_no_gramian(gramian, message):
    with pytest.raises(InvalidDataError, match=message):
        MGDA()(gramian)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    found = resolve_aggregation(name, "Owner")
    assert type(found) is NAMES[name]
    assert repr(found) == f"{NAMES[name].__name__}()"
    for copied in (clone(found), pickle.loads(pickle.dumps(found))):
        assert copied.get_params() == found.get_params()


def test_values_and_callables_are_themselves():
    assert resolve_aggregation(None, "Owner") is None
    for value in (CAGrad(0.2), FairGrad(alpha=3.0), UPGrad(ridge=0.1), np.diag):
        assert resolve_aggregation(value, "Owner") is value
    assert CAGrad(0.2).set_params(c=0.3).get_params() == {"c": 0.3}


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("sum", InvalidParameterError, "'aggregation' parameter of Owner .* Got 'sum'"),
        (3, ParameterTypeError, "None, one of .*'pcgrad'.* a callable .* Got 3"),
        (CAGrad, ParameterTypeError, r"an object such as CAGrad\(c=0.4\)"),
        (CAGrad(1.0), InvalidParameterError, r"'c' .* the CAGrad of Owner .*\[0, 1\)"),
        (CAGrad(-0.1), InvalidParameterError, r"the CAGrad of Owner"),
        (CAGrad("a"), ParameterTypeError, "'c' .* must be a real number"),
        (FairGrad(0.4), InvalidParameterError, r"'alpha' .* FairGrad of Owner .*\[0.5"),
        (FairGrad(11), InvalidParameterError, r"'alpha' .*10\]"),
        (UPGrad(0.0), InvalidParameterError, r"'ridge' .* the UPGrad of Owner"),
    ],
)
def test_bad_values(value, error, message):
    with pytest.raises(error, match=message):
        resolve_aggregation(value, "Owner")
