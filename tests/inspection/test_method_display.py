"""A comparison of methods as a picture: the numbers of its record."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import same_color

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import MethodComparison, MethodComparisonDisplay
from tiny_problems import make_table, table_estimator

ALL = ("all tasks", "delta_m")
KEY = ("size", "mae")


@pytest.fixture(scope="module")
def display():
    X, y = make_table(30)
    return MethodComparisonDisplay.from_estimator(
        table_estimator(max_epochs=1),
        X,
        y,
        {"fast": {"lr": 0.1}},
        cv=2,
        metrics={"size": "mae"},
        random_state=0,
    )


def points_and_lines(ax):
    """Give the middle and the ends of each interval, and the points of folds."""
    drawn = [line for line in ax.get_lines() if line.get_linestyle() != "--"]
    dots = [line for line in drawn if line.get_marker() == "."]
    middles = [line for line in drawn if line.get_marker() == "o"]
    ends = [line for line in drawn if line not in dots and line not in middles]
    return [[line.get_xdata() for line in kind] for kind in (middles, ends, dots)]


@pytest.mark.parametrize("over", [None, "single", "equal"])
def test_panels_have_the_differences_of_the_report(display, over):
    axes = display.plot(over=over).axes_
    assert list(axes) == [ALL, ("kind", "accuracy"), KEY]
    base = "single" if over is None else over
    rows = [
        row
        for row in display.report.rows
        if row["task"] == "size" and row["method"] != base
    ]
    middles, ends, dots = points_and_lines(axes[KEY])
    key = f"over_{base}"
    np.testing.assert_array_equal(np.ravel(middles), [row[key] for row in rows])
    expected = [[row[f"{key}_low"], row[f"{key}_high"]] for row in rows]
    np.testing.assert_array_equal(ends, expected)
    np.testing.assert_allclose(np.mean(dots, axis=1), [row[key] for row in rows])
    labels = [text.get_text() for text in axes[KEY].get_yticklabels()]
    assert labels == [row["method"] for row in rows]
    assert axes[KEY].get_xlabel() == f"mae over {base}, lower is better"
    pyplot.close("all")


def test_the_first_panel_has_all_tasks(display):
    ax = display.plot().axes_[ALL]
    lines = [each for each in display.report.summary if each["method"] != "single"]
    middles, ends, _ = points_and_lines(ax)
    np.testing.assert_array_equal(
        np.ravel(middles), [each["delta_m"] for each in lines]
    )
    np.testing.assert_array_equal(ends, [[each["low"], each["high"]] for each in lines])
    first = ax.get_yticklabels()[0].get_text()
    assert first.startswith("equal\nrank ")
    assert first.endswith(", time 1.00")
    pyplot.close("all")


@pytest.mark.parametrize(
    ("greater", "ends", "color"),
    [
        (True, (0.1, 0.2), "C2"),
        (True, (-0.2, -0.1), "C3"),
        (False, (-0.2, -0.1), "C2"),
        (False, (0.1, 0.2), "C3"),
        (False, (-0.1, 0.2), "0.5"),
    ],
)
def test_colours_say_what_helps(greater, ends, color):
    row = {"task": "a", "metric": "m", "greater_is_better": greater, "value": 1.0}
    base = row | {"method": "equal"}
    other = row | {"method": "new", "over_equal": 0.0}
    other |= {"over_equal_low": ends[0], "over_equal_high": ends[1]}
    line = {"delta_m": 0.0, "low": -1.0, "high": 1.0, "mean_rank": 1.5}
    line |= {"time_ratio": 1.0}
    summary = [line | {"method": name} for name in ("equal", "new")]
    report = MethodComparison([base, other], summary, [], "equal", 0.95)
    ax = MethodComparisonDisplay.from_report(report).plot().axes_["a", "m"]
    assert same_color(ax.get_lines()[1].get_color(), color)
    with pytest.raises(InvalidParameterError, match=r"'over' .* \['equal'\]. Got 'sin"):
        MethodComparisonDisplay(report).plot(over="single")
    pyplot.close("all")


def test_numbers_and_words(display):
    assert display.frame().equals(display.report.to_frame())
    assert repr(display).startswith("<MethodComparisonDisplay of kind, size")
    with pytest.raises(
        ParameterTypeError, match=r"'report' .* compare_methods returns"
    ):
        MethodComparisonDisplay.from_report(display)
    with pytest.raises(InvalidParameterError, match=r"'over' .* Got 'fast' instead"):
        display.plot(over="fast")
