"""The same bits from every engine that may train the members."""

import pickle
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from mtlearn import Partial, SeedEnsemble
from mtlearn.networks import ResNet
from tiny_problems import assert_same_bits, image_estimator, make_images, same_bits

# With dropout and batch norm: training draws, and rounding errors grow.
BACKBONE = Partial(ResNet, widths=(4, 8), n_blocks=1, n_features=8, dropout=0.3)


@contextmanager
def dask(**cluster):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(dashboard_address=None, **cluster) as local,
        distributed.Client(local),
        parallel_config("dask"),
    ):
        yield


@contextmanager
def ray():
    module = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with parallel_config("ray"):
            yield
    finally:
        module.shutdown()


def threads_of_torch(n_threads):
    torch.set_num_threads(n_threads)  # conftest.py undoes it
    return parallel_config("loky")


# By name: what to train in, and n_jobs of the search and of the ensemble.
ENGINES = {
    "two torch threads": (lambda: threads_of_torch(2), None, None),
    "two processes": (lambda: parallel_config("loky"), None, 2),
    "two threads": (lambda: parallel_config("threading"), None, 2),
    "search in two processes": (lambda: parallel_config("loky"), 2, None),
    "two by two": (lambda: parallel_config("loky"), 2, 2),
    "two by two threads": (lambda: parallel_config("threading"), 2, 2),
    "two dask processes": (
        lambda: dask(n_workers=2, threads_per_worker=1),
        None,
        2,
    ),
    "two dask threads": (
        lambda: dask(n_workers=1, threads_per_worker=2, processes=False),
        None,
        2,
    ),
    "search in two dask processes": (
        lambda: dask(n_workers=2, threads_per_worker=1),
        2,
        2,
    ),
    "two ray processes": (ray, None, 2),
}


def search(n_jobs=None, inner_jobs=None):
    """Fit two candidates in two folds, and the better one to all images."""
    X, y = make_images(48, size=8)
    estimator = image_estimator(backbone=BACKBONE, augmentation="light")
    ensemble = SeedEnsemble(estimator, 2, n_jobs=inner_jobs, random_state=0)
    grid = {"estimator__lr": [1e-2, 1e-3]}
    found = GridSearchCV(ensemble, grid, cv=2, n_jobs=n_jobs, error_score="raise")
    return found.fit(X, y), X


@pytest.fixture(scope="module")
def expected():
    return search()[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_bits(expected, engine):
    # Longer than other tests: workers start, and import torch.
    train_in, n_jobs, inner_jobs = ENGINES[engine]
    with train_in():
        found, X = search(n_jobs, inner_jobs)
    for column in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(
            found.cv_results_[column], expected.cv_results_[column]
        )
    ensemble, reference = found.best_estimator_, expected.best_estimator_
    assert ensemble.seeds_ == reference.seeds_
    for one, other in zip(ensemble.estimators_, reference.estimators_, strict=True):
        assert_same_bits(one, other)
    for one, other in zip(
        ensemble.predict_proba(X), reference.predict_proba(X), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_more_training_is_the_same_wherever_members_come_from(n_jobs):
    X, y = make_images()
    ensemble = SeedEnsemble(image_estimator(), 2, n_jobs=n_jobs, random_state=0)
    with parallel_config("loky"):
        ensemble.fit(X, y).partial_fit(X, y)
    member = image_estimator(random_state=ensemble.seeds_[1], n_threads=1).fit(X, y)
    again = pickle.loads(pickle.dumps(member))  # which drops the optimiser's state
    assert_same_bits(ensemble.estimators_[1], again.partial_fit(X, y))
    assert not same_bits(again, member.partial_fit(X, y))
