"""Policies that draw, as values, and within an `Augmentation`."""

import inspect
import pickle

import pytest
import torch
from seeded_batches import batch as images
from seeded_batches import seeded
from sklearn.base import clone

from mtlearn.augmentation import (
    Augmentation,
    RandAugment,
    TrivialAugment,
    get_augmentation,
    resolve_augmentation,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

POLICIES = [TrivialAugment(), RandAugment(), RandAugment(3, 30, fill="reflection")]
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=repr)


@each_policy
@pytest.mark.parametrize(
    "copy", [clone, lambda p: pickle.loads(pickle.dumps(p))], ids=["clone", "pickle"]
)
def test_a_copy_does_the_same(policy, copy):
    x = images(6, 3, 6, 6)

    copied = copy(policy)

    assert copied is not policy
    assert copied.get_params() == policy.get_params()
    assert torch.equal(copied(x, seeded()), policy(x, seeded()))


def test_the_repr_shows_what_is_set():
    assert repr(RandAugment(magnitude=5)) == "RandAugment(magnitude=5)"
    assert repr(TrivialAugment()) == "TrivialAugment()"


@pytest.mark.parametrize(
    ("name", "cls"), [("trivial", TrivialAugment), ("randaugment", RandAugment)]
)
def test_a_name_stands_for_the_defaults(name, cls):
    for made in (get_augmentation(name), resolve_augmentation(name, "Owner")):
        assert type(made) is cls
        assert made.get_params() == cls().get_params()


@each_policy
def test_an_object_is_returned(policy):
    assert resolve_augmentation(policy, "Owner") is policy


@pytest.mark.parametrize(
    ("policy", "error", "expected"),
    [
        (RandAugment(n_ops=0), InvalidParameterError, "'n_ops'.*RandAugment of Owner"),
        (RandAugment(n_ops=1.5), ParameterTypeError, "'n_ops'.* must be an integer"),
        (RandAugment(magnitude=31), InvalidParameterError, r"'magnitude'.*\[0, 30\]"),
        (RandAugment(fill="wrap"), InvalidParameterError, "'fill'.*'reflection'"),
        (TrivialAugment(fill=0), InvalidParameterError, "'fill'.*TrivialAugment of O"),
        (TrivialAugment(value_range=1), InvalidParameterError, "'value_range'"),
    ],
)
def test_a_wrong_value_is_refused(policy, error, expected):
    with pytest.raises(error, match=expected):
        resolve_augmentation(policy, "Owner")


# Within an Augmentation.


@each_policy
def test_a_policy_comes_after_moves_and_before_tones(policy):
    x = images(12, 3, 8, 9)
    generator = seeded()

    moved = Augmentation(flip="horizontal", crop=1)(x, generator)
    expected = Augmentation(blur=1.0, gamma=0.3)(policy(moved, generator), generator)

    both = Augmentation(flip="horizontal", crop=1, policy=policy, blur=1.0, gamma=0.3)
    assert torch.equal(both(x, seeded()), expected)


def test_a_policy_by_name_takes_the_range_of_the_augmentation():
    x = 255 * images(12, 3, 8, 9)

    changed = Augmentation(policy="trivial", value_range=(0, 255))(x, seeded())

    assert torch.equal(changed, TrivialAugment(value_range=(0, 255))(x, seeded()))
    with pytest.raises(InvalidDataError, match="'value_range' of a TrivialAugment"):
        Augmentation(policy=TrivialAugment(), value_range=(0, 255))(x, seeded())


def test_the_parameters_of_a_policy_are_reached():
    augmentation = Augmentation(policy=RandAugment())

    assert augmentation.set_params(policy__magnitude=3).policy.magnitude == 3
    with pytest.raises(InvalidParameterError, match="'policy' is 'trivial', which has"):
        Augmentation(policy="trivial").set_params(policy__fill="border")
    parameters = inspect.signature(RandAugment).parameters
    assert {f"policy__{name}" for name in parameters} < set(augmentation.get_params())


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("strong", InvalidParameterError),
        (3, ParameterTypeError),
        (RandAugment, ParameterTypeError),
        (Augmentation(), ParameterTypeError),
    ],
)
def test_what_is_no_policy_is_refused(value, error):
    message = (
        "'policy' parameter of the Augmentation of Owner must be None, one of 'tri"
    )
    with pytest.raises(error, match=message):
        Augmentation(policy=value).validate("Owner")


def test_a_wrong_parameter_of_a_policy_is_named():
    message = "'magnitude' .* the RandAugment of the Augmentation of Owner"
    with pytest.raises(InvalidParameterError, match=message):
        Augmentation(policy=RandAugment(magnitude=-1)).validate("Owner")
