"""Losses of the package, however they are given."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from fitted_classification import fitted
from numpy.testing import assert_allclose

from mtlearn import Classification, MultiLabel, Ordinal, Partial
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import (
    asymmetric_loss,
    binary_focal_loss,
    focal_loss,
    sample_loss,
)
from mtlearn.tasks._class_chances import true_chances
from mtlearn.tasks._known_loss import known_loss

FUNCTIONS = {"focal": focal_loss}
SCORES = torch.tensor([[1.0, -1.0, 0.3], [0.2, 0.1, 4.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("focal", {}),
        (focal_loss, {}),
        (Partial(focal_loss, gamma=1.0), {"gamma": 1.0}),
        (functools.partial(focal_loss, gamma=1.0), {"gamma": 1.0}),
        (Partial(functools.partial(focal_loss, gamma=3.0)), {"gamma": 3.0}),
        (
            functools.partial(Partial(focal_loss, gamma=3.0), gamma=0.5),
            {"gamma": 0.5},
        ),
        (functools.partial(focal_loss, SCORES), None),
        (binary_focal_loss, None),
        ("cross_entropy", None),
    ],
)
def test_the_name_and_the_options(loss, expected):
    found = known_loss(loss, FUNCTIONS)
    assert found == (None if expected is None else ("focal", expected))


@pytest.mark.parametrize(
    ("loss", "gamma"),
    [
        ("focal", 2.0),
        (focal_loss, 2.0),
        (Partial(focal_loss, gamma=0.5), 0.5),
        (functools.partial(focal_loss, gamma=1.0), 1.0),
        (lambda output, target: focal_loss(output, target), 0.0),
    ],
)
def test_probabilities_are_those_of_the_loss(loss, gamma):
    task = fitted(["a", "b", "c"], loss=loss)
    assert torch.equal(task.activate(SCORES), true_chances(SCORES, gamma))


@dataclasses.dataclass
class Own:
    """A loss without a hash, as such classes have none."""

    power: float = 1.0

    def __call__(self, output, target):
        return torch.zeros(target.shape)


def test_a_loss_of_the_users_need_not_have_a_hash():
    task = fitted(["a", "b", "c"], loss=Own())
    assert torch.equal(task.activate(SCORES), torch.softmax(SCORES, dim=1))
    block = np.array([[0.0, 1], [1, 0]])
    labels = MultiLabel(loss=Own()).fit(block, np.ones((2, 2)), "tags")
    assert_allclose(labels.activate(SCORES), torch.sigmoid(SCORES))
    assert labels.loss_spec() == (Own(), {})


def test_weights_of_labels_go_with_any_partial():
    block, ones = np.array([[0.0, 1], [1, 0], [0, 0]]), np.ones((3, 2))
    target = torch.tensor(block)
    found = []
    for made in (Partial, functools.partial):
        loss = made(binary_focal_loss, gamma=1.0)
        task = MultiLabel(loss=loss, pos_weight=3.0).fit(block, ones, "tags")
        name, options = task.loss_spec()
        values = sample_loss(name, **options)(torch.zeros(3, 2).double(), target)
        assert_allclose(values, np.where(block, 3, 1) * 0.5 * np.log(2))
        found.append(task.activate(SCORES[:, :2]))
    assert torch.equal(*found)


@pytest.mark.parametrize(
    "task",
    [
        Classification(loss=Partial(focal_loss, gamma=-1.0)),
        Classification(loss=functools.partial(focal_loss, gamma=None)),
        Ordinal(3, loss=Partial(focal_loss, gamma=float("inf"))),
        MultiLabel(loss=Partial(binary_focal_loss, gamma="2", pos_weight=[1, 2, 3])),
    ],
)
def test_options_are_checked_before_a_fit(task):
    with pytest.raises(InvalidParameterError, match=r"'gamma' parameter of .*focal"):
        task.validate("a")


def test_options_of_labels_are_checked_before_a_fit():
    task = MultiLabel(loss=Partial(asymmetric_loss, clip=1.5))
    with pytest.raises(InvalidParameterError, match=r"'clip' parameter of asymmetric"):
        task.validate("a")
    MultiLabel(loss=Partial(asymmetric_loss, pos_weight=[1.0, 2, 3])).validate("a")
