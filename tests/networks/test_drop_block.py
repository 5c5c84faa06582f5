import pytest
import torch

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import DropBlock2d, ResNet, ResNetV2


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def dropped(p, block_size, shape):
    """Return where a map of ones has zeros."""
    return DropBlock2d(p, block_size)(torch.ones(shape)) == 0


def covering_corners(size, block):
    """Return how many corners of a block drop each place along one side."""
    corners = torch.zeros(size)
    for corner in range(size - block + 1):
        corners[corner : corner + block] += 1
    return corners


@pytest.mark.parametrize(
    ("height", "width", "block"), [(12, 9, 3), (8, 8, 4), (5, 5, 1)]
)
def test_expected_share(height, width, block):
    p = 0.1
    mask = dropped(p, block, (400, 8, height, width)).double()
    corners = (height - block + 1) * (width - block + 1)
    each = p * height * width / block**2 / corners  # the paper's gamma
    covering = torch.outer(
        covering_corners(height, block), covering_corners(width, block)
    )
    expected = 1 - (1 - each) ** covering.double()
    torch.testing.assert_close(mask.mean((0, 1)), expected, atol=0.03, rtol=0)
    assert mask.mean().item() == pytest.approx(expected.mean().item(), abs=0.005)
    assert mask.mean().item() == pytest.approx(p, abs=0.02)


def test_what_is_dropped_is_made_of_whole_blocks():
    mask = dropped(0.1, 3, (50, 4, 10, 9))
    windows = mask.unfold(2, 3, 1).unfold(3, 3, 1).all(-1).all(-1)
    again = torch.zeros_like(mask)
    for row in range(3):
        for column in range(3):
            again[:, :, row : row + 8, column : column + 7] |= windows
    assert mask.any()
    assert again.equal(mask)


def test_samples_and_channels_are_drawn_apart():
    mask = dropped(0.3, 3, (2, 2, 8, 8)).flatten(0, 1)
    pairs = [(i, j) for i in range(4) for j in range(i)]
    assert all(not mask[i].equal(mask[j]) for i, j in pairs)


@pytest.mark.parametrize(
    ("size", "share"), [((1, 1), 0.25), ((2, 1), 0.25), ((2, 2), 0.25), ((1, 9), 0.229)]
)
def test_maps_that_are_smaller_than_the_block(size, share):
    mask = dropped(0.25, 3, (2000, 4, *size)).double()
    assert mask.mean().item() == pytest.approx(share, abs=0.015)


def test_kept_values_are_scaled_by_the_kept_share():
    x = torch.rand(3, 4, 8, 6) + 0.5
    y = DropBlock2d(0.2)(x)
    kept = y != 0
    assert 0 < kept.float().mean() < 1
    torch.testing.assert_close(y[kept], x[kept] / kept.float().mean())


def test_everything_may_be_dropped():
    assert DropBlock2d(1.0, block_size=4)(torch.ones(2, 3, 4, 4)).equal(
        torch.zeros(2, 3, 4, 4)
    )


def test_gradients_flow_where_values_are_kept():
    x = torch.ones(2, 3, 6, 6, requires_grad=True)
    y = DropBlock2d(0.2)(x)
    y.sum().backward()
    assert x.grad.equal(y.detach())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_type_and_order_in_memory_stay(dtype):
    x = torch.ones(2, 3, 6, 5, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    y = DropBlock2d(0.2)(x)
    assert y.dtype is dtype
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert (x == 1).all()


@pytest.mark.parametrize("module", [DropBlock2d(0.5).eval(), DropBlock2d(0.0)])
def test_the_identity_draws_nothing(module):
    x, before = torch.rand(2, 3, 6, 6), torch.get_rng_state()
    assert module(x) is x
    assert torch.get_rng_state().equal(before)


def test_same_seed_same_blocks():
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(dropped(0.2, 3, (2, 3, 8, 8)))
    assert masks[0].equal(masks[1])
    assert not masks[0].equal(masks[2])


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_wrong_share(p):
    match = rf"'p' parameter of DropBlock2d must be .* \[0, 1\]. Got {p} instead"
    with pytest.raises(InvalidParameterError, match=match):
        DropBlock2d(p)
    for backbone in (ResNet, ResNetV2):
        with pytest.raises(InvalidParameterError, match=match):
            backbone(drop_block=p)


def test_wrong_size():
    with pytest.raises(InvalidParameterError, match=r"'block_size' .* Got 0 instead"):
        DropBlock2d(0.1, 0)


def test_text():
    assert repr(DropBlock2d(0.1)) == "DropBlock2d(p=0.1, block_size=3)"


@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_it_follows_each_residual_block(backbone):
    params = {"widths": (4, 6), "n_blocks": 2, "n_features": 3}
    plain, network = backbone(**params), backbone(**params, drop_block=0.3)
    assert list(network.state_dict()) == list(plain.state_dict())
    assert not any(isinstance(part, DropBlock2d) for part in plain.modules())
    layers = [part for part in network.modules() if isinstance(part, DropBlock2d)]
    assert [layer.p for layer in layers] == [0.3] * 4
    seen = []
    layers[0].register_forward_hook(lambda *args: seen.append(args[-1]))
    block = network.stages[0][0]
    y = block(torch.rand(2, 4, 8, 8))
    assert y is seen[0]
