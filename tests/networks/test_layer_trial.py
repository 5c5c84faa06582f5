"""Single layers in a shorter type, compared with themselves in float32."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional

from mtlearn.networks._layer_trial import LayerCall, LayerCalls, fault_of

CPU = torch.device("cpu")
SHORT = [torch.bfloat16, torch.float16]


def call_of(function, *args, **kwargs):
    with torch.no_grad(), LayerCalls() as calls:
        function(*args, **kwargs)
    (call,) = calls.weights
    return call


def rand(*shape, channels_last=False):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return x.to(memory_format=torch.channels_last) if channels_last else x


class Mixed(nn.Module):
    """Has layers, a call in its own code, and what is no layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Linear(4, 5, bias=False)
        self.kernel = nn.Parameter(rand(4, 4, 2, 2))

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = functional.conv2d(x, weight=self.kernel, stride=[2, 1], padding="valid")
        return self.second(x.mean(dim=(2, 3)))


def test_what_is_noted():
    net = Mixed()
    with LayerCalls() as calls:
        net(rand(2, 3, 8, 6, channels_last=True))
        net.second(rand(2, 4))  # of the same kind
    first, own, second = calls.weights
    assert first.function is own.function is functional.conv2d
    assert first.shapes == ((2, 3, 8, 6), (4, 3, 3, 3), (2, 4, 4, 3))
    assert first.channels_last == (True, False)
    assert first.has_bias
    assert dict(first.settings)["stride"] == (2, 2)
    assert own.shapes == ((2, 4, 4, 3), (4, 4, 2, 2), (2, 4, 2, 2))
    assert not own.has_bias
    assert dict(own.settings) == {"stride": (2, 1), "padding": "valid"}
    assert second.function is functional.linear
    assert second.settings == ()
    weights = [net.first.weight, net.kernel, net.second.weight]
    for found, expected in zip(calls.weights.values(), weights, strict=True):
        assert found is expected


@pytest.mark.parametrize("dtype", SHORT, ids=str)
@pytest.mark.parametrize(
    "call",
    [
        call_of(functional.linear, rand(2, 7), rand(5, 7)),
        call_of(functional.linear, rand(2, 3, 600), rand(1, 600), rand(1)),
        call_of(functional.linear, rand(2, 0), rand(3, 0)),
        call_of(functional.conv1d, rand(2, 3, 9), rand(4, 3, 3), rand(4), 2, 1),
        call_of(functional.conv2d, rand(3, 5, 4), rand(4, 3, 3, 3), rand(4)),  # a row
        call_of(functional.conv2d, rand(2, 3, 5, 4), rand(4, 3, 3, 3), padding="same"),
        call_of(functional.conv2d, rand(2, 4, 8, 8), rand(4, 1, 3, 3), groups=4),
        call_of(
            functional.conv2d,
            rand(2, 16, 9, 9, channels_last=True),
            rand(32, 16, 3, 3, channels_last=True),
            stride=2,
            padding=2,  # some places see zeros alone
            dilation=2,
        ),
        call_of(functional.conv3d, rand(1, 2, 4, 4, 4), rand(3, 2, 2, 2, 2)),
        call_of(
            functional.conv_transpose2d,
            rand(2, 4, 3, 3),
            rand(4, 6, 2, 2),
            rand(6),
            stride=2,
        ),
        call_of(
            functional.conv_transpose2d,
            rand(2, 4, 3, 3),
            rand(4, 3, 2, 2),
            rand(6),
            *(2, 0, 0, 2, 1),  # two groups, and no dilation
        ),
    ],
    ids=str,
)
def test_layers_that_are_right(call, dtype):
    assert fault_of(call, CPU, dtype) is None


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.factor, None


def wrong(what, value):
    """Return a linear layer that computes something wrongly under autocast."""

    def layer(x, weight, bias=None):
        is_short = torch.is_autocast_enabled("cpu")
        factor = value if is_short else 1
        given = {"input": x, "weights": weight, "bias": bias}
        if what in given and given[what] is not None:
            given[what] = WrongGradient.apply(given[what], factor)
        output = functional.linear(*given.values())
        is_wrong = what == "output" or (
            what == "predicted" and not output.requires_grad
        )
        if is_wrong and is_short:
            output[0, -1] = output[0, -1] * value
        return output

    return layer


@pytest.mark.parametrize("value", [0, 0.9, 1.1, -1, float("inf"), float("nan")])
@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("output", "its output is not that of float32"),
        ("predicted", "its output in prediction is not that of float32"),
        ("input", "the gradient of its input is not that of float32"),
        ("weights", "the gradient of its weights is not that of float32"),
        ("bias", "the gradient of its bias is not that of float32"),
    ],
)
def test_layers_that_are_wrong(what, expected, value):
    shapes = ((2, 40), (30, 40), (2, 30))
    call = LayerCall(wrong(what, value), shapes, (False, False), True, ())
    assert fault_of(call, CPU, torch.bfloat16) == expected


def convolution(width, kernel, stride, padding):
    return call_of(
        functional.conv2d,
        rand(2, 3, 9, width),
        rand(4, 3, kernel, kernel),
        None,
        stride,
        padding,
    )


def transposed(width, stride):
    x, weight = rand(2, 3, 5, width), rand(3, 4, 3, 3)  # an output 3 or 5 wide
    return call_of(functional.conv_transpose2d, x, weight, None, stride)


# Wrong is what has an output (or, transposed, an input) one wide and a stride along it.
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (convolution(1, 3, 2, 1), True),
        (convolution(2, 3, 2, 1), True),
        (convolution(2, 3, (1, 2), 1), True),
        (convolution(3, 3, 3, 1), True),
        (convolution(3, 3, 2, 1), False),  # two wide
        (convolution(1, 3, (2, 1), 1), False),
        (convolution(3, 3, 1, 0), False),
        (call_of(functional.conv1d, rand(2, 3, 2), rand(4, 3, 3), None, 2, 1), True),
        (
            call_of(
                functional.conv3d, rand(2, 3, 4, 4, 2), rand(4, 3, 1, 1, 2), stride=2
            ),
            True,
        ),
        (transposed(1, 2), True),
        (transposed(1, (1, 3)), True),
        (transposed(1, (2, 1)), False),
        (transposed(2, 2), False),
        (
            call_of(
                functional.conv_transpose1d, rand(2, 3, 1), rand(3, 4, 1), stride=2
            ),
            True,
        ),
    ],
)
def test_strided_convolutions_with_an_output_one_wide(call, expected):
    fault = fault_of(call, CPU, torch.bfloat16)
    message = "in bfloat16 on processors are wrong where their output (of transposed"
    assert (fault is not None and message in fault) == expected
    assert fault_of(call, CPU, torch.float16) is None


@pytest.mark.parametrize("size", [(2, 1, 1), (2, 8, 8), (3, 8, 8), (1, 4, 4)])
def test_what_torch_computes_wrongly_here_is_found(size):
    # An input 2 deep has been seen to be wrong on processors with AVX512-BF16.
    x, weight = rand(2, 16, *size) + 0.5, rand(16, 16, 3, 3, 3) + 0.5
    gradients = []
    for dtype in (torch.float64, torch.bfloat16):
        leaf = weight.to(dtype, copy=True).requires_grad_()
        output = functional.conv3d(x.to(dtype), leaf, padding=1)
        (output.double().sum() / output.numel()).backward()
        gradients.append(leaf.grad.double())
    exact, short = gradients
    is_wrong = not ((short - exact).abs() <= 0.1 * exact).all()
    fault = fault_of(
        call_of(functional.conv3d, x, weight, padding=1), CPU, torch.bfloat16
    )
    if is_wrong:
        assert fault == "the gradient of its weights is not that of float32"


def test_a_trial_is_made_once_and_draws_nothing():
    asked = []

    def layer(x, weight, bias=None):
        asked.append(x)
        return functional.linear(x, weight, bias)

    call = LayerCall(layer, ((2, 3), (4, 3), (2, 4)), (False, False), False, ())
    before = torch.get_rng_state()
    assert fault_of(call, CPU, torch.bfloat16) is None
    n_asked = len(asked)
    assert fault_of(call, CPU, torch.bfloat16) is None
    assert len(asked) == n_asked > 0
    with torch.no_grad():
        assert fault_of(call, CPU, torch.float16) is None
    assert len(asked) > n_asked
    assert torch.equal(torch.get_rng_state(), before)


def test_a_layer_that_is_wrong_for_an_order_in_memory():
    def layer(x, weight, bias=None):
        output = functional.conv2d(x, weight, bias)
        ours = x.is_contiguous(memory_format=torch.channels_last)
        ours = ours and not weight.is_contiguous(memory_format=torch.channels_last)
        return output * 2 if ours and torch.is_autocast_enabled("cpu") else output

    shapes = ((2, 3, 4, 4), (4, 3, 2, 2), (2, 4, 3, 3))
    for x_is, weight_is in product([False, True], repeat=2):
        call = LayerCall(layer, shapes, (x_is, weight_is), False, ())
        is_wrong = x_is and not weight_is
        assert (fault_of(call, CPU, torch.bfloat16) is not None) == is_wrong
