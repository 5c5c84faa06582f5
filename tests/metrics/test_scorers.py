"""task_scorers: each figure against scikit-learn's own, on the masked columns."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from mixed_targets import CONTAINERS, hold, make_estimator, make_tasks
from sklearn.base import BaseEstimator
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    root_mean_squared_error,
)

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    UnknownTaskError,
)
from mtlearn.metrics import task_scorers
from mtlearn.tasks._read import RawTargets

MACRO = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


class Fixed(BaseEstimator):
    """Stands for a fitted estimator that predicts what it is told."""

    def __init__(self, predicted):
        self.predicted = predicted

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.predicted


def score(scorer, y_true, y_pred, sample_weight=None):
    return scorer(Fixed(y_pred), None, y_true, sample_weight=sample_weight)


@pytest.fixture
def predicted(y):
    rng = np.random.default_rng(2)
    return np.column_stack(
        [rng.integers(3, size=60), rng.normal(size=60), rng.integers(2, size=60)]
    )


def independent(y, predicted, weight):
    """Compute the figures with scikit-learn, task by task, weights in three columns."""
    by_name = {}
    for i, task in enumerate(["digit", "shade", "item"]):
        there = ~np.isnan(y[:, i])
        args = y[there, i], predicted[there, i]
        named = {"sample_weight": weight[there, i]}
        if task == "shade":
            by_name["shade_r2"] = r2_score(*args, **named)
            by_name["shade_mae"] = -mean_absolute_error(*args, **named)
            by_name["shade_rmse"] = -root_mean_squared_error(*args, **named)
        else:
            by_name[f"{task}_accuracy"] = accuracy_score(*args, **named)
            by_name[f"{task}_balanced_accuracy"] = balanced_accuracy_score(
                *args, **named
            )
            for name, figure in MACRO.items():
                named |= {"average": "macro", "zero_division": 0}
                by_name[f"{task}_{name}_macro"] = figure(*args, **named)
    by_name["mean_score"] = np.mean(
        [by_name[name] for name in ("digit_accuracy", "shade_r2", "item_accuracy")]
    )
    return by_name


@pytest.mark.parametrize("weighted", ["no", "rows", "labels"])
def test_figures_are_those_of_scikit_learn(tasks, y, predicted, weighted):
    weights = np.random.default_rng(3).uniform(0.5, 2, size=(60, 3))
    given = {"no": None, "rows": weights[:, 0], "labels": weights}[weighted]
    full = {"no": np.ones((60, 3)), "rows": weights[:, [0, 0, 0]], "labels": weights}

    scored = {
        name: score(scorer, y, predicted, given)
        for name, scorer in task_scorers(tasks).items()
    }

    assert scored == pytest.approx(independent(y, predicted, full[weighted]))


def test_zero_weight_equals_absence(tasks, y, predicted):
    weights = np.ones((60, 3))
    weights[10:20, 0] = 0
    dropped = y.copy()
    dropped[10:20, 0] = np.nan
    for scorer in task_scorers(tasks).values():
        assert score(scorer, y, predicted, weights) == score(scorer, dropped, predicted)


@pytest.mark.parametrize("container", CONTAINERS)
def test_scores_are_those_of_the_estimator(X, y, container):
    tasks, held_y = make_tasks(container), hold(y, container)
    estimator = make_estimator(tasks).fit(X, held_y)
    scorers = task_scorers(estimator.tasks_)
    each = ["digit_accuracy", "shade_r2", "item_accuracy"]

    mean = scorers["mean_score"](estimator, X, held_y)

    assert mean == pytest.approx(estimator.score(X, held_y))
    assert mean == pytest.approx(
        np.mean([scorers[name](estimator, X, held_y) for name in each])
    )


def test_columns_are_found_where_predictions_have_fewer(X, y):
    wide = np.column_stack([np.full(60, 7.0), y[:, 1], np.zeros(60), y[:, 0]])
    tasks = Tasks(digit=Classification(3, column=3), shade=Regression(column=1))
    estimator = make_estimator(tasks).fit(X, wide)
    predicted = estimator.predict(X)
    there = ~np.isnan(y)

    scorers = task_scorers(tasks)

    assert predicted.shape == (60, 2)
    assert scorers["digit_accuracy"](estimator, X, wide) == pytest.approx(
        accuracy_score(y[there[:, 0], 0], predicted[there[:, 0], 1])
    )
    assert scorers["shade_r2"](estimator, X, wide) == pytest.approx(
        r2_score(y[there[:, 1], 1], predicted[there[:, 1], 0])
    )


def test_a_frame_is_read_by_name(tasks, y, predicted):
    frame = pd.DataFrame(y, columns=["digit", "shade", "item"])
    turned = pd.DataFrame(predicted, columns=frame.columns)[["item", "digit", "shade"]]
    for scorer in task_scorers(tasks).values():
        assert score(scorer, frame, turned) == score(scorer, y, predicted)


@pytest.mark.parametrize("known", [[0, 1], ["no", "yes"]])
def test_an_unknown_label_counts_as_wrong(known):
    scorers = task_scorers(Tasks(digit=Classification(known)))
    y_true = np.array([known[0], known[1], "other", "other"], dtype=object)
    if known == [0, 1]:
        y_true = np.array([0, 1, 5, 5])
    predicted = np.array([known[0], known[1], known[0], known[1]])

    assert score(scorers["digit_accuracy"], y_true, predicted) == 0.5
    assert score(scorers["digit_balanced_accuracy"], y_true, predicted) == (
        pytest.approx(2 / 3)
    )


def test_a_name_that_is_no_scorer():
    scorers = task_scorers(Tasks(digit=Classification(2)))
    message = r"There is no scorer 'digit_acc'\. The scorers are: digit_accuracy, "
    with pytest.raises(UnknownTaskError, match=message):
        scorers["digit_acc"]
    with pytest.raises(KeyError):
        scorers["digit_acc"]
    assert scorers.get("digit_acc") is None
    assert pickle.loads(pickle.dumps(scorers)).keys() == scorers.keys()


def test_many_classes_in_few_rows_do_not_warn():
    scorers = task_scorers(Tasks(digit=Classification(100)))
    y_true = np.arange(40)
    # Warnings are errors here; scikit-learn's own figures would raise some.
    assert score(scorers["digit_f1_macro"], y_true, y_true[::-1]) == 0
    assert score(scorers["digit_balanced_accuracy"], y_true, y_true + 1) == 0


def test_a_task_without_a_label_is_nan(tasks, y, predicted):
    scorers = task_scorers(tasks)
    y[:, 0] = np.nan

    with pytest.warns(UndefinedMetricWarning, match="Task 'digit' has no label"):
        missing = score(scorers["digit_f1_macro"], y, predicted)

    assert np.isnan(missing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        others = [scorers[name] for name in ("shade_r2", "item_accuracy")]
        mean = np.mean([score(scorer, y, predicted) for scorer in others])
        assert score(scorers["mean_score"], y, predicted) == pytest.approx(mean)


def test_no_label_at_all_is_nan(tasks, predicted):
    scorer = task_scorers(tasks)["mean_score"]
    with pytest.warns(UndefinedMetricWarning, match="y has no label among"):
        assert np.isnan(score(scorer, np.full((60, 3), np.nan), predicted))


def test_one_dimensional_y_and_a_column_of_it():
    scorer = task_scorers(Tasks(digit=Classification(3)))["digit_accuracy"]
    y_true, predicted = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])
    assert score(scorer, y_true, predicted) == 0.75
    assert score(scorer, y_true[:, np.newaxis], predicted) == 0.75
    assert score(scorer, pd.Series(y_true, name="any"), predicted) == 0.75


def test_scorers_pickle_print_and_keep_their_own_tasks(tasks, y, predicted):
    scorers = task_scorers(tasks)
    before = score(scorers["digit_accuracy"], y, predicted)
    copy = pickle.loads(pickle.dumps(scorers))
    tasks.set_params(digit=Regression())

    assert score(copy["digit_accuracy"], y, predicted) == before
    assert score(scorers["digit_accuracy"], y, predicted) == before
    assert "digit_accuracy" in repr(scorers["digit_accuracy"])
    assert "mean_score" in repr(scorers["mean_score"])


@pytest.mark.parametrize("given", [None, Classification(3), "digit"])
def test_only_named_tasks_will_do(given):
    with pytest.raises(TypeError, match=r"task_scorers must be Tasks\(\.\.\.\)"):
        task_scorers(given)


def test_scorers_of_one_name_are_an_error():
    tasks = Tasks(x=Classification(2), x_balanced=Classification(2))
    with pytest.raises(InvalidParameterError, match="named 'x_balanced_accuracy'"):
        task_scorers(tasks)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p[:, :2], "2 columns for 3 tasks"),
        (lambda p: p[:50], "inconsistent numbers of samples"),
        (lambda p: pd.DataFrame(p), "both be DataFrames, or neither"),
        (lambda p: np.where(p == p[7, 1], np.nan, p), "Row 7 .* task 'shade'"),
    ],
)
def test_predictions_that_do_not_fit(tasks, y, predicted, spoil, message):
    scorer = task_scorers(tasks)["shade_r2"]
    with pytest.raises(ValueError, match=message):
        score(scorer, y, spoil(predicted))


def test_a_scorer_hashes_alike_after_use(tasks, y, predicted):
    scorer = task_scorers(tasks)["shade_r2"]
    before = joblib.hash(scorer)
    score(scorer, y, predicted)
    assert joblib.hash(scorer) == before == joblib.hash(task_scorers(tasks)["shade_r2"])
    assert joblib.hash(task_scorers(tasks)["shade_mae"]) != before


@pytest.mark.parametrize("framed", [False, True])
def test_a_scorer_reads_its_own_column_alone(monkeypatch, framed):
    read, take = [], RawTargets.column
    monkeypatch.setattr(
        RawTargets, "column", lambda self, i: read.append(i) or take(self, i)
    )
    names = [f"t{i}" for i in range(7)]
    y = np.random.default_rng(0).integers(3, size=(40, 7))
    held = pd.DataFrame(y, columns=names) if framed else y
    scorers = task_scorers(Tasks(**{name: Classification(3) for name in names}))
    weight = np.linspace(0, 1, 40)
    for number, name in enumerate(names):
        for given in (None, weight):
            read.clear()
            assert score(scorers[f"{name}_f1_macro"], held, held, given) == 1
            assert read == [number, number]  # true and predicted
    read.clear()
    assert score(scorers["mean_score"], held, held) == 1
    assert sorted(read) == sorted([*range(7), *range(7)])


def test_scorers_of_one_table_of_columns_read_another(tasks, y, predicted):
    scorer = task_scorers(tasks)["shade_r2"]
    orders = ["digit", "shade", "item"], ["item", "digit", "shade"]
    frame = pd.DataFrame(y, columns=orders[0])
    found = pd.DataFrame(predicted, columns=orders[0])
    values = [score(scorer, frame[order], found) for order in (*orders, orders[0])]
    assert values[0] == values[1] == values[2] == score(scorer, y, predicted)


def test_a_frame_without_the_column(tasks, y, predicted):
    frame = pd.DataFrame(y, columns=["digit", "shade", "item"])
    short = pd.DataFrame(predicted, columns=["digit", "shade", "other"])
    with pytest.raises(InvalidDataError, match="no column 'item'"):
        score(task_scorers(tasks)["digit_accuracy"], frame, short)
