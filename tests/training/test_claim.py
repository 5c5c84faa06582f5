"""A name in a folder belongs to one at a time."""

import subprocess
import sys
import textwrap

import pytest

from mtlearn.training import claimed

pytest.importorskip("fcntl")


def test_a_second_one_has_another_name(tmp_path):
    def claim():
        return claimed(tmp_path / "new", "abc")

    with claim() as one, claim() as two:
        with claim() as three:
            assert one == "abc"
            assert len({one, two, three}) == 3
            assert {len(each) for each in (one, two, three)} == {3}
        with claim() as again:
            assert again == three
    with claimed(tmp_path / "new", "abc") as again:
        assert again == "abc"
    assert not list((tmp_path / "new").iterdir())


def test_it_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path, "abc"):
        raise KeyboardInterrupt
    with claimed(tmp_path, "abc") as again:
        assert again == "abc"


PROGRAM = """
    import os, signal, sys
    from pathlib import Path
    from mtlearn.training import claimed

    with claimed(Path(sys.argv[1]), "abc") as name:
        print(name, flush=True)
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_another_process_has_it_until_it_is_killed(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "abc\n"
        with claimed(tmp_path, "abc") as name:
            assert name != "abc"
        other.stdin.close()
        assert other.wait(60) == -9
    with claimed(tmp_path, "abc") as name:
        assert name == "abc"
