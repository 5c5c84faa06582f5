"""What a callback has come to know goes on with a checkpoint."""

import functools
import io
import random
from collections import Counter, OrderedDict, deque
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    Freezer,
    LRScheduler,
    ProgressBar,
)
from torch.optim.lr_scheduler import StepLR

from mtlearn.exceptions import InvalidParameterError
from tiny_problems import assert_same_bits, make_table, table_estimator

ARMED = []


@pytest.fixture(autouse=True)
def begin():
    ARMED.clear()


def resumed(tmp_path, make, **params):
    """Return an undisturbed fit, and one whose second run has callbacks of its own."""
    X, y = make_table()
    params = {"max_epochs": 6, **params}
    expected = table_estimator(callbacks=[make()], **params).fit(X, y)
    ARMED.append(True)
    estimator = table_estimator(callbacks=[make()], **params, checkpoint_dir=tmp_path)
    with pytest.raises(RuntimeError, match="crash"):
        estimator.fit(X, y)
    ARMED.clear()
    estimator.set_params(callbacks=[make()])
    return expected, estimator.fit(X, y)


class Failing(Callback):
    def on_batch_begin(self, net, training=False, **kwargs):
        if ARMED and len(net.history) == 4:
            raise RuntimeError("crash")


class Divides(Failing):
    """Divides the rate every second epoch, and counts without an underscore."""

    def on_train_begin(self, net, **kwargs):
        self.count = 0

    def on_epoch_end(self, net, **kwargs):
        self.count += 1
        if self.count % 2 == 0:
            net.optimizer_.param_groups[0]["lr"] /= 10


class CountsAtOnce(Failing):
    """Counts from its constructor on, and acts once."""

    def __init__(self, at=5):
        self.at = at
        self.n = 0

    def on_epoch_begin(self, net, **kwargs):
        self.n += 1
        if self.n == self.at:
            net.optimizer_.param_groups[0]["lr"] = 0.0


class Hands(Failing, EarlyStopping):
    """Hands its arguments on, and counts."""

    def __init__(self, at=5, **kwargs):
        super().__init__(**kwargs)
        self.at = at
        self.n = 0

    def on_epoch_begin(self, net, **kwargs):
        CountsAtOnce.on_epoch_begin(self, net)


class Takes(Failing):
    """Takes any argument, and counts."""

    def __init__(self, **options):
        self.at = options["at"]
        self.n = 0

    def on_epoch_begin(self, net, **kwargs):
        CountsAtOnce.on_epoch_begin(self, net)


class Schedules(Failing, LRScheduler):
    """Knows more than its schedule."""

    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net, **kwargs)
        self.at_, self.n_ = 5, 0

    def on_epoch_begin(self, net, **kwargs):
        self.n_ += 1
        if self.n_ == self.at_:
            net.optimizer_.param_groups[0]["lr"] = 0.0


class Draws(Failing):
    """Has a state of many types, and tools that no file can hold."""

    def on_train_begin(self, net, **kwargs):
        self.numpy = np.random.default_rng(0)
        self.old = np.random.RandomState(0)
        self.plain = random.Random(0)
        self.torch = torch.Generator().manual_seed(0)
        self.recent = deque([1.0], maxlen=2)
        self.seen = Counter()
        self.named = OrderedDict(a=1)
        self.exact = np.float32(0.1)
        self.rows = []
        self.folder = Path("here")
        self.net = net
        self.weights = net.module_
        self.function = table_estimator
        self.log = io.StringIO()  # as a file that is open: left out

    def on_epoch_end(self, net, **kwargs):
        self.seen["epochs"] += 1
        self.exact *= np.float32(1.1)
        self.recent.append(float(self.exact))
        drawn = (
            self.numpy.random(),
            self.old.rand(),
            self.plain.random(),
            torch.rand((), generator=self.torch).item(),
        )
        assert type(self.exact) is np.float32
        self.rows.append([*drawn, sum(self.recent), self.seen["epochs"]])
        assert self.seen["none"] == 0
        net.optimizer_.param_groups[0]["lr"] *= sum(drawn)


@pytest.mark.parametrize(
    "make",
    [
        Divides,
        CountsAtOnce,
        lambda: Hands(monitor="train_loss", patience=20),
        lambda: Takes(at=5),
        lambda: Schedules(StepLR, step_size=2, gamma=0.5),
        lambda: Schedules(functools.partial(StepLR, step_size=2), gamma=0.5),
    ],
)
def test_a_counter_goes_on(make, tmp_path):
    expected, found = resumed(tmp_path, make)
    assert_same_bits(found, expected)
    rates = [row["lr"] for row in found.history_]
    assert rates == [row["lr"] for row in expected.history_]
    assert len(set(rates)) > 1


def test_by_hand(tmp_path):
    _, found = resumed(tmp_path, Divides, lr=1.0, lr_schedule=None, optimizer="sgd")
    rates = [row["lr"] for row in found.history_]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01, 0.01])


def test_states_of_many_types(tmp_path):
    expected, found = resumed(tmp_path, Draws)
    assert_same_bits(found, expected)
    rows = [estimator.callbacks[0].rows for estimator in (found, expected)]
    assert rows[0] == rows[1]
    assert [row[-1] for row in rows[0]] == [1, 2, 3, 4, 5, 6]


class Shows(Failing):
    """Keeps a part of the weights, which is no memory of its own."""

    def on_epoch_end(self, net, **kwargs):
        self.first_ = next(net.module_.parameters()).detach()[:, 0]


def test_a_part_of_a_tensor(tmp_path, caplog):
    with caplog.at_level("INFO", "mtlearn"):
        expected, found = resumed(tmp_path, Shows)
    assert_same_bits(found, expected)
    assert "going on after epoch 3 " in caplog.text


class Named(tuple):
    """Would come back as a plain tuple."""


@pytest.mark.parametrize("value", [object(), Named([1]), np.array(["a"], dtype=object)])
def test_what_no_file_can_hold_is_named(value, tmp_path):
    class Odd(Callback):
        def on_train_begin(self, net, **kwargs):
            self.count = {"inner": value}

    X, y = make_table()
    message = r"callbacks\['Odd'\]\['count'\]\['inner'\] is .*no checkpoint can hold"
    with pytest.raises(InvalidParameterError, match=message):
        table_estimator(callbacks=[Odd()], checkpoint_dir=tmp_path).fit(X, y)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ProgressBar(),
        lambda: Freezer("backbone*"),
        lambda: EarlyStopping("train_loss", load_best=True),
    ],
)
def test_callbacks_of_skorch(make, tmp_path):
    X, y = make_table()
    table_estimator(callbacks=[make()], checkpoint_dir=tmp_path).fit(X, y)
    assert not list(tmp_path.iterdir())
