"""The mean relative change and the mean rank, as counted by hand."""

import numpy as np
import pytest

from mtlearn.exceptions import DataTypeError, InvalidParameterError, ParameterTypeError
from mtlearn.metrics import delta_m, mean_rank


def test_a_figure_of_each_task():
    # (+25 %, and an error that falls by 40 %) / 2
    assert delta_m([0.5, 3.0], [0.4, 5.0], [True, False]) == pytest.approx(32.5)
    assert delta_m([0.5, 3.0], [0.4, 5.0]) == pytest.approx((25 - 40) / 2)
    assert delta_m(np.array([2.0]), [1.0], False) == pytest.approx(-100)


def test_the_figures_of_a_task_are_averaged_first():
    figures = {"a": [1.1, 1.2, 1.3], "b": 1.5}
    baseline = {"b": 1.0, "a": [1.0, 1.0, 1.0]}
    assert delta_m(figures, baseline) == pytest.approx((20 + 50) / 2)
    # In the programs of the papers each figure counts once.
    flat = delta_m([1.1, 1.2, 1.3, 1.5], np.ones(4))
    assert flat == pytest.approx((10 + 20 + 30 + 50) / 4)
    better = {"a": [True, True, False], "b": False}
    assert delta_m(figures, baseline, better) == pytest.approx((0 - 50) / 2)
    assert delta_m(figures, baseline, {"a": True, "b": False}) == pytest.approx(-15)


def test_a_baseline_below_zero():
    # An R2 that grows from -0.5 to -0.4 is better.
    assert delta_m([-0.4], [-0.5]) == pytest.approx(20)
    assert delta_m([-0.6], [-0.5]) == pytest.approx(-20)


def test_ranks_are_shared():
    figures = {"a": [1.0, 3.0, 2.0], "b": [2.0, 3.0, 1.0], "c": [3.0, 3.0, 9.0]}
    expected = {"a": (3 + 2 + 2) / 3, "b": (2 + 2 + 3) / 3, "c": (1 + 2 + 1) / 3}
    assert mean_rank(figures) == pytest.approx(expected)
    turned = {name: (12 - 3 * rank) / 3 for name, rank in expected.items()}
    assert mean_rank(figures, False) == pytest.approx(turned)


def test_every_figure_is_a_rank():
    figures = {"a": {"x": [1.0, 2.0], "y": 5.0}, "b": {"y": 6.0, "x": [2.0, 3.0]}}
    better = {"x": [True, False], "y": True}
    assert mean_rank(figures, better) == pytest.approx({"a": 5 / 3, "b": 4 / 3})
    assert list(mean_rank({"only": [1.0, 2.0]}).values()) == [1.0]


MASKED = np.ma.masked_array([0.9, 0.5], [False, True])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], [0.0]), InvalidParameterError, "figure of zero for task 0, of which"),
        (([np.nan], [1.0]), InvalidParameterError, "'figures' .* finite .* task 0"),
        (([1.0], [np.inf]), InvalidParameterError, "'baseline' .* finite figures"),
        (([1.0, 2.0], [1.0]), InvalidParameterError, r"'baseline' .*tasks \[0, 1\]"),
        (({"a": 1.0}, {"b": 1.0}), InvalidParameterError, r"\['a'\]. Got \['b'\]"),
        (([[1.0, 2.0]], [[1.0]]), InvalidParameterError, "task 0 on all sides: 2. Got"),
        (([], []), InvalidParameterError, "'figures' .* must have a task"),
        (([[]], [[]]), InvalidParameterError, "finite figures for task 0"),
        ((1.0, [1.0]), ParameterTypeError, "'figures' .* a sequence or a mapping"),
        (("12", [1.0, 2.0]), ParameterTypeError, "'figures' .* a sequence or a map"),
        ((["1"], [1.0]), ParameterTypeError, "a number, or a sequence of numbers"),
        ((MASKED, [0.8, 0.5]), DataTypeError, "'figures' .* delta_m is a masked array"),
        (({"a": MASKED}, {"a": MASKED}), DataTypeError, "'figures' .* for task 'a' is"),
        (([[[1.0]]], [1.0]), ParameterTypeError, "a number, or a sequence of numbers"),
        (([1.0], [1.0], [1]), ParameterTypeError, "'greater_is_better' .*True or Fal"),
        (([1.0], [1.0], 0), ParameterTypeError, "'greater_is_better' .* a sequence"),
        (([1.0], [1.0], [True, True]), InvalidParameterError, r"better' .*tasks \[0\]"),
        (
            ([[1.0, 2.0]], [[1.0, 2.0]], [[True]]),
            InvalidParameterError,
            "must have 2 for task 0, one for each figure. Got 1",
        ),
    ],
)
def test_what_cannot_be_compared(arguments, error, message):
    with pytest.raises(error, match=message):
        delta_m(*arguments)


@pytest.mark.parametrize(
    ("figures", "error", "message"),
    [
        ([[1.0], [2.0]], ParameterTypeError, "'figures' .* a mapping of names"),
        ({}, InvalidParameterError, "'figures' .* must have a method"),
        ({"a": MASKED, "b": [1.0, 2.0]}, DataTypeError, "mean_rank is a masked array"),
        ({"a": [1.0], "b": [np.nan]}, InvalidParameterError, "finite figures for task"),
        ({"a": [1.0], "b": [1.0, 2.0]}, InvalidParameterError, r"tasks \[0\]. Got"),
        ({"a": [[1.0]], "b": [[1.0, 2.0]]}, InvalidParameterError, "on all sides: 1"),
    ],
)
def test_what_cannot_be_ranked(figures, error, message):
    with pytest.raises(error, match=message):
        mean_rank(figures)
