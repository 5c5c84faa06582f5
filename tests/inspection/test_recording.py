"""What is recorded while a network trains."""

import numpy as np
import pytest

from mtlearn import Partial
from mtlearn.inspection._recording import AffinityRecorder
from mtlearn.networks import MLP
from mtlearn.training import lookahead_affinity
from tiny_problems import labelled_rows, make_table, table_estimator


@pytest.mark.parametrize(
    ("params", "first", "second"),
    [
        ({}, 0.03, 0.03),
        ({"backbone_lr": 0.2}, 0.2, 0.2),
        ({"layer_decay": 0.5}, 0.0075, 0.015),
    ],
)
def test_affinities_are_of_a_step_with_the_rate_of_each_layer(params, first, second):
    X, y = make_table()
    recorder = AffinityRecorder("Owner", len(X), 0)
    estimator = table_estimator(
        backbone=Partial(MLP, hidden=(5, 4)),
        max_epochs=1,
        callbacks=[recorder],
        **params,
    ).fit(X, y)

    places = {"layers.0": first, "layers.2": second}
    rates = {f"{k}.{part}": v for k, v in places.items() for part in ("weight", "bias")}
    rows = labelled_rows(estimator, X, y)
    wanted = lookahead_affinity(estimator.net_, rows, rates)
    np.testing.assert_allclose(recorder.records_[1], wanted, rtol=1e-9, atol=1e-12)
