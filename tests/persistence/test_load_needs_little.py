"""A trained network is read without what training began with, or a compiler."""

import copy
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Partial, load, save
from mtlearn.exceptions import ModelFormatError, NetworkError
from mtlearn.networks import MLP, load_weights, save_weights
from tiny_problems import image_estimator, make_images, make_table, table_estimator


class Reads(nn.Module):
    """Reads its weights as the guide says."""

    def __init__(self, in_features, weights):
        super().__init__()
        self.inner = MLP(in_features, hidden=(8,))
        load_weights(self.inner, weights)

    def forward(self, x):
        return self.inner(x)


class Opens(nn.Module):
    """Reads its weights in a way of its own, and says which argument is for that."""

    initial_arguments = ("path",)

    def __init__(self, in_features, width, path=None):
        super().__init__()
        self.inner = nn.Linear(in_features, width)
        if path is not None:
            self.inner.load_state_dict(torch.load(path))

    def forward(self, x):
        return self.inner(x).relu()


class Insists(Opens):
    """Does not say it."""

    initial_arguments = ()


def reads(folder):
    save_weights(MLP(4, hidden=(8,)), folder / "weights")
    return Partial(Reads, weights=folder / "weights")


def opens(folder, cls=Opens):
    torch.save(nn.Linear(4, 8).state_dict(), folder / "weights")
    return Partial(cls, width=8, path=str(folder / "weights"))


def own(folder):
    save_weights(MLP(4, hidden=(8,)), folder / "weights")
    return Partial(MLP, hidden=(8,), weights=str(folder / "weights"))


def by_file(estimator, folder):
    save(estimator, folder / "model")
    (folder / "weights").unlink()
    return load(folder / "model", custom_objects={"Reads": Reads, "Opens": Opens})


def by_pickle(estimator, folder):
    written = pickle.dumps(estimator)
    (folder / "weights").unlink()
    return pickle.loads(written)


def by_copy(estimator, folder):
    (folder / "weights").unlink()
    return copy.deepcopy(estimator)


@pytest.mark.parametrize("again", [by_file, by_pickle, by_copy])
@pytest.mark.parametrize("backbone", [reads, opens, own])
def test_without_the_file_of_weights(backbone, again, tmp_path):
    X, y = make_table()
    estimator = table_estimator(backbone=backbone(tmp_path), warm_start=True)
    expected = estimator.fit(X, y).predict_proba(X)
    found = again(estimator, tmp_path)
    for one, other in zip(found.predict_proba(X), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.fit(X, y).n_iter_ == 2 * estimator.n_iter_


@pytest.mark.parametrize("kind", ["file", "pickle"])
def test_a_file_that_is_needed_says_what_to_do(kind, tmp_path):
    X, y = make_table()
    estimator = table_estimator(backbone=opens(tmp_path, Insists)).fit(X, y)
    save(estimator, tmp_path / "model")
    written = pickle.dumps(estimator)
    (tmp_path / "weights").unlink()
    message = r"No such file.*load_weights, or name the argument.*initial_arguments = "
    read = {
        "pickle": lambda: pickle.loads(written),
        "file": lambda: load(tmp_path / "model", custom_objects={"Insists": Insists}),
    }
    with pytest.raises((ModelFormatError, NetworkError), match=message):
        read[kind]()


def test_weights_are_read_where_training_begins(tmp_path):
    X, y = make_table()
    backbone = reads(tmp_path)
    estimator = table_estimator(backbone=backbone, freeze_backbone=True).fit(X, y)
    expected = MLP(4, hidden=(8,))
    load_weights(expected, tmp_path / "weights")
    found = estimator.net_.module_.backbone.inner.state_dict()
    for name, value in expected.double().state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)
    (tmp_path / "weights").unlink()
    with pytest.raises(NetworkError, match="cannot be read"):
        estimator.fit(X, y)


class Draws(nn.Module):
    """Draws in many ways when it is built."""

    def __init__(self, in_features):
        super().__init__()
        self.inner = nn.Linear(in_features, 4)
        nn.init.orthogonal_(self.inner.weight)
        nn.init.trunc_normal_(self.inner.bias)
        bias = self.inner.bias.data
        bias += torch.randn(4) + torch.rand(4) + torch.randperm(4)
        bias += torch.randn_like(bias) + torch.rand_like(bias)
        bias += torch.randint_like(bias, 5) + torch.poisson(torch.ones(4))

    def forward(self, x):
        return self.inner(x)


def test_reading_leaves_torchs_generator_alone(tmp_path):
    X, y = make_table()
    estimator = table_estimator(backbone=Draws).fit(X, y)
    save(estimator, tmp_path / "model")
    state = torch.get_rng_state()
    load(tmp_path / "model", custom_objects={"Draws": Draws})
    pickle.loads(pickle.dumps(estimator))
    assert torch.get_rng_state().equal(state)


def test_the_optimizer_is_made_when_it_is_asked_for(tmp_path):
    X, y = make_table()
    estimator = table_estimator(optimizer="sgd", lr=0.25).fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    assert "optimizer_" not in vars(again.net_)
    assert again.net_.optimizer_.param_groups[0]["momentum"] == 0.9
    assert again.net_.optimizer_.param_groups[0]["lr"] == 0.25
    with pytest.raises(AttributeError, match="no attribute 'optimiser_'"):
        _ = again.net_.optimiser_


PROGRAM = """
    import pickle, sys
    import numpy as np
    from mtlearn import load

    images = np.zeros((3, 6, 6, 1), np.float32)
    load(sys.argv[1]).predict(images)
    with open(sys.argv[2], "rb") as file:
        pickle.load(file).predict(images)
    print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""


def test_no_compiler_is_imported(tmp_path):
    estimator = image_estimator().fit(*make_images())
    save(estimator, tmp_path / "model")
    (tmp_path / "pickle").write_bytes(pickle.dumps(estimator))
    found = subprocess.check_output(
        [
            *(sys.executable, "-c", textwrap.dedent(PROGRAM)),
            *(tmp_path / "model", tmp_path / "pickle"),
        ],
        timeout=120,
        text=True,
    )
    assert found == "[]\n"
