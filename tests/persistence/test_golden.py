"""Files of every version of the format load, and predict as they did.

Those called order are by a version whose tasks were in the order of their declaration.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mtlearn import load, save
from mtlearn.exceptions import ModelFormatError
from mtlearn.persistence import _migrate, _save
from mtlearn.preprocessing import GlobalMaxScaler

FILES = sorted(Path(__file__).with_name("golden").glob("*.mtlearn"))
# A file that was written anew would prove nothing.
DIGESTS = {
    "images-1.mtlearn": (
        "a80dcf916f2434a4c7f2a6d77d76ab6216d2c10a7ec3f3ede32f2f17cbb7e3ab"
    ),
    "order-1.mtlearn": (
        "afb279a8256f50e714d86d6a115c399468fc803f8bc8591bce9328911ff3622b"
    ),
    "tables-1.mtlearn": (
        "27deee8652e0873ac8d19e1e839c50f0ebe1dcec51048f7f1d17f949a482d0b5"
    ),
}


def test_each_version_has_its_files():
    names = {path.name for path in FILES}
    for version in range(1, _save.FORMAT.version + 1):
        assert {f"images-{version}.mtlearn", f"tables-{version}.mtlearn"} <= names
    assert names == DIGESTS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_predicts_as_it_did(path):
    assert hashlib.sha256(path.read_bytes()).hexdigest() == DIGESTS[path.name]
    estimator = load(path)
    expected = np.load(path.with_suffix(".npz"))
    first, second = estimator.predict_proba(expected["X"])
    # Other processors and versions of torch round otherwise.
    np.testing.assert_allclose(first, expected["first"], atol=1e-5)
    np.testing.assert_allclose(second, expected["second"], rtol=1e-5, atol=1e-5)
    predicted = estimator.predict(expected["X"])
    assert predicted.shape == (len(expected["X"]), 2)
    np.testing.assert_allclose(predicted[:, 1].astype(float), second[:, 0])
    assert first.shape[1] == len(estimator.classes_[0])
    assert estimator.classes_[1] is None


def test_a_file_of_an_older_format_goes_through_every_step(tmp_path, monkeypatch):
    path = tmp_path / "scaler"
    save(GlobalMaxScaler().fit([[[0.0, 4.0]]]), path)
    newer = _save.Format("mtlearn", 3, "mtlearn.save")
    monkeypatch.setattr(_save, "FORMAT", newer)
    monkeypatch.setitem(_migrate.STEPS, 1, lambda record: {"wrapped": record})

    def unwrap(record):
        record["wrapped"]["state"]["max_"] *= 2
        return record["wrapped"]

    with pytest.raises(ModelFormatError):
        load(path)
    monkeypatch.setitem(_migrate.STEPS, 2, unwrap)
    assert load(path).max_ == 8.0
    # What is written now is of the present format, and goes through none.
    save(GlobalMaxScaler().fit([[[0.0, 4.0]]]), path)
    assert load(path).max_ == 4.0
