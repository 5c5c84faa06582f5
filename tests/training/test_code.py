"""Functions and classes count by what they compute."""

import textwrap
import types

import pytest

from mtlearn.training import fingerprint_of

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
