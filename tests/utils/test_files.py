"""Files that are written whole or not at all."""

import os
import threading

import pytest

from mtlearn._utils._files import write_atomically


def writes(content):
    return lambda file: file.write(content)


def test_a_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    link, real = tmp_path / "link", tmp_path / "folder" / "real"
    link.symlink_to(real)
    for content in (b"old", b"new"):  # it may lead nowhere yet
        write_atomically(link, writes(content))
        assert link.is_symlink()
        assert real.read_bytes() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "link"]
    assert [each.name for each in real.parent.iterdir()] == ["real"]


@pytest.mark.parametrize("name", ["n" * 255, "ä" * 127, "m"])
def test_names_as_long_as_they_may_be(name, tmp_path):
    write_atomically(tmp_path / name, writes(b"x"))
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_what_is_no_file_is_written_into(tmp_path):
    # As the null device, whose place no file must take.
    path, found = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write_atomically(path, writes(b"content"))
    reader.join(10)
    assert found == [b"content"]
    assert path.is_fifo()


def test_a_folder_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=rf"directory: '{tmp_path}'$"):
        write_atomically(tmp_path, writes(b"x"))


def test_what_fails_leaves_the_file_that_was_there(tmp_path):
    def fails(file):
        file.write(b"half")
        raise KeyboardInterrupt

    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fails)
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fails)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]


def test_what_is_left_of_a_killed_process_has_the_whole_name(tmp_path):
    name = "0123456789abcdef0123456789abcdef-000001.checkpoint"
    seen = []

    def write(file):
        seen.extend(path.name for path in tmp_path.iterdir())

    write_atomically(tmp_path / name, write)
    assert len(seen) == 1
    assert seen[0].startswith(f".{name}.")
