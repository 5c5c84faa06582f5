"""sampler= through an estimator."""

import numpy as np
import pytest
import torch

from mtlearn import Classification, MultiTaskEstimator
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from tiny_problems import assert_same_bits, make_table, same_bits, table_estimator


class Seen:
    """An augmentation that keeps the first column of what is trained on."""

    def __init__(self):
        self.values = []

    def __call__(self, x, generator):
        self.values.append(x[:, 0].clone())
        return x


@pytest.fixture
def skewed():
    X = np.arange(200.0)[:, None] / 200
    return X, (X[:, 0] >= 0.9).astype(int)


def fit(X, y, **params):
    seen = Seen()
    settings = {"max_epochs": 20, "random_state": 0, "augmentation": seen, **params}
    estimator = MultiTaskEstimator(Classification(2), **settings).fit(X, y)
    return estimator, torch.cat(seen.values).numpy()


def test_classes_come_equally_often(skewed):
    _, plain = fit(*skewed)
    _, balanced = fit(*skewed, sampler="balanced")

    assert (plain >= 0.9).mean() == 0.1
    assert (balanced >= 0.9).mean() == pytest.approx(0.5, abs=0.03)
    assert len(plain) == len(balanced) == 4000


def test_the_order_comes_from_the_seed(skewed):
    first, second, other = (
        fit(*skewed, sampler="balanced", random_state=seed)[0] for seed in (0, 0, 1)
    )

    assert_same_bits(first, second)
    assert not same_bits(first, other)


def test_validation_rows_are_not_sampled(skewed):
    X, y = skewed
    estimator = MultiTaskEstimator(
        Classification(2), sampler="balanced", early_stopping=True, max_epochs=1,
        lr=1e-12, random_state=0,
    ).fit(X, y)  # fmt: skip

    # An untrained network answers one class: a tenth or nine tenths of 20 rows.
    assert estimator.history_[0]["valid_score"] in (0.1, 0.9)


def test_partial_fit_samples_too(skewed):
    X, y = skewed
    seen = Seen()
    MultiTaskEstimator(
        Classification(2), sampler="balanced", augmentation=seen, random_state=0
    ).partial_fit(X, y)

    assert (torch.cat(seen.values) >= 0.9).double().mean() > 0.3


def test_a_task_by_name():
    X, y = make_table()
    assert not same_bits(
        table_estimator(sampler="kind").fit(X, y), table_estimator().fit(X, y)
    )


def test_a_name_that_is_no_classification():
    with pytest.raises(InvalidParameterError, match=r"of MultiTaskEst.*\['kind'\]"):
        table_estimator(sampler="size").fit(*make_table())


def test_a_value_that_is_no_name():
    with pytest.raises(ParameterTypeError, match=r"'sampler'.*Got 3 instead"):
        table_estimator(sampler=3).fit(*make_table())
