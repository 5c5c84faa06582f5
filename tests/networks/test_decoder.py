"""Decoder: an image of any size from a feature vector."""

import pytest
import torch

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import Decoder, OutputConvolution

SHAPES = [(1, 28, 28), (3, 30, 21), (1, 1, 1), (2, 1, 7), (1, 8, 8), (1, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("widths", [(6,), (6, 4), (6, 4, 3, 2)])
def test_images_have_the_size_that_is_asked_for(shape, widths):
    assert Decoder(5, shape, widths=widths)(torch.zeros(2, 5)).shape == (2, *shape)


def test_layers_double_the_sides():
    decoder = Decoder(5, (3, 30, 21), widths=(6, 4))
    # 30 x 21 is halved to 15 x 11 and 8 x 6.
    assert decoder.small == (8, 6, 6)
    sizes = {name: tuple(each.shape) for name, each in decoder.named_parameters()}
    assert sizes == {
        "start.0.weight": (6 * 8 * 6, 5),
        "start.0.bias": (6 * 8 * 6,),
        "layers.0.weight": (6, 4, 3, 3),
        "layers.0.bias": (4,),
        "layers.2.weight": (4, 3, 3, 3),
        "layers.2.bias": (3,),
    }


def test_values_may_be_negative():
    torch.manual_seed(0)
    assert Decoder(5, (1, 8, 8))(torch.rand(4, 5)).min() < 0


def test_there_is_a_width():
    with pytest.raises(InvalidParameterError, match=r"'widths' .* at least one"):
        Decoder(5, (1, 8, 8), widths=())


def test_the_last_layer_is_exact_under_autocast():
    torch.manual_seed(0)
    layer, x = OutputConvolution(2, 1, 3, 2, 1).eval(), torch.rand(1, 2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
        made = Decoder(5, (1, 8, 8)).eval()(torch.rand(2, 5))
        in_training = layer.train()(x)
    assert found.dtype == made.dtype == torch.float32
    torch.testing.assert_close(found, layer(x), rtol=0, atol=0)
    assert in_training.dtype == torch.bfloat16
