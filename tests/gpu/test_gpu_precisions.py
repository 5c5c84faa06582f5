"""Shorter types on a GPU: what is computed in them, and that it learns as well."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from on_devices import SMALL, fit_on, predictions
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from mtlearn.losses import MultiTaskLoss
from mtlearn.training._precision import has_bfloat16, has_float16
from tiny_problems import image_estimator, make_images, make_table, table_estimator

TYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@contextmanager
def types_of_outputs():
    """Give what convolutions and the loss return while this is open, as sets."""
    seen = {nn.Conv2d: set(), MultiTaskLoss: set()}

    def note(module, inputs, output):
        if type(module) in seen and torch.is_grad_enabled():
            result = output.total if type(module) is MultiTaskLoss else output
            seen[type(module)].add((result.device.type, result.dtype))

    handle = register_module_forward_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def make(**params):
    return image_estimator(backbone=SMALL, **{"max_epochs": 4, **params})


@pytest.mark.parametrize("precision", TYPES)
def test_images(request, device, precision):
    if precision != "float32":
        request.getfixturevalue("needs_autocast")
    if precision == "float16" and not has_float16(torch.device(device)):
        pytest.skip("this device does not compute in float16")
    X, y = make_images()
    expected = fit_on("cpu", make(precision="float32"), X, y)
    with types_of_outputs() as seen:
        found = fit_on(device, make(precision=precision), X, y)
    assert found.precision_ == precision
    assert (device, TYPES[precision]) in seen[nn.Conv2d]
    assert seen[MultiTaskLoss] == {(device, torch.float32)}
    losses = [[row["train_loss"] for row in e.history_] for e in (found, expected)]
    np.testing.assert_allclose(*losses, rtol=0.1)
    # Not classes, which may be others where two are as likely.
    chances = [predictions(each, X)[1] for each in (found, expected)]
    assert chances[0].dtype == chances[1].dtype
    np.testing.assert_allclose(*chances, atol=0.1)


def test_what_auto_means(device):
    X, y = make_images()
    fast = has_bfloat16(torch.device(device))
    found = fit_on(device, make(precision="auto", max_epochs=1), X, y)
    assert found.precision_ == ("bfloat16" if fast else "float32")
    table = fit_on(device, table_estimator(max_epochs=1), *make_table())
    assert table.precision_ == "float64"


def test_float16_goes_on_with_its_scale(device):
    if not has_float16(torch.device(device)):
        pytest.skip("this device does not compute in float16")
    X, y = make_images()
    found = fit_on(device, make(precision="float16", warm_start=True), X, y)
    scale = found.net_.scaler_.get_scale()
    assert scale > 0
    first = found.history_[-1]["train_loss"]
    fit_on(device, found, X, y)
    assert found.history_[-1]["train_loss"] < first
