"""Embeddings: scikit-learn's coordinates of the shared features, coloured by tasks."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mtlearn import (
    Classification,
    OpenSetClassifier,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import EmbeddingDisplay
from mtlearn.networks import MLP
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def problem():
    """Return three separate clouds, a frame of labels, and a fitted estimator."""
    X, _ = make_table(90)
    kind = np.arange(90) % 3
    X[:, 0] += 8 * kind
    words = np.array(["low", "middle", "high"], dtype=object)[kind]
    y = pd.DataFrame({"kind": words, "size": X[:, 1]})
    y.loc[:6, "kind"] = None
    y.loc[80:, "size"] = np.nan
    tasks = Tasks(size=Regression(), kind=Classification())
    return X, y, table_estimator(tasks, max_epochs=20).fit(X, y)


def test_pca_is_that_of_scikit_learn(problem):
    X, y, estimator = problem
    display = EmbeddingDisplay.from_estimator(estimator, X, y, method="pca")
    expected = PCA(2).fit_transform(estimator.embed(X).astype(float))
    np.testing.assert_allclose(abs(display.coordinates), abs(expected), atol=1e-8)
    frame = display.frame()
    assert frame.columns.tolist() == ["pca0", "pca1", "kind", "size"]
    np.testing.assert_array_equal(frame[["pca0", "pca1"]], display.coordinates)
    np.testing.assert_array_equal(frame["size"], y["size"])
    assert frame["kind"].isna().sum() == 7
    assert frame["kind"][7:].tolist() == y["kind"][7:].tolist()
    assert frame.index.tolist() == list(range(90))


def test_points_of_a_class_lie_together(problem):
    X, y, estimator = problem
    display = EmbeddingDisplay.from_estimator(estimator, X, y, random_state=0)
    known = y["kind"].notna().to_numpy()
    score = silhouette_score(display.coordinates[known], y["kind"][known])
    assert score > 0.5
    assert display.frame().columns[0] == "tsne0"


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_some_rows_and_seeds(problem, method):
    X, y, estimator = problem
    first, again, other = (
        EmbeddingDisplay.from_estimator(
            estimator, X, y, method=method, max_samples=40, random_state=seed
        )
        for seed in (0, 0, 1)
    )
    assert len(np.unique(first.rows)) == len(first.coordinates) == 40
    np.testing.assert_array_equal(first.rows, again.rows)
    np.testing.assert_allclose(first.coordinates, again.coordinates)
    assert not np.array_equal(first.rows, other.rows)
    sizes = y["size"].to_numpy()[first.rows]
    np.testing.assert_array_equal(first.labels["size"], sizes)
    if method == "pca":
        features = estimator.embed(X[first.rows]).astype(float)
        expected = abs(PCA(2).fit_transform(features))
        np.testing.assert_allclose(abs(first.coordinates), expected, atol=1e-8)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_few_rows(problem, n):
    X, y, estimator = problem
    display = EmbeddingDisplay.from_estimator(estimator, X[:n], y[:n], random_state=0)
    assert np.isfinite(display.coordinates).all()
    assert display.coordinates.shape == (n, 2)


def test_a_transformer_as_method(problem):
    X, y, estimator = problem
    tsne = TSNE(perplexity=5, random_state=3, method="exact", max_iter=300)
    display = EmbeddingDisplay.from_estimator(estimator, X, y, method=tsne)
    expected = tsne.fit_transform(estimator.embed(X).astype(float))
    np.testing.assert_allclose(display.coordinates, expected, rtol=1e-4)
    with pytest.raises(InvalidDataError, match=r"n_components=2. PCA.*shape \(90, 3\)"):
        EmbeddingDisplay.from_estimator(estimator, X, y, method=PCA(3))


def test_behind_pipelines_searches_and_temperatures(problem):
    X, y, estimator = problem
    y = y.assign(kind=y["kind"].fillna("low"))
    pipe = Pipeline([("scale", StandardScaler()), ("model", estimator)])
    search = GridSearchCV(TemperatureScaled(pipe), {"random_state": [0]}, cv=2)
    search.fit(X, y.assign(size=X[:, 1]))
    inner = search.best_estimator_.estimator_
    features = inner[-1].embed(inner[:-1].transform(X)).astype(float)
    for outer in (search, inner):
        display = EmbeddingDisplay.from_estimator(outer, X, y, method="pca")
        expected = abs(PCA(2).fit_transform(features))
        np.testing.assert_allclose(abs(display.coordinates), expected, atol=1e-8)


def test_few_classes_have_a_legend_and_values_a_bar(problem):
    X, y, estimator = problem
    display = EmbeddingDisplay.from_estimator(estimator, X, y, method="pca").plot()
    assert list(display.axes_) == ["kind", "size"]
    ax = display.axes_["kind"]
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown == ["high", "low", "middle"]
    missing, *classes = ax.collections
    np.testing.assert_array_equal(missing.get_offsets(), display.coordinates[:7])
    for points, label in zip(classes, shown, strict=True):
        rows = (y["kind"] == label).to_numpy()
        np.testing.assert_array_equal(points.get_offsets(), display.coordinates[rows])
    assert len({tuple(each.get_facecolor()[0]) for each in ax.collections}) == 4
    assert ax.get_title() == "kind (7 without a label)"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("pca0", "pca1")
    ax = display.axes_["size"]
    missing, points = ax.collections
    assert len(missing.get_offsets()) == 10
    np.testing.assert_array_equal(points.get_array(), y["size"][:80])
    assert points.colorbar is not None
    assert ax.get_legend() is None


def test_many_classes_have_their_names_among_the_points():
    rng = np.random.default_rng(0)
    points, classes = rng.normal(size=(320, 2)), np.arange(320) % 32
    labels = {"item": classes.astype(object)}
    display = EmbeddingDisplay(points, labels, np.arange(320), "pca").plot()
    (ax,) = display.axes_.values()
    assert ax.get_legend() is None
    assert [text.get_text() for text in ax.texts] == [str(i) for i in range(32)]
    centre = np.median(points[classes == 5], axis=0)
    np.testing.assert_allclose(ax.texts[5].get_position(), centre)
    colors = {tuple(each.get_facecolor()[0]) for each in ax.collections[1:]}
    assert len(colors) == 32


def test_labels_are_those_of_the_task():
    X, y = make_table(60)
    estimator = table_estimator().fit(X, y)
    y[0, 0] = 9  # never seen
    y[1, 0] = np.nan
    display = EmbeddingDisplay.from_estimator(estimator, X, y, method="pca").plot()
    shown = display.axes_["kind"].get_legend().get_texts()
    assert [text.get_text() for text in shown] == ["9", "0", "1", "2"]
    assert display.labels["kind"][1] is None
    assert display.labels["kind"][2:].tolist() == y[2:, 0].tolist()


def test_tasks_without_a_label(problem):
    X, _, estimator = problem
    nothing = pd.DataFrame({"kind": [None] * 90, "size": [np.nan] * 90})
    display = EmbeddingDisplay.from_estimator(estimator, X, nothing, method="pca")
    display.plot().figure_.canvas.draw()
    for ax in display.axes_.values():
        assert "90 without a label" in ax.get_title()


def test_some_tasks_only_and_what_cannot_be_shown(problem):
    X, y, estimator = problem
    show = EmbeddingDisplay.from_estimator
    assert list(show(estimator, X, y, tasks=["kind"], method="pca").labels) == ["kind"]
    for tasks in (["colour"], []):
        with pytest.raises(InvalidParameterError, match=r"are \['kind', 'size'\]"):
            show(estimator, X, y, tasks=tasks)
    with pytest.raises(InvalidParameterError, match=r"'method'.*of 'tsne', 'pca'"):
        show(estimator, X, y, method="umap")
    for method in (TSNE, None):
        with pytest.raises(ParameterTypeError, match="'tsne', 'pca' or an object"):
            show(estimator, X, y, method=method)
    with pytest.raises(InvalidParameterError, match=r"'max_samples'.*not below 2"):
        show(estimator, X, y, max_samples=1)
    with pytest.raises(InvalidDataError, match="Got 1 rows and 8 features"):
        show(estimator, X[:1], y[:1])
    with pytest.raises(ValueError, match="inconsistent"):
        show(estimator, X[:5], y)
    with pytest.raises(NotFittedError):
        show(table_estimator(), X, y)


def test_an_ensemble_and_a_single_feature(problem):
    X, y, estimator = problem
    ensemble = SeedEnsemble(estimator, 2, random_state=0).fit(X, y)
    with pytest.raises(ParameterTypeError, match=r"SeedEnsemble has its own: pass one"):
        EmbeddingDisplay.from_estimator(ensemble, X, y)
    member = ensemble.estimators_[0]
    EmbeddingDisplay.from_estimator(member, X, y, method="pca")
    narrow = table_estimator(
        Tasks(size=Regression(), kind=Classification()),
        backbone=Partial(MLP, hidden=(1,)),
    ).fit(X, y)
    with pytest.raises(InvalidDataError, match="Got 90 rows and 1 features"):
        EmbeddingDisplay.from_estimator(narrow, X, y)


def test_unknown_samples_are_marked(problem):
    X, y, estimator = problem
    sets = {"near": X[:9] + 0.1, "far": X[:30] - 20}
    made = EmbeddingDisplay.from_estimator
    display = made(estimator, X, y, method="pca", X_unknown=sets)
    every = np.concatenate([X, *sets.values()])
    expected = PCA(2).fit_transform(estimator.embed(every).astype(float))
    np.testing.assert_allclose(abs(display.coordinates), abs(expected), atol=1e-8)
    assert display.rows.tolist() == [*range(90), *range(9), *range(30)]
    assert display.unknown.tolist() == [None] * 90 + ["near"] * 9 + ["far"] * 30
    assert display.labels["kind"][90:].tolist() == [None] * 39
    assert np.isnan(display.labels["size"][90:]).all()
    frame = display.frame()
    assert frame.columns.tolist() == ["pca0", "pca1", "kind", "size", "unknown"]
    assert frame["unknown"].value_counts().to_dict() == {"near": 9, "far": 30}
    for name, ax in display.plot().axes_.items():
        near, far = ax.collections[-2:]
        np.testing.assert_array_equal(near.get_offsets(), display.coordinates[90:99])
        np.testing.assert_array_equal(far.get_offsets(), display.coordinates[99:])
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        classes = ["high", "low", "middle"] if name == "kind" else []
        assert texts == [*classes, "near", "far"]
        n_missing = 7 if name == "kind" else 10
        assert ax.get_title() == f"{name} ({n_missing} without a label)"
        assert len(ax.collections[0].get_offsets()) == n_missing


def test_some_rows_of_each_set_of_unknown_samples(problem):
    X, y, estimator = problem
    display, alone = (
        EmbeddingDisplay.from_estimator(
            estimator,
            X,
            y,
            method="pca",
            max_samples=20,
            random_state=0,
            X_unknown=X_unknown,
        )
        for X_unknown in (-X, None)
    )
    np.testing.assert_array_equal(display.rows[:20], alone.rows)
    assert len(np.unique(display.rows[20:])) == len(display.rows[20:]) == 20
    assert "unknown" not in alone.frame()
    with pytest.raises(InvalidDataError, match="must hold unknown samples"):
        EmbeddingDisplay.from_estimator(estimator, X, y, X_unknown={})
    with pytest.raises(ValueError, match="2 features") as error:
        EmbeddingDisplay.from_estimator(estimator, X, y, X_unknown={"a": X[:, :2]})
    assert error.value.__notes__ == ["These are the unknown samples 'a'."]


def test_rows_that_a_pipeline_makes_dense(problem):
    X, y, estimator = problem
    dense = FunctionTransformer(lambda rows: rows.toarray(), accept_sparse=True)
    whole = Pipeline([("dense", dense), ("estimator", estimator)])
    made, params = EmbeddingDisplay.from_estimator, {"method": "pca", "max_samples": 50}
    found, expected = (
        made(each, of(X), y, random_state=0, X_unknown=of(-X), **params)
        for each, of in ((whole, csr_matrix), (estimator, np.asarray))
    )
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.coordinates, expected.coordinates, atol=1e-6)


def test_crosses_have_a_legend_beside_many_classes():
    X, _ = make_table(60)
    y = np.arange(60) % 12
    estimator = table_estimator(Classification()).fit(X, y)
    display = EmbeddingDisplay.from_estimator(
        estimator, X, y, method="pca", X_unknown=X[:5]
    ).plot()
    ax = display.axes_["task_0"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["unknown"]
    assert len(ax.texts) == 12


def test_samples_labelled_as_unknown_are_marked(problem):
    X, y, estimator = problem
    open_set = OpenSetClassifier(estimator, calibration="prefit", quantile=0.8)
    open_set.fit(X, y)
    y = y.astype(object)
    y.loc[80:84, "kind"], y.loc[85:89, "kind"] = -1, "huge"
    display = EmbeddingDisplay.from_estimator(
        open_set, X, y, method="pca", X_unknown=X[:3]
    )
    assert display.unknown.tolist() == [None] * 80 + ["unknown"] * 13
    assert set(display.labels["kind"][80:]) == {None}
    some = EmbeddingDisplay.from_estimator(
        open_set, X, y, method="pca", max_samples=45, random_state=0
    )
    assert 0 < (some.rows >= 80).sum() < 10
    assert [each == "unknown" for each in some.unknown] == (some.rows >= 80).tolist()
    alone = EmbeddingDisplay.from_estimator(
        open_set, X, y, method="pca", tasks=["size"]
    )
    assert "unknown" not in alone.frame()
