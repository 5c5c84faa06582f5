"""Pictures of several digits: how often each kind is there, and what is drawn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn.datasets import make_multilabel_mosaics
from mtlearn.datasets._multilabel_mosaics import _make_room
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


@pytest.fixture(scope="module")
def data():
    return make_multilabel_mosaics(400, labels=17, image_size=24, random_state=0)


def test_each_label_is_there_as_often_as_promised(data):
    X, y = data
    assert (X.shape, X.dtype) == ((400, 24, 24, 3), np.uint8)
    assert (y.shape, y.dtype) == ((400, 17), np.int64)
    ratio = (0.01 / 0.9) ** (1 / 16)
    assert y.sum(axis=0).tolist() == [round(360 * ratio**k) for k in range(17)]
    assert y.sum(axis=1).max() <= 9


def test_labels_are_no_copies_of_each_other():
    _, y = make_multilabel_mosaics(2000, image_size=24, random_state=1)
    pairs = np.corrcoef(y.T)[np.triu_indices(17, 1)]
    assert abs(pairs).max() < 0.35
    assert abs(pairs).mean() > 0.02  # some go together


def test_a_seed_gives_the_same_pictures(data):
    X, y = make_multilabel_mosaics(400, labels=17, image_size=24, random_state=0)
    assert_array_equal(X, data[0])
    assert_array_equal(y, data[1])
    other, _ = make_multilabel_mosaics(400, labels=17, image_size=24, random_state=1)
    assert (other != X).any()


def test_a_picture_shows_as_many_digits_as_it_has_labels():
    """Without distractors, the cells that are brighter than the ground are counted."""
    X, y = make_multilabel_mosaics(60, labels=20, image_size=48, random_state=0)
    cells = X.reshape(60, 3, 16, 3, 16, 3).max(axis=(2, 4, 5))
    assert_array_equal((cells > 130).sum(axis=(1, 2)), y.sum(axis=1))


def test_one_label_and_all_of_them():
    _, y = make_multilabel_mosaics(20, labels=1, image_size=24, random_state=0)
    assert y.mean() == 0.9
    _, y = make_multilabel_mosaics(100, labels=20, image_size=24, random_state=0)
    assert_allclose(y.mean(axis=0)[[0, -1]], [0.9, 0.01])


def test_a_picture_with_too_many_labels_gives_some_away():
    y = np.ones((3, 12), dtype=int)
    y[1:] = 0
    _make_room(y)
    assert y.sum(axis=1).tolist() == [9, 2, 1]
    assert y.sum(axis=0).tolist() == [1] * 12


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_samples": 0}, InvalidParameterError, "'n_samples' .*mosaics must be"),
        ({"labels": 21}, InvalidParameterError, "'labels' .* from 1 to 20"),
        ({"labels": 2.0}, ParameterTypeError, "'labels'"),
        ({"image_size": 23}, InvalidParameterError, "'image_size' .* at least 24"),
        ({"random_state": -1}, InvalidParameterError, "'random_state' .*mosaics"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        make_multilabel_mosaics(**params)
