"""Figures of predicted values."""

from sklearn.metrics import (
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from mtlearn.tasks._figure import Figure, ScoredLabels


def _r2(labels: ScoredLabels) -> float:
    return r2_score(labels.true, labels.predicted, sample_weight=labels.weight)


def _mae(labels: ScoredLabels) -> float:
    return mean_absolute_error(
        labels.true, labels.predicted, sample_weight=labels.weight
    )


def _rmse(labels: ScoredLabels) -> float:
    return root_mean_squared_error(
        labels.true, labels.predicted, sample_weight=labels.weight
    )


VALUE_FIGURES = {
    "r2": Figure(_r2),
    "mae": Figure(_mae, greater_is_better=False),
    "rmse": Figure(_rmse, greater_is_better=False),
}
