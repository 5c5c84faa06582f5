"""Data and estimators so small that a fit takes milliseconds."""

import re

import numpy as np

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.networks import MLP, ResNet


def make_table(n_samples=40, seed=0):
    """Return rows and the columns `kind` (3 classes) and `size` (real)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    kind = np.digitize(X[:, 0], [-0.4, 0.4])
    size = X[:, 1] - 2 * X[:, 2] + 10.0
    return X, np.column_stack([kind, size])


def make_images(n_samples=24, size=6, n_channels=1, seed=0):
    """Return float32 images and the columns `kind` (2 classes) and `size` (real)."""
    rng = np.random.default_rng(seed)
    X = rng.random((n_samples, size, size, n_channels), dtype=np.float32)
    light = X.mean(axis=(1, 2, 3))
    return X, np.column_stack([light > np.median(light), light])


def table_tasks(n_classes=3):
    return Tasks(kind=Classification(n_classes), size=Regression())


def image_tasks():
    plain = Head(hidden=())
    return Tasks(kind=Classification(2, head=plain), size=Regression(head=plain))


def table_estimator(tasks=None, **params):
    """Return a small table estimator; one step an epoch over up to 200 rows."""
    defaults = {
        "backbone": Partial(MLP, hidden=(8,)),
        "lr": 0.03,
        "lr_schedule": None,
        "max_epochs": 4,
        "random_state": 0,
    }
    tasks = table_tasks() if tasks is None else tasks
    return MultiTaskEstimator(tasks, **{**defaults, **params})


def image_estimator(tasks=None, **params):
    """Return an image estimator with one block of four filters."""
    defaults = {
        "backbone": Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.5),
        "lr": 0.001,
        "lr_schedule": None,
        "max_epochs": 2,
        "batch_size": 8,
        "random_state": 0,
    }
    tasks = image_tasks() if tasks is None else tasks
    return MultiTaskImageEstimator(tasks, **{**defaults, **params})


def labelled_rows(estimator, X, y, sample_weight=None):
    """Return rows with labels, as the loss of a fitted estimator's net sees them."""
    targets = estimator._codec.encode(y, sample_weight)
    return estimator._labelled(X, targets)


def weights_of(estimator):
    """Return a copy of the network's weights and buffers by name."""
    state = estimator.net_.module_.state_dict()
    return {name: value.numpy().copy() for name, value in state.items()}


def assert_same_bits(first, second):
    """Compare the weights of two fitted estimators bit by bit."""
    expected, got = weights_of(first), weights_of(second)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def same_bits(first, second):
    """Tell whether two fitted estimators have the very same weights."""
    pairs = zip(weights_of(first).values(), weights_of(second).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def epochs_of(caplog):
    """Return the numbers of the epochs that were run, as the log has them.

    In an ensemble a line begins with the member.
    """
    line = re.compile(r"(?:member [\d-]+, )?epoch (\d+):")
    found = (line.match(each.message) for each in caplog.records)
    return [int(match[1]) for match in found if match]


class Watcher:
    """A callback of scikit-learn's protocol that notes what begins and ends."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))


class Counter(Watcher):
    """Is handed on to inner estimators, and tells what has ended."""

    max_propagation_depth = None

    @property
    def ended(self):
        return [name for what, name in self.calls if what == "end"]
