"""Pictures of many tasks: a size that has an end, letters that fit, a line in words."""

import numpy as np
import pytest
from matplotlib import pyplot

from mtlearn.inspection import (
    CalibrationCurve,
    CalibrationDisplay,
    ClasswiseDisplay,
    ConfusionDisplay,
    EmbeddingDisplay,
    EnsembleGainDisplay,
    LearningCurvesDisplay,
    ResidualsDisplay,
    _panels,
)
from mtlearn.inspection._panels import arrange
from mtlearn.metrics import EnsembleReport

MAKERS = {}


def maker(function):
    MAKERS[function.__name__] = function
    return function


def names(n_tasks):
    return [f"tag number {i}" for i in range(n_tasks)]


@maker
def confusion(n_tasks):
    matrix, labels = np.array([[9.0, 1], [2, 8]]), np.array([0, 1], object)
    return ConfusionDisplay(
        dict.fromkeys(names(n_tasks), matrix), dict.fromkeys(names(n_tasks), labels)
    )


@maker
def classwise(n_tasks):
    return ClasswiseDisplay(confusion(n_tasks).matrices, confusion(n_tasks).labels)


@maker
def residuals(n_tasks):
    true = dict.fromkeys(names(n_tasks), np.arange(6.0))
    return ResidualsDisplay(true, dict.fromkeys(true, np.array([0, 2, 2, 3, 5, 4.0])))


@maker
def calibration(n_tasks):
    share = np.array([0.5, 0.5])
    curve = CalibrationCurve("confidence", share, share, share, 0.0)
    return CalibrationDisplay(dict.fromkeys(names(n_tasks), curve))


@maker
def embedding(n_tasks):
    labels = dict.fromkeys(names(n_tasks), np.array(["cat", "dog"], object))
    return EmbeddingDisplay(np.eye(2), labels, np.arange(2), "pca")


@maker
def ensemble_gain(n_tasks):
    row = {"kind": "classification", "n_labelled": 9, "members": [0.5, 0.7]}
    row |= {"mean": 0.6, "best": 0.7, "ensemble": 0.8, "gain": 0.2}
    row |= {"gain_over_best": 0.1, "disagreement": 0.1}
    metrics = ("accuracy", "calibration_error")
    return EnsembleGainDisplay(
        EnsembleReport(
            [row | {"task": t, "metric": m} for t in names(n_tasks) for m in metrics]
        )
    )


@maker
def learning_curves(n_tasks):
    row = {"train_loss": 1.0, "train_score": 0.5, "lr": 0.1}
    for name in names(n_tasks):
        row |= {f"train_{name}_loss": 1.0, f"train_{name}_accuracy": 0.5}
    return LearningCurvesDisplay.from_histories({"run": [row, row]})


@pytest.mark.parametrize("name", MAKERS)
def test_a_few_tasks_have_panels_of_full_size(name):
    (one, two) = (MAKERS[name](n).plot().figure_.get_size_inches() for n in (1, 2))
    # Below or beside the first one, as large as it is.
    assert sorted(two / one) == pytest.approx([1, 2], rel=0.6)
    pyplot.close("all")


@pytest.mark.parametrize("name", MAKERS)
def test_many_tasks_have_a_picture_that_has_an_end(name):
    display = MAKERS[name](17).plot()
    width, height = display.figure_.get_size_inches()
    assert max(width, height) <= 24.1
    assert max(width, height) < 3 * min(width, height)
    titles = " ".join(ax.get_title() for ax in display.axes_.values())
    assert all(name in titles for name in names(17))
    used = [ax for ax in display.figure_.axes if ax.axison and ax.get_label() == ""]
    assert len(used) == len(display.axes_)
    pyplot.close("all")


def test_panels_of_many_tasks_can_be_read():
    display = learning_curves(40).plot()
    display.figure_.canvas.draw()  # a panel that collapses is a warning
    boxes = [ax.get_window_extent() for ax in display.axes_.values()]
    assert min(min(box.width, box.height) for box in boxes) > 50
    assert display.figure_.get_size_inches().max() < 25
    pyplot.close("all")


def test_letters_shrink_with_their_panels(monkeypatch):
    sizes = {}
    for largest in (24, 8):
        monkeypatch.setattr(_panels, "_LARGEST", largest)
        display = classwise(4).plot()
        ax = next(iter(display.axes_.values()))
        display.figure_.canvas.draw()
        texts = [ax.title, ax.xaxis.label, ax.get_yticklabels()[0]]
        sizes[largest] = [text.get_fontsize() for text in texts]
    assert sizes[8] == pytest.approx([0.588 * size for size in sizes[24]], rel=0.01)
    assert pyplot.rcParams["font.size"] == 10
    pyplot.close("all")


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 8, 17, 60])
def test_no_other_arrangement_would_be_larger(n_blocks):
    def extent(beside):
        return beside * 4.0, -(-n_blocks // beside) * 3.0

    def largest(beside):
        return min(1.0, 24 / extent(beside)[0], 24 / extent(beside)[1])

    beside, scale = arrange(n_blocks, extent, 0.1)
    assert scale == max(map(largest, range(1, n_blocks + 1)))
    assert scale == largest(beside)
    assert beside == 1 or largest(beside - 1) < scale
    # Nor smaller than what can be read, however many there are.
    assert arrange(n_blocks, extent, 0.9)[1] == max(scale, 0.9)


def test_a_matrix_of_many_classes_has_an_end():
    n = 300
    labels = np.array([f"class {i}" for i in range(n)], object)
    display = ConfusionDisplay({"id": np.eye(n)}, {"id": labels}).plot()
    assert display.figure_.get_size_inches().max() <= 17
    ax = display.axes_["id"]
    shown = [text.get_text() for text in ax.get_yticklabels()]
    assert shown == [f"class {i}" for i in range(0, n, 3)]
    pyplot.close("all")


@pytest.mark.parametrize("name", MAKERS)
def test_a_display_is_one_line_in_words(name):
    display = MAKERS[name](7)
    kind = type(display).__name__
    tags = ", ".join(names(5))
    assert repr(display) == f"<{kind} of {tags} and 2 more; plot() draws it>"
    assert repr(display.plot()) == f"<{kind} of {tags} and 2 more>"
    pyplot.close("all")


def test_a_display_of_one_task_without_a_name():
    display = ConfusionDisplay.from_predictions([0, 1], [0, 1], task="")
    assert repr(display) == "<ConfusionDisplay; plot() draws it>"
    display = ConfusionDisplay.from_predictions([0, 1], [0, 1], task="x" * 90)
    assert len(repr(display)) < 80
