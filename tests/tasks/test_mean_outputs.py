"""What a network's members predict in the mean, against the mean of predictions."""

import numpy as np
import pytest
import torch
from test_kinds import SAMPLES

from mtlearn.tasks import (
    Classification,
    MultiLabel,
    Reconstruction,
    Regression,
    Tasks,
    fit_codec,
)

MORE = {
    **SAMPLES,
    "bounded": (Regression(bounds=(-2.0, 8.0)), SAMPLES["regression"][1]),
    "huber": (Regression(loss="huber"), SAMPLES["regression"][1]),
    "one class": (Classification([7]), np.full(6, 7)),
}


def fitted(task, labels):
    return fit_codec(Tasks(one=task), labels).tasks["one"]


def mean_of(task, outputs):
    mean = task.mean_output()
    return outputs.mean(dim=1) if mean is None else mean(outputs)


@pytest.mark.parametrize("name", MORE)
@pytest.mark.parametrize("size", [1.0, 40.0])
def test_the_prediction_is_the_mean_of_the_members(name, size):
    task = fitted(*MORE[name])
    rng = np.random.default_rng(0)
    outputs = torch.from_numpy(size * rng.normal(size=(5, 3, task.n_outputs)))
    if name == "count":
        outputs = outputs.clamp(max=5.0)
    if name == "ordinal":
        outputs = outputs.log_softmax(dim=-1)
    each = torch.stack([task.activate(outputs[:, j]) for j in range(3)], dim=1)
    found = task.activate(mean_of(task, outputs))
    torch.testing.assert_close(found, each.mean(dim=1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_what_makes_its_inputs_again(loss):
    task = Reconstruction(loss=loss)
    outputs = torch.randn(
        4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    expected = task.activate(outputs).mean(dim=1)
    torch.testing.assert_close(task.activate(mean_of(task, outputs)), expected)


@pytest.mark.parametrize("name", MORE)
def test_one_member_is_as_it_was(name):
    task = fitted(*MORE[name])
    outputs = torch.linspace(-3, 3, 4 * task.n_outputs, dtype=torch.float64)
    outputs = outputs.reshape(4, 1, task.n_outputs)
    torch.testing.assert_close(mean_of(task, outputs), outputs[:, 0])


def test_classes_keep_the_level_of_their_scores():
    task = fitted(*MORE["classification"])
    outputs = torch.tensor([[[1.0, 2.0, 0.5], [4.0, 0.0, 1.0]]], dtype=torch.float64)
    level = mean_of(task, outputs).logsumexp(dim=1)
    torch.testing.assert_close(level, outputs.logsumexp(dim=2).mean(dim=1))


def test_labels_of_which_a_row_has_one():
    task = fitted(MultiLabel(), np.eye(3)[[0, 1, 2, 0]])
    assert mean_of(task, torch.zeros(2, 4, 3)).abs().max() < 1e-6
