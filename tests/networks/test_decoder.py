"""Decoder: an image of any size from a feature vector."""

import pytest
import torch
from torch import nn

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


def gradients(layer, x):
    """Return what training under autocast makes, and its gradients."""
    layer.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x)
    # Other weights for each pixel.
    (made.float() * torch.arange(made.numel()).view_as(made).cos()).sum().backward()
    return [made, x.grad, *(each.grad for each in layer.parameters())]


LAYERS = {
    "to one channel": (5, 1, 3, 2, 1, (1, 0)),
    "the other way round": (5, 1, 3, 2, 1, (0, 1)),
    "without a bias": (5, 1, 3, 2, 1, 1, 1, False),
    "to two channels": (4, 2, 3, 2, 1, 1),
    "of another size": (5, 1, 4, 2, 1),
    "of another stride": (5, 1, 3, 1, 1),
    "of another padding": (5, 1, 3, 2, 0),
    "further apart": (5, 1, 3, 2, 1, 1, 1, True, 2),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", [(4, 3), (1, 2)])
def test_training_under_autocast_is_the_convolution_of_torch(name, size):
    torch.manual_seed(0)
    layer = OutputConvolution(*LAYERS[name]).train()
    theirs = nn.ConvTranspose2d(*LAYERS[name])
    theirs.load_state_dict(layer.state_dict())
    x = torch.randn(2, LAYERS[name][0], *size).to(memory_format=torch.channels_last)
    expected = gradients(theirs, x)
    for ours, other in zip(gradients(layer, x), expected, strict=True):
        assert ours.dtype == other.dtype
        # Nearest numbers of bfloat16 are up to 1/128 apart.
        torch.testing.assert_close(ours, other, rtol=0.02, atol=0.02)


def test_a_single_image_and_a_size_under_autocast():
    layer, x = OutputConvolution(2, 1, 3, 2, 1).train(), torch.rand(2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).shape == (1, 7, 7)
        assert layer(x[None], output_size=(8, 7)).shape == (1, 1, 8, 7)
