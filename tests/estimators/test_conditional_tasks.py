"""A task that is asked where another has a label: fits, figures, predictions."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, cross_validate

from mtlearn import Classification, Regression, SeedEnsemble, Tasks, load, save
from mtlearn.inspection import compare_methods, sharing_report
from mtlearn.metrics import task_report, task_scorers
from tiny_problems import assert_same_bits, make_table, table_estimator

X, LABELS = make_table(80)
SICK = (X[:, 0] > 0).astype(float)
# Whatever stands in rows of no interest: a class that there is none of.
STAGE = np.where(SICK == 1, X[:, 1] > 0, 7.0)
Y = np.column_stack([SICK, STAGE, LABELS[:, 1]])
HOLES = np.where(np.column_stack([SICK >= 0, SICK == 1, STAGE == 1]), Y, np.nan)


def make(first=None, second=None, **params):
    tasks = Tasks(
        sick=Classification(2),
        stage=Classification(2, when=first),
        size=Regression(when=second),
    )
    return table_estimator(tasks, **{"max_epochs": 12, **params})


def conditional(**params):
    return make(("sick", 1), "stage == 1", **params)


@pytest.fixture(scope="module")
def pair():
    """Return an estimator with conditions, and one fitted on labels with holes."""
    return conditional().fit(X, Y), make().fit(X, HOLES)


@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True, "sampler": "tasks"}, {"mixing": "mixup"}],
    ids=str,
)
def test_a_fit_has_the_bits_of_one_on_missing_labels(params):
    params = params | {"max_epochs": 4}
    first, second = conditional(**params).fit(X, Y), make(**params).fit(X, HOLES)
    assert_same_bits(first, second)
    for one, other in zip(first.history_, second.history_, strict=True):
        same = {key: value for key, value in other.items() if key != "seconds"}
        assert {key: one[key] for key in same} == pytest.approx(same, nan_ok=True)


def test_predictions_are_missing_where_the_other_is_predicted_otherwise(pair):
    first, second = pair
    plain, found = second.predict(X), first.predict(X)
    sick, late = plain[:, 0] == 1, plain[:, 1] == 1
    expected = plain.copy()
    expected[~sick, 1] = np.nan
    expected[~(sick & late), 2] = np.nan
    assert 0 < (sick & late).sum() < sick.sum() < len(X)
    np.testing.assert_array_equal(found, expected)
    for one, other in zip(first.predict_proba(X), second.predict_proba(X), strict=True):
        np.testing.assert_array_equal(one, other)
    view = first.task("stage")
    np.testing.assert_array_equal(view.predict(X), plain[:, 1])
    rows = SICK == 1
    assert view.score(X[rows], STAGE[rows]) == second.task("stage").score(
        X, HOLES[:, 1]
    )


def test_figures_are_of_the_rows_in_which_the_true_label_is_so(pair):
    first, second = pair
    plain, rows, late = second.predict(X), SICK == 1, STAGE == 1
    stage = accuracy_score(STAGE[rows], plain[rows, 1])
    size = r2_score(Y[late, 2], plain[late, 2])
    expected = np.mean([accuracy_score(SICK, plain[:, 0]), stage, size])
    assert first.score(X, Y) == pytest.approx(expected)
    assert first.score(X, Y) == second.score(X, HOLES)
    scorers = task_scorers(first.tasks)
    assert scorers["stage_accuracy"](first, X, Y) == pytest.approx(stage)
    assert scorers["size_r2"](first, X, Y) == pytest.approx(size)
    assert scorers["mean_score"](first, X, Y) == pytest.approx(expected)
    error = np.abs(Y[late, 2] - plain[late, 2]).mean()
    assert scorers["size_mae"](first, X, Y) == pytest.approx(-error)
    weight = np.linspace(0.1, 2, len(X))
    weighted = accuracy_score(STAGE[rows], plain[rows, 1], sample_weight=weight[rows])
    found = scorers["stage_accuracy"](first, X, Y, sample_weight=weight)
    assert found == pytest.approx(weighted)
    report = task_report(first, X, Y).rows
    assert report == task_report(second, X, HOLES).rows
    # Rows that are taken for healthy count too.
    assert (plain[rows, 0] == 0).any()


def test_tools():
    cv = KFold(2)
    scorers, plain = (task_scorers(each.tasks) for each in (conditional(), make()))
    found = cross_validate(conditional(), X, Y, cv=cv, scoring=scorers)
    expected = cross_validate(make(), X, HOLES, cv=cv, scoring=plain)
    for name in scorers:
        np.testing.assert_allclose(found[f"test_{name}"], expected[f"test_{name}"])


def test_networks_for_one_task_learn_from_the_same_rows():
    params = {"cv": KFold(2), "random_state": 0}
    first, second = conditional(max_epochs=2), make(max_epochs=2)
    one = sharing_report(first, X, Y, **params)
    other = sharing_report(second, X, HOLES, **params)
    assert one.folds == other.folds
    faster = {"fast": {"lr": 0.1}}
    one = compare_methods(first, X, Y, faster, **params)
    other = compare_methods(second, X, HOLES, faster, **params)
    assert [row["value"] for row in one.rows] == [row["value"] for row in other.rows]


def test_files_pickles_ensembles_and_parts(pair, tmp_path):
    first, _ = pair
    expected = first.predict(X)
    save(first, tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(again.predict(X), expected)
    ensemble = SeedEnsemble(conditional(max_epochs=2), 2, random_state=0).fit(X, Y)
    found = ensemble.predict(X)
    np.testing.assert_array_equal(np.isnan(found[:, 1]), found[:, 0] == 0)
    parts = [conditional(batch_size=20), make(batch_size=20)]
    for rows in (slice(0, 50), slice(50, None)):
        parts[0].partial_fit(X[rows], Y[rows])
        parts[1].partial_fit(X[rows], HOLES[rows])
    assert_same_bits(*parts)
