"""What tells one training from another."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from fingerprinted import (
    ALL_DIFFERENT,
    Calls,
    Chosen,
    Counting,
    Locked,
    Mapped,
    Thing,
    by_keyword,
    cyclic,
    loss,
    module_of,
    noise,
)
from skorch.callbacks import EarlyStopping

from mtlearn import Classification, Partial, Tasks
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP
from mtlearn.training import EMA, _fingerprint, fingerprint_of


def test_different_values_have_different_fingerprints():
    found = [fingerprint_of({"value": value}) for value in ALL_DIFFERENT]
    same = [
        (ALL_DIFFERENT[i], ALL_DIFFERENT[j])
        for j in range(len(found))
        for i in range(j)
        if found[i] == found[j]
    ]
    assert not same
    assert fingerprint_of({"a": 1}) != fingerprint_of({"b": 1})


def used(callback):
    callback.count = 7
    callback.seen_ = [object()]
    return callback


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(12.0), np.arange(24.0)[::2] / 2),
        (Partial(MLP, hidden=(3,)), Partial(MLP, hidden=(3,))),
        (Tasks(a=Classification(3)), Tasks(a=Classification(3))),
        (Thing(1), Thing(1)),
        (Locked(1), Locked(1)),
        (Locked(1).apply, Locked(1).apply),
        (Chosen(1, open), Chosen(1, iter(()))),
        (torch.ones(2, 3).T, torch.ones(3, 2)),
        (noise(2.0), noise(2.0)),
        (by_keyword(2.0), by_keyword(2.0)),
        (module_of(1.0), module_of(1.0)),
        ({"b", "a"}, {"a", "b"}),
        (cyclic(1), cyclic(1)),
        (re.compile("a"), re.compile("a")),
        (Calls(loss, 1), Calls(loss, 1)),
        (Mapped(1), Mapped(1)),
        (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
        # What a callback has come to know is no part of what was asked for.
        (Counting(), used(Counting())),
        (EarlyStopping(), used(EarlyStopping())),
        ([EMA(0.5)] * 2, [EMA(0.5), EMA(0.5)]),
    ],
)
def test_equal_values_have_the_same_one(one, other):
    assert fingerprint_of({"value": one}) == fingerprint_of({"value": other})


@pytest.mark.parametrize("package", ["mtlearn", "torch", "skorch", "numpy"])
def test_versions_count(package, monkeypatch):
    before = fingerprint_of({})
    true = _fingerprint.version
    monkeypatch.setattr(
        _fingerprint, "version", lambda name: "0" if name == package else true(name)
    )
    assert fingerprint_of({}) != before


@pytest.mark.parametrize("make", [lambda: (i for i in ()), lambda: sys._getframe()])
def test_what_can_be_neither_described_nor_pickled(make):
    thing = Thing({"inside": [make()]})
    message = (
        r"callbacks\.number\['inside'\]\[0\] is <.*cannot be pickled.*__getstate__"
    )
    with pytest.raises(InvalidParameterError, match=message):
        fingerprint_of({"callbacks": thing})


PROGRAM = """
    import numpy as np
    from mtlearn import MultiTaskEstimator, Partial
    from mtlearn.networks import MLP
    from mtlearn.training import fingerprint_of

    class Thing:
        def __init__(self, **values):
            self.__dict__.update(values)

        def apply(self, x):
            return x in {"b", "a", "c"}

    def change(scale):
        return lambda x, generator: Thing(scale=scale).apply(x)

    params = MultiTaskEstimator(backbone=Partial(MLP, hidden=(3,))).get_params()
    names = {"b", "a", "c", ("d", 1)}
    things = [Thing(names=names, f=change(names)).apply, Thing, change(2)]
    fingerprint = fingerprint_of({"params": params, "X": np.arange(5), "t": things})
"""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_the_same_in_another_process(seed):
    # A process of its own imports torch and scikit-learn, which takes seconds.
    text, here = textwrap.dedent(PROGRAM), {"__name__": "__main__"}
    exec(text, here)
    command = [sys.executable, "-c", f"{text}\nprint(fingerprint)"]
    variables = {**os.environ, "PYTHONHASHSEED": seed}
    found = subprocess.check_output(command, timeout=120, text=True, env=variables)
    assert found == f"{here['fingerprint']}\n"


def test_a_function_that_numpy_has_made_of_another_is_refused():
    made = np.frompyfunc(lambda x: x + 1, 1, 1)
    with pytest.raises(InvalidParameterError, match="cannot be pickled"):
        fingerprint_of({"value": made})
    assert fingerprint_of({"value": np.add}) != fingerprint_of({"value": np.subtract})
