"""sampler= through an estimator."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from mtlearn import (
    Classification,
    MultiLabel,
    MultiTaskEstimator,
    Partial,
    RaritySampler,
)
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import MLP
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


def tagged(n_samples=300):
    X = np.random.default_rng(0).random((n_samples, 2))
    return X, (X < [0.6, 0.05]).astype(float)


def test_rows_with_rare_labels_come_more_often():
    X, Y = tagged()
    seen = Seen()
    estimator = MultiTaskEstimator(
        MultiLabel(2), sampler="balanced", augmentation=seen, max_epochs=40,
        backbone=Partial(MLP, hidden=(2,)), random_state=0,
    ).fit(X, Y)  # fmt: skip

    values = torch.cat(seen.values).numpy()
    told, name = estimator.sampling_, estimator.task_names_[0]
    assert told["n_rows"] == 300
    assert told["drawn"][name][0] == pytest.approx((values < 0.6).mean(), abs=0.01)
    np.testing.assert_allclose(told["prevalence"][name], Y.mean(axis=0))
    assert told["drawn"][name][1] > 3 * Y[:, 1].mean()


def test_the_power_is_searched():
    X, Y = tagged(60)
    estimator = table_estimator(MultiLabel(2), sampler=RaritySampler())
    search = GridSearchCV(
        estimator, {"sampler__power": [0.0, 0.5]}, cv=2, scoring="f1_macro"
    ).fit(X, Y)

    assert search.best_estimator_.sampler.power in (0.0, 0.5)
    assert estimator.sampler.power == 1.0
    with pytest.raises(InvalidParameterError, match=r"Pass a RaritySampler\(...\) fi"):
        table_estimator().set_params(sampler__power=1.0)


def test_without_a_sampler_there_is_nothing_to_tell():
    X, Y = tagged(60)
    estimator = table_estimator(MultiLabel(2), sampler="balanced").fit(X, Y)
    assert estimator.sampling_["n_rows"] == 60
    assert estimator.set_params(sampler=None).fit(X, Y).sampling_ is None


def test_the_rows_held_out_are_not_told_of():
    X, Y = tagged()
    estimator = table_estimator(
        MultiLabel(2), sampler="balanced", early_stopping=True
    ).fit(X, Y)

    assert estimator.sampling_["n_rows"] == 270
