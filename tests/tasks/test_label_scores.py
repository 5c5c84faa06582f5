"""The F1 that histories have of labels, summed up batch by batch."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlearn import MultiLabel
from tiny_problems import table_estimator


@pytest.mark.parametrize("thresholds", [None, [0.2, 0.6, 0.7]])
@pytest.mark.parametrize("batch_size", [7, 40])
def test_the_mean_f1_of_a_history_is_that_of_all_rows(thresholds, batch_size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = (X + rng.normal(size=(80, 3)) > [0, 0.9, 0.3]).astype(float)
    y[rng.random((80, 3)) < 0.2] = np.nan
    weight = rng.integers(0, 3, size=80).astype(float)
    estimator = table_estimator(
        MultiLabel(3, pos_weight=2.0, thresholds=thresholds), batch_size=batch_size
    )
    estimator.fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    history, found = estimator.history_[-1], estimator.predict(X[50:])

    def mean_f1(weight):
        each = []
        for true, predicted in zip(y[50:].T, found.T, strict=True):
            known = ~np.isnan(true)
            own = {"sample_weight": weight[known]}
            each.append(f1_score(true[known], predicted[known], **own))
        return np.mean(each)

    assert 0.2 < mean_f1(np.ones(30)) < 0.95
    assert history["valid_task_0_f1_macro"] == pytest.approx(mean_f1(np.ones(30)))
    weighted = estimator.score(X[50:], y[50:], weight[50:])
    assert weighted == pytest.approx(mean_f1(weight[50:]))
