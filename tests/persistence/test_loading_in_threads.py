"""Loading touches nothing that other threads see."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from torch import nn

from mtlearn import load, save
from mtlearn.exceptions import NetworkError
from mtlearn.networks import MLP, HeadSpec
from mtlearn.persistence import _network as module
from mtlearn.persistence._network import build_net
from tiny_problems import assert_same_bits, make_table, table_estimator


@pytest.fixture(scope="module")
def fitted():
    return table_estimator(max_epochs=1).fit(*make_table())


@pytest.fixture
def path(fitted, tmp_path):
    save(fitted, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def meanwhile(monkeypatch):
    """Let another thread do something while the first network of a file is built."""

    def install(function):
        original, found = module.build_network, []

        def build(*args, **kwargs):
            if not found:
                found.append(None)  # so that what is loaded there does nothing more
                with ThreadPoolExecutor(1) as pool:
                    found.append(pool.submit(function).result(60))
            return original(*args, **kwargs)

        monkeypatch.setattr(module, "build_network", build)
        return found

    return install


def test_another_thread_may_build_modules(path, fitted, meanwhile):
    found = meanwhile(lambda: [nn.Linear(2, 2) for _ in range(50)])
    assert_same_bits(load(path), fitted)
    assert len(found[1]) == 50


def test_another_thread_may_load(path, fitted, meanwhile):
    found = meanwhile(lambda: load(path))
    assert_same_bits(load(path), fitted)
    assert_same_bits(found[1], fitted)


def test_many_may_load_at_once(path, fitted):
    stop = threading.Event()

    def build():
        while not stop.is_set():
            nn.Linear(2, 2)

    with ThreadPoolExecutor(4) as pool:
        built = pool.submit(build)
        loaded = list(pool.map(load, [path] * 12))
        stop.set()
        built.result(60)
    for each in loaded:
        assert_same_bits(each, fitted)


@pytest.mark.parametrize(("n_layers", "grows"), [(2, False), (3, True), (10**9, True)])
def test_a_network_stops_growing_where_the_file_ends(n_layers, grows, fitted):
    class Growing:
        """Widths of layers that are counted as they are asked for."""

        def __iter__(self):
            return iter(range(1, 1 + n_layers))

        def __len__(self):
            return n_layers

    state = {str(number): np.zeros(1) for number in range(8)}
    with pytest.raises(
        (NetworkError, module.ModelFormatError),
        match="more layers than the file weights" if grows else "differ in",
    ):
        build_net(
            state,
            tasks=fitted.tasks_,
            backbone=MLP,
            backbone_params={"hidden": Growing()},
            input_shape=(4,),
            heads=[HeadSpec(3, hidden=()), HeadSpec(1, hidden=())],
            precision="float64",
            batch_size=1,
            lr=0.1,
        )


def test_a_file_has_a_head_for_each_task(fitted):
    with pytest.raises(module.ModelFormatError, match="1 heads for 2 tasks"):
        build_net(
            {},
            tasks=fitted.tasks_,
            backbone=MLP,
            backbone_params={},
            input_shape=(4,),
            heads=[HeadSpec(3, hidden=())],
            precision="float64",
            batch_size=1,
            lr=0.1,
        )
