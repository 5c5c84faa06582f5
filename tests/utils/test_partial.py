"""A class and some of its arguments, as a value that can be searched."""

import pickle

import pytest
from sklearn.base import clone
from torch.optim import SGD, AdamW

from mtlearn import Partial
from mtlearn._utils._partial import as_partial, check_arguments
from mtlearn.exceptions import InvalidParameterError, MtlearnError, ParameterTypeError
from mtlearn.tasks import Head


class Block:
    """A class with arguments of every sort."""

    def __init__(self, n_inputs, /, width=4, *, rate=0.5, head=None):
        self.given = {"width": width, "rate": rate, "head": head}
        self.n_inputs = n_inputs


def anything(*args, **kwargs):
    return args, kwargs


def test_a_call_adds_the_fixed_arguments():
    made = Partial(Block, width=8)(3, rate=0.1)

    assert made.n_inputs == 3
    assert made.given == {"width": 8, "rate": 0.1, "head": None}


def test_an_argument_of_the_call_wins():
    assert Partial(anything, a=1, b=2)(0, b=3) == ((0,), {"a": 1, "b": 3})


def test_parameters_are_those_given():
    partial = Partial(Block, width=8, head=Head(hidden=(2,)))

    shallow = partial.get_params(deep=False)
    assert list(shallow) == ["cls", "width", "head"]
    assert shallow["cls"] is Block
    assert partial.get_params()["head__hidden"] == (2,)


def test_a_class_among_the_arguments_has_no_parameters():
    assert list(Partial(anything, kind=Head).get_params()) == ["cls", "kind"]


def test_a_clone_is_its_own():
    partial = Partial(Block, width=8, head=Head(hidden=(2,)))

    twin = clone(partial).set_params(width=1, head__hidden=(9,), rate=0.0)

    assert partial.kwargs["width"] == 8
    assert partial.kwargs["head"].hidden == (2,)
    assert "rate" not in partial.kwargs
    assert twin.kwargs["head"].hidden == (9,)
    assert (twin.kwargs["width"], twin.kwargs["rate"]) == (1, 0.0)


def test_an_argument_that_was_not_given_can_be_set():
    partial = Partial(SGD)

    assert partial.set_params(momentum=0.9) is partial
    assert partial.get_params()["momentum"] == 0.9


def test_any_argument_of_a_callable_that_takes_any_can_be_set():
    assert Partial(anything).set_params(whatever=1).kwargs == {"whatever": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_an_object_is_replaced_before_its_parameters_are_set(order):
    params = {"head": Head(), "head__hidden": (5,)}

    partial = Partial(Block).set_params(**dict(list(params.items())[::order]))

    assert partial.kwargs["head"].hidden == (5,)


@pytest.mark.parametrize("order", [1, -1])
def test_names_are_those_of_the_new_class(order):
    params = {"cls": SGD, "nesterov": True}

    partial = Partial(AdamW).set_params(**dict(list(params.items())[::order]))

    assert repr(partial) == "Partial(SGD, nesterov=True)"


def test_partials_nest():
    outer = Partial(Block, head=Partial(SGD, lr=0.1))

    outer.set_params(head__momentum=0.5)

    assert outer.get_params()["head__momentum"] == 0.5
    assert clone(outer).kwargs["head"].kwargs == {"lr": 0.1, "momentum": 0.5}
    with pytest.raises(InvalidParameterError, match="SGD has no argument 'momemtum'"):
        outer.set_params(head__momemtum=0.5)


@pytest.mark.parametrize("name", ["widht", "n_inputs", "cls__width", "self", "hea__d"])
def test_a_misspelt_argument_lists_the_valid_ones(name):
    partial = Partial(Block, width=8)
    outer = name.partition("__")[0]

    with pytest.raises(
        InvalidParameterError,
        match=f"Block has no argument '{outer}'. Its arguments are: width, rate, head",
    ) as caught:
        partial.set_params(**{name: 1})

    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)
    assert partial.cls is Block
    assert partial.kwargs == {"width": 8}


@pytest.mark.parametrize("partial", [Partial(Block), Partial(Block, head=3)], ids=repr)
def test_an_argument_without_parameters_of_its_own(partial):
    with pytest.raises(
        InvalidParameterError, match=r"'head__hidden' cannot be set: .* 'head' with par"
    ):
        partial.set_params(head__hidden=(3,))


def test_pickling():
    twin = pickle.loads(pickle.dumps(Partial(SGD, lr=0.5)))

    assert twin.cls is SGD
    assert twin.kwargs == {"lr": 0.5}


def test_repr_reads_as_the_call():
    assert repr(Partial(SGD)) == "Partial(SGD)"
    assert repr(Partial(SGD, lr=0.5, foo="a")) == "Partial(SGD, lr=0.5, foo='a')"
    assert repr(Partial("sgd")) == "Partial('sgd')"


def test_a_class_becomes_a_partial():
    partial = as_partial(SGD, "optimizer", "It")

    assert partial.cls is SGD
    assert partial.kwargs == {}
    assert as_partial(partial, "optimizer", "It") is partial


def test_the_names_in_a_partial_are_checked():
    with pytest.raises(InvalidParameterError, match="SGD has no argument 'momemtum'"):
        as_partial(Partial(SGD, momemtum=0.9), "optimizer", "It")


@pytest.mark.parametrize("cls", ["sgd", None, 5, Head()])
def test_a_partial_of_something_that_cannot_be_called(cls):
    with pytest.raises(
        ParameterTypeError, match=r"Partial takes a class or another callable\. Got"
    ):
        as_partial(Partial(cls, lr=1), "optimizer", "It")


@pytest.mark.parametrize("value", ["sgd", 3, None, Head(), anything])
def test_objects_are_no_partials(value):
    with pytest.raises(
        ParameterTypeError, match=r"'optimizer' parameter of It must be a .* Got"
    ) as caught:
        as_partial(value, "optimizer", "It")
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, TypeError)


def test_arguments_are_checked_by_name():
    check_arguments(Block, ["width", "rate", "head"])
    check_arguments(anything, ["foo"])
    check_arguments(Block, [])
    with pytest.raises(InvalidParameterError, match="no argument 'foo'"):
        check_arguments(Block, ["width", "foo"])
