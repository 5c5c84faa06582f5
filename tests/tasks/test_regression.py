"""Regression: scaling, bounds, R²."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import r2_score

from mtlearn.exceptions import InvalidDataError, InvalidParameterError, MtlearnError
from mtlearn.exceptions import ParameterTypeError as WrongType
from mtlearn.tasks import Regression, Tasks, fit_codec

VALUES = np.array([1.0, 2.0, 4.0, 9.0])
WEIGHTS = np.array([1.0, 3.0, 0.5, 2.0])


def fitted(values=VALUES, weights=None, **kwargs):
    values = np.asarray(values)
    weights = np.ones(len(values)) if weights is None else weights
    return Regression(**kwargs).fit(values, weights, "a")


def encode(task, values):
    return task.encode(np.asarray(values), np.arange(len(values)), "a")


def test_targets_are_standardized_by_weighted_mean_and_deviation():
    task = fitted(weights=WEIGHTS)

    mean = (WEIGHTS * VALUES).sum() / WEIGHTS.sum()
    variance = (WEIGHTS * (VALUES - mean) ** 2).sum() / WEIGHTS.sum()
    assert_allclose([task.mean_, task.center_, task.scale_**2], [mean, mean, variance])
    encoded = encode(task, VALUES)
    assert_allclose(encoded, (VALUES - mean) / np.sqrt(variance))
    assert_allclose(np.average(encoded, weights=WEIGHTS), 0, atol=1e-15)
    assert_allclose(np.average(encoded**2, weights=WEIGHTS), 1)


def test_targets_can_be_left_alone():
    task = fitted(standardize=False)

    assert (task.mean_, task.center_, task.scale_) == (4.0, 0.0, 1.0)
    assert encode(task, VALUES).tolist() == VALUES.tolist()


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3, 1e30, 1e-300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_target_is_only_centred(value, dtype):
    task = fitted(np.full(7, value, dtype=dtype), np.linspace(0.1, 3, 7))

    assert task.scale_ == 1.0
    encoded = encode(task, np.full(7, value, dtype=dtype))
    assert_allclose(encoded, 0, atol=1e-15 * max(1, abs(value)))


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e100])
def test_large_and_small_values_scale_alike(scale):
    task = fitted(VALUES * scale)

    encoded = encode(task, VALUES * scale)
    assert_allclose(encoded, encode(fitted(), VALUES), atol=1e-15)
    output = torch.tensor([[0.5]])
    assert_allclose(
        task.activate(output), fitted().activate(output) * scale, rtol=1e-12
    )


@pytest.mark.parametrize("values", [[1e200, -1e200, 1.0], [1.7e308, 1.7e308]])
def test_values_whose_squares_overflow_are_an_error(values):
    with pytest.raises(InvalidDataError, match=r"Task 'a' has values up to 1.*e\+"):
        fitted(values)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, bool, np.float16, np.float32])
def test_any_numbers_are_read_without_loss(dtype):
    values = np.array([0, 1, 1, 0], dtype=dtype)
    task = fitted(values)

    assert task.mean_ == 0.5
    assert encode(task, values).dtype == np.float64


@pytest.mark.parametrize("y", [["a", "b"], np.array(["1", "2"])])
def test_labels_that_are_no_numbers(y):
    with pytest.raises(
        InvalidDataError, match=r"Task 'a' is a regression .* such as '[a1]'\. Declare"
    ):
        fit_codec(Tasks(a=Regression()), y)


def test_predictions_are_in_the_units_of_y():
    task = fitted(weights=WEIGHTS)
    output = torch.tensor(encode(task, VALUES)).reshape(-1, 1)

    activated = task.activate(output)

    assert activated.dtype == torch.float64
    assert_allclose(task.decode(activated.numpy()), VALUES)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    "bounds", [(0, 10), [0.5, 9.5], np.array([0, 10]), (np.float32(0), np.int8(10))]
)
def test_bounded_outputs_stay_inside(bounds, standardize):
    task = fitted(bounds=bounds, standardize=standardize)
    task.validate("a")
    output = torch.tensor([[-1e30], [-50.0], [-1.0], [0.0], [1.0], [50.0], [1e30]])
    low, high = map(float, bounds)

    values = task.activate(output)[:, 0]

    assert values.min() == low
    assert values.max() == high
    assert_allclose(values[3], (low + high) / 2)
    linked = task.link(output.double())[:, 0]
    assert_allclose(linked * task.scale_ + task.center_, values, atol=1e-12)


@pytest.mark.parametrize("value", [-1e30, -100.0, 0.0, 100.0, 1e30])
def test_the_gradient_through_bounds_is_finite(value):
    task = fitted(bounds=(1, 9))
    output = torch.tensor([[value]], requires_grad=True)

    (task.link(output) ** 2).sum().backward()

    assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize("low", [1e6, -1e6, 1e9])
def test_bounds_far_from_zero_keep_the_steps_of_a_short_type(low):
    values = low + np.array([0.1, 0.5, 0.9, 0.3])
    task = fitted(values, bounds=(low, low + 1))
    output = torch.linspace(-2, 2, 101)[:, None]

    linked = task.link(output)[:, 0]

    # By hand, in the units of y less the lower bound.
    inner = 1 / (1 + np.exp(-output[:, 0].double().numpy()))
    offset = np.average(values - low)
    expected = (inner - offset) / (values - low).std()
    assert linked.dtype == torch.float32
    assert_allclose(linked, expected, atol=1e-5)


def test_without_bounds_the_link_changes_nothing():
    output = torch.tensor([[1e30], [-3.0]])

    assert fitted().link(output) is output


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            [None, 0.5, 1.25],
            r"Row 2 of y has the value 1\.25 for task 'a', .* \(0\.0, ",
        ),
        ([0.5, -0.5], r"Row 1 of y has the value -0\.5 .* Widen the bounds"),
        ([0, 12], r"Row 1 of y has the value 12 "),
    ],
)
def test_a_value_outside_the_bounds_names_row_task_and_value(y, message):
    codec = fit_codec(Tasks(a=Regression(bounds=(0, 1))), y)

    with pytest.raises(InvalidDataError, match=message) as caught:
        codec.encode(y)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


def test_values_at_the_bounds_are_inside_whatever_their_precision():
    y = np.array([0.1, 0.7], dtype=np.float32)
    codec = fit_codec(Tasks(a=Regression(bounds=(0.1, 0.7))), y)

    assert np.isfinite(codec.encode(y).values[0]).all()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"weight": -1}, InvalidParameterError, r"'weight' .*Regression \(task 'a'\)"),
        ({"loss": "hinge"}, InvalidParameterError, r"'loss' .*'mse', 'mae', 'huber'"),
        ({"loss": None}, InvalidParameterError, r"'loss' .* Got None"),
        ({"standardize": 1}, WrongType, r"'standardize' .* True or False\. Got 1"),
        ({"column": False}, WrongType, r"'column' .* a position or the name"),
        ({"head": "linear"}, WrongType, r"'head' .* None, a Head, .* Got 'linear'"),
    ],
    ids=str,
)
def test_parameters_that_are_wrong(params, error, message):
    with pytest.raises(error, match=message):
        Regression(**params).validate("a")


@pytest.mark.parametrize(
    "bounds",
    [
        (1, 0),
        (1, 1),
        (0,),
        (0, 1, 2),
        5,
        "01",
        ("0", "1"),
        (0, np.nan),
        (-np.inf, 0),
        (0, None),
        [[0, 1]],
        {0, 1},
        (2**60, 2**60 + 1),
        (0, 10**400),
        (-1.7e308, 1.7e308),
    ],
    ids=lambda bounds: str(bounds)[:30],
)
def test_bounds_that_are_no_range(bounds):
    with pytest.raises(
        InvalidParameterError, match=r"'bounds' .* a pair \(lo, hi\) of finite numbers"
    ):
        Regression(bounds=bounds).validate("a")


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", max])
def test_the_loss(loss):
    task = Regression(loss=loss)
    task.validate("a")

    assert task.loss_spec() == (loss, {})


def batches(task, output, values, weight):
    """Return the metric added up over batches of 7 rows."""
    target = torch.tensor(encode(task, values))
    parts = [
        task.statistics(output[rows], target[rows], weight[rows])
        for rows in torch.arange(len(values)).split(7)
    ]
    return task.metric_from(sum(parts).numpy())


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1e6, -1e8])
@pytest.mark.parametrize("bounds", [None, (-1e9, 1e9)])
def test_statistics_of_batches_add_up_to_the_score(standardize, offset, bounds):
    rng = np.random.RandomState(0)
    values = rng.normal(offset, 2.0, size=30)
    weights = rng.uniform(size=30)
    weights[::3] = 0.0
    task = fitted(values, standardize=standardize, bounds=bounds)
    predicted = values + rng.normal(size=30)
    scaled = torch.tensor((predicted - task.center_) / task.scale_).reshape(-1, 1)

    metric = batches(task, scaled, values, torch.tensor(weights))

    there = weights > 0
    score = task.score(values[there], predicted[there], weights[there])
    assert_allclose(metric, score, rtol=1e-6)
    assert_allclose(score, r2_score(values, predicted, sample_weight=weights))


def test_masked_rows_may_hold_anything():
    task = fitted()
    output = torch.tensor([[0.5], [torch.inf], [-0.5], [torch.nan]])
    target = torch.tensor([1.0, torch.nan, -1.0, torch.inf])
    weight = torch.tensor([1.0, 0.0, 1.0, 0.0])

    masked = task.statistics(output, target, weight)

    assert_allclose(masked, task.statistics(output[::2], target[::2], weight[::2]))
    assert_allclose(task.metric_from(masked.numpy()), 0.75)


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0, 3.0], [9.0] * 5])
def test_the_metric_of_targets_that_do_not_vary_is_nan(values):
    task = fitted()
    output = torch.zeros(len(values), 1)

    assert np.isnan(batches(task, output, np.array(values), torch.ones(len(values))))


def test_the_metric_without_a_label_is_nan():
    task = fitted()

    assert np.isnan(batches(task, torch.zeros(4, 1), VALUES, torch.zeros(4)))


def test_the_baseline_is_the_weighted_mean():
    assert fitted().baseline() == 4.0
    assert_allclose(fitted(weights=WEIGHTS).baseline(), 27 / 6.5)
    assert fitted(standardize=False).baseline() == 4.0
    assert r2_score(VALUES, np.full(4, fitted().baseline())) == 0.0
