"""What cannot be written as ONNX, and what is said of it; without onnx."""

import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    MultiTaskEstimator,
    OpenSetClassifier,
    SeedEnsemble,
    TemperatureScaled,
    TestTimeAugmented,
    VotingEnsemble,
    persistence,
    to_onnx,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    ParameterTypeError,
)
from mtlearn.openset import OpenSetDetector
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_problems import (
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    table_tasks,
)


@pytest.fixture(scope="module")
def fitted():
    return table_estimator().fit(*make_table())


@pytest.fixture
def path(tmp_path):
    yield tmp_path / "model.onnx"
    assert not list(tmp_path.iterdir())


def test_it_is_beside_save_and_load():
    assert persistence.to_onnx is to_onnx


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_with_the_command(
    monkeypatch, fitted, path, package
):
    for name in ("onnx", "onnxscript"):
        missing = None if name == package else sys
        monkeypatch.setitem(sys.modules, name, missing)
    with pytest.raises(
        MissingDependencyError,
        match=rf"^to_onnx needs {package}, .*: python -m pip install 'mtlearn\[onnx\]'",
    ):
        to_onnx(fitted, path)


@pytest.mark.parametrize("dtype", ["float64", "float16", np.float32, None])
def test_another_input_dtype(fitted, path, dtype):
    with pytest.raises(
        InvalidParameterError, match=r"'input_dtype' parameter of to_onnx.*'uint8'.*Got"
    ):
        to_onnx(fitted, path, input_dtype=dtype)


@pytest.mark.parametrize(
    "other",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GlobalMaxScaler(),
        MultiTaskEstimator,
        None,
    ],
    ids=repr,
)
def test_what_is_no_estimator_of_mtlearn(path, other):
    with pytest.raises(ParameterTypeError, match="'estimator' parameter of to_onnx"):
        to_onnx(other, path)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (table_estimator(), "MultiTaskEstimator"),
        (image_estimator(), "MultiTaskImageEstimator"),
        (SeedEnsemble(table_estimator()), "SeedEnsemble"),
        (TemperatureScaled(table_estimator()), "TemperatureScaled"),
        (OpenSetClassifier(table_estimator()), "OpenSetClassifier"),
        (make_pipeline(GlobalMaxScaler(), table_estimator()), "GlobalMaxScaler"),
        (GridSearchCV(table_estimator(), {"lr": [0.1]}), "GridSearchCV"),
    ],
)
def test_what_is_not_fitted(path, estimator, name):
    with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted"):
        to_onnx(estimator, path)


def test_a_search_that_cannot_predict(path):
    search = GridSearchCV(table_estimator(), {"lr": [0.1]}, cv=2, refit=False)
    search.fit(*make_table())
    with pytest.raises(InvalidParameterError, match=r"of to_onnx has .*refit=False"):
        to_onnx(search, path)


def scaled(estimator):
    return Pipeline([("scale", StandardScaler()), ("model", estimator)])


@pytest.mark.parametrize(
    "inside",
    [
        scaled,
        lambda one: SeedEnsemble(scaled(one), 1),
        lambda one: VotingEnsemble([("first", one), ("second", scaled(one))]),
        lambda one: TemperatureScaled(scaled(one)),
        lambda one: OpenSetClassifier(scaled(one), quantile=0.5, calibration=0.3),
        lambda one: GridSearchCV(scaled(one), {"model__lr": [0.1]}, cv=2),
    ],
)
def test_a_foreign_step_is_named_wherever_it_is(path, inside):
    estimator = inside(table_estimator()).fit(*make_table())
    with pytest.raises(
        InvalidParameterError,
        match=r"cannot export a StandardScaler: .*GlobalMaxScaler.*pipeline\[1:\]",
    ):
        to_onnx(estimator, path)


@pytest.mark.parametrize(
    "around",
    [
        lambda one: one,
        lambda one: TemperatureScaled(one),
        lambda one: OpenSetClassifier(one, quantile=0.5, calibration=0.3),
        lambda one: make_pipeline(
            GlobalMaxScaler(), OpenSetClassifier(one, quantile=0.5, calibration=0.3)
        ),
    ],
)
def test_changes_are_no_part_of_a_graph(path, around):
    estimator = TestTimeAugmented(image_estimator(), 2)
    with pytest.raises(InvalidParameterError, match="changes are no part of a graph"):
        to_onnx(around(estimator).fit(*make_images()), path)


@pytest.mark.parametrize("alone", [True, False])
def test_a_detector_without_its_classifier(path, fitted, alone):
    detector = OpenSetDetector(None if alone else fitted, quantile=0.5)
    detector.fit(*([make_table()[0]] if alone else make_table()))
    with pytest.raises(
        InvalidParameterError, match="an OpenSetClassifier with calibration='prefit'"
    ):
        to_onnx(detector, path)


class Doubling(MultiTaskEstimator):
    def predict_proba(self, X):
        return [2 * each for each in super().predict_proba(X)]


def test_a_subclass_is_refused(path):
    estimator = Doubling(table_tasks(), max_epochs=1).fit(*make_table())
    with pytest.raises(
        InvalidParameterError, match=r"export a Doubling.*not their subclasses"
    ):
        to_onnx(estimator, path)


def test_members_that_take_other_rows(path):
    members = []
    for size in (5, 6):
        X, y = make_images(size=size)
        member = FrozenEstimator(image_estimator().fit(X, y))
        members.append((f"size {size}", member))
    ensemble = VotingEnsemble(members).fit(X, y)
    with pytest.raises(
        InvalidDataError, match=r"different shapes: \(5, 5, 1\) and \[\(6, 6, 1\)\]"
    ):
        to_onnx(ensemble, path)
