"""Decoded images are kept, found again, and never half written."""

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from mtlearn.data import ImageCache, ImageFiles, _image_cache, _image_files
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from pictures_on_disk import smooth_pictures, write_pictures

PICTURES = smooth_pictures(6, height=8, width=10)
N_BYTES = 6 * 8 * 10 * 3


@pytest.fixture
def files(tmp_path):
    return [str(tmp_path / name) for name in write_pictures(tmp_path, PICTURES)]


@pytest.fixture
def decoded(monkeypatch):
    """List the files that are decoded."""
    names, read = [], _image_files.read_image

    def noted(file, *args):
        names.append(file)
        return read(file, *args)

    monkeypatch.setattr(_image_files, "read_image", noted)
    return names


def kept(folder):
    return sorted(folder.glob("*"))


def test_files_are_decoded_once(files, decoded, tmp_path):
    folder = tmp_path / "a" / "cache"
    X = ImageFiles(files, size=(8, 10), cache=folder, n_workers=1)
    assert not folder.exists()

    np.testing.assert_array_equal(X[[4, 1]].read(), PICTURES[[4, 1]])
    assert decoded == files
    for part, expected in [
        (X, PICTURES),
        (X[::-1][1:3], PICTURES[[4, 3]]),
        (ImageFiles(files, size=(8, 10), cache=str(folder)), PICTURES),
        (pickle.loads(pickle.dumps(X[2:])), PICTURES[2:]),
    ]:
        found = part.read()
        np.testing.assert_array_equal(found, expected)
        assert type(found) is np.ndarray
        assert found.flags.writeable
    assert decoded == files
    np.testing.assert_array_equal(X[-1], PICTURES[-1])
    assert X[3:4][:0].read().shape == (0, 8, 10, 3)
    (path,) = kept(folder)
    np.testing.assert_array_equal(np.load(path), PICTURES)


def test_files_are_written_in_pieces(files, tmp_path, monkeypatch):
    monkeypatch.setattr(_image_cache, "_CHUNK_BYTES", 4 * 8 * 10 * 3 + 1)
    X = ImageFiles(files, size=(8, 10), cache=tmp_path / "cache")
    np.testing.assert_array_equal(X.read(), PICTURES)
    (path,) = kept(tmp_path / "cache")
    # With its header, and a byte that says of each image whether there is one.
    assert path.stat().st_size == N_BYTES + 128 + len(files)


def test_other_settings_and_files_are_kept_apart(files, decoded, tmp_path):
    folder = tmp_path / "cache"
    params = {"size": (8, 10), "cache": folder}
    ImageFiles(files, **params).read()
    others = [
        ImageFiles(files, **{**params, "size": (8, 9)}),
        ImageFiles(files, **params, mode="L"),
        ImageFiles(files[1:], **params),
    ]
    for number, X in enumerate(others, start=2):
        plain = ImageFiles(X.files, size=X.size, mode=X.mode)
        np.testing.assert_array_equal(X.read(), plain.read())
        assert len(kept(folder)) == number
    os.utime(files[0], (1, 1))
    ImageFiles(files, **params).read()
    assert len(kept(folder)) == 5


@pytest.mark.parametrize("damage", ["short", "other shape", "other dtype", "no array"])
def test_a_damaged_file_is_written_anew(files, decoded, tmp_path, damage):
    X = ImageFiles(files, size=(8, 10), cache=tmp_path / "cache")
    X.read()
    (path,) = kept(tmp_path / "cache")
    content = path.read_bytes()
    if damage == "other shape":
        np.save(path, PICTURES[1:])
    elif damage == "other dtype":
        np.save(path, PICTURES.view(np.int8))
    else:
        path.write_bytes(content[:-1] if damage == "short" else b"x" * len(content))

    np.testing.assert_array_equal(X.read(), PICTURES)
    assert path.read_bytes() == content
    assert len(decoded) == 12


def test_nothing_stays_of_what_was_not_whole(files, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    X = ImageFiles([*files, "nowhere.png"], size=(8, 10), cache=folder)
    with pytest.raises(InvalidDataError, match=r"^Image 6 of X.*no such file"):
        X[:2].read()
    (tmp_path / "broken.png").write_bytes(b"")
    broken = [*files[:3], str(tmp_path / "broken.png"), *files[3:]]
    with pytest.raises(InvalidDataError, match=r"^Image 3 of X.*it is empty"):
        ImageFiles(broken, size=(8, 10), cache=folder)[4:].read()
    assert kept(folder) == []


def test_a_full_disk_says_so(files, tmp_path, monkeypatch):
    X = ImageFiles(files, size=(8, 10), cache=tmp_path / "cache")

    def fail(path, write):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_image_cache, "write_atomically", fail)
        with pytest.raises(InvalidDataError, match=f"take {N_BYTES} bytes .* is full"):
            X.read()
    little = type("Usage", (), {"free": N_BYTES - 1})
    with monkeypatch.context() as patch:
        patch.setattr(_image_cache.shutil, "disk_usage", lambda folder: little)
        with pytest.raises(InvalidDataError, match=f"where {N_BYTES - 1} are free"):
            X.read()
    np.testing.assert_array_equal(X.read(), PICTURES)


def test_other_errors_of_the_disk_stay_what_they_are(files, tmp_path, monkeypatch):
    def fail(path, write):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(_image_cache, "write_atomically", fail)
    with pytest.raises(PermissionError):
        ImageFiles(files, size=(8, 10), cache=tmp_path / "cache").read()


def test_the_longest_unused_make_room(files, tmp_path):
    folder = tmp_path / "cache"
    one_file = N_BYTES + 128  # with its header
    cache = ImageCache(folder, max_bytes=2 * one_file + N_BYTES // 2)
    X, Y, Z = (
        ImageFiles(order, size=(8, 10), cache=cache)
        for order in (files, files[::-1], [*files[1:], files[0]])
    )
    X.read()
    (of_x,) = kept(folder)
    Y.read()
    (of_y,) = {*kept(folder)} - {of_x}
    for age, path in [(50, of_x), (20, of_y)]:
        os.utime(path, (1e9 - age, 1e9 - age))
    (folder / "notes.txt").write_text("of somebody else")
    X.read()  # which makes it the younger one

    np.testing.assert_array_equal(Z.read(), PICTURES[[1, 2, 3, 4, 5, 0]])

    assert of_x.exists()
    assert not of_y.exists()
    assert len(kept(folder)) == 3
    np.testing.assert_array_equal(Y.read(), PICTURES[::-1])


def test_files_that_fill_the_bound_stay(files, tmp_path, monkeypatch):
    cache = ImageCache(tmp_path / "cache", max_bytes=2 * N_BYTES + 128 + len(files))
    exact = type("Usage", (), {"free": N_BYTES})
    monkeypatch.setattr(_image_cache.shutil, "disk_usage", lambda folder: exact)
    for order in (files, files[::-1]):
        ImageFiles(order, size=(8, 10), cache=cache).read()
    assert len(kept(cache.folder)) == 2


def test_files_are_looked_at_once(files, tmp_path):
    X = ImageFiles(files, size=(8, 10), cache=tmp_path / "cache")
    X[:1].read()
    os.remove(files[0])
    np.testing.assert_array_equal(X[2:].read(), PICTURES[2:])


def test_what_a_file_is_known_by(tmp_path, monkeypatch):
    found = set()
    for folder, content in [("a", b"1"), ("b", b"1"), ("b", b"12")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        (tmp_path / folder / "x.png").write_bytes(content)
        os.utime("x.png", (1, 1))
        found.add(ImageFiles(["x.png"], size=8).fingerprint())
    assert len(found) == 3


def test_more_than_the_bound(files, tmp_path):
    cache = ImageCache(tmp_path / "cache", max_bytes=N_BYTES - 1)
    with pytest.raises(InvalidDataError, match=f"where max_bytes is {N_BYTES - 1}"):
        ImageFiles(files, size=(8, 10), cache=cache).read()
    exact = ImageCache(tmp_path / "cache", max_bytes=N_BYTES)
    np.testing.assert_array_equal(
        ImageFiles(files, size=(8, 10), cache=exact).read(), PICTURES
    )


def test_files_that_another_process_removes(files, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    folder.mkdir()
    # Listed, and gone when it is looked at.
    (folder / "x.images.npy").symlink_to(tmp_path / "nowhere")
    X = ImageFiles(files, size=(8, 10), cache=ImageCache(folder, max_bytes=10**6))
    write = _image_cache.write_atomically

    def removed(path, content):
        write(path, content)
        path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(_image_cache, "write_atomically", removed)
        with pytest.raises(InvalidDataError, match=r"removed as soon .* max_bytes"):
            X.read()
    np.testing.assert_array_equal(X.read(), PICTURES)


def test_wrong_parameters(tmp_path):
    with pytest.raises(ParameterTypeError, match=r"'cache' .* Got 3 instead"):
        ImageFiles([], size=8, cache=3)
    for wrong in (0, -1, 1.5, True, "1GB"):
        with pytest.raises(InvalidParameterError, match=r"'max_bytes' .* Got"):
            ImageCache(tmp_path, max_bytes=wrong)
    assert ImageCache("~/x").folder == ImageCache(os.path.expanduser("~/x")).folder
    assert repr(ImageCache("x", 5)) == "ImageCache('x', max_bytes=5)"


def test_images_that_were_mended_since(files, tmp_path):
    one = Path(files[1])
    contents = one.read_bytes()
    one.unlink()
    X = ImageFiles(files, size=(8, 10), cache=tmp_path / "cache", on_error="skip")
    assert np.flatnonzero(~X.readable()).tolist() == [1]
    with pytest.raises(InvalidDataError, match=r"^Image 1 of X.*there is no such file"):
        X.read([0, 1])
    one.write_bytes(contents)
    np.testing.assert_array_equal(X.read([2, 1, 0]), PICTURES[[2, 1, 0]])
    # It is known by what it was at first.
    assert np.flatnonzero(~X.readable()).tolist() == [1]


def test_no_files_are_kept_too(tmp_path):
    X = ImageFiles([], size=8, cache=tmp_path / "cache")
    assert X.read().shape == (0, 8, 8, 3)


def test_missing_files_are_told_apart(files, tmp_path):
    lacking = str(tmp_path / "none.png")
    for order in ([lacking, *files], [*files, lacking]):
        X = ImageFiles(
            order, size=(8, 10), cache=tmp_path / "cache", on_error="skip", n_workers=1
        )
        assert X.readable().tolist() == [file != lacking for file in order]
        part = X[2:]
        assert part.read_some(np.arange(5))[1].tolist() == X.readable()[2:].tolist()


def test_what_was_readable_is_not_read_again(files, decoded):
    X = ImageFiles([*files, "none.png"], size=8, on_error="skip", n_workers=1)
    for _ in range(2):
        assert X[1:].readable().tolist() == [True] * 5 + [False]
    assert decoded == [*files[1:], "none.png", "none.png"]
