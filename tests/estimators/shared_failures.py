"""What goes wrong in one of several processes, which test_shared_fits.py looks at.

Run as a program, which writes down this and what comes out where all goes well.
"""

import importlib.util
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from shared_fits import compared, in_group, learned, rows, table
from skorch.callbacks import Callback, Checkpoint
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mtlearn import Partial, SeedEnsemble
from mtlearn.networks import MLP
from mtlearn.training import has_group


class InOneProcess(Callback):
    """Does something at the end of epoch 2, in process 1."""

    def __init__(self, action):
        self.action = action

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2 and (not has_group() or dist.get_rank() == 1):
            self.action(net)


def fail(net):
    raise KeyError("of process 1")


def stop(net):
    net.stopping_ = True


def go_astray(net):
    with torch.no_grad():
        next(net.module_.parameters()).mul_(2)


def fail_once(net):
    if os.environ["DISTURBED"]:
        fail(net)


def fit_another(net):
    table(max_epochs=1).fit(*rows())


def hang(net):
    time.sleep(8)


def kill(net):
    if has_group():
        os.kill(os.getpid(), signal.SIGKILL)


def error_of(function, *args):
    began = time.monotonic()
    try:
        function(*args)
    except Exception as error:
        seconds = time.monotonic() - began
        return type(error).__name__, str(error), seconds
    return None


def two_at_once():
    """Fit in a thread while a fit here waits for it in a callback."""
    found = []

    def fit_beside(net):
        beside = threading.Thread(
            target=lambda: found.append(error_of(table().fit, *rows()))
        )
        beside.start()
        beside.join()

    class Beside(Callback):
        def on_train_begin(self, net, **kwargs):
            fit_beside(net)

    table(callbacks=[Beside()], max_epochs=1).fit(*rows())
    return found[0]


def failures():
    """Return what goes wrong, and that a fit after all of it is as ever."""
    X, y = rows()
    second = dist.get_rank() == 1
    found = {}
    for name, params in (
        ("compile", {"compile": True}),
        ("aggregation", {"aggregation": "pcgrad"}),
        ("files", {"callbacks": [Checkpoint(dirname="nowhere")]}),
        ("lr", {"lr": 0.1 if second else 0.2}),
        ("missing folder", {"checkpoint_dir": "nowhere" if second else None}),
        ("one fails early", {"max_epochs": -1 if second else 1}),
        ("one fails", {"callbacks": [InOneProcess(fail)]}),
        ("astray", {"callbacks": [InOneProcess(go_astray)]}),
    ):
        found[name] = error_of(table(**params).fit, X, y)
    other = X.copy()
    other[-1, -1] += 1e-9 * second
    found["X"] = error_of(table().fit, other, y)
    found["y"] = error_of(table().fit, X, np.roll(y, int(second), axis=0))
    held_out = {"X_val": other, "y_val": y}
    found["X_val"] = error_of(lambda: table().fit(X, y, **held_out))
    again = table(warm_start=True, max_epochs=1).fit(X, y)
    go_astray(again.net_) if second else None
    found["before"] = error_of(again.fit, X, y)
    ensemble = SeedEnsemble(table(random_state=None), 2, vectorized=True)
    found["vectorized"] = error_of(ensemble.fit, X, y)
    ensemble = SeedEnsemble(table(random_state=None), 1, vectorized="auto")
    found["auto"] = error_of(ensemble.fit, X, y)
    found["two at once"] = two_at_once()
    stopped = table(callbacks=[InOneProcess(stop)], max_epochs=9).fit(X, y)
    found["epochs"] = stopped.n_iter_
    beside = table(callbacks=[InOneProcess(fit_another)]).fit(X, y)
    found["beside another"] = learned(beside)
    found["after"] = learned(table().fit(X, y))
    return found


def kept(folder, action, **params):
    """Return an estimator with checkpoints."""
    given = {"callbacks": [InOneProcess(action)], "max_epochs": 4, **params}
    return table(checkpoint_dir=folder, **given)


def goes_on(folder):
    """Return a fit that goes on after a failure, and one that nothing disturbs."""
    given = {"action": fail_once, "backbone": Partial(MLP, hidden=(6,), dropout=0.3)}
    os.environ["DISTURBED"] = "yes"
    failed = error_of(kept(folder, **given).fit, *rows())
    os.environ["DISTURBED"] = ""
    dist.barrier()
    files = len(list(Path(folder).glob("*.checkpoint")))
    found = learned(kept(folder, **given).fit(*rows()))
    return failed, files, found, learned(kept(None, **given).fit(*rows()))


def hangs():
    return error_of(table(callbacks=[InOneProcess(hang)]).fit, *rows())


def is_killed(folder):
    return error_of(kept(folder, kill).fit, *rows())


def launched(folder):
    """Return what the example prints and returns in processes that torchrun starts."""
    path = Path(__file__).parents[2] / "examples" / "processes.py"
    spec = importlib.util.spec_from_file_location("processes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def train():
        with Path(folder, os.environ["RANK"]).open("w") as file, redirect_stdout(file):
            return module.with_torchrun(1)

    # As the command does, but for processes that are forked.
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        run_id="example",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        start_method="fork",
        monitor_interval=0.05,
    )
    scores = elastic_launch(config, train)()
    return scores, [Path(folder, str(rank)).read_text() for rank in range(2)]


def main(folder):
    torch.set_num_threads(1)
    kills = Path(folder, "kills")
    found = {
        **compared(folder),
        "as ever": learned(table().fit(*rows())),
        "failures": in_group(2, failures),
        "goes on": in_group(2, goes_on, str(Path(folder, "fails"))),
        "hangs": in_group(2, hangs, timeout=timedelta(seconds=4)),
        "killed": in_group(2, is_killed, str(kills)),
        "files": len(list(kills.glob("*.checkpoint"))),
        "after it": learned(kept(str(kills), kill).fit(*rows())),
        "undisturbed": learned(kept(None, kill).fit(*rows())),
        "launched": launched(folder),
        "left": [each.name for each in kills.iterdir()],
    }
    Path(folder, "found.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
