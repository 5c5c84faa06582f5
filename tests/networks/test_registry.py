import pytest

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import (
    MLP,
    ResNet,
    ResNetV2,
    TabM,
    TimmBackbone,
    TransformersBackbone,
    get_backbone,
    named_backbone,
)

NAMES = "'mlp', 'resnet', 'resnet_v2', 'tabm'"


def test_names():
    assert get_backbone("resnet") is ResNet
    assert get_backbone("resnet_v2") is ResNetV2
    assert get_backbone("mlp") is MLP
    assert get_backbone("tabm") is TabM


def test_a_name_stands_for_arguments():
    assert named_backbone("resnet") == (ResNet, {"moments": True})
    named_backbone("resnet")[1].clear()  # a copy
    assert named_backbone("resnet")[1] == {"moments": True}
    assert named_backbone("resnet_v2") == (ResNetV2, {})


def test_unknown_name_lists_the_valid_ones():
    with pytest.raises(
        InvalidParameterError, match=NAMES + r", or .*\. Got 'resent' .* 'resnet'"
    ):
        get_backbone("resent")


def test_names_of_networks_elsewhere():
    assert get_backbone("transformers/resnet") is TransformersBackbone
    assert named_backbone("timm/resnet50") == (TimmBackbone, {"name": "resnet50"})
    name = "microsoft/resnet-50"
    assert named_backbone(f"transformers/{name}") == (
        TransformersBackbone,
        {"name": name},
    )


@pytest.mark.parametrize("name", ["transformers", "transformers/", "hub/resnet"])
def test_half_a_name(name):
    with pytest.raises(InvalidParameterError, match=f"'transformers/NAME'.*{name}"):
        get_backbone(name)
