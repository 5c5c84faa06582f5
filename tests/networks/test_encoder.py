"""Encoder: a code from images of one size."""

import pytest
import torch

from mtlearn.networks import Encoder, get_backbone, save_weights


@pytest.mark.parametrize("size", [(28, 28), (9, 7), (1, 1)])
def test_each_convolution_halves_the_sides(size):
    encoder = Encoder(2, size, widths=(4, 6), n_features=5)
    assert encoder(torch.zeros(3, 2, *size)).shape == (3, 5)
    height, width = (-(-side // 4) for side in size)
    assert encoder.code.in_features == 6 * height * width


def test_it_is_that_of_the_reference():
    # 28 is halved to 7 twice; weights and biases of each layer, counted by hand.
    expected = (9 + 1) * 32 + (9 * 32 + 1) * 64 + (64 * 7 * 7 + 1) * 128
    encoder = get_backbone("autoencoder")(1, (28, 28))
    assert type(encoder) is Encoder
    assert sum(each.numel() for each in encoder.parameters()) == expected


def test_a_code_may_be_negative():
    torch.manual_seed(0)
    assert Encoder(1, (8, 8))(torch.rand(4, 1, 8, 8)).min() < 0


def test_it_begins_with_weights_of_a_file(tmp_path):
    first = Encoder(1, (8, 8), widths=(2,), n_features=3)
    save_weights(first, tmp_path / "encoder.safetensors")
    again = Encoder(
        1, (8, 8), widths=(2,), n_features=3, weights=tmp_path / "encoder.safetensors"
    )
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(again(x), first(x), rtol=0, atol=0)
