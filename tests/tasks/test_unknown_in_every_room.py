"""Samples of no class, of every kind that has classes."""

import pytest
from test_every_room import OF_UNKNOWN, SAMPLES, by_kind, data, make

import mtlearn.inspection
from mtlearn import OpenSetClassifier
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


@by_kind
def test_displays_of_unknown_samples(kind):
    X, y = data(kind)
    fitted = make(kind).fit(X, y)
    open_set = OpenSetClassifier(fitted, calibration="prefit", quantile=0.8)
    displays = [getattr(mtlearn.inspection, name) for name in sorted(OF_UNKNOWN)]
    for display in displays:
        message = f"{display.__name__} takes a fitted OpenSetClassifier"
        with pytest.raises(ParameterTypeError, match=message):
            display.from_estimator(fitted, X, y, 9 + X)
    if not SAMPLES[kind].has_classes:
        with pytest.raises(InvalidParameterError, match="needs a task with classes"):
            open_set.fit(X, y)
        return
    open_set.fit(X, y)
    for display in displays:
        if "Images" in display.__name__:
            with pytest.raises(InvalidParameterError, match="shows images"):
                display.from_estimator(open_set, X, y, 9 + X)
            continue
        made = display.from_estimator(open_set, X, y, 9 + X)
        assert list(made._shown_tasks()) == ["own"]
        made.plot()
