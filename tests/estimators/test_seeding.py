"""Seeds: the same bits again, and no global random state read or changed."""

import random

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils import check_random_state

from mtlearn import Partial
from mtlearn.exceptions import DivergenceError
from mtlearn.networks import MLP, ResNet
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

# With dropout, so that training draws too.
BACKBONE = Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.5)


# numpy's global generator.
GLOBAL = check_random_state(None)


def global_state():
    """Return the state of every generator that belongs to the process."""
    kind, keys, *rest = GLOBAL.get_state()
    return (
        (kind, keys.tolist(), *rest),
        torch.get_rng_state().tolist(),
        random.getstate(),
        torch.get_num_threads(),
    )


@pytest.fixture
def untouched():
    """Check that a test leaves every generator as it was."""
    before = global_state()
    yield
    assert global_state() == before


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=str)
def test_global_state_is_left_alone(random_state):
    X, y = make_images()
    estimator = image_estimator(
        backbone=BACKBONE,
        random_state=random_state,
        early_stopping=True,
    )
    estimator.fit(X, y)
    estimator.partial_fit(X, y)
    estimator.predict(X)
    estimator.predict_proba(X)
    estimator.embed(X)
    estimator.score(X, y)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"lr": 1e30, "optimizer": "sgd", "max_epochs": 50}, DivergenceError),
        ({"lr": -1}, ValueError),
        ({"backbone": Partial(MLP, hidden=(8,), dropout=3)}, ValueError),
    ],
)
def test_global_state_is_left_alone_when_fit_raises(params, error):
    X, y = make_table()
    with pytest.raises(error):
        table_estimator(n_threads=2, **params).fit(X, y)


@pytest.fixture
def moved():
    """Draw from every global generator, and restore them after the test."""
    numpy_state, python_state = GLOBAL.get_state(), random.getstate()
    with torch.random.fork_rng([]):
        torch.rand(3)
        random.random()
        GLOBAL.rand(3)
        yield
    GLOBAL.set_state(numpy_state)
    random.setstate(python_state)


@pytest.fixture(scope="module")
def unmoved_fit():
    return image_estimator(backbone=BACKBONE).fit(*make_images())


@pytest.mark.parametrize("repeat", range(2))
def test_global_state_is_not_read(unmoved_fit, moved, repeat):
    again = image_estimator(backbone=BACKBONE).fit(*make_images())
    assert_same_bits(unmoved_fit, again)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_same_seed_gives_the_same_bits(early_stopping):
    X, y = make_images()
    params = {"backbone": BACKBONE, "early_stopping": early_stopping}
    first = image_estimator(**params).fit(X, y)
    second = image_estimator(**params).fit(X, y)
    assert_same_bits(first, second)
    for one, other in zip(first.history_, second.history_, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert_same_bits(first, first.fit(X, y))


def test_other_seeds_give_other_weights():
    X, y = make_table()
    fitted = [table_estimator(random_state=seed).fit(X, y) for seed in range(3)]
    assert not same_bits(fitted[0], fitted[1])
    assert not same_bits(fitted[1], fitted[2])


@pytest.mark.usefixtures("untouched")
def test_no_seed_differs_from_fit_to_fit():
    X, y = make_table()
    estimator = table_estimator(random_state=None)
    before = weights_of(estimator.fit(X, y))
    after = weights_of(estimator.fit(X, y))
    assert not np.array_equal(before["heads.0.0.weight"], after["heads.0.0.weight"])


def test_a_random_state_advances():
    X, y = make_table()
    state = np.random.RandomState(5)
    first = table_estimator(random_state=state).fit(X, y)
    second = table_estimator(random_state=state).fit(X, y)
    assert not same_bits(first, second)
    again = np.random.RandomState(5)
    assert_same_bits(first, table_estimator(random_state=again).fit(X, y))
    assert_same_bits(second, table_estimator(random_state=again).fit(X, y))


def test_the_seed_of_a_task_order_is_stable():
    # A first epoch and a longer fit share their beginning.
    X, y = make_table()
    short = table_estimator(max_epochs=2, batch_size=7).fit(X, y)
    long = table_estimator(max_epochs=5, batch_size=7).fit(X, y)
    for one, other in zip(short.history_, long.history_, strict=False):
        assert one["train_loss"] == other["train_loss"]


def test_an_int_seed_still_shuffles_each_partial_fit_anew():
    X, y = make_table()
    estimator = table_estimator(batch_size=7, lr=1e-300)
    orders = []
    for _ in range(2):
        estimator.partial_fit(X, y)
        batches = estimator.net_.history[-1, "batches", :, "train_loss"]
        orders.append(tuple(batches))
    assert orders[0] != orders[1]


def fit_of_seed(seed, n_threads=1):
    X, y = make_images()
    estimator = image_estimator(
        backbone=BACKBONE, random_state=seed, n_threads=n_threads
    )
    return estimator.fit(X, y)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_fits_have_the_bits_of_sequential_ones(backend):
    # Processes of their own import torch, which takes seconds.
    expected = [fit_of_seed(seed) for seed in range(4)]
    before = torch.get_rng_state()
    with joblib.parallel_config(backend=backend, n_jobs=2):
        fitted = Parallel()(delayed(_fit_clone)(*job) for job in _jobs())
    for one, other in zip(expected, fitted, strict=True):
        assert_same_bits(one, other)
    assert torch.get_rng_state().equal(before)
    assert torch.get_num_threads() == 1


def _jobs():
    X, y = make_images()
    for seed in range(4):
        estimator = image_estimator(backbone=BACKBONE, random_state=seed, n_threads=1)
        yield clone(estimator), X, y


def _fit_clone(estimator, X, y):
    return estimator.fit(X, y)


@pytest.mark.parametrize("raises", [False, True])
def test_the_number_of_threads_is_used_and_restored(raises):
    seen = []

    class CountThreads(MLP):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            if raises and len(seen) > 1:
                raise RuntimeError("enough")
            return super().forward(x)

    X, y = make_table()
    estimator = table_estimator(backbone=CountThreads, n_threads=2)
    if raises:
        with pytest.raises(RuntimeError, match="enough"):
            estimator.fit(X, y)
    else:
        estimator.fit(X, y)
        seen.clear()
        estimator.predict(X)
    assert set(seen) == {2}
    assert torch.get_num_threads() == 1
