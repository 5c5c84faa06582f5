"""The benchmark of two processes runs to its end on tiny sizes."""

import os

import pytest
from benchmarks import __main__


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes(capsys):
    __main__.main(["processes", "--quick"])

    printed = capsys.readouterr().out
    assert "reference network, batch_size=32, 64 rows: clock" in printed
    assert printed.count("two processes / one process: ") == 4
