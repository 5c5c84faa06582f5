"""A training that is killed goes on, and ends with the bits that it would have had."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("killed_training.py")


# Longer than other tests, as every kill has a training of its own.
@pytest.mark.skipif(sys.platform == "win32", reason="has neither fork nor SIGKILL")
@pytest.mark.parametrize(("kind", "n_kills"), [("images", 10), ("ensemble", 6)])
def test_the_weights_are_those_of_an_undisturbed_training(kind, n_kills, tmp_path):
    paths = [str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), kind, str(tmp_path), str(n_kills)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    undisturbed, *killed, left = done.stdout.splitlines()
    assert len(undisturbed) == 64
    hashes = {line.split()[0] for line in killed}
    assert hashes == {undisturbed}
    assert int(killed[-1].split()[1]) >= n_kills
    assert left == ""
