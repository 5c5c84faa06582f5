"""Backbones of users that cannot mix types, keep what they compute, or are hooked."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn import Regression, Tasks
from mtlearn.exceptions import InvalidParameterError, NetworkError
from tiny_problems import image_estimator, make_images, make_table, table_estimator

BF16 = {"amx_bf16": True}


class WritesIntoFloat32(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.linear = nn.Linear(in_channels, 3)

    def forward(self, x):
        features = x.new_zeros(len(x), 3)
        features[torch.arange(len(x))] = self.linear(x.mean(dim=(2, 3)))
        return features


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        return gradient @ weight.t(), x.t() @ gradient


class OwnGradient(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(in_channels, 3))

    def forward(self, x):
        return Product.apply(x.mean(dim=(2, 3)), self.weight)


class MixesWell(WritesIntoFloat32):
    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3))).float()


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: BF16)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("backbone", [WritesIntoFloat32, OwnGradient])
def test_auto_means_float32_for_what_cannot_do_with_less(backbone):
    X, y = make_images()
    estimator = image_estimator(backbone=backbone).fit(X, y)
    assert estimator.precision_ == "float32"
    assert estimator.partial_fit(X, y).precision_ == "float32"
    assert np.isfinite(estimator.predict(X)).all()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("backbone", [WritesIntoFloat32, OwnGradient])
def test_the_log_says_why(caplog, backbone):
    X, y = make_images()
    caplog.set_level("WARNING", "mtlearn")
    image_estimator(backbone=backbone).fit(X, y)
    (record,) = caplog.records
    expected = f"network of the backbone {backbone.__name__} computes in float32: in bf"
    assert expected in record.getMessage()


@pytest.mark.usefixtures("fast")
def test_auto_means_bfloat16_for_what_can():
    X, y = make_images()
    assert image_estimator(backbone=MixesWell).fit(X, y).precision_ == "bfloat16"


def test_a_precision_by_name_that_a_backbone_cannot_do():
    X, y = make_images()
    message = r"backbone OwnGradient cannot .*'bfloat16'.*Set precision='float32'"
    with pytest.raises(NetworkError, match=message):
        image_estimator(backbone=OwnGradient, precision="bfloat16").fit(X, y)


class TooLarge(MixesWell):
    def forward(self, x):
        if torch.is_autocast_enabled("cpu"):
            raise MemoryError("of the user's machine")
        return super().forward(x)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_no_memory_is_no_reason_for_another_precision(precision):
    X, y = make_images()
    with pytest.raises(MemoryError, match="of the user's machine"):
        image_estimator(backbone=TooLarge, precision=precision).fit(X, y)


class KeepsATable(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.linear = nn.Linear(in_features, 3)
        self.register_buffer("table", torch.zeros(0))

    def forward(self, x):
        if len(self.table) < len(x):
            self.table = torch.arange(len(x), dtype=x.dtype) * 0
        return self.linear(x) + self.table[: len(x), None]


def test_a_buffer_made_while_predicting():
    X, y = make_table()
    estimator = table_estimator(backbone=KeepsATable, batch_size=5).fit(X[:10], y[:10])
    first = estimator.predict(X)
    np.testing.assert_array_equal(estimator.predict(X), first)
    assert estimator.partial_fit(X, y).n_iter_ == 5


def test_a_loss_that_works_in_place_changes_no_metric():
    X, y = make_table()

    def in_place(output, target):
        return output.sub_(target).square()

    def plain(output, target):
        return (output - target).square()

    found = [
        table_estimator(Tasks(size=Regression(loss=loss))).fit(X, y[:, 1]).history_
        for loss in (in_place, plain)
    ]
    for one, other in zip(*found, strict=True):
        assert one["train_size_r2"] == other["train_size_r2"]


class Freeze(Callback):
    def __init__(self):
        self.modes = []

    def on_epoch_begin(self, net, **kwargs):
        net.module_.backbone.eval()

    def on_batch_end(self, net, training=True, **kwargs):
        if training:
            self.modes.append(net.module_.backbone.training)


@pytest.mark.parametrize("validates", [False, True])
def test_a_callback_may_freeze_a_part_for_an_epoch(validates):
    X, y = make_table()
    freeze = Freeze()
    estimator = table_estimator(
        callbacks=[freeze], early_stopping=validates, batch_size=20, max_epochs=3
    )
    estimator.fit(X, y)
    assert freeze.modes == [False] * len(freeze.modes)
    assert len(freeze.modes) == 6


class FailOnce(Callback):
    failed = False

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if not self.failed:
            self.failed = True
            raise ZeroDivisionError


def test_float16_goes_on_after_an_error(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_fp16": True})
    X, y = make_table()
    estimator = table_estimator(precision="float16").partial_fit(X, y)
    estimator.set_params(callbacks=[FailOnce()])
    with pytest.raises(ZeroDivisionError):
        estimator.partial_fit(X, y)
    estimator.set_params(callbacks=None)
    assert estimator.partial_fit(X, y).n_iter_ == 2


def test_float16_and_an_optimizer_that_looks_several_times(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_fp16": True})
    X, y = make_table()
    estimator = table_estimator(precision="float16", optimizer=torch.optim.LBFGS)
    with pytest.raises(InvalidParameterError, match=r"'float16'.*LBFGS cannot"):
        estimator.fit(X, y)


class Turns(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        angles = torch.arange(float(in_features))
        self.register_buffer("turns", torch.polar(torch.ones(in_features), angles))

    def forward(self, x):
        turned = x * self.turns
        return torch.cat([turned.real, turned.imag], dim=1)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_complex_buffers_stay_complex(precision):
    X, y = make_table()
    estimator = table_estimator(backbone=Turns, precision=precision).fit(X, y)
    angles = np.arange(4)
    expected = np.hstack([X * np.cos(angles), X * np.sin(angles)])
    for each in (estimator, pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_allclose(each.embed(X), expected, rtol=1e-5, atol=1e-6)


class ComplexWeights(Turns):
    def __init__(self, in_features):
        super().__init__(in_features)
        self.turns = nn.Parameter(self._buffers.pop("turns"))


def test_complex_weights_are_refused():
    X, y = make_table()
    message = "ComplexWeights has the complex weight 'turns', and weights must be real"
    with pytest.raises(NetworkError, match=message):
        table_estimator(backbone=ComplexWeights).fit(X, y)
