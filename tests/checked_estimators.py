"""Estimators that train quickly and well on the data of scikit-learn's checks."""

from sklearn.utils.validation import validate_data
from torch import nn

from mtlearn import (
    Classification,
    Head,
    MultiLabel,
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
    MultiLabel(),
    Tasks(tags=MultiLabel()),
]


class RowImageEstimator(MultiTaskImageEstimator):
    """The image estimator on tables: each row is an image of one column."""

    _default_head = Head(hidden=(), dropout=0.0, batch_norm=False)

    def _check_X(self, X, *, reset):
        rows = validate_data(self, X, reset=reset, dtype="float64")
        return super()._check_X(rows[:, :, None, None], reset=reset)


def table_estimator(tasks):
    return MultiTaskEstimator(
        tasks, backbone=Partial(MLP, hidden=(16,)), lr=0.1, max_epochs=10
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
        lr=0.05,
        max_epochs=15,
        batch_size=200,
        precision="float64",
    )
