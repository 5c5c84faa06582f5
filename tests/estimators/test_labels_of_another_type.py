"""Labels that cannot be those of a task are refused wherever they are scored."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold, cross_val_score

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import CalibrationDisplay, ConfusionDisplay
from mtlearn.metrics import (
    ensemble_report,
    task_report,
    task_scorers,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
KIND = (X[:, 0] > 0).astype(int)
SIZE = X[:, 1]
NUMBERS = pd.DataFrame({"kind": KIND, "size": SIZE})
TEXT = NUMBERS.assign(kind=KIND.astype(str))
NAMED = "Task 'kind' has classes that are "


def fitted(y, classes=None):
    tasks = Tasks(kind=Classification(classes), size=Regression())
    return MultiTaskEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)


def scorers_of(tasks):
    """Score as `cross_validate` does."""
    return lambda e, X, y: task_scorers(tasks)["kind_accuracy"](e, X, y)


WAYS = {
    "score": lambda e, X, y: e.score(X, y),
    "view": lambda e, X, y: e.task("kind").score(X, y["kind"]),
    "view of a frame": lambda e, X, y: e.task("kind").score(X, y),
    "fitted scorer": lambda e, X, y: scorers_of(e.tasks_)(e, X, y),
    "scorer": scorers_of(Tasks(kind=Classification(), size=Regression())),
    "mean scorer": lambda e, X, y: task_scorers(e.tasks_)["mean_score"](e, X, y),
    "report": task_report,
    "confusion": ConfusionDisplay.from_estimator,
    "calibration display": CalibrationDisplay.from_estimator,
    "temperature": lambda e, X, y: TemperatureScaled(FrozenEstimator(e)).fit(X, y),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize(
    ("known", "scored", "message"),
    [
        (NUMBERS, TEXT, "numbers, such as [01]; its labels in y are text, such as '"),
        (TEXT, NUMBERS, "text, such as '[01]'; its labels in y are numbers, such as"),
        (NUMBERS, NUMBERS.assign(kind=SIZE), "whole numbers, .* y are real values,"),
    ],
    ids=["text", "numbers", "real"],
)
def test_labels_of_another_type(way, known, scored, message):
    estimator = fitted(known)
    with pytest.raises(InvalidDataError, match=re.escape(NAMED) + message):
        way(estimator, X, scored)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_label_that_is_unknown_counts_as_wrong(way):
    way(fitted(NUMBERS), X, NUMBERS.assign(kind=np.where(KIND == 1, 7, KIND)))
    way(fitted(NUMBERS), X, NUMBERS.assign(kind=KIND * 1.0 + (np.arange(40) < 9) / 2))


def test_a_frame_of_another_column_is_not_the_labels_of_a_task():
    view = fitted(NUMBERS).task("kind")
    assert view.score(X, NUMBERS[["kind"]]) == view.score(X, KIND)
    with pytest.raises(InvalidDataError, match="y has no column 'kind'"):
        view.score(X, NUMBERS.assign(other=KIND)[["other"]])


def test_text_for_real_values():
    estimator = fitted(NUMBERS)
    for way in (WAYS["score"], WAYS["report"], WAYS["mean scorer"]):
        with pytest.raises(InvalidDataError, match="'size' is a regression and got"):
            way(estimator, X, NUMBERS.assign(size="a"))


def test_an_ensemble():
    tasks = Tasks(kind=Classification(), size=Regression())
    model = MultiTaskEstimator(tasks, max_epochs=1)
    ensemble = SeedEnsemble(model, 2, random_state=0).fit(X, NUMBERS)
    for way in (WAYS["score"], ensemble_report):
        with pytest.raises(InvalidDataError, match=NAMED + "numbers"):
            way(ensemble, X, TEXT)


@pytest.mark.parametrize("way", ["score", "view", "report", "confusion"])
def test_all_labels_are_unknown(way):
    with pytest.warns(UserWarning, match="None of the labels of task 'kind' in y is"):
        WAYS[way](fitted(NUMBERS), X, NUMBERS.assign(kind=KIND + 5))


def test_a_fold_of_a_class_that_the_others_lack():
    y = np.repeat([0, 1, 2], 10)
    model = MultiTaskEstimator(Classification(), max_epochs=1, random_state=0)
    assert cross_val_score(model, X[:30], y, cv=KFold(3)).tolist() == [0, 0, 0]


def test_columns_that_are_swapped():
    y = np.column_stack([KIND, KIND + 10])
    tasks = Tasks(low=Classification(), high=Classification())
    estimator = MultiTaskEstimator(tasks, max_epochs=1).fit(X, y)
    with pytest.warns(UserWarning, match="None of the labels of task") as caught:
        assert estimator.score(X, y[:, ::-1]) == 0
    assert len(caught) == 2


def test_a_column_without_a_label_is_no_other_type():
    estimator = fitted(TEXT)
    y = NUMBERS.assign(kind=np.nan)
    predicted = estimator.predict(X)["size"]
    expected = 1 - np.mean((predicted - SIZE) ** 2) / SIZE.var()
    assert estimator.score(X, y) == pytest.approx(expected)
    assert fitted(NUMBERS, [0, 1]).score(X, NUMBERS.assign(kind=KIND == 1)) <= 1
