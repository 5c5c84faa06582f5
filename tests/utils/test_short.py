"""What was given, in messages: as it is, or its beginning."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import MultiTaskEstimator, Regression
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import LearningCurvesDisplay
from mtlearn.metrics import task_report
from mtlearn.networks import ResNet
from tiny_problems import make_table


@pytest.mark.parametrize(
    "value", [3, None, "word", ["digit", "item"], {"a": (1, 2)}, -1.5, {"x"}, range(9)]
)
def test_small_things_are_written_as_they_are(value):
    assert short(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "beginning"),
    [
        (ResNet(1), "ResNet(…)"),
        (list(range(10**5)), "[0, 1, 2, "),
        (dict.fromkeys(range(99), "x" * 500), "{0: 'xxx"),
        ("y" * 9999, "'yyyy"),
        (np.zeros((300, 3)), "array([[0., 0., 0.], [0."),
        (pd.DataFrame(np.zeros((90, 20))), "0 1 2"),
        (make_pipeline(StandardScaler(), StandardScaler()), "Pipeline(steps=[('stan"),
        ([[{"epoch": 1, "train_loss": 0.5}] * 1000] * 30, "[[{'epoch': 1, 'train"),
    ],
)
def test_large_things_are_written_by_their_beginning(value, beginning):
    text = short(value)
    assert len(text) <= 1000
    assert "\n" not in text
    assert text.startswith(beginning)


def test_messages_stay_short():
    X, y = make_table()
    with pytest.raises(ParameterTypeError, match=r"Got ResNet\(…\) instead: an") as one:
        MultiTaskEstimator(Regression(), backbone=ResNet(1)).fit(X, y[:, 0])
    with pytest.raises(ParameterTypeError, match="fitted estimator of mtlearn") as two:
        task_report(make_pipeline(*[StandardScaler()] * 30).fit(X), X, y)
    row = {f"valid_{i}": 0.0 for i in range(100)}
    with pytest.raises(InvalidParameterError, match="a history_ of an") as three:
        LearningCurvesDisplay.from_histories({"a": [[row] * 100] * 5})
    for raised in (one, two, three):
        assert len(str(raised.value)) < 1200
