import functools
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Partial
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import huber_loss, sample_loss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4))
CLASSES = np.array([0, 1, 2, 3, 1, 0])
VALUES = RNG.normal(size=(6, 1)) * 3
REALS = RNG.normal(size=6)


def evaluate(loss, output, target):
    result = loss(torch.from_numpy(output), torch.from_numpy(target))
    assert result.shape == (len(target),)
    return result.numpy()


def mean_error(output, target):
    return (output - target).abs().mean()


def python_float(output, target):
    return 1.0


def column_error(output, target):
    return (output - target).abs()[:, None]


def total_logit(output, target):
    return output.sum(dim=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy(smoothing):
    log_proba = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    soft = (1 - smoothing) * np.eye(4)[CLASSES] + smoothing / 4
    loss = sample_loss("cross_entropy", label_smoothing=smoothing)
    result = evaluate(loss, LOGITS, CLASSES)
    np.testing.assert_allclose(result, -(soft * log_proba).sum(axis=1))
    torchs = nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)
    np.testing.assert_array_equal(result, evaluate(torchs, LOGITS, CLASSES))


def test_cross_entropy_does_not_smooth_by_default():
    default = evaluate(sample_loss("cross_entropy"), LOGITS, CLASSES)
    plain = evaluate(nn.CrossEntropyLoss(reduction="none"), LOGITS, CLASSES)
    np.testing.assert_array_equal(default, plain)


def test_cross_entropy_of_a_single_class_is_zero():
    result = evaluate(sample_loss("cross_entropy"), VALUES, np.zeros(6, dtype=int))
    np.testing.assert_array_equal(result, np.zeros(6))


def test_squared_and_absolute_error():
    difference = VALUES[:, 0] - REALS
    result = evaluate(sample_loss("mse"), VALUES, REALS)
    np.testing.assert_allclose(result, difference**2)
    result = evaluate(sample_loss("mae"), VALUES, REALS)
    np.testing.assert_allclose(result, np.abs(difference))


@pytest.mark.parametrize("options", [{}, {"delta": 0.5}, {"delta": 3.0}])
def test_huber(options):
    delta = options.get("delta", 1.0)
    size = np.abs(VALUES[:, 0] - REALS)
    expected = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
    assert 0 < (size <= delta).sum() < len(size)
    result = evaluate(sample_loss("huber", **options), VALUES, REALS)
    np.testing.assert_allclose(result, expected)


def test_huber_of_columns_and_of_vectors_is_the_same():
    column = evaluate(huber_loss, VALUES, REALS)
    np.testing.assert_array_equal(column, evaluate(huber_loss, VALUES[:, 0], REALS))
    np.testing.assert_array_equal(column, evaluate(sample_loss("huber"), VALUES, REALS))
    partial = sample_loss(Partial(huber_loss, delta=0.5))
    by_name = sample_loss("huber", delta=0.5)
    expected = evaluate(by_name, VALUES, REALS)
    np.testing.assert_array_equal(evaluate(partial, VALUES, REALS), expected)


@pytest.mark.parametrize("delta", [0, -1.0, float("nan"), float("inf"), "1"])
def test_delta_is_checked(delta):
    message = r"'delta' parameter of huber_loss must be a finite number above 0"
    with pytest.raises(InvalidParameterError, match=message):
        evaluate(sample_loss("huber", delta=delta), VALUES, REALS)


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_real_targets_of_another_dtype(name):
    output = torch.tensor([[1.0], [4.0]], requires_grad=True)
    for dtype in (torch.float64, torch.int64):
        values = sample_loss(name)(output, torch.tensor([1, 2], dtype=dtype))
        values.sum().backward()
    assert output.grad.dtype == torch.float32
    assert output.grad[0] == 0
    assert output.grad[1] > 0


def test_callable_gets_vectors_for_one_output():
    loss = sample_loss(nn.L1Loss(reduction="none"))
    result = evaluate(loss, VALUES, REALS)
    np.testing.assert_allclose(result, np.abs(VALUES[:, 0] - REALS))


@pytest.mark.parametrize("n_labels", [1, 2])
def test_callable_gets_a_block_for_a_block_of_labels(n_labels):
    loss = sample_loss(nn.L1Loss(reduction="none"))
    output = torch.arange(3.0 * n_labels).reshape(3, n_labels)
    assert torch.equal(loss(output, torch.ones(3, n_labels)), (output - 1).abs())


def test_callable_gets_all_logits():
    result = evaluate(sample_loss(total_logit), LOGITS, CLASSES)
    np.testing.assert_allclose(result, LOGITS.sum(axis=1))


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (mean_error, r"Got \(\) instead"),
        (column_error, r"Got \(6, 1\) instead"),
        (python_float, "Got float instead"),
    ],
)
def test_callable_that_is_no_per_sample_loss(function, got):
    with pytest.raises(InvalidParameterError, match=got) as info:
        evaluate(sample_loss(function), VALUES, REALS)
    assert "(n_samples,) = (6,): one loss per sample, not a mean" in str(info.value)


class ManyParts(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(*(nn.Linear(2, 2) for _ in range(100)))

    def forward(self, output, target):
        return output.mean()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (mean_error, "mean_error"),
        (functools.partial(mean_error), "mean_error"),
        (ManyParts(), "ManyParts"),
    ],
)
def test_a_loss_is_named_in_a_word(function, name):
    with pytest.raises(InvalidParameterError, match=f"^The loss {name} must return"):
        evaluate(sample_loss(function), VALUES, REALS)


def test_unknown_name_lists_the_names():
    names = r"\['cross_entropy', .*'focal', 'mse', .*\] or a callable\. Got 'mes'"
    with pytest.raises(InvalidParameterError, match=names):
        sample_loss("mes")


def test_neither_name_nor_callable():
    with pytest.raises(ParameterTypeError, match=r"or a callable\. Got 3 instead"):
        sample_loss(3)


def test_unknown_option():
    with pytest.raises(InvalidParameterError, match=r"\['delta'\]. Got \['label"):
        sample_loss("huber", label_smoothing=0.1)


def test_options_of_a_callable():
    with pytest.raises(InvalidParameterError, match=r"partial. Got \['delta'\]"):
        sample_loss(total_logit, delta=1.0)


@pytest.mark.parametrize(
    ("loss", "output", "target"),
    [
        (sample_loss("cross_entropy", label_smoothing=0.2), LOGITS, CLASSES),
        (sample_loss("huber", delta=2.0), VALUES, REALS),
        (sample_loss(total_logit), LOGITS, CLASSES),
        (sample_loss(functools.partial(total_logit)), LOGITS, CLASSES),
    ],
)
def test_pickle(loss, output, target):
    again = pickle.loads(pickle.dumps(loss))
    result = evaluate(again, output, target)
    np.testing.assert_array_equal(result, evaluate(loss, output, target))
