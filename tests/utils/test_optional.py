"""Optional packages fail on use, with the command that installs them."""

import math
import os
import sys

import numpy as np
import pandas as pd
import pytest

from mtlearn._utils._optional import find_optional, import_optional
from mtlearn.exceptions import MissingDependencyError, MtlearnError
from mtlearn.tasks import fit_codec


def test_an_installed_module_is_returned():
    assert import_optional("math", "plot", "It") is math
    assert import_optional("os.path", "plot", "It") is os.path


def test_a_missing_package_names_the_command_that_installs_it():
    with pytest.raises(
        MissingDependencyError,
        match=r"^Drawing needs no_such, .*: python -m pip install 'mtlearn\[plot\]'",
    ) as caught:
        import_optional("no_such.part", "plot", "Drawing")
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value.__cause__, ImportError)


def test_what_can_be_done_without():
    assert find_optional("math") is math
    assert find_optional("no_such.part") is None


def test_predicting_a_frame_without_pandas(monkeypatch):
    y = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    codec = fit_codec(None, y)
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingDependencyError, match=r"install 'mtlearn\[pandas\]'"):
        codec.arrange([np.array([1]), np.array([0.5])])
