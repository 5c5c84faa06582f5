"""Labels that are missed or invented: scikit-learn's counts, and their samples."""

import numpy as np
import pytest
from label_problems import NAMES, NAN, fitted_table, made_labels
from numpy.testing import assert_allclose
from sklearn.metrics import confusion_matrix

from mtlearn import MultiLabel
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import LabelErrorsDisplay
from tiny_problems import image_estimator, make_images


def test_counts_are_those_of_scikit_learn_on_known_cells():
    y, chance, weight = made_labels()
    predicted = chance > 0.6
    display = LabelErrorsDisplay.from_predictions(
        y, predicted, labels=NAMES, sample_weight=weight
    )
    found = {each.label: each for each in display.errors()}
    for place, name in enumerate(NAMES):
        rows = np.isfinite(y[:, place])
        (_, invented), (missed, right) = confusion_matrix(
            y[rows, place],
            predicted[rows, place],
            labels=[0, 1],
            sample_weight=weight[rows],
        )
        each = found[name]
        assert (each.missed, each.invented) == pytest.approx((missed, invented))
        assert each.support == pytest.approx(missed + right)
        assert each.predicted == pytest.approx(invented + right)
    sums = [each.missed + each.invented for each in display.errors()]
    assert sums == sorted(sums, reverse=True)
    assert len(display.errors(2)) == 2
    assert display.frame()["label"].tolist() == [e.label for e in display.errors()]


def test_examples_are_the_surest_errors():
    y = [[1], [1], [1], [0], [0], [NAN], [1]]
    chance = [[0.4], [0.1], [0.3], [0.6], [0.9], [0.9], [0.8]]
    predicted = np.greater(chance, 0.5)
    display = LabelErrorsDisplay.from_predictions(y, predicted, y_prob=chance)
    assert display.examples(0, "missed") == [1, 2, 0]
    assert display.examples(0, "missed", 2) == [1, 2]
    assert display.examples(0, "invented") == [4, 3]
    assert LabelErrorsDisplay.from_predictions(y, predicted).examples(0, "missed") == [
        0,
        1,
        2,
    ]
    with pytest.raises(InvalidParameterError, match=r"one of \[0\]. Got 'sun'"):
        display.examples("sun", "missed")
    with pytest.raises(InvalidParameterError, match="'what' parameter"):
        display.examples(0, "wrong")


def test_bars_of_a_table():
    estimator, X, y = fitted_table()
    display = LabelErrorsDisplay.from_estimator(estimator, X, y).plot()
    assert display.images is None
    assert list(display.axes_) == ["tags"]
    ax = display.axes_["tags"]
    wrong = [e for e in display.errors() if e.missed + e.invented]
    assert wrong
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [-e.missed for e in wrong] + [e.invented for e in wrong]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == [each.label for each in wrong]


def test_images_of_the_surest_errors():
    X, _ = make_images(60, n_channels=3)
    rng = np.random.default_rng(0)
    y = (rng.random((60, 2)) < 0.5).astype(float)
    y[:5, 0] = NAN
    y[7] = NAN
    estimator = image_estimator(MultiLabel(["sun", "sea"])).fit(X, y)
    display = LabelErrorsDisplay.from_estimator(estimator, X, y).plot()
    (name,) = display.rows
    strips = display.strips()
    assert strips
    panels = [ax for ax in display.figure_.axes if ax.get_images()]
    titles = set()
    for strip in strips:
        errors, what = strip.errors, strip.what
        whole = errors.support if what == "missed" else errors.predicted
        count = f"{getattr(errors, what):g} of {whole:g}"
        titles.add(f"{errors.label}: {what} {count}")
    assert {ax.get_title() for ax in panels} == titles
    proba = estimator.predict_proba(X)
    for strip in strips:
        place = ["sun", "sea"].index(strip.errors.label)
        assert len(strip.rows) <= 4
        for row in strip.rows:
            assert y[row, place] == (strip.what == "missed")
            image = X[row] - X[row].min()
            assert_allclose(display.images[name][row], image / image.max(), atol=1e-6)
        order = proba[strip.rows, place] * (1 if strip.what == "missed" else -1)
        assert (np.diff(order) >= 0).all()
    drawn = panels[0].get_images()[0].get_array()
    assert drawn.shape[0] == 6
    assert_allclose(drawn[:, :6], display.images[name][strips[0].rows[0]])


def test_nothing_is_wrong():
    y = np.eye(3)
    display = LabelErrorsDisplay.from_predictions(y, y).plot()
    assert display.strips() == []
    assert display.axes_[""].get_title() == "no label is missed or invented"
    display.figure_.canvas.draw()


def test_many_labels():
    rng = np.random.default_rng(0)
    y = (rng.random((50, 100)) < 0.5).astype(int)
    display = LabelErrorsDisplay.from_predictions(y, 1 - y, task="tags").plot()
    assert display.axes_["tags"].get_title() == "tags: most errors, 20 of 100 labels"
    assert len(display.axes_["tags"].patches) == 40


@pytest.mark.parametrize("task", ["", "tags", "a name of a task that has many letters"])
@pytest.mark.parametrize("n_labels", [2, 20, 1000])
def test_titles_stay_in_the_picture(task, n_labels):
    y = np.ones((3, n_labels))
    for predicted in (y, 1 - y):
        display = LabelErrorsDisplay.from_predictions(y, predicted, task=task).plot()
        display.figure_.canvas.draw()
        box = display.axes_[task].title.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= display.figure_.bbox.width
