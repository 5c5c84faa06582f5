"""Parts with tasks of their own become one X, and one y with holes."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from skorch.helper import SliceDataset, SliceDict
from torch.utils.data import TensorDataset

from mtlearn.data import ImageFiles, JoinedImages, LazyRows, join_tasks
from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_datasets import Pairs

A = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
B = -np.arange(2 * 4 * 5, dtype=np.float32).reshape(2, 4, 5)
BOTH = np.concatenate([A, B])[..., np.newaxis]
NAN = float("nan")
SELECTIONS = [slice(None), slice(None, None, -1), [4, 0, 4, 2], np.arange(5) % 2 == 0]


@pytest.fixture
def joined():
    return join_tasks({"a": (A, [1, 0, 1]), "b": (B, [0.5, 1.5])})


@pytest.mark.parametrize("index", SELECTIONS, ids=str)
def test_images_are_read_where_they_are(joined, index):
    X, _ = joined
    assert isinstance(X, JoinedImages)
    assert (X.shape, X.dtype) == ((5, 4, 5, 1), np.float32)
    chosen = X[index]
    np.testing.assert_array_equal(chosen.read(), BOTH[index])
    np.testing.assert_array_equal(X.read(index), BOTH[index])
    np.testing.assert_array_equal(chosen[[0, 1]].read(), BOTH[index][:2])
    np.testing.assert_array_equal(X[3], BOTH[3])
    held = [
        np.shares_memory(each, of)
        for each, of in zip(chosen.parts.values(), (A, B), strict=True)
    ]
    assert held == [True, True]


def test_holes_are_nan_or_none(joined):
    _, y = joined
    assert isinstance(y, SliceDict)
    np.testing.assert_array_equal(y["a"], [1, 0, 1, NAN, NAN])
    np.testing.assert_array_equal(y["b"], [NAN, NAN, NAN, 0.5, 1.5])
    _, y = join_tasks(
        {
            "word": (A, ["x", "y", "x"]),
            "sign": (B, np.array([True, False])),
            "large": (A, np.array([2**60 + 1, 1, 2])),
            "small": (B, np.array([3, 4], np.uint8)),
        }
    )
    assert y["word"].tolist() == ["x", "y", "x", *[None] * 7]
    assert y["sign"].tolist() == [None] * 3 + [True, False] + [None] * 5
    assert y["large"].tolist() == [None] * 5 + [2**60 + 1, 1, 2] + [None] * 2
    np.testing.assert_array_equal(y["small"], [NAN] * 8 + [3, 4])


def test_a_y_of_several_columns_has_tasks_by_their_names():
    several = SliceDict(kind=np.array([1, 2, 1]), size=np.array([0.1, NAN, 0.3]))
    _, y = join_tasks({"first": (A, several), "size": (B, [[7.0], [8.0]])})
    assert list(y) == ["kind", "size"]
    np.testing.assert_array_equal(y["kind"], [1, 2, 1, NAN, NAN])
    # A task of both parts is one column.
    np.testing.assert_array_equal(y["size"], [0.1, NAN, 0.3, 7, 8])


def test_text_and_numbers_of_a_task_stay_what_they_are():
    parts = {"a": (A, SliceDict(t=np.array(["1", "2", "3"])))}
    parts["b"] = (B, SliceDict(t=np.array([1, 2])))
    assert join_tasks(parts)[1]["t"].tolist() == ["1", "2", "3", 1, 2]
    parts["a"] = (A, SliceDict(t=np.array([3, 4, 2**60 + 1])))
    assert join_tasks(parts)[1]["t"].tolist() == [3, 4, 2**60 + 1, 1, 2]


def test_a_frame_of_pandas_makes_one():
    frame = pd.DataFrame({"kind": ["x", "y", "x"], "n": [2**60 + 1, 1, 2]}, [7, 8, 9])
    _, y = join_tasks({"a": (A, frame), "b": (B, [0.5, 1.5])})
    assert list(y.columns) == ["kind", "n", "b"]
    assert y.index.tolist() == [0, 1, 2, 3, 4]
    assert y["kind"].isna().tolist() == [False] * 3 + [True] * 2
    assert y["n"].dropna().tolist() == [2**60 + 1, 1, 2]
    assert y["b"].tolist()[3:] == [0.5, 1.5]
    # The name of a Series is that of its part.
    _, y = join_tasks({"a": (A, pd.Series([1, 2, 3], name="z")), "b": (B, [0.5, 1.5])})
    assert list(y.columns) == ["a", "b"]


def test_names_that_are_numbers_become_text():
    frame = pd.DataFrame({0: [1, 0, 1], 1: [0.5, 1.5, 2.5]})
    _, y = join_tasks({"a": (A, frame), "0": (B, [1, 0])})
    assert list(y.columns) == ["0", "1"]
    assert y["0"].tolist() == [1, 0, 1, 1, 0]


def test_no_label_is_rounded_or_becomes_text():
    _, y = join_tasks({"a": (A, [1, "x", 2]), "b": (B, np.array([2**24 + 1, 3]))})
    assert y["a"].tolist() == [1, "x", 2, None, None]
    assert y["b"].tolist()[3:] == [2**24 + 1, 3]
    large = SliceDict(a=np.array([2**60 + 1, 1, 2]))
    _, y = join_tasks({"c": (A, large), "d": (B, SliceDict(a=np.array([0.5, 1.5])))})
    assert y["a"].tolist() == [2**60 + 1, 1, 2, 0.5, 1.5]
    half = torch.tensor([1, 3], dtype=torch.bfloat16)
    _, y, weight = join_tasks({"a": (A, [1, 0, 1]), "b": (B, half, half)})
    assert y["b"].tolist()[3:] == [1, 3]
    assert weight.tolist() == [1, 1, 1, 1, 3]


def test_columns_of_other_frames():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"kind": ["x", None, "x"], "n": [1, 2, 3]})
    _, y = join_tasks({"a": (A, frame), "b": (B, polars.Series([0.5, 1.5]))})
    assert y["kind"].tolist() == ["x", None, "x", None, None]
    np.testing.assert_array_equal(y["n"], [1, 2, 3, NAN, NAN])
    np.testing.assert_array_equal(y["b"], [NAN, NAN, NAN, 0.5, 1.5])


def test_weights():
    X, y, weight = join_tasks({"a": (A, [1, 0, 1]), "b": (B, [0.5, 1.5], [2.0, 3.0])})
    assert weight.tolist() == [1, 1, 1, 2, 3]
    assert len(X) == len(y) == 5


def test_tables():
    X, _ = join_tasks({"a": (np.eye(3), [1, 0, 1]), "b": ([[2, 2, 2]], [0.5])})
    np.testing.assert_array_equal(X, [*np.eye(3), [2, 2, 2]])
    frames = [pd.DataFrame({"u": [1, 2], "v": [3.0, 4.0]}, [5, 6]) for _ in range(2)]
    X, _ = join_tasks({"a": (frames[0], [1, 0]), "b": (frames[1], [0.5, 1.5])})
    expected = pd.DataFrame({"u": [1, 2, 1, 2], "v": [3.0, 4, 3, 4]})
    pd.testing.assert_frame_equal(X, expected)
    thin = sparse.csr_matrix(np.eye(3))
    X, _ = join_tasks({"a": (thin, [1, 0, 1]), "b": (np.ones((1, 3)), [0.5])})
    np.testing.assert_array_equal(X.toarray(), [*np.eye(3), [1, 1, 1]])
    assert X.format == "csr"  # whose rows can be taken


def test_datasets_are_read_item_by_item():
    items = Pairs(A, [1, 0, 1])
    X, y = join_tasks({"a": (items, None), "b": (B, [0.5, 1.5])})
    assert isinstance(X, SliceDataset)
    np.testing.assert_array_equal(y["a"], [1, 0, 1, NAN, NAN])
    items.read.clear()
    assert len(X[[3, 1]]) == 2
    assert items.read == []
    named = [(x, {"kind": 1, "size": 0.5}) for x in torch.from_numpy(A)]
    _, y = join_tasks({"a": (Pairs(A, [label for _, label in named]), None)})
    assert sorted(y) == ["kind", "size"]
    tensors = TensorDataset(torch.from_numpy(B))
    X, _ = join_tasks({"a": (items, None), "b": (tensors, [0.5, 1.5])})
    assert len(X) == 5


@pytest.mark.parametrize(
    "parts",
    [
        {"a": (Pairs(A, [1, 0, 1]), None), "b": (B, [0.5, 1.5])},
        {"a": (list(A), [1, 0, 1]), "b": (Pairs(B, [0.5, 1.5]), None)},
        {"a": (SliceDataset(Pairs(A, [1, 0, 1])), [1, 0, 1]), "b": (B, [0.5, 1.5])},
    ],
    ids=["array", "list", "view"],
)
def test_an_item_of_joined_datasets_is_an_image(parts):
    X, _ = join_tasks(parts)
    for number, image in enumerate(BOTH[..., 0]):
        np.testing.assert_array_equal(X[number], image)


def test_parts_that_are_joined_already(joined):
    X, _ = joined
    again, _ = join_tasks({"both": (X, np.arange(5)), "a": (A, [1, 0, 1])})
    order = [4, 6, 3, 0]
    expected = np.concatenate([BOTH, A[..., np.newaxis]])[order]
    np.testing.assert_array_equal(again[order].read(), expected)
    other = np.concatenate([B[:1], B[1:] + 1])
    parts = [{"a": (A, [1, 0, 1]), "b": (each, [1, 0])} for each in (B, other)]
    both = [join_tasks({"c": (join_tasks(each)[0], np.arange(5))})[0] for each in parts]
    assert both[0].fingerprint() != both[1].fingerprint()


def test_files_beside_arrays(tmp_path):
    pytest.importorskip("PIL")
    pictures = smooth_pictures(4, height=6, width=6)
    names = [tmp_path / name for name in write_pictures(tmp_path, pictures)]
    names[2].write_bytes(b"none")
    files = ImageFiles(names, size=6, on_error="skip")
    X, _ = join_tasks(
        {"disk": (files, np.arange(4)), "memory": (pictures, np.arange(4))}
    )
    assert X.skips
    assert X.readable().tolist() == [True, True, False, *[True] * 5]
    back = X[::-1]
    assert back.readable().tolist() == [*[True] * 5, False, True, True]
    images, found = back.read_some(np.array([5, 4, 3]))
    assert found.tolist() == [False, True, True]
    np.testing.assert_array_equal(images[1:], pictures[[3, 0]])
    assert "2" in back.blame(5)
    assert back.blame(5).endswith("(of part 'disk')")
    assert back.blame(1) == "image 2 of X (of part 'memory')"
    with pytest.raises(InvalidDataError):
        X.read()
    assert repr(X[1:]) == "JoinedImages('disk': 3, 'memory': 4, as (6, 6, 3) of uint8)"
    listed, _ = join_tasks({"a": (names[:1], [0]), "b": ([str(names[1])], [1])})
    assert listed.tolist() == [names[0], str(names[1])]
    column = np.array(names, dtype=object)[:2, np.newaxis]
    listed, _ = join_tasks({"a": (column, [0, 1])})
    assert listed.tolist() == names[:2]


def test_another_fingerprint_where_another_image_is_read(joined):
    X, _ = joined
    same, _ = join_tasks({"a": (A.copy(), [1, 0, 1]), "b": (B[::-1][::-1], [0.5, 1.5])})
    other, _ = join_tasks({"a": (A, [1, 0, 1]), "b": (B + 1, [0.5, 1.5])})
    assert X.fingerprint() == same.fingerprint()
    found = [each.fingerprint() for each in (X, other, X[1:], X[[0, 1, 2, 4, 3]])]
    assert len(set(found)) == 4
    last, _ = join_tasks({"a": (A, [1, 0, 1]), "b": ([B[0], B[1] + 1], [0.5, 1.5])})
    as_bits, _ = join_tasks(
        {"a": (A.view(np.int32), [1, 0, 1]), "b": (B.view(np.int32), [0.5, 1.5])}
    )
    found += [each.fingerprint() for each in (last, as_bits, X[[0]], X[[3]], X[[1]])]
    assert len(set(found)) == 9
    assert LazyRows(X, "it").shape == X.shape


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([A], ParameterTypeError, "'parts' .* mapping of names to"),
        ({}, InvalidParameterError, "must have a part"),
        ({1: (A, [1, 0, 1])}, ParameterTypeError, "Got a int and a tuple"),
        ({"a": A}, ParameterTypeError, "Got a str and a ndarray"),
        ({"a": (A,)}, InvalidParameterError, "for 'a'. Got 1 values"),
        ({"a": (A, [1, 0])}, InvalidDataError, "'a' .* 3 samples in X and 2 in y"),
        (
            {"a": (A, pd.Series([1, 0]))},
            InvalidDataError,
            "3 samples in X and 2 in y",
        ),
        (
            {"a": (A, [1, 0, 1], [1.0])},
            InvalidDataError,
            "3 samples in X and 1 in sample_weight",
        ),
        ({"a": (A, [1, 0, 1], A)}, InvalidDataError, r"weights .* 'a' .* \(3, 4, 5\)"),
        ({"a": (A, None)}, DataTypeError, "needs labels y for the part 'a'.*NoneType"),
        ({"a": (A, np.ones((3, 2)))}, InvalidDataError, r"'a' has none, .* \(3, 2\)"),
        ({"a": (A, {"u": [1, 2, 3]})}, DataTypeError, "y of the part 'a' is a dict"),
        (
            {"a": (A, pd.DataFrame([[1, 2]] * 3, columns=["u", "u"]))},
            InvalidDataError,
            "different names for the columns of y of the part 'a'",
        ),
        ({"a": (np.ones(3), [1, 0, 1])}, InvalidDataError, r"part 'a'\) expects im"),
        (
            {"a": (A, [1, 0, 1]), "b": (B[:, 1:], [1, 0])},
            InvalidDataError,
            r"\(4, 5, 1\) of float32 in 'a' and \(3, 5, 1\) of float32 in 'b'",
        ),
        (
            {"a": (A, [1, 0, 1]), "b": (B.astype(np.uint8), [1, 0])},
            InvalidDataError,
            "of float32 in 'a' and .* of uint8 in 'b'. Resize or convert",
        ),
        (
            {"a": (Pairs(A, [1, 0, 1]), None), "b": (B[:, 1:], [1, 0])},
            InvalidDataError,
            r"items of one shape and dtype. Got \(4, 5\) of float32 in 'a' and \(3, 5",
        ),
        (
            {"a": (A, [1, 0, 1]), "b": (np.eye(2), [1, 0])},
            DataTypeError,
            "same kind of thing. Got images in 'a', a table in 'b'",
        ),
        (
            {"a": (Pairs(A, [1, 0, 1]), None), "b": (["x.png"], [1])},
            DataTypeError,
            "Got a dataset in 'a', names of files in 'b'",
        ),
        (
            {"a": (Pairs(A, [1, 0, 1]), None), "b": (np.stack([B] * 3, -1), [1, 0])},
            InvalidDataError,
            r"Got \(4, 5\) of float32 in 'a' and \(4, 5, 3\) of float32 in 'b'",
        ),
        # Of which an item would be a column, and no row.
        (
            {
                "a": (Pairs(A[:, 0], [1, 0, 1]), None),
                "b": (pd.DataFrame(B[0]), [1] * 4),
            },
            DataTypeError,
            "Got a dataset in 'a', a table in 'b'",
        ),
        (
            {"a": (A, np.ma.masked_array([1, 0, 1], [0, 1, 0]))},
            DataTypeError,
            "The y of the part 'a' is a masked array, whose mask would be lost. Mark",
        ),
        (
            {"a": (A, SliceDict(b=np.ma.masked_array([1, 0, 1], [0, 1, 0])))},
            DataTypeError,
            "The y of the part 'a' is a masked array",
        ),
        (
            {"a": (A, [1, 0, 1], np.ma.masked_array([1, 2, 3], [0, 1, 0]))},
            DataTypeError,
            "sample_weight of the part 'a' is a masked array.* weight of zero",
        ),
        (
            {"a": (np.eye(2), [1, 0]), "b": (np.eye(3), [1, 0, 1])},
            InvalidDataError,
            "same columns, in one order. The part 'a' has 2, and 'b' has 3",
        ),
        (
            {
                "a": (pd.DataFrame({"u": [1], "v": [2]}), [1]),
                "b": (pd.DataFrame({"v": [1], "u": [2]}), [1]),
            },
            InvalidDataError,
            r"'a' has \('pandas', \['u', 'v'\]\), and 'b' has \('pandas', \['v', 'u'\]",
        ),
        (
            {"a": (np.where(A > 58, np.nan, A), [1, 0, 1])},
            InvalidDataError,
            r"contains NaN: image 2, row 3.* join_tasks \(part 'a'\)",
        ),
    ],
)
def test_what_cannot_be_joined(parts, error, message):
    with pytest.raises(error, match=message):
        join_tasks(parts)
