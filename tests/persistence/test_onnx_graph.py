"""What a graph computes of open sets, by torch alone: without onnx."""

from functools import cache

import numpy as np
import pytest
import torch
from exported_open_sets import CASES, check_scores, offsets_of

from mtlearn import load, save
from mtlearn._utils._settled import settled
from mtlearn._utils._unwrap import unwrap
from mtlearn.networks import MultiTaskNetwork
from mtlearn.persistence._onnx_graph import make_module


@cache
def made(name):
    return CASES[name]()


def outputs_of(case, X):
    """Give the outputs of the tasks, and the scores, side by side."""
    module = make_module(case.estimator)
    with torch.no_grad():
        outputs = [each.numpy() for each in module(torch.from_numpy(X))]
    n_thresholds = len(offsets_of(case.estimator))
    return outputs[:-n_thresholds], np.hstack(outputs[-n_thresholds:])


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_the_classifier(name):
    case = made(name)
    _, found = outputs_of(case, case.X)
    assert found.dtype == np.float64
    check_scores(name, case.estimator, case.X, found)
    unknown = (found < offsets_of(case.estimator)).mean(axis=0)
    assert (unknown > 0.05).all()
    assert (unknown < 0.5).all()


def test_scores_have_the_digits_that_a_threshold_was_found_with():
    case = CASES["other order"]()
    _, found = outputs_of(case, 1.1 * case.X)
    np.testing.assert_array_equal(settled(found), found)


def test_a_classifier_from_a_file_has_the_same_graph(tmp_path):
    case = made("several, by row")
    save(case.estimator, tmp_path / "open_set.mtlearn")
    again = load(tmp_path / "open_set.mtlearn")
    loaded = outputs_of(case._replace(estimator=again), case.X)
    for one, other in zip(outputs_of(case, case.X), loaded, strict=True):
        np.testing.assert_array_equal(np.hstack(one), np.hstack(other))


@pytest.mark.parametrize(
    "name", ["seeds", "conformal", "several", "grey images", "huber, float32"]
)
def test_other_outputs_are_those_of_the_estimator_inside(name):
    case = made(name)
    inside = unwrap(case.estimator).estimator_
    wanted = inside.predict_proba(case.X)
    wanted = wanted if isinstance(wanted, list) else [wanted]
    if "several" not in name:
        wanted.append(case.estimator.reconstruct(case.X))
    found, _ = outputs_of(case, case.X)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float64
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(("name", "n_networks"), [("voting", 4), ("images", 1)])
def test_each_network_is_run_once(name, n_networks):
    case, runs = made(name), []
    module = make_module(case.estimator)
    networks = [each for each in module.modules() if isinstance(each, MultiTaskNetwork)]
    for network in networks:
        for part in (network.backbone, *network.heads):
            part.register_forward_hook(lambda layer, *_: runs.append(id(layer)))
    module(torch.from_numpy(case.X))
    assert len(networks) == n_networks
    assert len(set(runs)) == len(runs) == 3 * n_networks
