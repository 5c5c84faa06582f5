import numpy as np
import pytest
import torch
from torch.nn import functional

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import CBAM, ResNet, ResNetV2, SqueezeExcite
from mtlearn.networks._attention import attention_layers

BOTH = pytest.mark.parametrize("kind", [SqueezeExcite, CBAM])


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def arrays(module):
    state = module.state_dict().items()
    return {name: value.double().numpy() for name, value in state}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mlp(weights, z):
    hidden = z @ weights["mlp.0.weight"].T + weights["mlp.0.bias"]
    return np.maximum(hidden, 0) @ weights["mlp.2.weight"].T + weights["mlp.2.bias"]


def test_squeeze_and_excitation_is_the_formula():
    module, x = SqueezeExcite(6).double(), torch.randn(3, 6, 5, 4, dtype=torch.float64)
    weights, maps = arrays(module), x.numpy()
    gate = sigmoid(mlp(weights, maps.mean((2, 3))))
    assert np.ptp(gate) > 0.01
    found = module(x).detach().numpy()
    np.testing.assert_allclose(found, maps * gate[:, :, None, None], rtol=1e-12)


def test_cbam_is_the_formula():
    module = CBAM(6, kernel_size=3).double()
    x = torch.randn(3, 6, 5, 4, dtype=torch.float64)
    weights, maps = arrays(module), x.numpy()
    gate = sigmoid(mlp(weights, maps.mean((2, 3))) + mlp(weights, maps.max((2, 3))))
    maps = maps * gate[:, :, None, None]
    both = np.pad(np.stack([maps.mean(1), maps.max(1)], 1), [(0, 0)] * 2 + [(1, 1)] * 2)
    windows = np.lib.stride_tricks.sliding_window_view(both, (3, 3), axis=(2, 3))
    places = np.einsum("nchwij,cij->nhw", windows, weights["places.weight"][0])
    assert np.ptp(places) > 0.01
    found = module(x).detach().numpy()
    np.testing.assert_allclose(found, maps * sigmoid(places)[:, None], rtol=1e-12)


@BOTH
@pytest.mark.parametrize(
    ("channels", "reduction", "hidden"),
    [(128, 16, 8), (32, 16, 4), (3, 16, 3), (1, 16, 1), (32, 2, 16)],
)
def test_number_of_hidden_units(kind, channels, reduction, hidden):
    module = kind(channels, reduction)
    assert module.mlp[0].out_features == hidden
    assert module.mlp[2].out_features == channels


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 4)])
def test_any_image_size_and_the_input_stays(kind, size):
    x = torch.randn(2, 5, *size)
    before = x.clone()
    assert kind(5)(x).shape == x.shape
    assert x.equal(before)


@BOTH
def test_gradients_are_right(kind):
    x = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(kind(3).double(), x)


@BOTH
def test_wrong_reduction(kind):
    match = f"'reduction' parameter of {kind.__name__} must .* Got 0 instead"
    with pytest.raises(InvalidParameterError, match=match):
        kind(4, 0)


@pytest.mark.parametrize("kernel_size", [4, 0, -1])
def test_wrong_kernel_size(kernel_size):
    with pytest.raises(InvalidParameterError, match=f"odd int. Got {kernel_size} "):
        CBAM(4, kernel_size=kernel_size)


def test_names():
    assert attention_layers(None, 4, "Net") == []
    for name, kind in [("se", SqueezeExcite), ("cbam", CBAM)]:
        assert [type(layer) for layer in attention_layers(name, 4, "Net")] == [kind]


@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_unknown_name(backbone):
    match = f"'attention' parameter of {backbone.__name__} must be None, .* Got 'eca'"
    with pytest.raises(InvalidParameterError, match=match):
        backbone(attention="eca")


@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
@pytest.mark.parametrize("name", ["se", "cbam"])
def test_it_weighs_the_residual_before_the_shortcut_is_added(backbone, name):
    params = {"widths": (4,), "n_blocks": 1, "n_features": 3}
    block = backbone(**params, attention=name).eval().stages[0][0]
    x = torch.randn(2, 4, 5, 5)
    start = torch.relu(block.activation(x)) if backbone is ResNetV2 else x
    residual = block.residual[-1](block.residual[:-1](start))
    expected = x + residual
    if backbone is ResNet:
        expected = functional.relu(expected)
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_without_attention_there_is_no_further_weight(backbone):
    params = {"widths": (4, 6), "n_blocks": 1, "n_features": 3}
    plain = set(backbone(**params).state_dict())
    more = set(backbone(**params, attention="se").state_dict())
    assert plain < more
    assert len(more - plain) == 2 * 4  # two blocks with two linear layers
