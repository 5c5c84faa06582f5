"""One network that two processes train together: of torchrun, of Ray or of dask.

``torchrun --nproc-per-node 2 examples/processes.py`` runs this file twice, as two
processes of a group; ``python examples/processes.py ray`` and ``dask`` let Ray Train
and `dask.distributed` start them. Each calls the same `fit`. Process 0 prints what the
network scores on samples that it has not seen.

Ray needs ``pip install 'mtlearn[ray]' 'ray[train]'``, dask
``pip install 'mtlearn[dask]'``.
"""

import argparse
import logging
import socket
import tempfile
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import MLP

N_PROCESSES = 2
# How long a process waits for another before it gives up.
TIMEOUT = timedelta(minutes=5)


def train(epochs: int) -> float:
    """Fit in a process of a group, and return what all of them score."""
    X, y = load_wine_quality(return_X_y=True)
    # With a seed: every process must hold out the same rows.
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    estimator = MultiTaskEstimator(
        Tasks(quality=Regression(), good=Classification(2)),
        backbone=Partial(MLP, hidden=(32,)),
        max_epochs=epochs,
        n_threads=1,
        random_state=0,
    )
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X_train, y_train)
    score = pipeline.score(X_test, y_test)
    if dist.get_rank() == 0:
        print(f"{dist.get_world_size()} processes, {epochs} epochs: {score:.3f}")
    return score


def with_torchrun(epochs: int) -> float:
    """Join the group that torchrun has told this process of."""
    dist.init_process_group("gloo", timeout=TIMEOUT)
    try:
        return train(epochs)
    finally:
        dist.destroy_process_group()


def with_ray(epochs: int) -> None:
    """Let Ray Train make a group of its workers."""
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    with tempfile.TemporaryDirectory() as folder:
        # A worker's result goes back in a file that all of them can reach.
        trainer = TorchTrainer(
            lambda config: write_score(config["folder"], train(config["epochs"])),
            train_loop_config={"epochs": epochs, "folder": folder},
            torch_config=TorchConfig(backend="gloo", timeout_s=TIMEOUT.seconds),
            scaling_config=ScalingConfig(num_workers=N_PROCESSES),
            run_config=RunConfig(storage_path=folder),
        )
        trainer.fit()
        show_scores([float(each.read_text()) for each in Path(folder).glob("*.score")])
    ray.shutdown()


def with_dask(epochs: int) -> None:
    """Make a group of the workers of a cluster, one task on each."""
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=N_PROCESSES,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        workers = list(client.scheduler_info()["workers"])
        # Where the processes meet: at the first one.
        address = client.submit(free_address, workers=workers[:1], pure=False).result()
        fits = [
            client.submit(
                train_on_worker, rank, address, epochs, workers=[worker], pure=False
            )
            for rank, worker in enumerate(workers)
        ]
        show_scores(client.gather(fits))


def write_score(folder: str, score: float) -> None:
    """Write what a process has found to a file of its own."""
    Path(folder, f"{dist.get_rank()}.score").write_text(repr(score))


def show_scores(scores: list[float]) -> None:
    """Print what the network of each process scores."""
    print("scores of the processes:", scores)


def free_address() -> str:
    """Return an address of this machine, with a port that nobody has."""
    host = socket.gethostbyname(socket.gethostname())
    with socket.socket() as listener:
        listener.bind((host, 0))
        return f"tcp://{host}:{listener.getsockname()[1]}"


def train_on_worker(rank: int, address: str, epochs: int) -> float:
    """Join the group for the time of a fit: the worker lives on."""
    dist.init_process_group(
        "gloo",
        init_method=address,
        rank=rank,
        world_size=N_PROCESSES,
        timeout=TIMEOUT,
    )
    try:
        return train(epochs)
    finally:
        dist.destroy_process_group()


LAUNCHERS = {"torchrun": with_torchrun, "ray": with_ray, "dask": with_dask}


def main() -> None:
    """Train with the launcher that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("launcher", nargs="?", choices=LAUNCHERS, default="torchrun")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    LAUNCHERS[options.launcher](options.epochs)


if __name__ == "__main__":
    main()
