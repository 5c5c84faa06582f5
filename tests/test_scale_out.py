"""Members on clusters: the example, and what a worker's death does."""

import importlib.util
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from joblib import parallel_config
from skorch.callbacks import Callback

from mtlearn import SeedEnsemble
from tiny_problems import assert_same_bits, make_table, table_estimator

EXAMPLE = Path(__file__).parents[1] / "examples" / "cluster.py"


@pytest.mark.parametrize("engine", ["processes", "dask", "ray"])
def test_the_example(monkeypatch, capsys, engine):
    # Longer than other tests: workers start, and import torch.
    if engine != "processes":
        pytest.importorskip("distributed" if engine == "dask" else "ray")
    spec = importlib.util.spec_from_file_location("cluster", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    # Workers find what they run by the module's name.
    monkeypatch.setitem(sys.modules, "cluster", module)
    spec.loader.exec_module(module)
    arguments = ["--samples", "200", "--epochs", "1", "--members", "2"]
    monkeypatch.setattr(sys, "argv", ["cluster.py", engine, *arguments])
    module.main()
    printed = capsys.readouterr().out
    for step in ("search: {'lr': ", "ensemble: 2 fits", "members: [", "ensemble: 0."):
        assert step in printed


@pytest.mark.parametrize("launcher", ["dask", "ray"])
def test_the_example_of_one_network(launcher, tmp_path):
    pytest.importorskip("distributed" if launcher == "dask" else "ray")
    program = EXAMPLE.with_name("processes.py")
    done = subprocess.run(
        [sys.executable, str(program), launcher, "--epochs", "1"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"2 processes, 1 epochs: 0\.\d+", done.stdout)
    scores = re.search(r"^scores of the processes: \[(.*), (.*)\]", done.stdout, re.M)
    assert scores is not None
    assert scores[1] == scores[2]


class Killed(Callback):
    """Kills its process when training begins, once."""

    def __init__(self, path):
        self.path = path

    def on_train_begin(self, net, **kwargs):
        try:
            Path(self.path).touch(exist_ok=False)  # by one of two that begin at once
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def killed_ensemble(folder):
    estimator = table_estimator(callbacks=[Killed(str(folder / "killed"))])
    return SeedEnsemble(estimator, 4, n_jobs=2, random_state=0)


def test_dask_completes_when_a_worker_dies(tmp_path):
    distributed = pytest.importorskip("distributed")
    X, y = make_table()
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    # Scattered data are on every worker, so that no worker takes them with it.
    with (
        cluster,
        distributed.Client(cluster),
        parallel_config("dask", scatter=[X, y]),
    ):
        ensemble = killed_ensemble(tmp_path).fit(X, y)
    assert (tmp_path / "killed").exists()
    expected = SeedEnsemble(table_estimator(), 4, random_state=0).fit(X, y)
    for one, other in zip(ensemble.estimators_, expected.estimators_, strict=True):
        assert_same_bits(one, other)


def test_processes_say_that_a_worker_died(tmp_path):
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config("loky"), pytest.raises(TerminatedWorkerError):
        killed_ensemble(tmp_path).fit(*make_table())
