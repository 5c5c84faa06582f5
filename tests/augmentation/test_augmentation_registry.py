import pytest
import torch

from mtlearn import Partial
from mtlearn.augmentation import (
    Augmentation,
    get_augmentation,
    resolve_augmentation,
)
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("light", {"translate": 0.05, "rotate": 5.0, "zoom": 0.05}),
        (
            "standard",
            {"flip": "horizontal", "translate": 0.05, "rotate": 18.0, "zoom": 0.1},
        ),
    ],
)
def test_a_name_stands_for_its_policy(name, expected):
    augmentation = get_augmentation(name)

    augmentation.validate("Owner")
    assert augmentation.get_params() == Augmentation(**expected).get_params()
    assert resolve_augmentation(name, "Owner").get_params() == augmentation.get_params()


def test_a_policy_that_is_changed_does_not_change_its_name():
    get_augmentation("light").set_params(rotate=90.0)

    assert get_augmentation("light").rotate == 5.0


def test_an_unknown_name_is_refused():
    message = "one of 'light', 'standard', 'trivial', 'randaugment'. Got 'strong' inst"
    with pytest.raises(InvalidParameterError, match=message):
        get_augmentation("strong")
    message = (
        "The 'augmentation' parameter of Owner must be None, one of 'light', 'stand"
    )
    with pytest.raises(InvalidParameterError, match=message):
        resolve_augmentation("strong", "Owner")


def test_nothing_is_nothing():
    assert resolve_augmentation(None, "Owner") is None


def test_an_object_is_checked_and_returned():
    augmentation = Augmentation(rotate=5.0)

    assert resolve_augmentation(augmentation, "Owner") is augmentation
    message = "The 'rotate' parameter of the Augmentation of Owner"
    with pytest.raises(InvalidParameterError, match=message):
        resolve_augmentation(Augmentation(rotate=-1), "Owner")


def darker(x, generator, factor=0.5):
    return x * factor


@pytest.mark.parametrize("value", [darker, Partial(darker, factor=0.25)])
def test_a_callable_is_returned_as_it_is(value):
    resolved = resolve_augmentation(value, "Owner")

    assert resolved is value
    assert resolved(torch.ones(1), torch.Generator()).item() in {0.5, 0.25}


@pytest.mark.parametrize("value", [Augmentation, Partial(Augmentation, rotate=5.0)])
def test_a_class_is_refused(value):
    message = r"must be an object and not a class. Got .*: pass Augmentation\(...\)"
    with pytest.raises(ParameterTypeError, match=message):
        resolve_augmentation(value, "Owner")


def test_what_cannot_be_called_is_refused():
    message = (
        "The 'augmentation' parameter of Owner must be None, a name, an object of "
        r"mtlearn.augmentation, or a callable that maps \(x, generator\) to x. Got 3 "
    )
    with pytest.raises(ParameterTypeError, match=message):
        resolve_augmentation(3, "Owner")
