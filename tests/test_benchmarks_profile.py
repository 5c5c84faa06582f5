"""The parts of the profile: spans, kinds of operations and their arithmetic."""

from types import SimpleNamespace

import pytest
from benchmarks import profile
from benchmarks._mtlearn import make_estimator
from benchmarks._problem import QUICK, make_data


def event(name, start, end, own):
    span = SimpleNamespace(start=start, end=end)
    return SimpleNamespace(name=name, time_range=span, self_cpu_time_total=own)


def test_the_optimiser_begins_where_gradients_end():
    # The step of the optimiser takes 0 to 100 and holds all the others.
    events = [
        event("Optimizer.step#Adam.step", 0, 100, 20),
        event("aten::mkldnn_convolution", 5, 35, 30),
        event("autograd::engine::evaluate_function: AddBackward0", 40, 60, 20),
        event("aten::add_", 65, 75, 10),
        event("aten::copy_", 75, 95, 20),
    ]

    assert profile.optimizer_spans(events) == [(60, 100)]
    seconds = profile.self_seconds(events)
    microseconds = {kind: round(1e6 * value) for kind, value in seconds.items()}
    expected = {"convolutions": 30, "additions": 20, "optimiser": 40, "other": 10}
    assert microseconds == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten.convolution_backward", "convolutions"),
        ("aten::addmm", "matrix products"),
        ("aten::native_batch_norm_backward", "batch norm"),
        ("aten::threshold_backward", "ReLU"),
        ("aten::add_", "additions"),
        ("torch::autograd::AccumulateGrad", "additions"),
        ("aten::_to_copy", "copies and casts"),
        ("aten::bernoulli_", "other"),
    ],
)
def test_operations_are_told_apart_by_their_names(name, kind):
    assert profile.category(name) == kind


def test_the_arithmetic_of_a_step_is_counted():
    X, y = make_data(QUICK)
    estimator = make_estimator(QUICK, warm_start=True).fit(X, y)

    flops = profile.count_flops(estimator, X[:32], y[:32])

    # Forward alone: a multiply and an add for each weight of the stem at each pixel.
    assert flops["convolutions"] > 2 * 32 * 16 * 16 * 4 * 9
    assert flops["matrix products"] > 0
    assert set(flops) <= {"convolutions", "matrix products"}
