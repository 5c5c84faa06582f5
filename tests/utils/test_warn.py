"""Warnings name the line of the user's, however deep inside they begin."""

import numpy as np
import pytest
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.metrics import task_report
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_problems import image_estimator, make_table, table_estimator

X, Y = make_table()
WHOLE = np.round(5 * X[:, 0])
TALL = np.ones((8, 3, 20, 20))


def inferring():
    return MultiTaskEstimator(max_epochs=1, n_threads=1)


def fit_without_validation_labels():
    y = np.column_stack([X[:, 0], X[:, 1]])
    y_val = y[:5].copy()
    y_val[:, 1] = np.nan
    tasks = Tasks(a=Regression(), b=Regression())
    table_estimator(tasks).fit(X, y, X_val=X[:5], y_val=y_val)


DOUBT = "Floating-point numbers that are all whole"
CALLS = {
    "fit": (DOUBT, lambda: inferring().fit(X, WHOLE)),
    "partial_fit": (DOUBT, lambda: inferring().partial_fit(X, WHOLE)),
    "Pipeline": (
        DOUBT,
        lambda: make_pipeline(StandardScaler(), inferring()).fit(X, WHOLE),
    ),
    "cross_validate": (DOUBT, lambda: cross_validate(inferring(), X, WHOLE, cv=2)),
    "validation rows": ("No validation row has", fit_without_validation_labels),
    "far": (
        "Rows of X_val lie far",
        lambda: table_estimator().fit(X, Y, X_val=1e3 * X, y_val=Y),
    ),
    "images": (
        "channels first",
        lambda: image_estimator(Regression()).fit(TALL, X[:8, 0]),
    ),
    "scaler": ("channels first", lambda: GlobalMaxScaler().fit(TALL)),
    "splitter": (
        "has only 2 members",
        lambda: list(MultiTaskStratifiedKFold(3).split(X, np.arange(40) < 2)),
    ),
}


@pytest.mark.parametrize(("message", "call"), CALLS.values(), ids=CALLS)
def test_the_line_is_the_user_s(message, call):
    with pytest.warns(UserWarning, match=message) as caught:
        call()
    assert {warning.filename for warning in caught} == {__file__}


def test_a_score_of_unknown_labels():
    estimator = table_estimator(Classification(2)).fit(X, np.arange(40) % 2)
    with pytest.warns(UserWarning, match="None of the labels") as caught:
        task_report(estimator, X, np.arange(40) % 2 + 5)
    assert {warning.filename for warning in caught} == {__file__}
