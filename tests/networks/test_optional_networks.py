import sys

import pytest

from mtlearn.exceptions import MissingDependencyError
from mtlearn.networks import HeadSpec, build_network, named_backbone


@pytest.mark.parametrize("package", ["timm", "transformers"])
def test_a_package_that_is_not_there_is_named_with_its_command(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    backbone, params = named_backbone(f"{package}/resnet50")
    message = rf"{package}, which cannot .* pip install 'mtlearn\[{package}\]'"
    with pytest.raises(MissingDependencyError, match=message):
        build_network(backbone, params, (3, 16, 16), [HeadSpec(1)])
