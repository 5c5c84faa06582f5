"""Open-set classifiers in ONNX files: the same scores, and what is too low."""

import json
import re
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from exported_open_sets import (
    BOTH,
    CASES,
    X,
    Y,
    check_scores,
    open_set,
    several,
    with_loss,
    with_rows,
)

from mtlearn import Classification, OpenSetClassifier, Tasks, to_onnx
from mtlearn._utils._unwrap import unwrap
from mtlearn.exceptions import NetworkError
from mtlearn.persistence._onnx_open_set import described_thresholds
from open_problems import point_estimator

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "open_set.md"
EXPORTED = [
    "auto, float32",
    "seeds",
    "voting",
    "conformal",
    "several",
    "several, by row",
    "pipeline",
    "features of each",
    "grey images",
    "bytes",
    "learned loss",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Fit and export a case once: each export takes a second or more."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("onnx")

    @cache
    def make(name):
        case = CASES[name]()
        path = folder / f"{name}.onnx"
        to_onnx(case.estimator, path, input_dtype=case.input_dtype)
        return case, path

    return make


def session_of(path):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(path, X):
    """Give outputs by name, and what is said of the thresholds."""
    session = session_of(path)
    names = [each.name for each in session.get_outputs()]
    outputs = session.run(None, {session.get_inputs()[0].name: X})
    stored = session.get_modelmeta().custom_metadata_map
    told = {name: json.loads(value) for name, value in stored.items()}
    return dict(zip(names, outputs, strict=True)), told


# Longer than other tests: a first export imports onnxscript.
@pytest.mark.parametrize("name", EXPORTED)
def test_scores_are_those_of_the_classifier(made, name):
    case, path = made(name)
    for n_rows in (1, 2, 7, 256):
        rows = np.resize(case.X[::-1], (n_rows, *case.X.shape[1:]))
        outputs, told = run(path, rows)
        scores = [outputs[each["output"]] for each in told["open_set"]]
        assert {each.shape for each in scores} == {(n_rows, 1)}
        assert {each.dtype for each in scores} == {np.dtype(np.float64)}
        check_scores(name, case.estimator, rows, np.hstack(scores))


@pytest.mark.parametrize("name", EXPORTED)
def test_files_are_valid_and_labels_those_of_predict(made, name):
    import onnx

    case, path = made(name)
    onnx.checker.check_model(path, full_check=True)
    assert b".py" not in path.read_bytes()
    outputs, told = run(path, case.X)
    offsets = [each["offset"] for each in told["open_set"]]
    assert offsets == np.atleast_1d(unwrap(case.estimator).offset_).tolist()
    classes = {each["name"]: each["classes"] for each in told["tasks"]}
    names = [name for name in classes if classes[name]]
    predicted = case.estimator.predict(case.X)
    columns = np.asarray(predicted).reshape(len(case.X), -1).T
    for task, column in zip(names, columns, strict=False):
        labels = np.array(classes[task])[outputs[task].argmax(axis=1)]
        for each in told["open_set"]:
            if task in each["tasks"]:
                unknown = outputs[each["output"]][:, 0] < each["offset"]
                labels = np.where(unknown, each["unknown_label"], labels)
        np.testing.assert_array_equal(labels, column.astype(labels.dtype))


def test_each_threshold_has_an_output_of_its_own(made):
    _, path = made("several")
    outputs, told = run(path, BOTH)
    assert list(outputs) == [
        "kind",
        "first",
        "size",
        "kind_known_score",
        "first_known_score",
    ]
    assert [each["output"] for each in told["open_set"]] == list(outputs)[3:]
    assert [each["tasks"] for each in told["open_set"]] == [["kind"], ["first"]]
    assert told["class"] == "OpenSetClassifier"
    _, path = made("several, by row")
    outputs, told = run(path, BOTH)
    assert list(outputs)[3:] == ["known_score"]
    assert told["open_set"][0]["tasks"] == ["kind", "first"]


def test_files_of_other_estimators_say_nothing_of_thresholds(made, tmp_path):
    case, _ = made("auto, float32")
    to_onnx(case.estimator.estimator_, tmp_path / "inside.onnx")
    outputs, told = run(tmp_path / "inside.onnx", BOTH)
    assert list(outputs) == ["kind", "rows"]
    assert "open_set" not in told


def test_one_network_is_in_the_file_once(made):
    import onnx

    _, path = made("auto, float32")
    nodes = onnx.load(path).graph.node
    # A layer of the backbone, and one of each task.
    assert sum(node.op_type == "Gemm" for node in nodes) == 3


def test_names_are_those_of_no_task(tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    names = ["a", "a_known_score", "a_known_score_"]
    tasks = Tasks.from_mapping({name: Classification() for name in names})
    labels = np.column_stack([Y, Y == 0, Y == 1]).astype(int)
    fitted = point_estimator(tasks, max_epochs=1).fit(X, labels)
    to_onnx(open_set(fitted, labels), tmp_path / "names.onnx")
    outputs, _ = run(tmp_path / "names.onnx", BOTH)
    added = ["a_known_score__", "a_known_score_known_score"]
    assert list(outputs) == [*names, *added, "a_known_score__known_score"]


def test_one_threshold_among_tasks_of_its_name():
    tasks = Tasks(known_score=Classification())
    fitted = point_estimator(tasks, max_epochs=1).fit(X, Y)
    (told,) = described_thresholds(open_set(fitted))["open_set"]
    assert told["output"] == "known_score_"
    assert told["tasks"] == ["known_score"]


@pytest.mark.parametrize(
    ("label", "stored"),
    [
        (-1, "-1"),
        (np.int8(-2), "-2"),
        (np.float32(0.5), "0.5"),
        (Fraction(7, 2), "3.5"),
        ("none", '"none"'),
        (np.str_("none"), '"none"'),
    ],
)
def test_what_json_has(label, stored):
    classifier = open_set(with_rows(max_epochs=1).fit(X, Y), unknown_label=label)
    (told,) = json.loads(json.dumps(described_thresholds(classifier)["open_set"]))
    assert json.dumps(told.pop("unknown_label")) == stored
    assert told == {
        "output": "known_score",
        "tasks": ["kind"],
        "offset": classifier.offset_,
        "quantile": 0.8,
    }


def test_a_threshold_that_is_moved_is_told_of():
    classifier = several().estimator
    before = described_thresholds(classifier)["open_set"]
    classifier.set_quantile(0.5)
    after = described_thresholds(classifier)["open_set"]
    assert [each["quantile"] for each in after] == [0.5, 0.5]
    assert [each["offset"] for each in after] == classifier.offset_.tolist()
    assert all(
        new["offset"] > old["offset"] for new, old in zip(after, before, strict=True)
    )


def test_no_offset_where_nothing_is_rejected():
    fitted = with_rows(max_epochs=1).fit(X, Y)
    with pytest.warns(UserWarning, match="no sample is going to be rejected"):
        classifier = open_set(fitted, quantile=0.999)
    assert classifier.offset_ == -np.inf
    text = json.dumps(described_thresholds(classifier), allow_nan=False)
    (told,) = json.loads(text)["open_set"]
    assert told["offset"] is None


def branching(output, target):
    if output.sum() > 0:
        return (output - target).abs()
    return (output - target) ** 2


def test_a_loss_that_cannot_be_exported(made, tmp_path):
    estimator = with_loss(branching).estimator
    with pytest.raises(NetworkError, match=r"loss .*branching.* of task 'rows' to ONN"):
        to_onnx(estimator, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    # Without the error of the reconstruction the loss is no part of the graph.
    features = OpenSetClassifier(
        estimator.estimator_, quantile=0.8, calibration="prefit"
    )
    to_onnx(features.fit(X, Y), tmp_path / "model.onnx")


def test_the_example_of_the_guide(made, tmp_path, monkeypatch):
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(
        r"^```python no-run\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert any("to_onnx(" in block for block in blocks)
    monkeypatch.chdir(tmp_path)
    case, _ = made("several")
    namespace = {"open_set": case.estimator, "X": case.X}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), namespace)
    predicted = case.estimator.predict(case.X)
    for task in ("kind", "first"):
        labels = namespace["labels"][task].astype(float)
        np.testing.assert_array_equal(labels, predicted[task].astype(float))
        assert (labels == -1).any()
