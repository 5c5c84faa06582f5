"""Functions and classes count by what they compute."""

import functools
import sys
import textwrap
import types

import pytest
import torch
from torch import nn

from mtlearn.training import fingerprint_of
from mtlearn.training._code import is_library

SOURCE = """
    import {module}
    FACTOR = {factor}
    TABLE = {{"a": [{entry}]}}
    calls = 0

    def helper(x):
        return x {sign} 1

    class Base:
        def change(self, x):
            return x * {base}

    class Policy(Base):
        {attribute}

        def __call__(self, x, generator):
            return helper(self.change(x))

    def function(x, generator):
        global calls
        calls += 1
        return FACTOR * helper(TABLE["a"][0] * x)

    policy = Policy()

    def indirect(x, generator):
        return policy(x, generator)
"""
DEFAULTS = {
    "module": "math",
    "factor": 1.0,
    "entry": 1,
    "sign": "+",
    "base": 2,
    "attribute": "scale = 1",
}


def program(**given):
    """Run the source as a module that was typed in."""
    module = types.ModuleType("typed_in")
    exec(textwrap.dedent(SOURCE).format(**{**DEFAULTS, **given}), vars(module))
    return module


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("function", {"factor": 2.0}),
        ("function", {"entry": 2}),
        ("function", {"sign": "-"}),
        ("Policy", {"sign": "-"}),
        ("Policy", {"base": 3}),
        ("Policy", {"attribute": "scale = 2"}),
        ("policy", {"base": 3}),
        ("indirect", {"base": 3}),
    ],
)
def test_what_a_function_or_class_is_made_of(name, changes):
    one, same, other = (
        fingerprint_of({"value": vars(program(**given))[name]})
        for given in ({}, {"module": "cmath"}, changes)
    )
    assert one == same
    assert one != other


def test_what_a_function_counts_up_is_no_part_of_it():
    module = program()
    before = fingerprint_of({"value": module.function})
    module.function(1, None)
    assert module.calls == 1
    assert fingerprint_of({"value": module.function}) == before


def typed_in(text, **given):
    """Make a module of a text, with what stands beside it."""
    module = types.ModuleType("typed_in")
    vars(module).update(given)
    exec(textwrap.dedent(text), vars(module))
    return module


def inner_module(factor):
    """Return a module that holds itself and, two modules down, a helper."""
    inner = typed_in(f"def helper(x): return x * {factor}")
    inner.__name__ = "outer.middle.inner"
    middle = types.ModuleType("outer.middle")
    outer = types.ModuleType("outer")
    outer.middle, middle.inner, inner.outer = middle, inner, outer
    return outer


def through_modules(factor):
    text = "def change(x): return outer.middle.inner.helper(x)"
    return typed_in(text, outer=inner_module(factor)).change


def with_computed(factor):
    text = """
        class Policy:
            factor = FACTOR

            def __call__(self, x, generator):
                return x * self.factor
    """
    return typed_in(text, FACTOR=factor).Policy


def with_partial(factor):
    text = "class Policy: change = functools.partial(max, FACTOR)"
    return typed_in(text, functools=functools, FACTOR=factor).Policy


def wrapping(library_function, factor):
    text = "def outer(x): return FACTOR * inner(x)"
    made = typed_in(text, FACTOR=factor, inner=library_function).outer
    return functools.update_wrapper(made, library_function)


def without_gradients(factor):
    return torch.no_grad()(typed_in(f"def change(x): return x * {factor}").change)


@pytest.mark.parametrize(
    "make",
    [
        through_modules,
        with_computed,
        with_partial,
        without_gradients,
        lambda factor: wrapping(nn.functional.mse_loss, factor),
    ],
)
def test_what_code_is_made_of_elsewhere(make):
    one, same, other = (
        fingerprint_of({"value": make(factor)}) for factor in (1.0, 1.0, 2.0)
    )
    assert one == same
    assert one != other


class Computed:
    factor = len(())


def test_attributes_of_a_class_count_by_their_values(monkeypatch):
    before = fingerprint_of({"value": Computed()})
    monkeypatch.setattr(Computed, "factor", 1)
    assert fingerprint_of({"value": Computed()}) != before


# torch's compiler is not imported without.
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_functions_count_by_what_was_compiled():
    one, same, other = (
        fingerprint_of({"value": torch.compile(program(**given).helper)})
        for given in ({}, {}, {"sign": "-"})
    )
    assert one == same
    assert one != other


def test_what_a_class_counts_up_is_no_part_of_it():
    text = """
        class Policy:
            calls = 0

            def __call__(self, x, generator):
                Policy.calls += 1
                return x
    """
    policy = typed_in(text).Policy
    before = fingerprint_of({"value": policy()})
    policy()(1, None)
    assert policy.calls == 1
    assert fingerprint_of({"value": policy()}) == before


def test_code_may_lead_far():
    def last(factor, n_steps=500):
        lines = [f"def f0(x): return x * {factor}"]
        lines += [f"def f{i}(x): return f{i - 1}(x)" for i in range(1, n_steps)]
        return vars(typed_in("\n".join(lines)))[f"f{n_steps - 1}"]

    one, same, other = (fingerprint_of({"f": last(each)}) for each in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_module_of_the_user_s_may_have_a_name_of_python_s(tmp_path, monkeypatch):
    is_library.cache_clear()
    assert is_library("code")
    module = types.ModuleType("code")
    module.__file__ = str(tmp_path / "code" / "__init__.py")
    monkeypatch.setitem(sys.modules, "code", module)
    is_library.cache_clear()
    assert not is_library("code.augmentation")
    assert is_library("random")
    is_library.cache_clear()
