"""`compile` makes kernels of the network in place; what is saved stays the same."""

import pickle

import numpy as np
import pytest
import torch

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import MultiTaskNetwork
from mtlearn.training._tally import Tally
from tiny_problems import labelled_rows, make_table, table_estimator, weights_of

# Traces the network as every backend does, and needs no C++ compiler.
EAGER = {"backend": "eager"}


def is_compiled(estimator):
    return estimator.net_.module_._compiled_call_impl is not None


def test_a_compiled_network_learns_the_same():
    X, y = make_table()
    plain = table_estimator().fit(X, y)
    compiled = table_estimator(compile=EAGER).fit(X, y)
    assert is_compiled(compiled)
    assert not is_compiled(plain)
    np.testing.assert_allclose(compiled.predict(X), plain.predict(X), rtol=1e-9)
    assert weights_of(compiled).keys() == weights_of(plain).keys()


def test_a_compiled_network_can_be_pickled_and_needs_no_compiler_to_predict():
    X, y = make_table()
    compiled = table_estimator(compile=EAGER).fit(X, y)
    loaded = pickle.loads(pickle.dumps(compiled))
    assert not is_compiled(loaded)
    np.testing.assert_allclose(loaded.predict(X), compiled.predict(X), rtol=1e-9)
    assert is_compiled(loaded.partial_fit(X, y))


def test_what_a_pass_returns_may_be_written_over_by_the_next():
    # As is done with what a CUDA graph has returned.
    X, y = make_table()
    estimator = table_estimator(max_epochs=1).fit(X, y)
    net, rows = estimator.net_, labelled_rows(estimator, X, y)
    halves = torch.arange(len(X)).split(len(X) // 2)

    def figures():
        tally = Tally(net.tasks, net.criterion_.task_weights)
        net.tallies_ = {False: tally}
        net.look_for_draws()
        for half in halves:
            x = torch.from_numpy(X)[half]
            net.validation_step((x, rows.labels.take(half)))
        return tally.summary("valid")

    expected, memory = figures(), []

    def written_over(x):
        outputs = net.module_.forward(x)
        memory.extend(map(torch.empty_like, outputs) if not memory else ())
        return tuple(map(torch.Tensor.copy_, memory, outputs))

    net.module_._compiled_call_impl = written_over
    assert figures() == pytest.approx(expected, rel=1e-12)
    assert len(memory) == 2


def test_going_on_with_and_without():
    X, y = make_table()
    estimator = table_estimator(compile=EAGER).fit(X, y)
    estimator.set_params(compile=False).partial_fit(X, y)
    assert not is_compiled(estimator)
    estimator.set_params(compile=EAGER, warm_start=True).fit(X, y)
    assert is_compiled(estimator)


def test_true_means_the_defaults_of_torch(monkeypatch):
    X, y = make_table()
    given = []
    monkeypatch.setattr(
        MultiTaskNetwork, "compile", lambda self, **kw: given.append(kw)
    )
    table_estimator(compile=True, max_epochs=1).fit(X, y)
    assert given == [{}]


@pytest.mark.parametrize("value", ["inductor", 1, None])
def test_what_is_no_way_to_compile(value):
    X, y = make_table()
    message = "'compile' parameter of MultiTaskEstimator must be True, False or a dict"
    with pytest.raises(ParameterTypeError, match=message):
        table_estimator(compile=value).fit(X, y)


@pytest.mark.parametrize("options", [{"backend": "no such"}, {"no_such": 1}])
def test_arguments_that_torch_does_not_know(options):
    X, y = make_table()
    message = "'compile' parameter must be True, False or a dict.*torch says"
    with pytest.raises(InvalidParameterError, match=message):
        table_estimator(compile=options).fit(X, y)
