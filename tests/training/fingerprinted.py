"""Values of all kinds, each of them another one."""

import functools
import random
import re
import threading
import types
from collections import OrderedDict, defaultdict

import numpy as np
import pandas as pd
import torch
from scipy.special import expit, logit
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from mtlearn import Classification, Partial, RaritySampler, Tasks
from mtlearn.networks import MLP
from mtlearn.training import EMA


class Thing:
    """Neither a value nor made of parameters."""

    def __init__(self, number):
        self.number = number

    def apply(self, x):
        return x * self.number


class Keyed:
    """Pickled by a state that has no names."""

    def __init__(self, whole, text):
        self.held = {1: whole, "1": text}

    def __getstate__(self):
        return self.held


class Locked(Thing):
    """Cannot be pickled."""

    def __init__(self, number):
        super().__init__(number)
        self.lock = threading.Lock()


class Calls:
    """Calls a function in a way of its own."""

    def __init__(self, function, factor):
        functools.update_wrapper(self, function)
        self.function = function
        self.factor = factor

    def __call__(self, *arguments):
        return self.factor * self.function(*arguments)


class Mapped(dict):
    """Knows more than its items."""

    def __init__(self, number):
        super().__init__(a=1)
        self.number = number


class Slotted:
    __slots__ = ("number",)

    def __init__(self, number):
        self.number = number


class Chosen(Thing):
    """Says itself what it holds."""

    def __init__(self, number, other):
        super().__init__(number)
        self.other = other

    def __getstate__(self):
        return self.number


class Counting(Callback):
    def __init__(self, limit=3):
        self.limit = limit
        self.count = 0


class Hiding(Callback):
    """Keeps its parameter under another name."""

    def __init__(self, limit):
        self.most = limit


def loss(output, target):
    return output - target


def noise(sigma):
    def change(x, generator):
        return x + sigma

    return change


def nested(sigma):
    inner = noise(sigma)
    return lambda x, generator: inner(x, generator)


def by_default(x, sigma=1.0):
    return x * sigma


def with_default(sigma):
    copy = types.FunctionType(by_default.__code__, {}, "by_default", (sigma,))
    copy.__module__ = __name__
    return copy


def by_keyword(sigma):
    return lambda x, *, s=sigma: x * s


def module_of(weight):
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, weight)
    return module


def cyclic(number):
    found = [number]
    found.append(found)
    return found


def drawn(seed):
    return np.random.default_rng(seed)


ALL_DIFFERENT = [
    None,
    0,
    0.0,
    1,
    True,
    1.0,
    "1",
    b"1",
    [1],
    (1,),
    {1},
    frozenset({1}),
    {1, 2},
    range(3),
    range(4),
    [1, 2],
    [[1], [2]],
    [[1, 2]],
    [[1, 2], []],
    [[1], [2, []]],
    {"a": 1},
    {"a": 2},
    {"b": 1},
    {"a": {"b": 1}, "c": 2},
    {"a": {"b": 1, "c": 2}},
    OrderedDict(a=1),
    np.array([1]),
    np.array([1.0]),
    np.array([[1]]),
    np.array([2]),
    torch.tensor([1]),
    torch.tensor([1.0], dtype=torch.bfloat16),
    torch.tensor([2.0], dtype=torch.bfloat16),
    np.array(["a"], dtype=object),
    np.array(["b"], dtype=object),
    np.array(1),
    np.float32(1),
    pd.Series([1]),
    pd.Series([2]),
    pd.DataFrame({"a": [1]}),
    pd.DataFrame({"b": [1]}),
    torch.float32,
    torch.float64,
    torch.device("cpu"),
    drawn(0),
    drawn(1),
    random.Random(0),
    random.Random(1),
    MLP,
    nn.Linear,
    loss,
    lambda output, target: output,
    lambda output, target: target,
    noise(0.01),
    noise(3.0),
    nested(0.01),
    nested(3.0),
    with_default(0.01),
    with_default(3.0),
    by_keyword(0.01),
    by_keyword(3.0),
    functools.partial(loss, 1),
    functools.partial(loss, 2),
    functools.partial(loss, target=2),
    functools.partial(noise(1), 1),
    functools.lru_cache(noise(1)),
    functools.lru_cache(noise(2)),
    Thing(1).apply,
    Thing(9).apply,
    [1].append,
    [2].append,
    len,
    np.add,
    np.multiply,
    module_of(1.0),
    module_of(2.0),
    module_of(2.0).requires_grad_(False),
    torch.ones(1),
    nn.Parameter(torch.ones(1)),
    torch.Generator().manual_seed(1),
    torch.Generator().manual_seed(2),
    Calls(loss, 1),
    Calls(loss, 2),
    Mapped(1),
    Mapped(2),
    defaultdict(int),
    defaultdict(float),
    types.MappingProxyType({"a": 1}),
    re.compile("a"),
    re.compile("b"),
    int | str,
    int | float,
    expit,
    logit,
    Partial(MLP, hidden=(3,)),
    Partial(MLP, hidden=(4,)),
    Partial(MLP, a={"a": {"b": 1}, "c": 2}),
    Partial(MLP, a={"a": {"b": 1, "c": 2}}),
    Tasks(a=Classification(3)),
    Tasks(b=Classification(3)),
    Tasks(a=Classification(3, weight=2.0)),
    EMA(0.5),
    EMA(0.6),
    RaritySampler(power=0.5),
    RaritySampler(power=0.6),
    Thing(1),
    Thing(2),
    Locked(1),
    Locked(2),
    Slotted(1),
    Slotted(2),
    Chosen(1, None),
    Chosen(2, None),
    Counting(1),
    Counting(2),
    Hiding(1),
    Hiding(2),
    Keyed(whole=1, text=3),
    Keyed(whole=2, text=3),
    Keyed(whole=1, text=4),
    EarlyStopping(patience=1),
    EarlyStopping(patience=2),
    cyclic(1),
    cyclic(2),
]
