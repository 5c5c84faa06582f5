"""Large data and files count with all their bytes, which are not in memory at once."""

import tracemalloc

import numpy as np
import pytest

from mtlearn import Partial
from mtlearn.data import DatasetRows
from mtlearn.networks import MLP
from mtlearn.training import Files, _fingerprint, fingerprint_of
from mtlearn.training._fingerprint import _CHUNK_BYTES


def test_every_row_of_a_large_array_counts():
    X = np.zeros((5, _CHUNK_BYTES // 16))
    before = fingerprint_of({"X": X})
    X[4, -1] = 1e-9
    assert fingerprint_of({"X": X}) != before


class Items:
    """A dataset of 4 MiB."""

    def __len__(self):
        return 64

    def __getitem__(self, number):
        return np.full(2**13, float(number))


@pytest.mark.parametrize("make", [Items, lambda: np.ones((2**13, 64)).T])
def test_rows_are_not_kept_while_they_are_read(make, monkeypatch):
    monkeypatch.setattr(_fingerprint, "_CHUNK_BYTES", 2**16)
    rows = make()
    if isinstance(rows, Items):
        rows = DatasetRows(rows, "the test", {1: "(d,)"})
    tracemalloc.start()
    fingerprint_of({"X": rows})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_file_is_not_kept_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(_fingerprint, "_CHUNK_BYTES", 2**16)
    path = tmp_path / "weights"
    path.write_bytes(bytes(2**22))
    tracemalloc.start()
    fingerprint_of({"one": Files(path), "other": Files(str(path))})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize(
    "text", ["weights", ["weights"], Partial(MLP, weights="weights")]
)
def test_files_count_by_their_bytes(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def found():
        return fingerprint_of({"backbone": Files(text), "other": text})

    fingerprints = [found()]
    for content in (b"", b"1", b"2"):
        (tmp_path / "weights").write_bytes(content)
        fingerprints.append(found())
    (tmp_path / "weights").unlink()
    (tmp_path / "weights").mkdir()
    for name in ("a", "b"):
        (tmp_path / "weights" / name).write_bytes(b"3")
        fingerprints.append(found())
    assert len(set(fingerprints)) == len(fingerprints)
    # A path that is no backbone's, such as a log, may have any content.
    before = fingerprint_of({"value": text})
    (tmp_path / "weights" / "a").write_bytes(b"4")
    assert fingerprint_of({"value": text}) == before
