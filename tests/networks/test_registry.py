import pytest

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP, ResNet, get_backbone


def test_names():
    assert get_backbone("resnet") is ResNet
    assert get_backbone("mlp") is MLP


def test_unknown_name_lists_the_valid_ones():
    with pytest.raises(InvalidParameterError, match=r"'mlp', 'resnet'\. Got 'resent'"):
        get_backbone("resent")
