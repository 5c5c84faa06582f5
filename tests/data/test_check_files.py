"""All files that cannot be read are found in one pass."""

import pytest

from mtlearn.data import BrokenFile, ImageFiles, _check_files, check_files
from mtlearn.exceptions import DataTypeError
from pictures_on_disk import smooth_pictures, write_pictures


@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize("rows_at_once", [2, 256])
def test_all_are_found(tmp_path, monkeypatch, n_workers, rows_at_once):
    monkeypatch.setattr(_check_files, "_ROWS", rows_at_once)
    names = write_pictures(tmp_path, smooth_pictures(7, height=8, width=8))
    (tmp_path / names[2]).write_bytes(b"")
    (tmp_path / names[5]).write_text("no image")
    (tmp_path / names[6]).unlink()
    X = ImageFiles(names, size=8, root=tmp_path, n_workers=n_workers)

    expected = {
        2: "it is empty",
        5: "it is no image that Pillow knows",
        6: "there is no such file",
    }
    assert check_files(X, verbose=0) == [
        BrokenFile(row, str(tmp_path / names[row]), problem)
        for row, problem in expected.items()
    ]
    # The rows of what is passed.
    assert [broken.row for broken in check_files(X[4:], verbose=0)] == [1, 2]
    assert check_files(X[:2], verbose=0) == []


def test_a_bar(tmp_path, capsys):
    names = write_pictures(tmp_path, smooth_pictures(3, height=8, width=8))
    X = ImageFiles(names, size=8, root=tmp_path)
    check_files(X)
    assert "3/3" in capsys.readouterr().err
    check_files(X, verbose=0)
    assert capsys.readouterr().err == ""


def test_nothing_else():
    with pytest.raises(DataTypeError, match=r"must be ImageFiles. Got \['a.png'\]"):
        check_files(["a.png"])
