"""Losses as parameters of a task: searched, cloned, described and checked."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import MultiTaskLoss, focal_loss, huber_loss, sample_loss
from mtlearn.tasks import fit_codec

LABELS = np.array(["b", "a", "c", "b", "a", "b", "b"])


def test_the_arguments_of_a_loss_are_parameters_of_the_tasks():
    tasks = Tasks(
        digit=Classification(loss=Partial(focal_loss, gamma=1.0)),
        shade=Regression(loss=Partial(huber_loss, delta=0.5)),
    )
    params = tasks.get_params()
    assert params["digit__loss__gamma"] == 1.0
    assert params["shade__loss__delta"] == 0.5

    tasks.set_params(digit__loss__gamma=3.0, shade__loss__delta=0.1)

    assert tasks["digit"].loss.kwargs == {"gamma": 3.0}
    assert tasks["shade"].loss.kwargs == {"delta": 0.1}


def test_a_clone_has_a_loss_of_its_own():
    task = Classification(3, loss=Partial(focal_loss, gamma=1.0))
    twin = clone(task).set_params(loss__gamma=0.0)
    assert (
        repr(task) == "Classification(classes=3, loss=Partial(focal_loss, gamma=1.0))"
    )
    assert (
        repr(twin) == "Classification(classes=3, loss=Partial(focal_loss, gamma=0.0))"
    )
    assert repr(clone(task)) == repr(task)


@pytest.mark.parametrize(
    ("task", "name", "argument"),
    [(Classification(), "cross_entropy", "gamma"), (Regression(), "mse", "delta")],
)
def test_a_named_loss_has_no_arguments_to_set(task, name, argument):
    message = f"'loss' is '{name}', which has no .*Partial"
    with pytest.raises(InvalidParameterError, match=message):
        clone(task).set_params(**{f"loss__{argument}": 1.0})


def test_an_argument_that_the_loss_does_not_take():
    message = "focal_loss has no argument 'gama'. Its arguments are: .*gamma"
    with pytest.raises(InvalidParameterError, match=message):
        Classification(loss=Partial(focal_loss, gama=1.0)).validate("a")


@pytest.mark.parametrize("loss", [nn.L1Loss, Partial(nn.L1Loss, reduction="none")])
def test_a_class_is_no_loss(loss):
    message = "'loss' .* a function of outputs and targets. Got the class L1Loss"
    with pytest.raises(ParameterTypeError, match=message):
        Regression(loss=loss).validate("a")


@pytest.mark.parametrize("loss", ["focal", Partial(focal_loss, gamma=2.0)])
def test_the_focal_loss_by_name_or_partial(loss):
    task = Classification(3, loss=loss)
    task.validate("a")
    spec, options = task.loss_spec()
    output, target = torch.eye(3), torch.tensor([0, 2, 2])
    values = sample_loss(spec, **options)(output, target)
    assert torch.equal(values, focal_loss(output, target))


@pytest.mark.parametrize("loss", ["focal", Partial(focal_loss)])
def test_label_smoothing_goes_with_the_cross_entropy(loss):
    message = "goes with loss='cross_entropy'. Got 0.1 with .*focal.* Set it to 0"
    with pytest.raises(InvalidParameterError, match=message):
        Classification(loss=loss, label_smoothing=0.1).validate("a")


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 2, "b": 1, "c": 4}])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_class_weights_in_the_loss_equal_repeated_rows(class_weight, loss):
    # Balanced: 7 rows over 3 classes of 2, 4 and 1 rows, times 12.
    times = {"a": 14, "b": 7, "c": 28} if class_weight == "balanced" else class_weight
    tasks = Tasks(t=Classification(loss=loss, class_weight=class_weight))
    encoded = fit_codec(tasks, LABELS).encode(LABELS)
    output = torch.randn(
        7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    target = torch.from_numpy(encoded.values[0])
    total = MultiTaskLoss([sample_loss(loss)], [1.0])

    weights = torch.from_numpy(encoded.loss_weights[0])
    weighted = total((output,), (target,), (weights,)).total

    rows = np.repeat(np.arange(7), [times[label] for label in LABELS])
    ones = torch.ones(len(rows), dtype=torch.float64)
    repeated = total((output[rows],), (target[rows],), (ones,)).total
    torch.testing.assert_close(weighted, repeated)


def test_restored_values_keep_to_the_bounds():
    values = np.random.default_rng(0).uniform(0.1, 0.3, 1000)
    values[:2] = 0.1, 0.3
    task = Regression(bounds=(0.1, 0.3)).fit(values, np.ones(1000), "a")
    encoded = task.encode(values, np.arange(1000), "a").astype(np.float32)

    restored = task.restore(encoded)

    assert restored.dtype == np.float64
    np.testing.assert_allclose(restored, values, rtol=1e-6)
    assert restored.min() >= 0.1
    assert restored.max() <= 0.3
