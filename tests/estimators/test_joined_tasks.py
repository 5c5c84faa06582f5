"""Tasks with data of their own are learned, split and predicted as one y with holes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.data import join_tasks
from mtlearn.metrics import task_scorers
from mtlearn.model_selection import (
    MultiTaskStratifiedKFold,
    cross_val_predict,
    multitask_train_test_split,
)
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    image_tasks,
    make_images,
    make_table,
    table_estimator,
)

IMAGES, Y = make_images(30)
PARTS = {"kind": (IMAGES[:20], Y[:20, 0]), "size": (IMAGES[20:], Y[20:, 1])}
HOLES = Y.copy()
HOLES[20:, 0] = HOLES[:20, 1] = np.nan


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "validation_fraction": 0.3, "sampler": "tasks"},
        {"augmentation": "light", "mixing": "mixup"},
    ],
    ids=str,
)
def test_the_bits_of_one_array_with_holes(params, tmp_path):
    X, y = join_tasks(PARTS)
    expected = image_estimator(**params).fit(IMAGES, HOLES)
    if "sampler" in params:
        params = params | {"checkpoint_dir": tmp_path}
    estimator = image_estimator(**params).fit(X, y)
    assert_same_bits(expected, estimator)
    for name in ("predict", "embed"):
        found = getattr(estimator, name)(X)
        np.testing.assert_array_equal(found, getattr(expected, name)(IMAGES))
    assert estimator.score(X, y) == expected.score(IMAGES, HOLES)


def test_splits_and_searches():
    X, y = join_tasks(PARTS)
    cv = MultiTaskStratifiedKFold(2, tasks=image_tasks(), random_state=0)
    search = GridSearchCV(
        image_estimator(max_epochs=1),
        {"lr": [0.01]},
        cv=cv,
        scoring=task_scorers(image_tasks()),
        refit="size_r2",
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_kind_accuracy"]).all()
    assert np.isfinite(search.cv_results_["mean_test_size_r2"]).all()
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=0
    )
    assert np.isfinite(y_test["kind"]).sum() in (7, 8, 9)
    assert np.isfinite(y_test["size"]).sum() == 12 - np.isfinite(y_test["kind"]).sum()
    estimator = image_estimator().fit(X_train, y_train)
    assert estimator.predict(X_test).shape == (12, 2)
    once = image_estimator(max_epochs=1)
    found = cross_val_predict(once, X, y, cv=cv)
    expected = cross_val_predict(once, IMAGES, HOLES, cv=cv)
    np.testing.assert_array_equal(found, expected)


def test_frames_of_two_sources_through_a_pipeline():
    X, labels = make_table(40)
    X = pd.DataFrame(X, columns=list("abcd"))
    words = pd.DataFrame(
        {"kind": np.array(["x", "y", "z"])[labels[:25, 0].astype(int)]}
    )
    parts = {
        "first": (X[:25], words),
        "size": (X[25:], labels[25:, 1], np.full(15, 2.0)),
    }
    joined, y, weight = join_tasks(parts)
    tasks = Tasks(
        size=Regression(), kind=Classification(["x", "y", "z"])
    )  # by name, not by place
    model = make_pipeline(StandardScaler(), table_estimator(tasks))
    model.fit(joined, y, multitaskestimator__sample_weight=weight)
    found = model.predict(joined)
    assert set(found["kind"]) <= {"x", "y", "z"}
    assert found["size"].notna().all()


@pytest.mark.parametrize("sampler", ["tasks", None])
def test_a_small_part_is_drawn_as_often_as_a_large_one(sampler):
    X, labels = make_table(60)
    X[:, 0] = np.arange(60)
    y = SliceDict(kind=labels[:, 0].copy(), size=labels[:, 1].copy())
    y["kind"][50:], y["size"][:50] = np.nan, np.nan
    estimator = table_estimator(sampler=sampler, max_epochs=2).fit(X, y)
    if sampler is None:
        assert estimator.sampling_ is None
        return
    told = estimator.sampling_
    assert told["labelled"] == pytest.approx({"kind": 0.5, "size": 0.5})
    # 60² / (50 · 0.6² + 10 · 3²)
    assert told["effective_rows"] == pytest.approx(3600 / 108)
