"""Weights of losses: each method by its formula, and tasks that are absent."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import (
    DWA,
    FAMO,
    GLS,
    RLW,
    Balancing,
    BalancingState,
    GradNorm,
    StepRecord,
    Uncertainty,
)
from mtlearn.losses.balancing._adam import adam_step, new_moments

METHODS = [Uncertainty(), DWA(), RLW(), GLS(), FAMO(every=2), GradNorm()]
ALL = np.array([True, True])


def records(n_steps, n_tasks=2, seed=0):
    """Return what made-up steps have seen, with all tasks present."""
    rng = np.random.default_rng(seed)
    return [
        StepRecord(
            losses=rng.uniform(0.2, 3, n_tasks),
            present=np.ones(n_tasks, bool),
            after=rng.uniform(0.2, 3, n_tasks),
            norms=rng.uniform(0.5, 2, n_tasks),
        )
        for _ in range(n_steps)
    ]


def with_absent(record, place):
    """Return the record of a step without labels of one task more."""
    return StepRecord(
        np.insert(record.losses, place, 0.0),
        np.insert(record.present, place, False),
        np.insert(record.after, place, 0.0),
        np.insert(record.norms, place, 0.0),
    )


def run(state, steps):
    """Let a state see steps, each of them an epoch; return all weights."""
    found = []
    for record in steps:
        found.append(state.weights(record.losses, record.present).copy())
        again = record.after if state.looks_again else None
        state.end_step(StepRecord(record.losses, record.present, again, record.norms))
        state.end_epoch(np.where(record.present, record.losses, np.nan))
    return np.array(found)


def test_adam_is_that_of_torch():
    values, moments = np.array([0.3, -1.0]), new_moments(2)
    weight = torch.nn.Parameter(torch.tensor([0.3, -1.0], dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    for slope in np.random.default_rng(0).normal(size=(20, 2)):
        adam_step(values, moments, slope, ALL, 0.1)
        weight.grad = torch.from_numpy(slope)
        optimizer.step()
    np.testing.assert_allclose(values, weight.detach().numpy(), rtol=1e-12)


def test_adam_leaves_what_has_no_gradient_alone():
    rng = np.random.default_rng(0)
    slopes, steps = rng.normal(size=(30, 2)), rng.random((30, 2)) < 0.5
    values, moments = np.zeros(2), new_moments(2)
    for slope, where in zip(slopes, steps, strict=True):
        adam_step(values, moments, np.where(where, slope, np.nan), where, 0.1)
    for task in range(2):
        alone, own = np.zeros(1), new_moments(1)
        for slope in slopes[steps[:, task], task]:
            adam_step(alone, own, np.array([slope]), np.array([True]), 0.1)
        assert values[task] == alone[0] != 0


def test_uncertainty_learns_variances_by_adam():
    factors = np.array([1.0, 0.5])
    state = Uncertainty(lr=0.1).start(factors, 0)
    logs = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = torch.optim.Adam([logs], lr=0.1)
    for record in records(8):
        expected = torch.from_numpy(factors) * (-logs).exp()
        found = state.weights(None, record.present)
        np.testing.assert_allclose(found, expected.detach(), rtol=1e-10)
        loss = (expected * torch.from_numpy(record.losses) + logs / 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state.end_step(record)


def test_uncertainty_comes_to_rest_at_half_the_inverse_loss():
    state = Uncertainty(lr=0.05).start(np.array([1.0, 0.5]), 0)
    for _ in range(2000):
        state.end_step(StepRecord(np.array([4.0, 0.1]), ALL))
    np.testing.assert_allclose(state.weights(None, ALL), [0.125, 5.0], rtol=1e-3)


def test_a_rare_task_keeps_the_weight_of_its_loss():
    # Were its s / 2 to count in all steps, its weight would be 10.
    state = Uncertainty(lr=0.05).start(np.ones(2), 0)
    for step in range(3000):
        present = np.array([True, step % 20 == 0])
        state.end_step(StepRecord(present * 1.0, present))
    np.testing.assert_allclose(state.weights(None, ALL), [0.5, 0.5], rtol=0.01)


def test_uncertainty_takes_losses_below_zero():
    state = Uncertainty().start(np.ones(1), 0)
    state.end_step(StepRecord(np.array([-2.0]), np.array([True])))
    np.testing.assert_allclose(state.weights(None, ALL[:1]), np.exp(0.025))


def test_dwa_is_a_softmax_of_ratios_of_epochs():
    state = DWA(temperature=0.5).start(np.ones(2), 0)
    epochs = np.array([[2.0, 8.0], [1.0, 8.0], [0.9, 2.0]])
    found = []
    for losses in epochs:
        found.append(state.weights(None, ALL))
        state.end_epoch(losses)
    found.append(state.weights(None, ALL))
    np.testing.assert_array_equal(found[:2], np.ones((2, 2)))
    for weights, ratios in zip(found[2:], epochs[1:] / epochs[:-1], strict=True):
        shares = np.exp(ratios / 0.5)
        np.testing.assert_allclose(weights, 2 * shares / shares.sum())


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_dwa_takes_a_ratio_of_one_without_two_losses_above_zero(bad):
    state = DWA().start(np.ones(2), 0)
    state.end_epoch(np.array([bad, 2.0]))
    state.end_epoch(np.array([5.0, 2.0]))
    np.testing.assert_allclose(state.weights(None, ALL), [1, 1])


def test_dwa_of_ratios_that_are_huge():
    state = DWA().start(np.ones(2), 0)
    state.end_epoch(np.array([1e-9, 1.0]))
    state.end_epoch(np.array([1.0, 1.0]))
    np.testing.assert_allclose(state.weights(None, ALL), [2, 0])


def test_rlw_draws_for_each_step():
    state = RLW().start(np.ones(3), seed=5)
    rng = np.random.default_rng(5)
    for present in ([True, True, True], [True, False, True], [False, True, False]):
        present = np.array(present)
        powers = np.where(present, np.exp(rng.standard_normal(3)), 0)
        expected = present.sum() * powers / powers.sum()
        for _ in range(2):  # asked twice, it is the same step
            np.testing.assert_allclose(state.weights(None, present), expected)
        state.end_step(StepRecord(np.ones(3), present))


@pytest.mark.parametrize("n_tasks", [2, 3])
def test_gls_has_the_gradient_of_the_geometric_mean(n_tasks):
    losses = torch.rand(n_tasks, dtype=torch.float64).add(0.1).requires_grad_()
    losses.prod().pow(1 / n_tasks).backward()
    state = GLS().start(np.ones(n_tasks), 0)
    found = state.weights(losses.detach().numpy(), np.ones(n_tasks, bool))
    np.testing.assert_allclose(found, losses.grad)


def test_famo_is_that_of_its_authors():
    # As their code has it, but for weights that sum up to the number of tasks.
    state = FAMO(lr=0.1, decay=0.02, every=1).start(np.ones(2), 0)
    logits = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = torch.optim.Adam([logits], lr=0.1, weight_decay=0.02)
    for record in records(10):
        losses = torch.from_numpy(record.losses).requires_grad_()
        z = logits.detach().softmax(0)
        (losses.log() * z / (z / losses).sum().detach()).sum().backward()
        found = state.weights(record.losses, ALL)
        np.testing.assert_allclose(found, 2 * losses.grad, rtol=1e-10)
        fallen = losses.detach().log() - torch.from_numpy(record.after).log()
        (logits.grad,) = torch.autograd.grad(logits.softmax(0), logits, fallen)
        optimizer.step()
        state.end_step(record)


def test_famo_compares_the_tasks_whose_losses_it_knows():
    # One that is left falls as fast as all: nothing moves.
    state = FAMO(lr=0.1, every=1).start(np.ones(2), 0)
    state.end_step(StepRecord(np.array([4.0, 1.0]), ALL, np.array([1.0, np.inf])))
    np.testing.assert_array_equal(state.logits_, 0)


def test_famo_looks_every_so_many_steps():
    state = FAMO(every=3).start(np.ones(2), 0)
    looks = []
    for record in records(7):
        looks.append(state.looks_again)
        state.end_step(StepRecord(record.losses, ALL))
    assert looks == [False, False, True, False, False, True, False]


def test_gradnorm_follows_the_lengths_of_gradients():
    state = GradNorm(alpha=0.7, lr=0.1).start(np.ones(2), 0)
    weights = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = torch.optim.Adam([weights], lr=0.1)
    steps = records(12)
    for record in steps:
        np.testing.assert_allclose(
            state.weights(None, ALL), weights.detach(), rtol=1e-10
        )
        lengths = weights * torch.from_numpy(record.norms)
        ratios = torch.from_numpy(record.losses / steps[0].losses)
        wanted = (lengths.mean() * (ratios / ratios.mean()) ** 0.7).detach()
        optimizer.zero_grad()
        (lengths - wanted).abs().sum().backward()
        optimizer.step()
        with torch.no_grad():
            weights *= 2 / weights.sum()
        state.end_step(record)


def test_gradnorm_keeps_weights_above_zero():
    state = GradNorm(lr=5.0).start(np.ones(2), 0)
    state.end_step(StepRecord(np.ones(2), ALL, norms=np.array([1.0, 9.0])))
    weights = state.weights(None, ALL)
    assert 0 < weights[1] < 0.001
    np.testing.assert_allclose(weights.sum(), 2)


def test_gradnorm_waits_while_nothing_shared_trains():
    state = GradNorm().start(np.ones(2), 0)
    state.end_step(StepRecord(np.array([4.0, 1.0]), ALL))
    np.testing.assert_array_equal(state.weights(None, ALL), [1, 1])
    np.testing.assert_array_equal(state.firsts_, [4, 1])  # the first losses are these


def test_the_first_loss_is_that_of_the_first_label():
    state = GradNorm().start(np.ones(2), 0)
    for losses, present in (([3, 0], [True, False]), ([2, 7], [True, True])):
        present = np.array(present)
        norms = np.ones(2)
        state.end_step(StepRecord(np.array(losses, float), present, norms=norms))
    np.testing.assert_array_equal(state.firsts_, [3, 7])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_task_without_labels_changes_nothing(method, place):
    steps = records(6)
    two, three = method.start(np.ones(2), 0), method.start(np.ones(3), 0)
    if isinstance(method, RLW):  # which draws for it, but leaves it out
        more = np.insert(two.drawn_, place, 9.0)
        three.drawn_ = more
        steps = steps[:1]
    expected = run(two, steps)
    found = run(three, [with_absent(each, place) for each in steps])
    np.testing.assert_allclose(np.delete(found, place, axis=1), expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_task_that_comes_late_begins_as_if_new(method):
    steps = records(5)
    for record in steps:
        record.present[1] = False
    state = method.start(np.ones(2), 0)
    run(state, steps)
    new = method.start(np.ones(2), 0)
    for name, value in state.state_dict().items():
        if isinstance(value, np.ndarray) and name != "drawn_":
            np.testing.assert_array_equal(value[..., 1], getattr(new, name)[..., 1])


@pytest.mark.parametrize("n_bad", [1, 2])
@pytest.mark.parametrize("bad", ["losses", "after", "norms"])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_what_is_not_finite_is_not_learned_from(method, bad, n_bad):
    record = records(1)[0]
    getattr(record, bad)[:n_bad] = np.inf
    state = method.start(np.ones(2), 0)
    for _ in range(2):
        again = record.after if state.looks_again else None
        state.end_step(StepRecord(record.losses, ALL, again, record.norms))
    assert np.isfinite(state.weights(np.ones(2), ALL)).all()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_state_goes_on_from_what_it_gave(method):
    steps = records(9)
    whole = run(method.start(np.ones(2), 3), steps)
    first = method.start(np.ones(2), 3)
    begun = run(first, steps[:5])
    kept = first.state_dict()
    run(first, steps[:2])  # does not reach what was given
    second = method.start(np.ones(2), 4)
    second.load_state_dict(kept)
    np.testing.assert_array_equal(
        np.concatenate([begun, run(second, steps[5:])]), whole
    )


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_weights_of_no_task_and_of_one(method):
    state = method.start(np.ones(2), 0)
    for present in ([False, False], [True, False]):
        present = np.array(present)
        weights = state.weights(present * 0.5, present)
        assert np.isfinite(weights).all()
        # A loss that is alone is as it is.
        np.testing.assert_allclose(weights[present], 1)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_methods_are_values(method):
    again = clone(method)
    assert repr(again) == repr(method)
    assert again is not method
    assert isinstance(again, Balancing)
    again.validate("Owner")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (Uncertainty(0), InvalidParameterError, r"'lr' .* the Uncertainty of Owner"),
        (DWA(-1), InvalidParameterError, r"'temperature' .* the DWA of Owner"),
        (DWA("2"), ParameterTypeError, "'temperature' .* must be a real number"),
        (FAMO(lr=0), InvalidParameterError, r"'lr' .* the FAMO of Owner .*\(0, inf\)"),
        (FAMO(decay=-1), InvalidParameterError, r"'decay' .*\[0, inf\).* Got -1"),
        (FAMO(every=0), InvalidParameterError, "'every' .* not below 1. Got 0"),
        (
            GradNorm(alpha=-1),
            InvalidParameterError,
            r"'alpha' .* the GradNorm of Owner",
        ),
        (GradNorm(lr=0), InvalidParameterError, r"'lr' .* the GradNorm of Owner"),
    ],
)
def test_parameters_are_checked(value, error, message):
    with pytest.raises(error, match=message):
        value.validate("Owner")


def test_a_state_of_ones_own_needs_weights_only():
    class Same(BalancingState):
        def __init__(self):
            self.count_ = 1
            self.given = 2

        def weights(self, losses, present):
            return np.ones(len(present))

    state = Same()
    state.end_step(records(1)[0])
    state.end_epoch(np.ones(2))
    assert not state.looks_again
    assert state.state_dict() == {"count_": 1}
