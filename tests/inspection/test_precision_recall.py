"""Curves of labels: scikit-learn's on the cells that are known, and by hand."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from label_problems import NAMES, NAN, fitted_table, made_labels
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, precision_recall_curve

from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import PrecisionRecallDisplay


@pytest.fixture(scope="module")
def labels():
    return made_labels()


@pytest.mark.parametrize("weighted", [False, True])
def test_curves_are_those_of_scikit_learn_on_known_cells(labels, weighted):
    y, chance, weight = labels
    weight = weight if weighted else np.ones(len(y))
    found = PrecisionRecallDisplay.from_predictions(
        y, chance, labels=NAMES, sample_weight=weight
    ).curves()
    assert [curve.label for curve in found.each] == NAMES[:3]
    assert found.left_out == ["fog"]
    for place, curve in enumerate(found.each):
        rows = np.isfinite(y[:, place])
        cells = y[rows, place], chance[rows, place]
        precision, recall, _ = precision_recall_curve(
            *cells, sample_weight=weight[rows], drop_intermediate=True
        )
        assert_allclose(curve.precision, precision)
        assert_allclose(curve.recall, recall)
        area = average_precision_score(*cells, sample_weight=weight[rows])
        assert curve.average_precision == pytest.approx(area)
        share = np.average(cells[0], weights=weight[rows])
        assert curve.prevalence == pytest.approx(share)
    known = np.isfinite(y)
    cells = np.broadcast_to(weight[:, None], y.shape)[known]
    area = average_precision_score(y[known], chance[known], sample_weight=cells)
    assert found.micro.average_precision == pytest.approx(area)
    mean = np.mean([curve.average_precision for curve in found.each])
    assert found.macro.average_precision == pytest.approx(mean)


def test_the_macro_mean_by_hand():
    # sun: right at once; sea: second of three, and a row nobody knows.
    y = [[1, 0], [0, 1], [0, 0], [0, NAN]]
    chance = [[0.9, 0.8], [0.2, 0.5], [0.1, 0.3], [0.1, 0.9]]
    found = PrecisionRecallDisplay.from_predictions(y, chance).curves()
    assert [curve.average_precision for curve in found.each] == [1.0, 0.5]
    recall, precision = found.macro.recall, found.macro.precision
    assert (recall[0], recall[-1]) == (1, 0)
    assert_allclose(precision[recall > 0], 0.75)
    assert precision[-1] == 1  # without a row, as for scikit-learn
    assert found.macro.average_precision == 0.75


def test_the_macro_mean_has_the_mean_area(labels):
    y, chance, _ = labels
    macro = PrecisionRecallDisplay.from_predictions(y, chance).curves().macro
    area = -np.sum(np.diff(macro.recall) * macro.precision[:-1])
    assert area == pytest.approx(macro.average_precision, abs=0.005)


def test_an_estimator_and_its_weights():
    estimator, X, y = fitted_table()
    weight = np.where(np.arange(len(X)) % 3 == 0, 0.0, 1 + np.arange(len(X)) % 2)
    display = PrecisionRecallDisplay.from_estimator(
        estimator, X, y, sample_weight=weight
    )
    assert list(display.rows) == ["tags"]
    proba = estimator.predict_proba(X)[0]
    for place, curve in enumerate(display.curves("tags").each):
        rows = np.isfinite(y[:, place]) & (weight > 0)
        area = average_precision_score(
            y[rows, place], proba[rows, place], sample_weight=weight[rows]
        )
        assert curve.label == NAMES[place]
        assert curve.average_precision == pytest.approx(area)
    assert display.frame()["average_precision"].tolist() == [
        curve.average_precision for curve in display.curves().each
    ]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_few_labels_have_their_area_in_the_legend(labels):
    y, chance, _ = labels
    display = PrecisionRecallDisplay.from_predictions(
        y, chance, labels=NAMES, task="tags"
    ).plot()
    ax = display.axes_["tags"]
    assert ax.get_title() == "tags: 3 labels\nwithout a positive: fog"
    found = display.curves()
    # By prevalence, the most frequent first.
    assert legend(ax) == [
        f"{curve.label} (AP {curve.average_precision:.2f})"
        for curve in [*found.each, found.macro, found.micro]
    ]
    macro, micro = ax.get_lines()[-2:]
    assert_allclose(macro.get_ydata(), found.macro.precision)
    assert_allclose(micro.get_ydata(), found.micro.precision)
    assert macro.get_linewidth() > 2 * ax.get_lines()[0].get_linewidth()


def test_of_many_labels_the_most_and_the_least_frequent_are_drawn():
    rng = np.random.default_rng(0)
    share = np.linspace(0.9, 0.1, 100)
    y = (rng.random((300, 100)) < share).astype(float)
    display = PrecisionRecallDisplay.from_predictions(y, rng.random(y.shape)).plot()
    ax = display.axes_[""]
    assert legend(ax)[0] == "most and least frequent 60 labels"
    assert len(ax.get_lines()) == 62
    drawn = {tuple(line.get_ydata()) for line in ax.get_lines()[:-2]}
    order = sorted(display.curves().each, key=lambda curve: -curve.prevalence)
    ends = {tuple(curve.precision) for curve in order[:30] + order[-30:]}
    assert drawn == ends


def test_a_panel_of_the_users(labels):
    y, chance, _ = labels
    _, ax = plt.subplots()
    display = PrecisionRecallDisplay.from_predictions(y, chance, task="tags")
    assert display.plot(ax=ax).axes_ == {"tags": ax}
    assert display.figure_ is ax.figure
    both = PrecisionRecallDisplay({"a": display.rows["tags"], "b": None})
    with pytest.raises(InvalidParameterError, match=r"takes one task, .*'a', 'b'"):
        both.plot(ax=ax)


def test_labels_that_are_never_there():
    display = PrecisionRecallDisplay.from_predictions([[0.0], [NAN]], [[0.1], [0.2]])
    found = display.curves()
    assert (found.each, found.macro, found.micro) == ([], None, None)
    display.plot().figure_.canvas.draw()
    assert display.axes_[""].get_title() == "0 labels\nwithout a positive: 0"
