"""scikit-learn's whole check suite, over tables and through the image path."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)
from sklearn.utils.validation import validate_data
from torch import nn

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.networks import MLP

TASKS = [
    None,
    Classification(),
    Regression(),
    Tasks(label=Classification()),
    Tasks(value=Regression()),
]


class RowImageEstimator(MultiTaskImageEstimator):
    """The image estimator on tables: each row is an image of one column."""

    _default_head = Head(hidden=(), dropout=0.0, batch_norm=False)

    def _check_X(self, X, *, reset):
        rows = validate_data(self, X, reset=reset, dtype="float64")
        return super()._check_X(rows[:, :, None, None], reset=reset)


def table_estimator(tasks):
    return MultiTaskEstimator(
        tasks, backbone=Partial(MLP, hidden=(16,)), lr=0.03, max_epochs=40
    )


class ConvolutionalBackbone(nn.Module):
    """Keeps positions, which the checks' columns differ by, unlike mean pooling."""

    def __init__(self, in_channels, image_size, n_filters=4):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, n_filters, 3, padding=1), nn.ReLU(), nn.Flatten()
        )
        self.out = nn.Linear(n_filters * image_size[0] * image_size[1], 16)

    def forward(self, x):
        return self.out(self.layers(x)).relu()


def image_estimator(tasks):
    # Batch normalisation and dropout know no sample weights, and float32 does not
    # reach the precision that the check of their equivalence asks for.
    return RowImageEstimator(
        tasks,
        backbone=ConvolutionalBackbone,
        lr=0.02,
        max_epochs=40,
        batch_size=200,
        precision="float64",
    )


@parametrize_with_checks([table_estimator(tasks) for tasks in TASKS])
def test_table_estimator(estimator, check):
    check(estimator)


@parametrize_with_checks([image_estimator(tasks) for tasks in TASKS])
def test_image_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("make", [table_estimator, image_estimator])
@pytest.mark.parametrize("tasks", TASKS, ids=str)
def test_column_names(make, tasks):
    # Not among the checks that parametrize_with_checks yields.
    estimator = make(tasks)
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)


@pytest.mark.parametrize("make", [table_estimator, image_estimator])
def test_tags(make):
    assert make(None).__sklearn_tags__().input_tags.two_d_array
    kinds = [make(tasks).__sklearn_tags__().estimator_type for tasks in TASKS]
    assert kinds == [None, "classifier", "regressor", "classifier", "regressor"]
    mixed = Tasks(label=Classification(), value=Regression())
    tags = make(mixed).__sklearn_tags__()
    assert tags.estimator_type is None
    assert tags.target_tags.multi_output
    assert not tags.target_tags.single_output
