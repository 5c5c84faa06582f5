import pytest

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP, ResNet, ResNetV2, get_backbone

NAMES = "'mlp', 'resnet', 'resnet_v2'"


def test_names():
    assert get_backbone("resnet") is ResNet
    assert get_backbone("resnet_v2") is ResNetV2
    assert get_backbone("mlp") is MLP


def test_unknown_name_lists_the_valid_ones():
    with pytest.raises(InvalidParameterError, match=NAMES + r"\. Got 'resent'"):
        get_backbone("resent")
