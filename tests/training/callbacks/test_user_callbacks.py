"""Callbacks of a user: which fit, and in which order they have their turn."""

import pytest
from sklearn.metrics import f1_score
from skorch.callbacks import (
    BatchScoring,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    PassthroughScoring,
)

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import CSVLogger, TaskMetric, check_callbacks, in_turn


class Own(EpochScoring):
    """A subclass of a scoring callback."""


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (EpochScoring("accuracy"), "EpochScoring"),
        (EpochScoring, "EpochScoring"),
        (("f1", EpochScoring("f1_macro")), "EpochScoring"),
        (("f1", EpochScoring), "EpochScoring"),
        (BatchScoring("accuracy"), "BatchScoring"),
        (PassthroughScoring("train_loss"), "PassthroughScoring"),
        (("loss", PassthroughScoring), "PassthroughScoring"),
        (Own("r2"), r"Own, which is a skorch\.callbacks\.EpochScoring"),
        (("own", Own), r"Own, which is a skorch\.callbacks\.EpochScoring"),
    ],
)
def test_scoring_callbacks_are_refused_by_name(callback, name):
    message = rf"'callbacks' parameter of Some has {name}: .*TaskMetric\(metric, task"
    with pytest.raises(InvalidParameterError, match=message):
        check_callbacks([GradientNormClipping(1.0), callback], "Some")


def test_what_is_no_list_of_callbacks():
    for bad in (GradientNormClipping(1.0), [3], [("name", 3)], "log"):
        with pytest.raises(ParameterTypeError, match="None or a list of skorch callba"):
            check_callbacks(bad, "Some")
    assert check_callbacks(None, "Some") == ()


def test_metrics_come_before_the_history_and_logs_after_all_others():
    metric, other, log = TaskMetric(f1_score, "a"), EarlyStopping(), CSVLogger("x.csv")
    callbacks = check_callbacks([log, other, ("m", metric), EarlyStopping], "Some")
    metrics, others = in_turn(callbacks)
    assert metrics == [("m", metric)]
    whole = others.pop(2)
    assert type(whole).__name__ == "WholeRow"
    assert others == [other, EarlyStopping, log]
    assert in_turn((("log", log),))[1][-1] == ("log", log)
