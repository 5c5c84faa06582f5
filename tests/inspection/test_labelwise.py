"""Figures of labels: scikit-learn's on the cells that are known, by prevalence."""

from itertools import pairwise

import numpy as np
import pytest
from label_problems import NAMES, NAN, fitted_table, made_labels
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import precision_recall_fscore_support

from mtlearn import TunedThresholds
from mtlearn.inspection import LabelwiseDisplay


def test_the_numbers_are_those_of_scikit_learn_on_known_cells():
    y, chance, weight = made_labels()
    predicted = (chance > 0.6).astype(int)
    display = LabelwiseDisplay.from_predictions(
        y, predicted, labels=NAMES, sample_weight=weight, thresholds=0.6
    )
    for place, each in enumerate(display.figures()[:3]):
        rows = np.isfinite(y[:, place])
        expected = precision_recall_fscore_support(
            y[rows, place],
            predicted[rows, place],
            sample_weight=weight[rows],
            average="binary",
        )
        assert (each.precision, each.recall, each.f1) == pytest.approx(expected[:3])
        assert each.support == pytest.approx(weight[rows] @ y[rows, place])
        assert each.prevalence == pytest.approx(each.support / weight[rows].sum())
        assert each.threshold == 0.6
    fog = display.figures()[3]
    assert np.isnan([fog.recall, fog.f1]).all()
    assert (fog.precision, fog.support, fog.prevalence) == (0, 0, 0)
    assert display.frame()["label"].tolist() == NAMES


def test_numbers_by_hand():
    y = [[1, 0], [1, 0], [0, 1], [NAN, 1]]
    display = LabelwiseDisplay.from_predictions(
        y, [[1, 0], [0, 0], [1, 0], [1, 0]], labels=["sun", "sea"]
    )
    sun, sea = display.figures()
    assert (sun.support, sun.prevalence) == pytest.approx((2, 2 / 3))
    assert (sun.precision, sun.recall, sun.f1) == (0.5, 0.5, 0.5)
    assert (sea.precision, sea.recall, sea.f1) == (0, 0, 0)
    assert np.isnan(sun.threshold)
    assert [each.label for each in display.worst()] == ["sea", "sun"]
    display.plot()
    assert list(display.axes_) == [("", "f1")]


def test_thresholds_are_those_that_decide():
    estimator, X, y = fitted_table(pos_weight="sqrt")
    tuned = TunedThresholds(FrozenEstimator(estimator), calibrate=False).fit(X, y)
    expected = {
        estimator: estimator.tasks_["tags"].thresholds_,
        tuned: tuned.thresholds_["tags"],
    }
    for fitted, cuts in expected.items():
        display = LabelwiseDisplay.from_estimator(fitted, X, y)
        assert [each.threshold for each in display.figures()] == cuts.tolist()
        rows = display.rows["tags"]
        assert (rows.predicted == (rows.chance > cuts)).all()
        predicted = fitted.predict(X)[:, :3]
        assert (rows.predicted == predicted[rows.rows]).all()


def test_points_names_and_lines():
    y, chance, _ = made_labels()
    display = LabelwiseDisplay.from_predictions(
        y, chance > 0.6, labels=NAMES, thresholds=[0.6, 0.5, 0.4, 0.3], task="tags"
    ).plot()
    f1, cuts = display.axes_["tags", "f1"], display.axes_["tags", "threshold"]
    found = display.figures()[:3]
    for ax, values in (
        (f1, [each.f1 for each in found]),
        (cuts, [each.threshold for each in found]),
    ):
        points = ax.get_lines()[0]
        assert_allclose(points.get_xdata(), [each.prevalence for each in found])
        assert_allclose(points.get_ydata(), values)
        assert ax.get_xscale() == "log"
        assert {text.get_text() for text in ax.texts} == set(NAMES[:3])
    always = f1.get_lines()[1]
    share, value = always.get_xdata(), always.get_ydata()
    # Precision is the prevalence, and recall 1.
    assert_allclose(1 / value, (1 / share + 1) / 2)
    assert f1.get_title() == "tags: 3 labels\nwithout a positive: fog"


@pytest.mark.parametrize("rarest", [0.5, 0.3, 0.03, 0.004, 0.0005])
def test_numbers_beside_the_axis_can_be_read(rarest):
    counts = np.geomspace(rarest, 0.6, 5) * 2000
    y = (np.arange(2000)[:, np.newaxis] < counts).astype(float)
    display = LabelwiseDisplay.from_predictions(y, y, thresholds=0.5).plot()
    display.figure_.canvas.draw()
    for ax in display.axes_.values():
        low, high = ax.get_xlim()
        ticks = [*zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)]
        assert not any(text.get_text() for text in ax.get_xticklabels(minor=True))
        shown = [(at, text) for at, text in ticks if low <= at <= high]
        assert len(shown) >= 2
        assert [float(text.get_text()) for _, text in shown] == pytest.approx(
            [at for at, _ in shown], rel=1e-5
        )
        boxes = [text.get_window_extent() for _, text in shown]
        for left, right in pairwise(boxes):
            assert left.x1 < right.x0


def test_names_stand_where_there_is_room():
    rng = np.random.default_rng(0)
    y = (rng.random((400, 300)) < np.linspace(0.5, 0.02, 300)).astype(float)
    display = LabelwiseDisplay.from_predictions(y, rng.random(y.shape) < 0.3).plot()
    ax = display.axes_["", "f1"]
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert 3 < len(boxes) <= 40
    panel = ax.get_window_extent()
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])
        assert panel.x0 <= box.x0
        assert box.x1 <= panel.x1
        assert panel.y0 <= box.y0
        assert box.y1 <= panel.y1


def test_labels_that_are_never_there():
    display = LabelwiseDisplay.from_predictions([[0.0], [NAN]], [[1], [1]])
    assert display.worst() == []


def test_of_equally_bad_labels_the_most_frequent_comes_first():
    true = [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    display = LabelwiseDisplay.from_predictions(true, np.zeros((3, 3)))
    assert [each.label for each in display.worst()] == [1, 0, 2]
    display.plot().figure_.canvas.draw()
