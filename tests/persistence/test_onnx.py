"""In an ONNX file: the same predictions, by onnxruntime."""

import json
import logging
import pickle
import random
import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from exported_estimators import CASES, expected
from torch import nn

from mtlearn import Classification, Regression, Tasks, to_onnx
from mtlearn.exceptions import NetworkError
from tiny_problems import image_estimator, make_images, make_table, table_estimator

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "saving.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Fit and export a case once: each export takes a second or more."""
    folder = tmp_path_factory.mktemp("onnx")

    @cache
    def make(name):
        case = CASES[name]()
        path = folder / f"{name}.onnx"
        to_onnx(case.estimator, path, input_dtype=case.input_dtype)
        return case, path

    return make


def session_of(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(session, X):
    return session.run(None, {session.get_inputs()[0].name: X})


# Longer than other tests: a first export imports onnxscript.
@pytest.mark.parametrize("name", CASES)
def test_predictions_are_the_same(made, name):
    case, path = made(name)
    session = session_of(path)
    for n_rows in (1, 2, 7, 256):
        X = np.resize(case.X, (n_rows, *case.X.shape[1:]))
        found, wanted = run(session, X), expected(case.estimator, X)
        for one, other in zip(found, wanted, strict=True):
            assert one.shape == other.shape
            assert one.dtype == np.float64
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["columns", "many kinds", "voting", "temperature"])
def test_tables_are_predicted_in_float64(made, name):
    case, path = made(name)
    wanted = expected(case.estimator, case.X)
    for one, other in zip(run(session_of(path), case.X), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_files_are_valid_and_take_any_number_of_rows(made, name):
    case, path = made(name)
    onnx.checker.check_model(path, full_check=True)
    (rows,) = session_of(path).get_inputs()
    assert rows.shape == ["batch", *case.X.shape[1:]]
    types = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}
    assert rows.type == types[case.input_dtype]
    model = onnx.load(path)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    # Nothing of the folders and lines that it comes from.
    assert b".py" not in path.read_bytes()


def test_float64_is_where_onnxruntime_has_it(made):
    types = onnx.TensorProto
    for name, wanted in {
        "columns": types.DOUBLE,
        "columns in float32": types.FLOAT,
        "own columns": types.FLOAT,
        "images in float64": types.FLOAT,
    }.items():
        _, path = made(name)
        initializers = onnx.load(path).graph.initializer
        weights = [each for each in initializers if each.name.endswith("weight")]
        assert {each.data_type for each in weights} == {wanted}


def test_large_units_are_not_rounded(tmp_path):
    X, y = make_table()
    times = 1.7e9 + y[:, [1, 1]]
    tasks = Tasks(free=Regression(), bound=Regression(bounds=(1.7e9, 1.7e9 + 50.1)))
    estimator = table_estimator(tasks).fit(X, times)
    to_onnx(estimator, tmp_path / "model.onnx")
    X = X.astype(np.float32)
    found = np.hstack(run(session_of(tmp_path / "model.onnx"), X))
    np.testing.assert_allclose(found, estimator.predict(X), rtol=0, atol=1e-5)


def test_labels_are_decoded_from_the_metadata(tmp_path):
    X, y = make_table()
    words = np.array(["low", "middle", "high"], dtype=object)[y[:, 0].astype(int)]
    labels = np.column_stack([words, y[:, 1].astype(object)])
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks).fit(X, labels)
    to_onnx(estimator, tmp_path / "model.onnx")
    session = session_of(tmp_path / "model.onnx")
    stored = session.get_modelmeta().custom_metadata_map
    described = {name: json.loads(value) for name, value in stored.items()}
    assert described["format"] == {"name": "mtlearn-onnx", "version": 1}
    assert described["class"] == "MultiTaskEstimator"
    assert described["versions"].keys() == {
        "mtlearn",
        "torch",
        "scikit-learn",
        "skorch",
        "numpy",
    }
    kind, size = described["tasks"]
    assert kind == {
        "name": "kind",
        "kind": "classification",
        "classes": ["high", "low", "middle"],
    }
    assert size == {"name": "size", "kind": "regression", "classes": None}
    X = X.astype(np.float32)
    found, _ = run(session, X)
    decoded = [kind["classes"][row] for row in found.argmax(axis=1)]
    assert decoded == estimator.predict(X)[:, 0].tolist()


@pytest.mark.parametrize(
    ("names", "input_name"),
    [
        (["a kind", "X"], "X_"),
        (["X_", "X"], "X__"),
        # Names that torch's exporter gives inside.
        (["linear", "0.network.heads.0.0.weight"], "X"),
        (["größe/x:0", "数 é"], "X"),
    ],
)
def test_any_name_of_a_task_is_that_of_its_output(tmp_path, names, input_name):
    X, y = make_table()
    kinds = [Classification(3), Regression()]
    tasks = Tasks.from_mapping(dict(zip(names, kinds, strict=True)))
    estimator = table_estimator(tasks).fit(X, y)
    path = tmp_path / "model.onnx"
    to_onnx(estimator, path)
    onnx.checker.check_model(path, full_check=True)
    session, X = session_of(path), X.astype(np.float32)
    assert [each.name for each in session.get_inputs()] == [input_name]
    assert [each.name for each in session.get_outputs()] == names
    for name, other in zip(names, estimator.predict_proba(X), strict=True):
        (one,) = session.run([name], {input_name: X})
        np.testing.assert_allclose(one, other, rtol=1e-12)


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def logged():
    handler, logger = Records(), logging.getLogger("torch.onnx")
    logger.addHandler(handler)
    yield handler.records
    logger.removeHandler(handler)


def test_nothing_else_changes(tmp_path, capfd, recwarn, logged):
    X, y = make_images()
    estimator = image_estimator(precision="float32").fit(X, y)
    estimator.net_.module_.train()  # as somebody may have left it

    def state():
        modules = estimator.net_.module_.modules()
        return (
            pickle.dumps(estimator),
            [module.training for module in modules],
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            logging.getLogger("torch.onnx").level,
            sys.stderr,
        )

    before = state()
    to_onnx(estimator, tmp_path / "model.onnx")
    after = state()
    assert after == before
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert not logged
    estimator.net_.module_.eval()
    found = run(session_of(tmp_path / "model.onnx"), X)
    for one, other in zip(found, estimator.predict_proba(X), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_one_file_of_the_same_bytes_each_time(tmp_path):
    estimator = table_estimator().fit(*make_table())
    path = tmp_path / "model.onnx"
    path.write_bytes(b"something else")
    to_onnx(estimator, path)
    first = path.read_bytes()
    to_onnx(estimator, path)
    assert path.read_bytes() == first
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_the_example_of_the_guide(tmp_path, monkeypatch, capsys):
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert any("to_onnx(" in block for block in blocks)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    names = list(namespace["estimator"].task_names_)
    assert [line.partition(" ")[0] for line in printed[-len(names) :]] == names


class Branching(nn.Module):
    """A backbone that does one thing or another, as its input says."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 3)

    def forward(self, x):
        x = self.layer(x)
        return x if x.sum() > 0 else -x


def test_a_network_that_cannot_be_exported(tmp_path, capfd):
    estimator = table_estimator(backbone=Branching).fit(*make_table())
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    with pytest.raises(NetworkError, match=r"backbone Branching to ONNX: .*no 'if'"):
        to_onnx(estimator, path)
    assert path.read_bytes() == b"before"
    assert capfd.readouterr() == ("", "")
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]
