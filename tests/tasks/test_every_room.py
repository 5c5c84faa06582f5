"""Every kind through every room that shows or keeps a task: built in, and of any shape.

A new kind joins `SAMPLES`, with labels of `N` rows and what it has no display for.
"""

import json
import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance

import mtlearn.inspection
from mtlearn import (
    Classification,
    Count,
    MultiLabel,
    MultiTaskEstimator,
    Ordinal,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TestTimeAugmented,
    load,
    report,
    save,
    to_onnx,
)
from mtlearn.exceptions import InvalidParameterError, ModelFormatError, UnknownTaskError
from mtlearn.inspection import (
    CalibrationDisplay,
    ClasswiseDisplay,
    ConfusionDisplay,
    CooccurrenceDisplay,
    EmbeddingDisplay,
    EnsembleGainDisplay,
    LabelErrorsDisplay,
    LabelwiseDisplay,
    LearningCurvesDisplay,
    PrecisionRecallDisplay,
    RejectionDisplay,
    ResidualsDisplay,
    TaskConflictDisplay,
    sharing_report,
)
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold, cross_val_predict
from mtlearn.networks import MLP
from mtlearn.tasks import kinds
from mtlearn.training import TaskMetric
from shaped_kinds import Echo, Flags, Vector

N = 60
OWN = [Echo, Flags, Vector]
CUSTOM = {kind.__name__: kind for kind in OWN}


def problem():
    """Return X, and the labels of each kind: some of them missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    labels = {
        "classification": np.digitize(X[:, 0], [-0.5, 0.5]).astype(float),
        "count": np.round(np.exp(X[:, 0])),
        "flags": (X[:, :2] > 0.2).astype(float),
        "multi-label": (X[:, :2] > 0.2).astype(float),
        "ordinal": np.digitize(X[:, 1], [-0.5, 0.5]).astype(float),
        "regression": X[:, 0] * 3 + 10,
        "vector": X[:, :2] * [1.0, 5.0] + [2.0, -3.0],
    }
    for values in labels.values():
        values[rng.random(values.shape) < 0.1] = np.nan
    return X, labels


SAMPLES = {
    "classification": Classification(3),
    "count": Count(),
    "flags": Flags(2),
    "multi-label": MultiLabel(2),
    "ordinal": Ordinal(3),
    "regression": Regression(),
    "vector": Vector(2),
}
# Displays of the labels of some kinds, and how one is made. Others show every kind.
OF_LABELS = {
    "CalibrationDisplay": CalibrationDisplay.from_estimator,
    "ClasswiseDisplay": ClasswiseDisplay.from_estimator,
    "ConfusionDisplay": ConfusionDisplay.from_estimator,
    "EmbeddingDisplay": lambda *args, **kwargs: EmbeddingDisplay.from_estimator(
        *args, method="pca", **kwargs
    ),
    "CooccurrenceDisplay": CooccurrenceDisplay.from_estimator,
    "LabelErrorsDisplay": LabelErrorsDisplay.from_estimator,
    "LabelwiseDisplay": LabelwiseDisplay.from_estimator,
    "PrecisionRecallDisplay": PrecisionRecallDisplay.from_estimator,
    "RejectionDisplay": RejectionDisplay.from_estimator,
    "ResidualsDisplay": ResidualsDisplay.from_estimator,
}
# These show values of ensembles only.
OF_SPREAD = {"CalibrationDisplay", "RejectionDisplay"}
# These show an OpenSetClassifier.
OF_UNKNOWN = {"OpenSetCurveDisplay", "OpenSetImagesDisplay", "OpenSetScoreDisplay"}
OF_ALL = {
    "EnsembleGainDisplay",
    "GateDisplay",
    "LearningCurvesDisplay",
    "LearningRateDisplay",
    "MethodComparisonDisplay",
    "TaskConflictDisplay",
    "TaskCovarianceDisplay",
}
by_kind = pytest.mark.parametrize("kind", SAMPLES)


def make(kind, **params):
    """Return an estimator of a kind, one of another, and two without a column."""
    others = {"size": Regression(), "echo": Echo(3), "row": Reconstruction()}
    tasks = Tasks(own=SAMPLES[kind], **others)
    params = {"max_epochs": 2, "batch_size": 20, "lr": 0.01} | params
    backbone = Partial(MLP, hidden=(8,))
    return MultiTaskEstimator(
        tasks, backbone=backbone, n_threads=1, random_state=0, **params
    )


def data(kind):
    X, labels = problem()
    return X, np.column_stack([labels[kind], X.sum(axis=1)])


@pytest.fixture(scope="module")
def fitted():
    made = partial(make, penalty=mtlearn.losses.TaskCovariance(0.01))
    return {kind: made(kind).fit(*data(kind)) for kind in SAMPLES}


@pytest.fixture(scope="module")
def ensembles():
    return {
        kind: SeedEnsemble(make(kind), n_members=2, random_state=0).fit(*data(kind))
        for kind in SAMPLES
    }


def test_there_is_a_sample_of_every_kind():
    assert set(SAMPLES) == {k.kind for k in [*kinds(), *OWN]} - {
        "echo",
        "reconstruction",
    }
    assert all(task.kind == name for name, task in SAMPLES.items())


def test_every_display_is_here():
    shown = {n for n in mtlearn.inspection.__all__ if n.endswith("Display")}
    assert shown == {*OF_LABELS, *OF_ALL, *OF_UNKNOWN, "ReconstructionDisplay"}


@by_kind
def test_a_kind_answers_what_it_says_it_can(kind):
    task = SAMPLES[kind]
    assert task.displays <= set(OF_LABELS)
    for said, hook in [
        (task.has_probabilities, "confidences"),
        (task.is_calibrated, "calibrate"),
        (task.region is not None, "misfits"),
        (task.region is not None, "regions"),
        ("EmbeddingDisplay" in task.displays, "coloured_by"),
    ]:
        base = getattr(mtlearn.tasks.Task, hook)
        assert (getattr(type(task), hook) is not base) == said, hook
    if "ResidualsDisplay" in task.displays:
        assert task.n_columns == 1
    if task.has_classes:
        assert task.has_probabilities
        assert task.estimator_type == "classifier"


@by_kind
@pytest.mark.parametrize("display", OF_LABELS)
def test_displays_show_a_kind_or_say_which_do(kind, display, fitted, ensembles):
    X, y = data(kind)
    task = SAMPLES[kind]
    estimator = (ensembles if display in OF_SPREAD else fitted)[kind]
    from_estimator = OF_LABELS[display]
    if display in task.displays:
        made = from_estimator(estimator, X, y, tasks=["own"])
        assert list(made._shown_tasks()) == ["own"]
        assert "own" in from_estimator(estimator, X, y)._shown_tasks()
        made.plot()
        return
    with pytest.raises(InvalidParameterError) as error:
        from_estimator(estimator, X, y, tasks=["own"])
    assert f"Task 'own' is of the kind {kind!r}, which has " in str(error.value)
    for name in [*task.displays, "LearningCurvesDisplay"]:
        assert name in str(error.value)
    with pytest.raises(InvalidParameterError, match="'echo' is of the kind 'echo'"):
        from_estimator(estimator, X, y, tasks=["echo"])
    if display in Regression.displays:
        assert list(from_estimator(estimator, X, y)._shown_tasks()) == ["size"]


@by_kind
def test_displays_of_training_show_every_kind(kind, fitted, ensembles):
    X, y = data(kind)
    curves = LearningCurvesDisplay.from_estimator(fitted[kind])
    curves.plot(tasks=["own"])
    curves.plot(tasks=["echo"])
    conflict = TaskConflictDisplay.from_estimator(fitted[kind], X, y, random_state=0)
    assert list(conflict._shown_tasks()) == ["own", "size", "echo", "row"]
    conflict.plot()
    assert len(mtlearn.inspection.find_lr(make(kind), X, y, n_steps=10).losses) == 10
    mtlearn.inspection.TaskCovarianceDisplay.from_estimator(fitted[kind]).plot()
    gain = EnsembleGainDisplay.from_estimator(ensembles[kind], X, y)
    assert "own" in gain._shown_tasks()
    gain.plot()


@by_kind
def test_reports_have_figures_and_intervals(kind, fitted, ensembles):
    X, y = data(kind)
    table = task_report(fitted[kind], X, y, n_bootstraps=30, random_state=0)
    rows = [row for row in table.rows if row["task"] == "own"]
    assert {row["metric"] for row in rows} == set(SAMPLES[kind].figures())
    for row in rows:
        assert row["low"] <= row["high"]
        assert np.isfinite([row["value"], row["baseline"], row["low"]]).all()
    assert "echo" not in {row["task"] for row in table.rows}
    metrics = {
        row["metric"]
        for row in ensemble_report(ensembles[kind], X, y).rows
        if row["task"] == "own"
    }
    has_error = "calibration_error" in metrics
    assert has_error == SAMPLES[kind].has_probabilities


@by_kind
def test_the_page_has_every_kind(kind, ensembles):
    X, y = data(kind)
    page = report(ensembles[kind], X, y, path=None, n_bootstraps=10)
    assert f"{kind}, " in page.html
    assert "echo" in page.html
    assert str(page)


@by_kind
def test_views_and_tags_say_what_it_is(kind, fitted):
    X, y = data(kind)
    view, task = fitted[kind].task("own"), SAMPLES[kind]
    own = y[:, 0] if task.n_columns == 1 else y[:, : task.n_columns]
    assert np.isfinite(view.score(X, own))
    assert hasattr(view, "predict_proba") == task.has_probabilities
    expected = "TaskRegressor" if task.estimator_type == "regressor" else "TaskView"
    if task.has_classes:
        expected = "TaskClassifier"
    elif task.multi_label:
        expected = "TaskMultiLabel"
    assert type(view).__name__ == expected
    with pytest.raises(UnknownTaskError, match=r"'echo' reads no column .* own, size"):
        fitted[kind].task("echo")
    tags = make(kind).set_params(tasks=task).__sklearn_tags__()
    assert tags.estimator_type == task.estimator_type
    if tags.classifier_tags is not None:
        assert tags.classifier_tags.multi_label == task.multi_label


@by_kind
def test_metrics_of_the_users_see_whole_rows(kind):
    X, y = data(kind)
    seen = []

    def spread(true, predicted):
        seen.append((true, predicted))
        return 0.0

    metric = TaskMetric(spread, "own", on="train")
    make(kind, callbacks=[metric], max_epochs=1).fit(X, y)
    ((true, predicted),) = seen
    own = y[:, : SAMPLES[kind].n_columns]
    whole = own[np.isfinite(own).all(axis=1)]
    assert_allclose(np.sort(true.ravel()), np.sort(whole.ravel()), rtol=1e-6)
    assert predicted.shape == true.shape


@by_kind
def test_tools_of_model_selection(kind, fitted):
    X, y = data(kind)
    importance = permutation_importance(fitted[kind], X, y, n_repeats=2, random_state=0)
    assert np.isfinite(importance.importances).all()
    for train, test in MultiTaskStratifiedKFold(3, tasks=make(kind).tasks).split(X, y):
        assert len(train) + len(test) == N
    method = "predict_proba" if SAMPLES[kind].has_probabilities else "predict"
    found = cross_val_predict(make(kind), X, y, cv=2, method=method)
    found = found[0] if method == "predict_proba" else found
    assert len(found) == N
    assert np.isfinite(found).all()


@by_kind
def test_sharing_is_told(kind):
    X, y = data(kind)
    scorers = task_scorers(make(kind).tasks)
    assert f"own_{SAMPLES[kind].metric}" in scorers
    table = sharing_report(make(kind, max_epochs=1), X, y, cv=2, random_state=0)
    assert {row["task"] for row in table.rows} == {"own", "size"}


@by_kind
def test_files_pickles_and_checkpoints_keep_it(kind, fitted, tmp_path):
    X, y = data(kind)
    path = tmp_path / "model.mtl"
    save(fitted[kind], path)
    with pytest.raises(ModelFormatError, match="which is not part of mtlearn"):
        load(path)
    for again in (
        load(path, custom_objects=CUSTOM),
        pickle.loads(pickle.dumps(fitted[kind])),
    ):
        assert_array_equal(again.predict(X), fitted[kind].predict(X))
    folder = tmp_path / "checkpoints"
    whole = make(kind, checkpoint_dir=folder).fit(X, y)
    assert_array_equal(whole.predict(X), make(kind).fit(X, y).predict(X))


@by_kind
def test_temperatures(kind, tmp_path):
    X, y = data(kind)
    scaled = TemperatureScaled(make(kind), random_state=0).fit(X, y)
    task = SAMPLES[kind]
    assert ("own" in scaled.temperatures_) == task.is_calibrated
    inner = scaled.estimator_
    outputs = inner._outputs(X)[0]
    if task.is_calibrated:
        found = scaled.temperatures_["own"]
        outputs = inner.tasks_["own"].calibrated(outputs, found)
    assert_array_equal(scaled._outputs(X)[0], outputs)
    save(scaled, tmp_path / "scaled.mtl")
    again = load(tmp_path / "scaled.mtl", custom_objects=CUSTOM)
    assert_array_equal(again._outputs(X)[0], outputs)


def doubled(x, generator):
    return 2 * x


@by_kind
def test_means_over_changes(kind, tmp_path):
    X, y = data(kind)
    frozen = FrozenEstimator(make(kind).fit(X, y))
    outer = TestTimeAugmented(frozen, 2, augmentation=doubled).fit(X, y)
    inner = frozen.estimator
    pairs = zip(inner._outputs(X), inner._outputs(2 * X), strict=True)
    outputs = [(one + other) / 2 for one, other in pairs]
    for found, expected in zip(outer._outputs(X), outputs, strict=True):
        assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    tasks = inner.tasks_.labelled
    labels = [task.decode(each) for task, each in zip(tasks, outputs, strict=True)]
    for found, expected in zip(outer._outputs(X, decode=True), labels, strict=True):
        if found.dtype.kind == "f":
            assert_allclose(found, expected, rtol=1e-6)
        else:
            assert_array_equal(found, expected)
    assert type(outer.predict(X)) is type(inner.predict(X))
    assert outer.predict(X).shape == inner.predict(X).shape
    save(outer, tmp_path / "outer.mtl")
    custom = {**CUSTOM, "doubled": doubled}
    again = load(tmp_path / "outer.mtl", custom_objects=custom)
    assert_array_equal(again._outputs(X)[0], outer._outputs(X)[0])


@by_kind
def test_onnx_gives_the_same(kind, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    X, y = data(kind)
    X = X.astype(np.float32)
    scaled = TemperatureScaled(make(kind), random_state=0).fit(X, y)
    path = tmp_path / "model.onnx"
    to_onnx(scaled, path)
    session = runtime.InferenceSession(path)
    found = session.run(None, {"X": X})
    expected = [*scaled._outputs(X), scaled.reconstruct(X)]
    for ours, theirs in zip(expected, found, strict=True):
        assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    described = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert [each["kind"] for each in json.loads(described["tasks"])] == [
        kind,
        "regression",
        "reconstruction",
    ]
