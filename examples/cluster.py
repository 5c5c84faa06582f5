"""A search and an ensemble on worker processes: of joblib, of dask or of Ray.

``python examples/cluster.py dask`` starts a `dask.distributed.LocalCluster` with two
worker processes, ``ray`` a local Ray, ``processes`` joblib's own. The code between is
the same: `joblib.parallel_config` says where scikit-learn and mtlearn compute. Prints
the best learning rate, and what each member and the ensemble score.

dask needs ``pip install 'mtlearn[dask]'``, Ray ``pip install 'mtlearn[ray]'``.
"""

import argparse
import logging
import time
from contextlib import contextmanager

import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet

N_WORKERS = 2


@contextmanager
def processes(data):
    """Train in joblib's own processes, which share large arrays as files."""
    with parallel_config("loky", n_jobs=N_WORKERS):
        yield


@contextmanager
def dask(data):
    """Train on a dask cluster, to whose workers the data go once."""
    from dask import config
    from distributed import Client, LocalCluster

    # dask lets workers give freed memory back at once, which slows training down.
    environ = {"OMP_NUM_THREADS": 1}
    config.set({"distributed.nanny.pre-spawn-environ": environ})
    # One thread a worker: what trains in threads of one process takes turns.
    cluster = LocalCluster(
        n_workers=N_WORKERS,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster), parallel_config("dask", scatter=list(data)):
        yield


@contextmanager
def ray(data):
    """Train in Ray's processes, which read large arrays from its shared memory."""
    import ray as module
    from ray.util.joblib import register_ray

    module.init(num_cpus=N_WORKERS, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with parallel_config("ray"):
            yield
    finally:
        module.shutdown()


ENGINES = {"processes": processes, "dask": dask, "ray": ray}


def make_estimator(epochs):
    """Return a small network for the three targets of the digits."""
    tasks = Tasks(digit=Classification(10), item=Classification(32), shade=Regression())
    return MultiTaskImageEstimator(
        tasks,
        backbone=Partial(
            ResNet, widths=(8, 16), n_blocks=1, n_features=32, dropout=0.5
        ),
        lr=1e-3,
        lr_schedule="one_cycle",
        max_epochs=epochs,
        random_state=0,
    )


def main():
    """Search for a learning rate and train an ensemble with the best one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--samples", type=int, default=3000, help="images in all")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--members", type=int, default=4)
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, random_state=0)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.2, random_state=0
    )
    estimator = make_estimator(options.epochs)
    with ENGINES[options.engine]((X_train, y_train)):
        begin = time.perf_counter()
        search = GridSearchCV(
            estimator, {"lr": [1e-2, 3e-3, 1e-3]}, cv=2, refit=False, verbose=1
        ).fit(X_train, y_train)
        print(f"search: {search.best_params_}, {time.perf_counter() - begin:.0f} s")
        begin = time.perf_counter()
        best = estimator.set_params(**search.best_params_)
        ensemble = SeedEnsemble(best, options.members, random_state=0, verbose=1)
        ensemble.fit(X_train, y_train)
        print(f"ensemble: {options.members} fits, {time.perf_counter() - begin:.0f} s")
    scores = [member.score(X_test, y_test) for member in ensemble.estimators_]
    print(f"members: {np.round(scores, 3)}")
    print(f"ensemble: {ensemble.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
