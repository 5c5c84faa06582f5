"""OpenSetScoreDisplay: the scores of each task, and their histograms."""

import numpy as np
import pytest
from matplotlib import pyplot
from numpy.testing import assert_allclose, assert_array_equal
from open_set_cases import FAR, NEAR, TEST, X, Y, fitted_columns, fitted_points

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import OpenSetScoreDisplay
from open_problems import two_columns

KNOWN = np.array([-0.5, -0.2, 0.0, 0.1, -1.0, -0.1, 0.3, -0.6])


def test_scores_and_what_is_kept():
    open_set, sets = fitted_points(), {"near": NEAR, "far": FAR}
    display = OpenSetScoreDisplay.from_estimator(open_set, X[TEST], Y[TEST], sets)
    found = display.scores["task_0"]
    assert_allclose(found.known, open_set.score_samples(X[TEST]))
    for name, each in sets.items():
        assert_allclose(found.unknown[name], open_set.score_samples(each))
        kept = (open_set.predict(each) != -1).mean()
        assert found.unknown_kept[name] == kept
    assert 0 < found.unknown_kept["near"] < 1
    assert found.unknown_kept["far"] == 0
    assert found.known_kept == (open_set.predict(X[TEST]) != -1).mean()
    assert (found.threshold, found.quantile) == (open_set.offset_, 0.8)
    frame = display.frame()
    assert frame.columns.tolist() == ["task", "samples", "score"]
    assert frame["samples"].value_counts().to_dict() == {
        "known": 120,
        "near": 50,
        "far": 30,
    }
    assert_array_equal(frame["score"][:120], found.known)


def test_a_panel_for_each_task():
    labels = two_columns(Y)[0][TEST].astype(float)
    labels[:20, 1] = np.nan
    open_set = fitted_columns()
    display = OpenSetScoreDisplay.from_estimator(open_set, X[TEST], labels, NEAR).plot()
    assert list(display.axes_) == list(display.scores) == ["kind", "first"]
    assert len(display.scores["first"].known) == 100
    for place, ax in enumerate(display.axes_.values()):
        (line,) = ax.get_lines()
        assert set(line.get_xdata()) == {open_set.offset_[place]}
    with pytest.raises(InvalidParameterError, match="'ax' parameter of OpenSetScoreDi"):
        display.plot(ax=pyplot.subplots()[1])


def heights(ax):
    """Give the edges and the heights of the bars of each histogram."""
    found = []
    for patch in ax.patches:
        x, y = patch.get_xy().T
        found.append((np.unique(x), y[1:-1:2][: len(np.unique(x)) - 1]))
    return found


def test_bars_are_shares_between_equal_edges():
    unknown = {"near": np.array([-3.0, -2.0, -2.5]), "far": np.array([-4.0])}
    display = OpenSetScoreDisplay.from_predictions(
        KNOWN, unknown, threshold=-2.2, quantile=0.9, task="digit"
    ).plot()
    ax = display.axes_["digit"]
    assert ax.get_xscale() == "linear"
    for (edges, bars), scores in zip(
        heights(ax), [KNOWN, *unknown.values()], strict=True
    ):
        assert_allclose(np.diff(edges), (0.3 + 4.0) / 40, rtol=1e-6)
        expected = np.histogram(scores, np.linspace(-4, 0.3, 41))[0] / len(scores)
        assert_allclose(bars, expected)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [
        "known: 100.0% kept",
        "near: 33.3% kept",
        "far: 0.0% kept",
        "threshold -2.2 (quantile 0.9)",
    ]
    assert ax.get_title() == "digit"
    assert ax.get_ylabel() == "share of samples"


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_far_scores_do_not_press_the_others_into_one_bar(scale):
    unknown = np.array([-3.0, -900.0, -40.0, -2e4])
    display = OpenSetScoreDisplay.from_predictions(
        KNOWN * scale, unknown * scale, threshold=-1.5 * scale
    ).plot()
    ax = display.axes_[""]
    display.figure_.canvas.draw()
    for (_, bars), scores in zip(heights(ax), (KNOWN, unknown), strict=True):
        assert bars.sum() == pytest.approx(1)
        assert (bars > 0).sum() > 3, scores
    places = ax.transData.transform([[tick, 0] for tick in ax.get_xticks()])[:, 0]
    box = ax.get_window_extent()
    assert len(places) >= 4
    assert np.diff(places).min() > box.width / 12
    assert (places >= box.x0).all()
    assert (places <= box.x1).all()
    ticks = ax.get_xticks()
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        f"{tick:g}" for tick in ticks
    ]
    assert 0 in ticks
    assert len(ax.get_xticks(minor=True)) == 0
    assert ticks.min() <= -1e3 * scale


@pytest.mark.parametrize(
    ("known", "unknown"),
    [([1.0, 1.0], [1.0]), ([2.0], [-300.0]), ([0.0, 0.0, 0.0], [-1.0, -2.0])],
)
def test_scores_that_do_not_differ(known, unknown):
    display = OpenSetScoreDisplay.from_predictions(known, unknown).plot()
    display.figure_.canvas.draw()
    for _, bars in heights(display.axes_[""]):
        assert bars.sum() == pytest.approx(1)
    texts = [text.get_text() for text in display.axes_[""].get_legend().get_texts()]
    assert texts == ["known", "unknown"]


@pytest.mark.parametrize(
    ("known", "unknown", "expected"),
    [
        ([0.0, 1.0, 2.0, 4.0], [-np.inf, 0.0, 4.0, np.inf], (0.5, 0.5)),
        ([np.inf, np.inf], [-np.inf], (1.0,)),
    ],
)
def test_infinite_scores_are_in_the_outer_bars(known, unknown, expected):
    display = OpenSetScoreDisplay.from_predictions(known, unknown, threshold=-np.inf)
    _, (_, drawn) = heights(display.plot().axes_[""])
    assert tuple(drawn[drawn > 0]) == expected


def test_names_that_begin_with_an_underscore_are_in_the_legend():
    display = OpenSetScoreDisplay.from_predictions(KNOWN, {"_a": KNOWN, "b_": KNOWN})
    legend = display.plot().axes_[""].get_legend()
    texts = [text.get_text().strip() for text in legend.get_texts()]
    assert texts == ["known", "_a", "b_"]


def test_a_threshold_beyond_all_scores_and_one_at_a_score():
    display = OpenSetScoreDisplay.from_predictions(KNOWN, KNOWN, threshold=-1.5).plot()
    for edges, _ in heights(display.axes_[""]):
        assert_allclose(edges[[0, -1]], [-1.5, 0.3])
    found = OpenSetScoreDisplay.from_predictions(KNOWN, KNOWN, threshold=0.0)
    assert found.scores[""].known_kept == 3 / 8


def test_a_panel_of_the_users_and_no_threshold():
    figure, own = pyplot.subplots()
    display = OpenSetScoreDisplay.from_predictions(
        KNOWN, KNOWN - 1, threshold=-np.inf, quantile=0.999
    ).plot(ax=own)
    assert display.axes_ == {"": own}
    assert display.figure_ is figure
    texts = [text.get_text() for text in own.get_legend().get_texts()]
    assert texts[-1] == "nothing rejected (quantile 0.999)"
    assert display.scores[""].known_kept == 1


def test_there_is_a_classifier_of_unknown_samples():
    with pytest.raises(
        ParameterTypeError, match="OpenSetScoreDisplay takes a fitted O"
    ):
        OpenSetScoreDisplay.from_estimator(
            fitted_points().estimator_, X[TEST], Y[TEST], NEAR
        )
