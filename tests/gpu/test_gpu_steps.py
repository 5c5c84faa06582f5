"""Steps that wait for nothing, and networks whose steps are CUDA graphs."""

from contextlib import contextmanager

import pytest
import torch
from on_devices import assert_alike, fit_on

from mtlearn.data import Batches
from mtlearn.training._step_sums import StepSums
from mtlearn.training._tally import Tally
from tiny_problems import (
    image_estimator,
    labelled_rows,
    make_images,
    make_table,
    table_estimator,
)

CUDA_GRAPHS = {"mode": "reduce-overhead", "dynamic": False}


@contextmanager
def waiting_is_an_error(on_gpu):
    """Let all that waits for a GPU raise."""
    if not on_gpu:
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (table_estimator(max_epochs=1), *make_table()),
        lambda: (image_estimator(max_epochs=1, precision="float32"), *make_images()),
        lambda: (image_estimator(max_epochs=1, precision="bfloat16"), *make_images()),
    ],
    ids=["table", "float32", "bfloat16"],
)
def test_a_step_waits_for_nothing(request, device, on_gpu, make):
    estimator, X, y = make()
    if estimator.precision == "bfloat16":
        request.getfixturevalue("needs_autocast")
    net = estimator.set_params(device=device).fit(X, y).net_
    samples = labelled_rows(estimator, X, y)
    net.step_sums_ = StepSums(samples)
    weights = net.criterion_.task_weights
    net.tallies_ = {training: Tally(net.tasks, weights) for training in (True, False)}
    net.look_for_draws()
    order = torch.Generator().manual_seed(0)
    batches = Batches(samples, 8, net.precision.dtype, order, 1, net.device)
    first, second, *_ = batches
    net.train_step(first)  # brings there what is brought once
    net.validation_step(first)
    with waiting_is_an_error(on_gpu):
        step = net.train_step(second)
        net.validation_step(second)
    assert step["loss"].device.type == device
    assert torch.isfinite(step["loss"])


@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of torch
def test_cuda_graphs_learn_the_same(device, on_gpu):
    if not on_gpu:
        pytest.skip("a processor has no CUDA graphs")
    X, y = make_table(50)
    # Ten rows at every pass, of training and of validation: one size, one graph.
    params = {"batch_size": 10, "early_stopping": True, "validation_fraction": 0.2}
    found = fit_on(device, table_estimator(**params, compile=CUDA_GRAPHS), X, y)
    expected = fit_on(device, table_estimator(**params), X, y)
    assert_alike(found, expected, X)
