"""Precisions: what is fast where, and what computes in the shorter type."""

import threading
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import resolve_precision
from mtlearn.training._precision import has_bfloat16, has_float16
from tiny_nets import BFLOAT16, CPU, FLOAT16, FLOAT32, FLOAT64

META = torch.device("meta")  # of a kind whose abilities are not known
CUDA = torch.device("cuda:0")


@pytest.fixture
def pretend(monkeypatch):
    """Let the processor have what is named, and nothing else."""

    def pretend(*found):
        capabilities = dict.fromkeys(found, True) | {"avx2": True, "amx_tile": False}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    return pretend


@pytest.fixture
def pretend_cuda(monkeypatch):
    """Let there be a CUDA device, from Ampere on or before; return what is asked."""
    asked = []

    def pretend(has_it):
        def is_supported(including_emulation=True):
            asked.append(including_emulation)
            return has_it

        monkeypatch.setattr(torch.cuda, "device", nullcontext)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
        return asked

    return pretend


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), FLOAT32),
        (("amx_bf16",), BFLOAT16),
        (("avx512_bf16",), BFLOAT16),
        (("amx_bf16", "avx512_bf16"), BFLOAT16),
        (("amx_fp16", "avx512_fp16", "avx512_f"), FLOAT32),
    ],
    ids=str,
)
def test_auto_is_bfloat16_where_the_processor_has_it(pretend, found, expected):
    pretend(*found)
    assert resolve_precision("auto", "float32", CPU, "Owner") == expected


@pytest.mark.parametrize("found", [(), ("amx_bf16", "avx512_bf16")], ids=str)
def test_auto_stays_float64_where_that_is_the_default(pretend, found):
    pretend(*found)
    assert resolve_precision("auto", "float64", CPU, "Owner") == FLOAT64


def test_a_capability_that_is_false_is_none(monkeypatch):
    found = {"amx_bf16": False, "avx512_bf16": False, "amx_fp16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert not has_bfloat16(CPU)
    assert not has_float16(CPU)


def test_auto_on_a_device_that_is_not_known(pretend):
    pretend("amx_bf16", "avx512_bf16")
    assert resolve_precision("auto", "float32", META, "Owner") == FLOAT32


@pytest.mark.parametrize(("has_it", "expected"), [(True, BFLOAT16), (False, FLOAT32)])
def test_auto_on_a_gpu(pretend, pretend_cuda, has_it, expected):
    pretend()
    asked = pretend_cuda(has_it)
    assert resolve_precision("auto", "float32", CUDA, "Owner") == expected
    assert asked == [False]  # emulation would be slow


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bfloat16", BFLOAT16), ("float32", FLOAT32), ("float64", FLOAT64)],
)
def test_by_name_it_needs_no_hardware(pretend, name, expected):
    pretend()
    for device in (CPU, META):
        for default in ("float32", "float64"):
            assert resolve_precision(name, default, device, "Owner") == expected


@pytest.mark.parametrize("found", ["amx_fp16", "avx512_fp16"])
def test_float16_where_the_processor_has_it(pretend, found):
    pretend(found)
    assert resolve_precision("float16", "float32", CPU, "Owner") == FLOAT16


def test_float16_on_a_gpu(pretend):
    pretend()
    assert resolve_precision("float16", "float32", CUDA, "Owner") == FLOAT16


@pytest.mark.parametrize("device", [CPU, META], ids=str)
def test_float16_where_there_is_none(pretend, device):
    pretend("amx_bf16", "avx512_bf16")
    message = (
        "^The 'precision' parameter of Owner is 'float16', which the device "
        f"'{device}' does not compute in. Use 'bfloat16', 'float32' or 'auto'.$"
    )
    with pytest.raises(InvalidParameterError, match=message):
        resolve_precision("float16", "float32", device, "Owner")


@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16], ids=lambda p: p.name)
def test_on_a_device_without_it(pretend, precision):
    pretend()
    assert precision.on(CPU) == FLOAT32
    assert precision.on(META) == FLOAT32
    pretend("amx_bf16", "amx_fp16")
    assert precision.on(CPU) is precision


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda p: p.name)
def test_every_device_has_the_longer_ones(pretend, precision):
    pretend()
    assert precision.on(CPU) is precision
    assert precision.on(META) is precision


@pytest.mark.parametrize("device", [CPU, "cpu"], ids=repr)
@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16], ids=lambda p: p.name)
def test_the_context_casts_a_linear_layer(precision, device):
    layer, x = nn.Linear(3, 2), torch.ones(5, 3)
    with precision.context(device):
        output = layer(x)
        again = layer(output.new_ones(5, 3))
    assert output.dtype == again.dtype == precision.autocast
    assert {value.dtype for value in layer.parameters()} == {torch.float32}
    torch.testing.assert_close(output.float(), layer(x), rtol=0.02, atol=0.02)
    output.float().sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda p: p.name)
def test_the_context_of_a_plain_type_does_nothing(precision):
    layer = nn.Linear(3, 2).to(precision.dtype)
    x = torch.ones(5, 3, dtype=precision.dtype)
    with precision.context(CPU):
        assert not torch.is_autocast_enabled("cpu")
        output = layer(x)
    assert output.dtype == precision.dtype
    assert output.equal(layer(x))


def test_another_thread_that_leaves_autocast_changes_no_gradient():
    def leave():
        with torch.autocast("cpu", torch.bfloat16):
            pass

    def gradient(between):
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(16, 16, generator=generator, requires_grad=True)
        x = torch.randn(8, 16, generator=generator)
        with BFLOAT16.context(CPU):
            for _ in range(4):
                x = torch.nn.functional.linear(x, weight)
                between()
        x.float().square().sum().backward()
        return weight.grad

    def elsewhere():
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()

    alone, beside = gradient(lambda: None), gradient(elsewhere)
    assert torch.equal(alone, beside)
