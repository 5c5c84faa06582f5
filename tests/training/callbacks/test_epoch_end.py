"""The end of an epoch."""

import pytest

from mtlearn.training import EpochEnd
from mtlearn.training._loop import StopTraining


def test_epoch_end_stops_where_it_is_told():
    calls = []
    answers = iter([False, True])
    callback = EpochEnd(lambda: calls.append("begin"), lambda: next(answers), [])
    callback.on_epoch_begin(None)
    callback.on_epoch_end(None)
    callback.on_epoch_begin(None)
    with pytest.raises(StopTraining):
        callback.on_epoch_end(None)
    assert calls == ["begin", "begin"]
