"""What several processes come to is what one comes to, or a clear error."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="processes are forked, to import nothing anew"
)


def all_found(folder):
    """Run the program that forks groups of processes, and return what it has found."""
    path = Path(__file__).with_name("shared_failures.py")
    done = subprocess.run(
        [sys.executable, str(path), str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return pickle.loads((folder / "found.pickle").read_bytes())


def assert_close(found, expected, atol):
    """Compare weights and histories, NaN where a task has no label."""
    for ours, theirs in zip(found[0]["weights"], expected[0]["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)
    assert len(found[1]) == len(expected[1])
    for ours, theirs in zip(found[1], expected[1], strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(
            list(ours.values()), list(theirs.values()), rtol=0, atol=atol
        )


# One test, as its program has to import torch.
def test_processes_come_to_what_one_comes_to_or_fail_together(tmp_path):
    found = all_found(tmp_path)

    look_at_results(found)
    assert [path.name for path in tmp_path.glob("*.csv")] == ["0.csv"]
    look_at_failures(found)
    look_at_checkpoints(found)
    scores, printed = found["launched"]
    assert scores[0] == scores[1]
    assert printed == [f"2 processes, 1 epochs: {scores[0]:.3f}\n", ""]


def look_at_results(found):
    assert found["alone"].keys() <= found["two"][0].keys()
    for size in ("two", "three"):
        first, *others = found[size]
        for name in found["alone"].keys() & first.keys():
            assert_close(first[name], found["alone"][name], atol=1e-9)
            for other in others:
                assert_close(other[name], first[name], atol=0)
    # What is drawn is drawn in each by itself, and learned by all.
    first, second = found["two"]
    assert_close(first["drawn"], second["drawn"], atol=0)
    assert first["order"] == second["order"]  # without a seed of the user's
    for one, other in zip(first["numbers"], second["numbers"], strict=True):
        assert one != other
    for one, other in zip(first["ensemble"], second["ensemble"], strict=True):
        assert_close(one, other, atol=0)
    assert first["seeds"] == second["seeds"]
    assert (first["lines"], second["lines"]) == (3, 0)


LOST = "Another process of the group has failed, has ended, or did not answer in time"
# What each of two processes raises, by what is wrong.
ERRORS = {
    "compile": ("InvalidParameterError", "Set compile=False"),
    "aggregation": ("InvalidParameterError", "Set aggregation=None, or train in one"),
    "files": ("InvalidParameterError", "has Checkpoint, which all .* checkpoint_dir"),
    "lr": ("InvalidParameterError", "'lr' parameter .* That of process 1 differs"),
    "missing folder": ("InvalidParameterError", "'checkpoint_dir' .* must be the same"),
    "astray": ("ProcessGroupError", "process 1 are not those of .* after epoch 3"),
    "X": ("InvalidDataError", "the same data: X of process 1 .* Pass all rows"),
    "y": ("InvalidDataError", "the same data: y of process 1 differs"),
    "X_val": ("InvalidDataError", "the same data: X_val of process 1 differs"),
    "before": ("InvalidDataError", "what an earlier fit has learned of process 1"),
    "vectorized": ("InvalidParameterError", "'vectorized' .* Set vectorized=False"),
    "two at once": ("InvalidParameterError", "Two fits .* Set n_jobs=1"),
}
# What process 1 raises by itself, so that process 0 cannot go on.
ERRORS_OF_ONE = {
    "one fails early": ("InvalidParameterError", "'max_epochs' parameter"),
    "one fails": ("KeyError", "of process 1"),
}


def assert_error(found, kind, message):
    assert found[0] == kind
    assert re.search(message, found[1])
    # Far less than the twenty seconds that a process would wait for another.
    assert found[2] < 10


def look_at_failures(found):
    first, second = found["failures"]
    for name, expected in ERRORS.items():
        assert_error(first[name], *expected)
        assert_error(second[name], *expected)
    for name, expected in ERRORS_OF_ONE.items():
        assert_error(first[name], "ProcessGroupError", LOST)
        assert_error(second[name], *expected)
    assert first["auto"] is second["auto"] is None
    assert (first["epochs"], second["epochs"]) == (2, 2)  # one of them was told to stop
    for each in (first, second):
        assert_close(each["after"], found["as ever"], atol=1e-9)
        assert_close(each["beside another"], found["as ever"], atol=1e-9)
    # By the time that the user's group waits, not by torch's half an hour.
    lost, gave_up = found["hangs"]
    assert_error(lost, "ProcessGroupError", LOST)
    assert lost[2] < 7 < gave_up[2]


def look_at_checkpoints(found):
    # With two processes, what goes on has the bits of what was not disturbed.
    (lost, n_files, *fits), (failed, _, *_) = found["goes on"]
    assert_error(lost, "ProcessGroupError", f"{LOST}.* With a checkpoint_dir")
    assert (n_files, failed[0]) == (1, "KeyError")
    assert_close(*fits, atol=0)
    # With one, it comes to what one comes to.
    lost, killed = found["killed"]
    assert_error(lost, "ProcessGroupError", LOST)
    assert killed is None
    assert found["files"] == 1
    assert_close(found["after it"], found["undisturbed"], atol=1e-9)
    assert found["left"] == []
