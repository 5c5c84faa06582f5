"""What tells one training from another."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Classification, Partial, Tasks
from mtlearn.networks import MLP
from mtlearn.training import EMA, fingerprint_of
from mtlearn.training._fingerprint import _CHUNK_BYTES


class Thing:
    """Neither a value nor made of parameters."""

    def __init__(self, number):
        self.number = number


def loss(output, target):
    return output - target


ALL_DIFFERENT = [
    None,
    0,
    0.0,
    1,
    True,
    1.0,
    "1",
    [1],
    (1,),
    [1, 2],
    [[1], [2]],
    {"a": 1},
    {"a": 2},
    {"b": 1},
    np.array([1]),
    np.array([1.0]),
    np.array([[1]]),
    np.array([2]),
    torch.tensor([1]),
    np.array(["a"], dtype=object),
    np.array(["b"], dtype=object),
    np.array(1),
    MLP,
    loss,
    lambda output, target: output,
    lambda output, target: target,
    nn.Linear,
    Partial(MLP, hidden=(3,)),
    Partial(MLP, hidden=(4,)),
    Tasks(a=Classification(3)),
    Tasks(b=Classification(3)),
    Tasks(a=Classification(3, weight=2.0)),
    EMA(0.5),
    EMA(0.6),
    Thing(1),
    Thing(2),
]


def test_different_values_have_different_fingerprints():
    found = [fingerprint_of({"value": value}) for value in ALL_DIFFERENT]
    assert len(set(found)) == len(found)
    assert fingerprint_of({"a": 1}) != fingerprint_of({"b": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(12.0), np.arange(24.0)[::2] / 2),
        (Partial(MLP, hidden=(3,)), Partial(MLP, hidden=(3,))),
        (Tasks(a=Classification(3)), Tasks(a=Classification(3))),
        (Thing(1), Thing(1)),
        (torch.ones(2, 3).T, torch.ones(3, 2)),
    ],
)
def test_equal_values_have_the_same_one(one, other):
    assert fingerprint_of({"value": one}) == fingerprint_of({"value": other})


def test_every_row_of_a_large_array_counts():
    X = np.zeros((5, _CHUNK_BYTES // 16))
    before = fingerprint_of({"X": X})
    X[4, -1] = 1e-9
    assert fingerprint_of({"X": X}) != before


def test_what_cannot_be_pickled_counts_by_its_class(tmp_path):
    with open(tmp_path / "file", "w") as file:
        assert len(fingerprint_of({"value": file})) == 64


PROGRAM = """
    import numpy as np
    from mtlearn import MultiTaskEstimator, Partial
    from mtlearn.networks import MLP
    from mtlearn.training import fingerprint_of

    params = MultiTaskEstimator(backbone=Partial(MLP, hidden=(3,))).get_params()
    fingerprint = fingerprint_of({"params": params, "X": np.arange(5)})
"""


def test_it_is_the_same_in_another_process():
    # A process of its own imports torch and scikit-learn, which takes seconds.
    program, here = textwrap.dedent(PROGRAM), {}
    exec(program, here)
    command = [sys.executable, "-c", f"{program}\nprint(fingerprint)"]
    found = subprocess.check_output(command, timeout=120, text=True)
    assert found == f"{here['fingerprint']}\n"
