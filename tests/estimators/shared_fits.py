"""Fits of one process and of several, which test_shared_fits.py compares.

Processes of groups are forked from one that has imported all they need.
"""

import io
import logging
import multiprocessing
import pickle
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from sklearn.metrics import f1_score
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.augmentation import MixUp
from mtlearn.losses import Ridge
from mtlearn.networks import MLP, ResNet
from mtlearn.training import CSVLogger, TaskMetric

# No process waits longer for another, and no group of them for its end.
TIMEOUT = timedelta(seconds=20)
LONGEST = 60


def rows(n_samples=53):
    """Return a table with many missing labels: `rare` has one in ten rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 4))
    y = np.column_stack([X[:, 0] > 0, X[:, 1] - X[:, 2], X[:, 3]]).astype(float)
    y[rng.random(y.shape) < 0.3] = np.nan
    y[rng.random(n_samples) > 0.1, 2] = np.nan
    return X, y


def table(**params):
    tasks = Tasks(sign=Classification(2), value=Regression(), rare=Regression())
    defaults = {
        "backbone": Partial(MLP, hidden=(6,)),
        "batch_size": 13,  # the last batch of an epoch has one row
        "lr": 0.02,
        "max_epochs": 3,
        "random_state": 0,
    }
    return MultiTaskEstimator(tasks, **{**defaults, **params})


def pictures(n_samples=25):
    rng = np.random.default_rng(0)
    X = rng.random((n_samples, 6, 6, 1))
    light = X.mean(axis=(1, 2, 3))
    return X, np.column_stack([light > np.median(light), light])


def images(**params):
    head = Head(hidden=(4,), dropout=0.0, batch_norm=True)
    tasks = Tasks(light=Classification(2, head=head), shade=Regression(head=head))
    small = Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.0)
    defaults = {
        "backbone": small,
        "precision": "float64",
        "batch_size": 8,
        "max_epochs": 2,
        "random_state": 0,
    }
    return MultiTaskImageEstimator(tasks, **{**defaults, **params})


def learned(estimator):
    """Return what a fit has come to."""
    state = estimator.net_.__getstate__()
    history = [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in estimator.history_
    ]
    return {"weights": list(map(np.array, state["weights"].values()))}, history


def exact_fits():
    """Yield fits that are to come to the same in any number of processes."""
    X, y = rows()
    weights = np.random.default_rng(1).random(len(X))
    stops = {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 6}
    yield "missing labels", learned(table().fit(X, y, weights))
    yield "stopping", learned(table(averaging="ema", **stops).fit(X, y))
    metrics = [TaskMetric(f1_score, "sign", on=on) for on in ("valid", "train")]
    given = {"callbacks": metrics, "penalty": Ridge(0.1), "sampler": "balanced"}
    yield "figures", learned(table(**given, **stops).fit(X, y))
    for name in ("uncertainty", "famo", "gradnorm"):
        yield name, learned(table(loss_weights=name, max_epochs=1).fit(X, y))
    for name in ("gls", "rlw"):
        given = {"loss_weights": name, "accumulate": 2, "batch_size": 7}
        yield f"{name} in pieces", learned(table(**given, max_epochs=1).fit(X, y))
    yield "range of rates", learned(table(lr="auto", max_epochs=1).fit(X, y))
    again = table(warm_start=True, max_epochs=1).fit(X, y)
    yield "going on", learned(again.fit(X, y).partial_fit(X, y))
    yield "batch norms", learned(images(clip_grad_norm=1.0, **stops).fit(*pictures()))
    swa = images(averaging="swa", lr_schedule="one_cycle", max_epochs=3)
    yield "averages", learned(swa.fit(*pictures()))
    yield from fits_of_few_rows()


def fits_of_few_rows():
    """Yield fits with batches, and pieces of them, of which not all have a row."""
    yield "last row", learned(table(max_epochs=1).fit(*rows(27)))
    # Of pieces of two rows.
    pieces = images(batch_size=2, accumulate=4)
    yield "accumulated", learned(pieces.fit(*pictures(16)))


class Numbers(Callback):
    """Notes what dropout and mixing have drawn."""

    def on_train_begin(self, net, **kwargs):
        self.drawn_ = []
        self.order_ = net.order_seed_

    def on_epoch_end(self, net, **kwargs):
        generators = (net.randomness_.generators["cpu"], net.change_generator_)
        self.drawn_ += [bytes(each.get_state().numpy()) for each in generators]


def drawn_fits(folder):
    """Yield fits that draw in each process by itself, and what they write."""
    X, y = rows()
    log = logging.getLogger("mtlearn")
    lines = io.StringIO()
    log.addHandler(logging.StreamHandler(lines))
    log.setLevel(logging.INFO)
    numbers = Numbers()
    callbacks = [CSVLogger(Path(folder, f"{dist.get_rank()}.csv")), numbers]
    backbone = Partial(MLP, hidden=(6,), dropout=0.5)
    given = {"mixing": MixUp(0.4), "callbacks": callbacks, "random_state": None}
    yield "drawn", learned(table(backbone=backbone, **given).fit(X, y))
    yield "numbers", numbers.drawn_
    yield "order", numbers.order_
    yield "lines", len(lines.getvalue().splitlines())
    ensemble = SeedEnsemble(table(random_state=None, max_epochs=1), 2)
    members = ensemble.fit(X, y).estimators_
    yield "ensemble", [learned(each) for each in members]
    yield "seeds", ensemble.seeds_


def begin(rank, size, store, timeout):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=size,
        timeout=timeout,
    )


def _main_of_process(function, rank, size, folder, arguments, timeout):
    begin(rank, size, f"{folder}/store", timeout)
    found = function(*arguments)
    Path(folder, f"{rank}.pickle").write_bytes(pickle.dumps(found))
    dist.destroy_process_group()


def in_group(size, function, *arguments, timeout=TIMEOUT):
    """Return what a function returns in each process of a group; None if killed."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(
                target=_main_of_process,
                args=(function, rank, size, folder, arguments, timeout),
            )
            for rank in range(size)
        ]
        for each in processes:
            each.start()
        for each in processes:
            each.join(LONGEST)
            each.kill()
        files = [Path(folder, f"{rank}.pickle") for rank in range(size)]
        return [
            pickle.loads(each.read_bytes()) if each.exists() else None for each in files
        ]


def all_fits(folder):
    return {**dict(exact_fits()), **dict(drawn_fits(folder))}


def compared(folder):
    """Return what fits of one process, of two and of three have come to."""
    return {
        "alone": dict(exact_fits()),
        "two": in_group(2, all_fits, folder),
        "three": in_group(3, lambda: dict(fits_of_few_rows())),
    }
