"""The parameters of a head."""

import numpy as np
import pytest

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks import Head


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"hidden": ()},
        {"hidden": [64, np.int64(32)]},
        {"hidden": np.array([8])},
        {"dropout": 0},
        {"batch_norm": np.bool_(False)},
    ],
    ids=str,
)
def test_parameters_that_are_right(params):
    Head(**params).validate("it")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"hidden": 64}, ParameterTypeError, r"'hidden' .* Head of it .* \(64,\)"),
        ({"hidden": "64"}, ParameterTypeError, r"'hidden' .* Got '64' instead"),
        ({"hidden": None}, ParameterTypeError, r"'hidden' .* Got None instead"),
        ({"hidden": (0,)}, InvalidParameterError, r"'hidden' .* not below 1\. Got 0"),
        ({"hidden": (8.0,)}, ParameterTypeError, r"'hidden' .* integer\. Got 8.0"),
        ({"dropout": 1}, InvalidParameterError, r"'dropout' .* \[0, 1\)\. Got 1 "),
        ({"dropout": -0.1}, InvalidParameterError, r"'dropout' .* Got -0.1"),
        ({"dropout": None}, ParameterTypeError, r"'dropout' .* Got None"),
        ({"batch_norm": 1}, ParameterTypeError, r"'batch_norm' .* Got 1 instead"),
    ],
    ids=str,
)
def test_parameters_that_are_wrong(params, error, message):
    with pytest.raises(error, match=message):
        Head(**params).validate("it")
