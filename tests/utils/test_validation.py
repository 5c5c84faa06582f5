"""Checks of parameters and their words."""

from fractions import Fraction

import numpy as np
import pytest

from mtlearn._utils._validation import (
    check_bool,
    check_choice,
    check_integer,
    check_real,
)
from mtlearn.exceptions import InvalidParameterError, MtlearnError, ParameterTypeError


@pytest.mark.parametrize(
    "value", [1, 0.5, np.float32(0.5), np.int64(1), Fraction(1, 2), np.float64(0)]
)
def test_real_numbers(value):
    number = check_real(value, "lr", "It", low=0, high=1)

    assert type(number) is float
    assert number == value


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, [1.0], np.ones(1)])
def test_what_is_no_real_number(value):
    with pytest.raises(
        ParameterTypeError, match=r"The 'lr' parameter of It must be a real number\. Go"
    ) as caught:
        check_real(value, "lr", "It")
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_numbers_must_be_finite(value):
    with pytest.raises(InvalidParameterError, match=r"'lr' .* a finite number in"):
        check_real(value, "lr", "It")


@pytest.mark.parametrize(
    ("value", "ends", "interval"),
    [
        (-0.1, {}, r"\[0, 1\]"),
        (1.1, {}, r"\[0, 1\]"),
        (0, {"include_low": False}, r"\(0, 1\]"),
        (1, {"include_high": False}, r"\[0, 1\)"),
    ],
)
def test_numbers_outside_the_interval(value, ends, interval):
    with pytest.raises(
        InvalidParameterError, match=rf"'lr' .* number in {interval}\. Got {value} inst"
    ) as caught:
        check_real(value, "lr", "It", low=0, high=1, **ends)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_integers(value):
    number = check_integer(value, "n", "It", low=3)

    assert type(number) is int
    assert number == 3


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float64(3), "3", None])
def test_what_is_no_integer(value):
    with pytest.raises(ParameterTypeError, match=r"'n' .* It must be an integer\. Got"):
        check_integer(value, "n", "It", low=0)


def test_integers_that_are_too_low():
    with pytest.raises(InvalidParameterError, match=r"not below 3\. Got 2 instead"):
        check_integer(2, "n", "It", low=3)


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_truth_values(value):
    flag = check_bool(value, "stop", "It")

    assert type(flag) is bool
    assert flag == value


@pytest.mark.parametrize("value", [1, 0, "yes", None, np.array([True])])
def test_what_is_no_truth_value(value):
    with pytest.raises(ParameterTypeError, match=r"'stop' .* must be True or False"):
        check_bool(value, "stop", "It")


def test_choices():
    assert check_choice("b", "mode", "It", ["a", "b"]) == "b"
    assert check_choice(None, "mode", "It", ["a", None]) is None
    assert check_choice(2, "mode", "It", iter([1, 2])) == 2


@pytest.mark.parametrize("value", ["c", None, 3, ["a"]])
def test_what_is_no_choice(value):
    with pytest.raises(
        InvalidParameterError, match=r"'mode' .* must be one of 'a', 'b'\. Got"
    ):
        check_choice(value, "mode", "It", ("a", "b"))
