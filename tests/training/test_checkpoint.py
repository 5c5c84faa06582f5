"""Files of a training, and the state in them."""

import numpy as np
import pytest
import torch

from mtlearn.exceptions import InvalidParameterError, ModelFormatError
from mtlearn.training import Checkpoints, kept_checkpoints, release
from mtlearn.training._state import StateDecoder, StateEncoder

STATE = {
    "none": None,
    "numbers": [1, 2.5, True, float("inf"), -float("inf"), 10**30],
    "pair": (0.9, 0.999),
    "set": {"b", "a"},
    1: {"two": "three", (4, 5): []},
    "numpy": np.float64(1.5),
    "tensors": [torch.arange(3), torch.tensor(2.0), torch.ones(2, dtype=torch.uint8)],
    "half": torch.ones(2, dtype=torch.bfloat16),
    "empty": torch.zeros(0, 3),
}


def through_a_file(state, folder):
    Checkpoints(folder, "a", 0).write(1, state)
    return Checkpoints(folder, "a", 0).take()


def test_a_state_comes_back_as_it_was(tmp_path):
    found = through_a_file({"state": STATE}, tmp_path)["state"]
    for name in STATE.keys() - {"tensors", "half", "empty"}:
        assert found[name] == STATE[name]
        assert type(found[name]) is type(STATE[name]) or name == "numpy"
    for one, other in zip(found["tensors"], STATE["tensors"], strict=True):
        assert one.dtype == other.dtype
        assert one.equal(other)
    assert found["half"].dtype == torch.bfloat16
    assert found["empty"].shape == (0, 3)


def test_a_tensor_lies_in_memory_as_it_did(tmp_path):
    image = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    turned = torch.rand(3, 4).T
    tensors = {"image": image, "turned": turned, "one": torch.rand(1, 5)}
    found = through_a_file({"state": tensors}, tmp_path)["state"]
    for name, tensor in tensors.items():
        assert found[name].equal(tensor)
        assert found[name].stride() == tensor.stride()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.rand(3, 4)[:, 1],
        torch.rand(3, 4)[1:, ::2],
        torch.zeros(1).expand(3),
        torch.arange(5.0).unfold(0, 3, 1),
        torch.arange(9.0).as_strided((3, 3), (2, 2)),
        torch.rand(4, 3).T[:0],
        torch.rand(9).as_strided((1, 3), (2, 1)),
    ],
)
def test_a_part_of_a_larger_tensor(tensor, tmp_path):
    found = through_a_file({"tensor": tensor}, tmp_path)["tensor"]
    assert found.equal(tensor)
    assert found.is_contiguous()


def test_arrays():
    encoder = StateEncoder()
    record = encoder.encode([np.arange(3), np.array([True])], "state")
    whole, truth = StateDecoder(encoder.arrays).decode(record)
    np.testing.assert_array_equal(whole, np.arange(3))
    np.testing.assert_array_equal(truth, [True])


def test_what_no_file_can_hold():
    sparse = torch.eye(2).to_sparse()
    masked = np.ma.masked_equal([1, 2], 2)
    for value in (object(), np.array(["a"]), 1j, sparse, masked):
        with pytest.raises(InvalidParameterError, match=r"^state\['a'\]\[1\] is "):
            StateEncoder().encode({"a": [1, value]}, "state")


@pytest.mark.parametrize("stride", [[10**9, 1], [-3, 1], [3], [4, 1], "xy", None])
def test_strides_that_reach_too_far(stride):
    record = {"type": "tensor", "name": "a", "stride": stride}
    with pytest.raises((ModelFormatError, ValueError, TypeError)):
        StateDecoder({"a": torch.zeros(2, 3)}).decode(record)


def test_the_last_two_are_kept_and_the_newest_is_found(tmp_path):
    folder = tmp_path / "made" / "here"
    checkpoints = Checkpoints(folder, "a", 7)
    assert checkpoints.take() is None
    for epoch in range(1, 12):
        checkpoints.write(epoch, {"epoch": epoch})
    assert len(list(folder.iterdir())) == 2
    again = Checkpoints(folder, "a", 8)
    assert again.seed == 7
    assert again.take()["epoch"] == 11
    assert again.take() is None


def test_each_fingerprint_has_files_of_its_own(tmp_path):
    Checkpoints(tmp_path, "a", 0).write(3, {"epoch": 3})
    other = Checkpoints(tmp_path, "b", 0)
    assert other.take() is None
    other.write(1, {"epoch": 1})
    other.finish()
    assert Checkpoints(tmp_path, "a", 0).take()["epoch"] == 3


def test_what_was_begun_to_be_written_is_removed(tmp_path):
    (tmp_path / ".a-000003.checkpoint.0123").write_bytes(b"torn")
    (tmp_path / ".b-000003.checkpoint.0123").write_bytes(b"torn")
    checkpoints = Checkpoints(tmp_path, "a", 0)
    checkpoints.write(1, {})
    checkpoints.finish()
    assert [each.name[1] for each in tmp_path.iterdir()] == ["b"]


def test_something_larger_keeps_the_last_file(tmp_path):
    checkpoints = Checkpoints(tmp_path, "a", 0)
    with kept_checkpoints() as outer:
        with kept_checkpoints() as inner:
            for epoch in (1, 2):
                checkpoints.write(epoch, {})
            checkpoints.finish()
        assert [path.name for path in inner] == ["a-000002.checkpoint"]
        assert list(tmp_path.iterdir()) == inner
        release(inner)
        assert list(tmp_path.iterdir()) == inner
    assert outer == inner
    release(outer)
    release(outer)
    assert not list(tmp_path.iterdir())
