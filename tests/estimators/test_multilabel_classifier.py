"""One task of several labels, as scikit-learn's functions see it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    f1_score,
    get_scorer,
    multilabel_confusion_matrix,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags

from mtlearn import Classification, MultiLabel, Tasks
from tiny_problems import table_estimator


def problem(n_labels=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    noise = 0.5 * rng.normal(size=(120, n_labels))
    return X, (X[:, :n_labels] + noise > [0, 0.6, 0.3][:n_labels]).astype(int)


@pytest.fixture(scope="module")
def fitted():
    X, y = problem()
    return table_estimator(MultiLabel(), max_epochs=60).fit(X, y), X, y


def by_hand(true, found):
    """Count, by label, what is rightly found, invented and missed."""
    right = [sum(t and f for t, f in zip(*each, strict=True)) for each in
             zip(true.T, found.T, strict=True)]  # fmt: skip
    return np.array(right), found.sum(axis=0) - right, true.sum(axis=0) - right


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_it_looks_like_a_classifier_of_scikit_learn(fitted):
    estimator, X, y = fitted
    other = MLPClassifier((4,), max_iter=50, random_state=0).fit(X, y)
    assert is_classifier(estimator)
    assert get_tags(estimator).classifier_tags == get_tags(other).classifier_tags
    assert_array_equal(estimator.classes_, other.classes_)
    for method in ("predict", "predict_proba"):
        found, expected = getattr(estimator, method)(X), getattr(other, method)(X)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
    assert np.abs(estimator.predict_proba(X).sum(axis=1) - 1).max() > 0.1


def test_figures_of_scikit_learn_take_it(fitted):
    estimator, X, y = fitted
    found, chances = estimator.predict(X), estimator.predict_proba(X)
    right, invented, missed = by_hand(y, found)
    each = 2 * right / (2 * right + invented + missed)
    assert f1_score(y, found, average="macro") == pytest.approx(each.mean())
    assert f1_score(y, found, average="micro") == pytest.approx(
        2 * right.sum() / (2 * right + invented + missed).sum()
    )
    weighted = np.average(each, weights=y.sum(axis=0))
    assert f1_score(y, found, average="weighted") == pytest.approx(weighted)
    assert estimator.score(X, y) == pytest.approx(each.mean())
    matrices = multilabel_confusion_matrix(y, found)
    right_not = len(y) - right - invented - missed
    expected = np.stack([right_not, invented, missed, right], axis=1).reshape(-1, 2, 2)
    assert_array_equal(matrices, expected)
    # The chance that a row with the label is ranked above one without.
    columns = zip(y.T, chances.T, strict=True)
    pairs = [np.mean(p[t == 1][:, None] > p[t == 0]) for t, p in columns]
    assert roc_auc_score(y, chances) == pytest.approx(np.mean(pairs))
    assert min(pairs) > 0.8
    assert average_precision_score(y, chances) > y.mean() + 0.2


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "f1_macro"])
def test_scorers_by_name_take_it(fitted, scoring):
    estimator, X, y = fitted
    figure = {
        "roc_auc": lambda: roc_auc_score(y, estimator.predict_proba(X)),
        "average_precision": lambda: average_precision_score(
            y, estimator.predict_proba(X)
        ),
        "f1_macro": lambda: f1_score(y, estimator.predict(X), average="macro"),
    }[scoring]
    for each in (estimator, estimator.task("task_0")):
        assert get_scorer(scoring)(each, X, y) == pytest.approx(figure())


def test_cross_validation_and_searches(fitted):
    estimator, X, y = fitted
    folds = KFold(3)
    chances = cross_val_predict(estimator, X, y, cv=folds, method="predict_proba")
    assert chances.shape == y.shape
    assert roc_auc_score(y, chances) > 0.75
    train, test = next(folds.split(X))
    fold = table_estimator(MultiLabel(), max_epochs=60).fit(X[train], y[train])
    assert_allclose(chances[test], fold.predict_proba(X[test]))
    scores = cross_val_score(estimator, X, y, cv=folds, scoring="f1_macro")
    expected = f1_score(y[test], fold.predict(X[test]), average="macro")
    assert scores[0] == pytest.approx(expected)
    grid = {"tasks__thresholds": [None, 1e-12]}
    search = GridSearchCV(estimator, grid, scoring="f1_macro", cv=folds).fit(X, y)
    # Where any chance is enough, every label is found in every row.
    worst = [np.mean([2 * m / (1 + m) for m in y[t].mean(axis=0)])
             for _, t in folds.split(X)]  # fmt: skip
    assert search.best_params_["tasks__thresholds"] is None
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(np.mean(worst))


@pytest.mark.parametrize("sets", [False, True])
def test_a_view_of_one_task_among_others(sets):
    X, y = problem()
    kind = (X[:, 3] > 0).astype(int)
    names = np.array(["sun", "sea", "sky"])
    frame = pd.DataFrame({"kind": kind})
    if sets:
        frame["tags"] = [set(names[row > 0]) for row in y]
    else:
        frame[list(names)] = y
    tags = MultiLabel(None if sets else names.tolist())
    tasks = Tasks(kind=Classification(), tags=tags)
    estimator = table_estimator(tasks, max_epochs=40).fit(X, frame)
    view = estimator.task("tags")
    order = view.classes_
    assert order.tolist() == (sorted(names) if sets else names.tolist())
    truth = y[:, [names.tolist().index(name) for name in order]]
    assert is_classifier(view)
    assert get_tags(view).classifier_tags.multi_label
    assert_array_equal(view.predict_proba(X), estimator.predict_proba(X)[1])
    assert_array_equal(view.predict(X), view.predict_proba(X) > 0.5)
    own = frame["tags"] if sets else frame[list(names)]
    expected = f1_score(truth, view.predict(X), average="macro")
    assert view.score(X, own) == pytest.approx(expected)
    assert get_scorer("f1_macro")(view, X, truth) == pytest.approx(expected)
    chances = view.predict_proba(X).ravel()
    display = PrecisionRecallDisplay.from_predictions(truth.ravel(), chances)
    micro = average_precision_score(truth, view.predict_proba(X), average="micro")
    assert display.average_precision == pytest.approx(micro)


def test_two_labels_are_not_two_classes():
    X, y = problem(2)
    estimator = table_estimator(MultiLabel(), max_epochs=30).fit(X, y)
    assert estimator.predict_proba(X).shape == (120, 2)
    assert roc_auc_score(y, estimator.predict_proba(X)) > 0.8
    column = table_estimator(MultiLabel(), max_epochs=30).fit(X, y[:, 0])
    assert_allclose(column.predict_proba(X).sum(axis=1), 1)
    assert roc_auc_score(y[:, 0], column.predict_proba(X)[:, 1]) > 0.8
    assert get_scorer("roc_auc")(column, X, y[:, 0]) > 0.8
