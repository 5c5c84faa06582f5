"""Images on disk are read as they are, in any order and by any number of threads."""

import os
import pickle
import sys
import threading
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mtlearn.data import ImageFiles, _image_files
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    ParameterTypeError,
)
from pictures_on_disk import smooth_pictures, write_pictures

PICTURES = smooth_pictures(7, height=12, width=16)


@pytest.fixture
def files(tmp_path):
    return [str(tmp_path / name) for name in write_pictures(tmp_path, PICTURES)]


@pytest.mark.parametrize("n_workers", [1, 2, 5, None])
def test_the_values_are_those_of_the_files(files, n_workers):
    X = ImageFiles(files, size=(12, 16), n_workers=n_workers)

    assert (X.shape, X.ndim, X.dtype, len(X)) == ((7, 12, 16, 3), 4, np.uint8, 7)
    np.testing.assert_array_equal(X.read(), PICTURES)
    np.testing.assert_array_equal(X[[5, 0, 5]].read(), PICTURES[[5, 0, 5]])
    np.testing.assert_array_equal(X[2:][1:3].read(), PICTURES[3:5])
    np.testing.assert_array_equal(X[-1], PICTURES[-1])
    assert X[:0].read().shape == (0, 12, 16, 3)


def test_settings_reach_the_reader(files):
    grey = ImageFiles(files, size=6, mode="L", fit="pad")
    assert grey.shape == (7, 6, 6, 1)
    found = grey.read()
    assert not found[:, 5].any()  # 16 x 12 pixels in 6 x 6: 4.5 rows, which are five
    assert found[:, :5].any(axis=(1, 2, 3)).all()
    wide = ImageFiles(files, size=6, fit="stretch").read()
    assert (wide != ImageFiles(files, size=6).read()).any()


def test_selecting_opens_no_file():
    X = ImageFiles(["no such file"] * 4, size=8)

    assert X[1:][[True, False, True]].files.tolist() == ["no such file"] * 2
    assert X.shape == (4, 8, 8, 3)


def test_names_are_below_the_root(tmp_path):
    names = write_pictures(tmp_path, PICTURES)
    X = ImageFiles(
        pd.Series(names, index=range(9, 2, -1)), size=(12, 16), root=tmp_path
    )

    np.testing.assert_array_equal(X.read(), PICTURES)


def test_threads_read_side_by_side(files, monkeypatch):
    both = threading.Barrier(2, timeout=30)
    read = _image_files.read_image

    def meet(*args):
        both.wait()
        return read(*args)

    monkeypatch.setattr(_image_files, "read_image", meet)
    X = ImageFiles(files[:6], size=(12, 16), n_workers=2)

    np.testing.assert_array_equal(X.read(), PICTURES[:6])


def test_copies_and_pickles(files):
    X = ImageFiles(files, size=(12, 16))[2:]

    for copied in (deepcopy(X), pickle.loads(pickle.dumps(X))):
        np.testing.assert_array_equal(copied.read(), PICTURES[2:])
        assert copied.fingerprint() == X.fingerprint()


def test_what_it_says_of_itself(files):
    X = ImageFiles(files, size=8, mode="L")

    assert repr(X) == "ImageFiles(7 files, size=(8, 8), mode='L', fit='crop')"


def test_a_folder_with_labels(tmp_path):
    for number, label in enumerate(["dog", "cat"]):
        (tmp_path / label).mkdir()
        write_pictures(tmp_path / label, PICTURES[2 * number : 2 * number + 2])

    X, y = ImageFiles.from_folder(tmp_path, size=(12, 16), mode="RGB")

    assert y.tolist() == ["cat", "cat", "dog", "dog"]
    np.testing.assert_array_equal(X.read(), PICTURES[[2, 3, 0, 1]])


def test_the_fingerprint_changes_with_what_is_read(files):
    X = ImageFiles(files, size=8)
    before = X.fingerprint()

    assert ImageFiles(np.array(files), size=(8, 8), n_workers=3).fingerprint() == before
    others = [
        ImageFiles(files, size=(8, 9)),
        ImageFiles(files, size=8, mode="L"),
        ImageFiles(files, size=8, fit="pad"),
        X[:6],
        X[::-1],
    ]
    found = {other.fingerprint() for other in others}
    assert len(found) == 5
    assert before not in found
    os.utime(files[3], (1, 1))
    assert X.fingerprint() != before
    with pytest.raises(InvalidDataError, match=r"Image 1 of X.*no such file"):
        ImageFiles([*files[:1], "nowhere.png"], size=8).fingerprint()


def broken(folder, how):
    """Write a file that cannot be read, and return its name."""
    path = folder / "broken.png"
    if how == "missing":
        return str(path)
    if how == "folder":
        path.mkdir()
        return str(path)
    Image.fromarray(PICTURES[0]).save(path)
    whole = path.read_bytes()
    wrong = {"empty": b"", "text": b"name,label\n", "truncated": whole[:200]}
    # The width, which follows a signature, a length and the name of the header.
    wrong["huge"] = whole[:16] + b"\x00\x09\x00\x00" + whole[20:]
    path.write_bytes(wrong[how])
    return str(path)


@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "there is no such file"),
        ("folder", "it is a folder"),
        ("empty", "it is empty"),
        ("text", "it is no image that Pillow knows"),
        ("truncated", "truncated|broken"),
        ("huge", "."),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, files, how, says, n_workers):
    name = broken(tmp_path, how)
    X = ImageFiles([*files, name, *files], size=8, n_workers=n_workers)

    # Its number is that of the user, also in a part.
    message = rf"^Image 7 of X, the file '.*broken.png', cannot be read: .*({says})"
    for part in (X, X[5:9], X[[7, 1]]):
        with pytest.raises(InvalidDataError, match=message):
            part.read()
    assert X[8:].read().shape == (7, 8, 8, 3)


def test_without_pillow(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    X = ImageFiles(files, size=8)

    with pytest.raises(MissingDependencyError, match=r"install 'mtlearn\[images\]'"):
        X.read()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"size": 0}, InvalidParameterError, r"'size' .* positive int.* Got 0 instead"),
        ({"size": (8, -1)}, InvalidParameterError, r"Got \(8, -1\) instead"),
        ({"size": (8, 8, 3)}, ParameterTypeError, r"Got \(8, 8, 3\) instead"),
        ({"size": 8.0}, ParameterTypeError, "Got 8.0 instead"),
        ({"size": True}, ParameterTypeError, "Got True instead"),
        ({"mode": "CMYK"}, InvalidParameterError, r"'mode' .* \['RGB', 'L'\]. Got 'CM"),
        ({"fit": "cut"}, InvalidParameterError, "'fit' .*'crop', 'pad', 'stretch'"),
        ({"fit": ["pad"]}, InvalidParameterError, r"Got \['pad'\]"),
        ({"n_workers": 0}, InvalidParameterError, "'n_workers' .* Got 0 instead"),
        ({"n_workers": 1.5}, ParameterTypeError, "Got 1.5 instead"),
    ],
)
def test_wrong_parameters(params, error, message):
    with pytest.raises(error, match=message):
        ImageFiles([], **{"size": 8, **params})
