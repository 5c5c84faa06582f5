"""Checkpoints of a GPU, and what it has learned on machines without one."""

import os
import pickle
import runpy
import subprocess
import sys

import numpy as np
import pytest
from on_devices import SMALL, assert_alike, assert_predicts_alike, fit_on
from skorch.callbacks import Callback

from mtlearn import SeedEnsemble, load, save, to_onnx
from tiny_problems import (
    epochs_of,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

ELSEWHERE = """
import pickle
import sys

import numpy as np
import torch

from mtlearn import load

folder, hidden = sys.argv[1:]
assert hidden == "no" or not torch.cuda.is_available()
rows = np.load(f"{folder}/rows.npz")
found = {}
for name in ("table", "images", "ensemble"):
    X, y = rows[f"X_{name}"], rows[f"y_{name}"]
    with open(f"{folder}/{name}.pickle", "rb") as file:
        pickled = pickle.load(file)
    for way, estimator in (("pickle", pickled), ("file", load(f"{folder}/{name}.mtl"))):
        found[f"{name}_{way}"] = estimator.predict(X)
        if name != "ensemble":
            assert str(estimator.net_.device) == "cpu"
            estimator.set_params(device="cpu").partial_fit(X, y)
np.savez(f"{folder}/found.npz", **found)
"""
ARMED = []


class Crash(Callback):
    """Fails in epoch 3 while the test says so."""

    def on_batch_end(self, net, training=False, **kwargs):
        if ARMED and len(net.history) == 3:
            raise RuntimeError("crash")


def run_elsewhere(folder, on_gpu):
    """Run the script where no GPU is seen; on a processor in this process."""
    script = folder / "script.py"
    script.write_text(ELSEWHERE, encoding="utf-8")
    if on_gpu:
        hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        arguments = [sys.executable, str(script), str(folder), "yes"]
        subprocess.run(arguments, env=hidden, check=True)
        return
    before, sys.argv = sys.argv, [str(script), str(folder), "no"]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv = before


def test_files_for_a_machine_without_a_gpu(device, on_gpu, tmp_path):
    images = image_estimator(backbone=SMALL, precision="float64", device=device)
    fitted = {
        "table": (table_estimator(device=device), make_table()),
        "images": (images, make_images()),
        "ensemble": (
            SeedEnsemble(table_estimator(max_epochs=1, device=device), 2),
            make_table(),
        ),
    }
    rows, expected = {}, {}
    for name, (estimator, (X, y)) in fitted.items():
        expected[name] = estimator.fit(X, y).predict(X)
        rows |= {f"X_{name}": X, f"y_{name}": y}
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(estimator))
        save(estimator, tmp_path / f"{name}.mtl")
    np.savez(tmp_path / "rows.npz", **rows)
    run_elsewhere(tmp_path, on_gpu)
    found = np.load(tmp_path / "found.npz")
    assert len(found) == 6
    for key in found:
        wanted = expected[key.partition("_")[0]]
        np.testing.assert_allclose(found[key], wanted, rtol=1e-6, err_msg=key)


def test_files_come_back_to_the_device(device, tmp_path):
    X, y = make_table()
    estimator = table_estimator(device=device).fit(X, y)
    save(estimator, tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(estimator))):
        assert_predicts_alike(again, estimator, X)
        again.partial_fit(X, y)
        assert str(again.net_.device).partition(":")[0] == device
        assert again.history_[-1]["train_loss"] < estimator.history_[-1]["train_loss"]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_fit_goes_on(device, tmp_path, caplog, optimizer):
    X, y = make_table()
    params = {"optimizer": optimizer, "batch_size": 10, "callbacks": [Crash()]}
    expected = fit_on(device, table_estimator(**params), X, y)
    ARMED.append(True)
    interrupted = table_estimator(**params, checkpoint_dir=tmp_path, device=device)
    with pytest.raises(RuntimeError, match="crash"):
        interrupted.fit(X, y)
    ARMED.clear()
    caplog.set_level("INFO", logger="mtlearn")
    interrupted.fit(X, y)
    assert epochs_of(caplog) == [3, 4]
    assert_alike(interrupted, expected, X, rtol=1e-9)


@pytest.mark.parametrize("name", ["table", "images"])
def test_onnx(device, tmp_path, name):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    if name == "table":
        estimator, (X, y) = table_estimator(device=device), make_table()
    else:
        estimator = image_estimator(backbone=SMALL, precision="float32", device=device)
        X, y = make_images()
    path = tmp_path / "model.onnx"
    to_onnx(estimator.fit(X, y), path)
    only = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(path, providers=only)
    given = {session.get_inputs()[0].name: X.astype(np.float32)}
    for found, wanted in zip(
        session.run(None, given), estimator.predict_proba(X), strict=True
    ):
        np.testing.assert_allclose(
            np.ravel(found), np.ravel(wanted), rtol=1e-3, atol=1e-4
        )
