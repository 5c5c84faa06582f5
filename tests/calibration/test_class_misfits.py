"""How ill classes fit, by hand."""

import numpy as np
import pytest

from mtlearn.calibration._class_misfits import class_misfits

CHANCES = np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])


def test_least_ambiguous():
    found = class_misfits("lac", 9.0, 0)(CHANCES)
    np.testing.assert_allclose(found, [[0.5, 0.7, 0.85, 0.95], [0.9, 0.8, 0.7, 0.6]])


def test_adaptive():
    found = class_misfits("aps", 9.0, 0)(CHANCES)
    np.testing.assert_allclose(found, [[0.0, 0.5, 0.8, 0.95], [0.9, 0.7, 0.4, 0.0]])


@pytest.mark.parametrize(
    ("n_free", "first", "second"),
    [
        (0, [0.1, 0.7, 1.1, 1.35], [1.3, 1.0, 0.6, 0.1]),
        (2, [0.0, 0.5, 0.9, 1.15], [1.1, 0.8, 0.4, 0.0]),
        (5, [0.0, 0.5, 0.8, 0.95], [0.9, 0.7, 0.4, 0.0]),
    ],
)
def test_regularised(n_free, first, second):
    found = class_misfits("raps", 0.1, n_free)(CHANCES)
    np.testing.assert_allclose(found, [first, second])


def test_of_equal_classes_the_first_comes_first():
    found = class_misfits("aps", 0.0, 0)(np.array([[0.2, 0.4, 0.4]]))
    np.testing.assert_allclose(found, [[0.8, 0.0, 0.4]])
    many = class_misfits("aps", 0.0, 0)(np.full((1, 50), 0.02))
    np.testing.assert_allclose(many, [np.arange(50) / 50], atol=1e-12)


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_nothing(method):
    assert class_misfits(method, 0.1, 1)(np.empty((0, 3))).shape == (0, 3)
