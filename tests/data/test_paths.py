"""Names of files, in any container, and those of a folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtlearn.data._paths import list_folder, read_paths
from mtlearn.exceptions import DataTypeError, InvalidDataError, ParameterTypeError

NAMES = ["a.png", "b c.png"]


@pytest.mark.parametrize(
    "files",
    [
        NAMES,
        tuple(NAMES),
        np.array(NAMES),
        pd.Series(NAMES, index=[7, 3]),
        pd.Series(NAMES, dtype="string"),
        pd.DataFrame({"file": NAMES}),
        [Path(name) for name in NAMES],
        [name.encode() for name in NAMES],
    ],
)
def test_any_container(files):
    assert read_paths(files).tolist() == NAMES


def test_names_are_relative_to_the_root():
    found = read_paths(["a.png", "/z/b.png"], root=Path("/x") / "y")

    assert found.tolist() == ["/x/y/a.png", "/z/b.png"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, 3])
def test_a_name_that_is_missing(missing):
    with pytest.raises(DataTypeError, match=r"Row 1 has .* instead. Leave it out"):
        read_paths(["a.png", missing])


def test_a_root_of_bytes():
    assert read_paths(["a.png", b"b.png"], root=b"x").tolist() == ["x/a.png", "x/b.png"]


@pytest.mark.parametrize("root", [3, ["x"], True])
def test_a_root_that_is_no_folder(root):
    with pytest.raises(ParameterTypeError, match=r"'root' .* folder. Got .* instead"):
        read_paths(NAMES, root=root)


@pytest.mark.parametrize(
    "files", [dict.fromkeys(NAMES), set(NAMES), iter(NAMES), np.array("a.png")]
)
def test_what_has_no_order(files):
    with pytest.raises(DataTypeError, match=r"'files' must be a list, .* Pass list\("):
        read_paths(files)


def test_masked_names():
    assert read_paths(np.ma.array(NAMES)).tolist() == NAMES
    with pytest.raises(DataTypeError, match=r"'files' is a masked array"):
        read_paths(np.ma.array(NAMES, mask=[True, False]))


@pytest.mark.parametrize("one", ["a.png", Path("a.png"), b"a.png"])
def test_one_name(one):
    with pytest.raises(DataTypeError, match=r"Got one name, .*a.png.* Pass \["):
        read_paths(one)


def test_several_columns():
    frame = pd.DataFrame({"file": NAMES, "label": [0, 1]})
    with pytest.raises(InvalidDataError, match=r"one column .* shape \(2, 2\)"):
        read_paths(frame)


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_for_each_label(tmp_path):
    touch(tmp_path, "dog/2.JPG", "dog/1.jpeg", "cat/deep/er/a.png", "cat/b.webp")
    touch(tmp_path, "cat/notes.txt", "cat/.hidden.png", ".git/c.png", "top.png")

    files, labels = list_folder(tmp_path)

    names = [Path(file).relative_to(tmp_path).as_posix() for file in files]
    assert names == ["cat/b.webp", "cat/deep/er/a.png", "dog/1.jpeg", "dog/2.JPG"]
    assert labels == ["cat", "cat", "dog", "dog"]
    assert list_folder(str(tmp_path)) == (files, labels)


def test_a_folder_without_folders(tmp_path):
    with pytest.raises(InvalidDataError, match="there are none at all"):
        list_folder(tmp_path)
    touch(tmp_path, "a.png")
    with pytest.raises(InvalidDataError, match="there are only directly in it"):
        list_folder(tmp_path)
    with pytest.raises(InvalidDataError, match="There is no folder"):
        list_folder(tmp_path / "a.png")
