"""Penalties across tasks against their formulas, written out in numpy."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Penalty,
    Ridge,
    TaskCovariance,
    TraceNorm,
)

EDGES = [("a", "b"), ("c", "b", 3.0)]
VALUES = [
    CommonMean(0.3),
    GraphLaplacian(EDGES, 0.3),
    GroupLasso(0.3),
    Ridge(0.3),
    TaskCovariance(0.3),
    TraceNorm(0.3),
]
by_penalty = pytest.mark.parametrize("penalty", VALUES, ids=lambda p: type(p).__name__)


def make_weights(dtype=torch.float64, seed=0):
    """Return weights of three tasks of two outputs and four features."""
    rng = np.random.default_rng(seed)
    made = {name: torch.tensor(rng.normal(size=(2, 4)), dtype=dtype) for name in "abc"}
    return {name: each.requires_grad_() for name, each in made.items()}


def by_hand(penalty, weights):
    """Return the value and the gradient by W, `(n_features, n_columns)`."""
    arrays = {name: each.detach().numpy() for name, each in weights.items()}
    W = np.concatenate(list(arrays.values())).T
    u, s, vt = np.linalg.svd(W, full_matrices=False)
    name = type(penalty).__name__
    if name == "TraceNorm":
        return s.sum(), u @ vt
    if name == "TaskCovariance":
        return s.sum() ** 2 / 2, s.sum() * u @ vt
    if name == "GroupLasso":
        lengths = np.sqrt((W**2).sum(axis=1))
        return lengths.sum(), W / lengths[:, np.newaxis]
    if name == "Ridge":
        return (W**2).sum() / 2, W
    edges = [(*edge, 1.0)[:3] for edge in EDGES]
    if name == "CommonMean":
        edges = [(i, j, 1 / 3) for i, j in ("ab", "ac", "bc")]
    L = np.zeros((3, 3))
    for i, j, a in edges:
        e = np.zeros(3)
        e["abc".index(i)], e["abc".index(j)] = 1, -1
        L += a * np.outer(e, e)
    L = np.kron(L, np.eye(2))
    return np.trace(W @ L @ W.T) / 2, W @ L


@by_penalty
def test_values_and_gradients(penalty):
    weights = make_weights()
    value, gradient = by_hand(penalty, weights)
    found = penalty(weights)
    found.backward()
    assert found.item() == pytest.approx(0.3 * value, rel=1e-12)
    grad = np.concatenate([each.grad.numpy() for each in weights.values()]).T
    np.testing.assert_allclose(grad, 0.3 * gradient, rtol=1e-10, atol=1e-12)


@by_penalty
def test_it_is_computed_in_the_type_of_the_weights(penalty):
    weights = make_weights(torch.float32)
    assert penalty(weights).dtype == torch.float32


@by_penalty
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_where_the_formula_has_a_kink(penalty, value):
    weights = {
        name: torch.full((2, 4), value, requires_grad=True) for name in ("a", "b", "c")
    }
    penalty(weights).backward()
    for each in weights.values():
        assert torch.isfinite(each.grad).all()


@by_penalty
def test_what_is_not_finite_gives_no_error_of_torch(penalty):
    weights = make_weights()
    with torch.no_grad():
        weights["b"][0, 0] = torch.nan
    assert not torch.isfinite(penalty(weights))


def test_the_best_covariance_of_weights():
    weights = make_weights()
    W = np.concatenate([each.detach().numpy() for each in weights.values()]).T
    values, vectors = np.linalg.eigh(W.T @ W)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    found = TaskCovariance(0.3).covariance(weights).numpy()
    np.testing.assert_allclose(found, root / np.trace(root), atol=1e-8)
    assert not TraceNorm(0.3).covariance(weights)
    # No other covariance of trace 1 has a smaller penalty.
    rng = np.random.default_rng(0)
    full = np.linalg.svd(rng.normal(size=(8, 6)), full_matrices=False)
    W = full[0] * np.arange(1.0, 7.0) @ full[2]
    given = {"a": torch.from_numpy(W.T)}
    least = TaskCovariance(2.0)(given).item()
    best = TaskCovariance(2.0).covariance(given).numpy()
    assert np.trace(W @ np.linalg.inv(best) @ W.T) == pytest.approx(least)
    for _ in range(20):
        other = best + 0.02 * np.diag(rng.random(6))
        other /= np.trace(other)
        assert np.trace(W @ np.linalg.inv(other) @ W.T) > least


def test_a_covariance_of_nothing_is_even():
    found = TaskCovariance(1.0).covariance({"a": torch.zeros(4, 3)})
    np.testing.assert_array_equal(found, np.eye(4) / 4)


@by_penalty
def test_values_have_parameters(penalty):
    copy = clone(penalty).set_params(strength=0.6)
    assert penalty.strength == 0.3
    weights = make_weights()
    assert copy(weights).item() == pytest.approx(2 * penalty(weights).item())


@by_penalty
def test_strengths_are_checked(penalty):
    with pytest.raises(InvalidParameterError, match=r"'strength' .* of Me must .*\[0"):
        clone(penalty).set_params(strength=-1.0).validate("Me")
    message = r"'strength' .* must be a real number"
    with pytest.raises(ParameterTypeError, match=message):
        clone(penalty).set_params(strength="1").validate("Me")
    penalty.validate("Me")


@pytest.mark.parametrize(
    ("tasks", "error", "message"),
    [
        ("ab", ParameterTypeError, "'tasks' .* TraceNorm of Me .* Got 'ab' instead"),
        (3, ParameterTypeError, "sequence of names of tasks. Got 3 instead"),
        ([], InvalidParameterError, r"at least one task.* Got \[\] instead"),
        (["a", "a"], InvalidParameterError, r"each once. Got \['a', 'a'\] instead"),
    ],
)
def test_names_of_tasks_are_checked(tasks, error, message):
    with pytest.raises(error, match=message):
        TraceNorm(1.0, tasks).validate("Me")


@pytest.mark.parametrize(
    ("edges", "error", "message"),
    [
        ("ab", ParameterTypeError, "'edges' .* of Me must be a sequence of pairs"),
        (None, ParameterTypeError, r"such as \[\('a', 'b'\)\]\. Got None instead"),
        ([], InvalidParameterError, "must have at least one edge. Leave the penalty"),
        (["ab"], InvalidParameterError, "Each edge .* Got 'ab' instead"),
        ([("a",)], InvalidParameterError, r"a pair of names .* Got \('a',\) instead"),
        ([("a", "a")], InvalidParameterError, r"of two tasks, .* Got \('a', 'a'\) in"),
        ([("a", 1)], InvalidParameterError, r"Got \('a', 1\) instead"),
        ([("a", "b", 1, 1)], InvalidParameterError, "third part if it is not 1"),
        ([("a", "b", 0.0)], InvalidParameterError, r"edges\['a', 'b'\].*\(0, inf\)"),
        ([("a", "b", "1")], ParameterTypeError, r"edges\['a', 'b'\].*a real number"),
        (
            [("a", "b"), ("b", "a", 2.0)],
            InvalidParameterError,
            "the edge between 'b' and 'a' twice. Give it once",
        ),
    ],
)
def test_edges_are_checked(edges, error, message):
    with pytest.raises(error, match=message):
        GraphLaplacian(edges, 1.0).validate("Me")


def test_outputs_that_are_compared_are_as_many():
    weights = {"a": torch.ones(1, 4), "b": torch.ones(1, 4), "c": torch.ones(3, 4)}
    message = "output by output, and .*: 'c' has 3, 'b' has 1. Take this edge out"
    with pytest.raises(InvalidParameterError, match=message):
        GraphLaplacian(EDGES, 1.0).check(weights, "Me")
    message = "The CommonMean of Me .* 'b' has 1, 'c' has 3. Say by its parameter 'ta"
    with pytest.raises(InvalidParameterError, match=message):
        CommonMean(1.0).check(weights, "Me")
    message = "CommonMean of Me needs two tasks .* only 'a'. Leave it out"
    with pytest.raises(InvalidParameterError, match=message):
        CommonMean(1.0).check({"a": torch.ones(1, 4)}, "Me")
    for penalty in (TraceNorm(1.0), GroupLasso(1.0), TaskCovariance(1.0), Ridge(1.0)):
        penalty.check(weights, "Me")


class Lasso(Penalty):
    """A penalty of a user's."""

    def size(self, weights):
        return sum(each.abs().sum() for each in weights.values())


def test_one_of_ones_own():
    weights = make_weights()
    expected = sum(np.abs(each.detach().numpy()).sum() for each in weights.values())
    assert clone(Lasso(0.5))(weights).item() == pytest.approx(expected / 2)
    assert Lasso(0.5, ["a"]).named() == ("a",)
    assert Lasso(0.5).named() is None
