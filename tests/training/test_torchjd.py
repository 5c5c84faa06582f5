"""Weights, and a whole step, beside those of torchjd."""

import numpy as np
import pytest
import torch
from aggregated_steps import gradients_of, net_of_three, step_of

from mtlearn.losses import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    FairGrad,
    NashMTL,
    PCGrad,
    UPGrad,
)
from tiny_problems import make_table, table_estimator

pytest.importorskip("torchjd")


def weighting(name, *arguments):
    import torchjd.aggregation

    return getattr(torchjd.aggregation, f"{name}Weighting")(*arguments)


def rows_of(n_tasks, seed):
    rng = np.random.default_rng(seed)
    lengths = np.exp(0.5 * rng.normal(size=(n_tasks, 1)))
    return lengths * rng.normal(size=(n_tasks, 30))


# Ours, theirs, and how near they come: theirs stop early, or solve programs to a few
# digits.
PAIRS = {
    "upgrad": (UPGrad(), ("UPGrad",), 1e-9),
    "imtl_g": (IMTLG(), ("IMTLG",), 1e-9),
    "aligned": (AlignedMTL(), ("AlignedMTL",), 1e-9),
    "fairgrad": (FairGrad(2.0), ("FairGrad", 2.0), 1e-5),
    "cagrad": (CAGrad(0.4), ("CAGrad", 0.4), 1e-3),
    "mgda": (MGDA(), ("MGDA", 1e-9, 3000), 0.05),
}


@pytest.mark.parametrize("n_tasks", [2, 3, 8])
@pytest.mark.parametrize(("own", "theirs", "near"), PAIRS.values(), ids=PAIRS)
def test_weights(own, theirs, near, n_tasks):
    for seed in range(3):
        rows = rows_of(n_tasks, seed)
        gramian = rows @ rows.T
        expected = weighting(*theirs)(torch.from_numpy(gramian)).numpy() @ rows
        found = own(gramian) @ rows
        assert np.linalg.norm(found - expected) <= near * np.linalg.norm(expected)
        if isinstance(own, MGDA):  # where it stops early, ours is the shorter one
            assert np.linalg.norm(found) <= np.linalg.norm(expected) * (1 + 1e-9)


def test_pcgrad_of_two_tasks_which_have_one_order():
    rows = rows_of(2, 0)
    rows[1] -= rows[0]
    gramian = rows @ rows.T
    expected = weighting("PCGrad")(torch.from_numpy(gramian)).numpy()
    np.testing.assert_allclose(PCGrad()(gramian), expected)


@pytest.mark.filterwarnings("ignore")  # of cvxpy, about the program as it is written
def test_nash_has_the_same_direction():
    from torchjd.aggregation import NashMTL as Theirs

    rows = rows_of(2, 0)
    expected = Theirs(n_tasks=2, optim_niter=100)(torch.from_numpy(rows)).numpy()
    found = NashMTL()(rows @ rows.T) @ rows
    cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine == pytest.approx(1, abs=1e-6)


def step_of_torchjd(net, batch, aggregator):
    """Take the gradients of a step by torchjd alone."""
    from torchjd.autojac import jac_to_grad, mtl_backward

    network = net.module_
    net.optimizer_.zero_grad(set_to_none=True)
    net.keeps_features_ = True
    step = net.forward_step(batch, training=True)
    net.keeps_features_ = False
    losses = step["counted"][0].means * torch.tensor(net.criterion_.task_weights)
    mtl_backward(
        list(losses.unbind()),
        features=step["features"],
        tasks_params=[list(head.parameters()) for head in network.heads],
        shared_params=list(network.backbone.parameters()),
        retain_graph=True,
    )
    jac_to_grad(list(network.backbone.parameters()), aggregator)


@pytest.mark.parametrize("name", ["UPGrad", "IMTLG", "AlignedMTL"])
def test_a_whole_step(name):
    import torchjd.aggregation

    net, batch = net_of_three([])
    net.criterion_.task_weights = (1.0, 0.5, 2.0)
    step_of_torchjd(net, batch, getattr(torchjd.aggregation, name)())
    expected = gradients_of(net)
    own = {"UPGrad": UPGrad, "IMTLG": IMTLG, "AlignedMTL": AlignedMTL}[name]()
    for aggregation in (own, weighting(name)):
        step_of(net, batch, aggregation)
        for key, value in gradients_of(net).items():
            torch.testing.assert_close(value, expected[key], msg=key)


def test_their_objects_can_be_passed_to_an_estimator():
    X, y = make_table()
    theirs = table_estimator(aggregation=weighting("UPGrad")).fit(X, y)
    own = table_estimator(aggregation="upgrad").fit(X, y)
    np.testing.assert_allclose(theirs.predict(X), own.predict(X), rtol=1e-6)
