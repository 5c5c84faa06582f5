"""Figures of each class: scikit-learn's numbers, and how they follow the frequency."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import precision_recall_fscore_support

from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import ClasswiseDisplay
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def labels():
    """Return labels of eight classes, of which rare ones are missed more often."""
    rng = np.random.default_rng(0)
    true = rng.choice(8, size=600, p=np.arange(1, 9) / 36)
    misses = rng.random(600) < 0.6 / (1 + true)
    return true, np.where(misses, rng.integers(8, size=600), true)


def test_the_numbers_are_those_of_scikit_learn(labels):
    true, predicted = labels
    display = ClasswiseDisplay.from_predictions(true, predicted)
    precision, recall, f1, support = precision_recall_fscore_support(true, predicted)
    frame = display.frame()
    np.testing.assert_allclose(frame["precision"], precision)
    np.testing.assert_allclose(frame["recall"], recall)
    np.testing.assert_allclose(frame["f1"], f1)
    np.testing.assert_allclose(frame["frequency"], support / 600)
    assert frame["label"].tolist() == list(range(8))


def test_the_correlation_with_the_frequency(labels):
    true, predicted = labels
    display = ClasswiseDisplay.from_predictions(true, predicted)
    _, recall, f1, support = precision_recall_fscore_support(true, predicted)
    for figure, values in {"recall": recall, "f1": f1}.items():
        expected = stats.spearmanr(support, values)
        assert display.correlation(figure=figure) == pytest.approx(tuple(expected))
    assert display.correlation().rho > 0.5


def test_weights_and_an_estimator():
    X, y = make_table(90)
    y[::6, 0] = np.nan
    weight = np.linspace(0.5, 1.5, 90)
    estimator = table_estimator(max_epochs=2).fit(X, y)
    display = ClasswiseDisplay.from_estimator(estimator, X, y, sample_weight=weight)
    known = ~np.isnan(y[:, 0])
    expected = precision_recall_fscore_support(
        y[known, 0],
        estimator.predict(X)[known, 0],
        sample_weight=weight[known],
        zero_division=0,
    )
    found = [(each.precision, each.recall, each.f1) for each in display.figures()]
    np.testing.assert_allclose(np.transpose(found), expected[:3])


def test_classes_that_do_not_occur():
    display = ClasswiseDisplay.from_predictions(
        ["a", "a", "b"], ["a", "c", "a"], labels=["a", "b", "c", "d"]
    )
    a, b, c, d = display.figures()
    assert (a.recall, a.precision, a.f1) == (0.5, 0.5, 0.5)
    assert (b.recall, b.precision, b.f1) == (0.0, 0.0, 0.0)
    assert np.isnan(c.recall)
    assert (c.precision, c.f1) == (0.0, 0.0)
    assert np.isnan([d.recall, d.f1]).all()
    assert [each.label for each in display.worst(9, figure="recall")] == ["b", "a"]
    assert np.isnan(display.correlation().rho)
    display.plot().figure_.canvas.draw()


def test_the_worst(labels):
    display = ClasswiseDisplay.from_predictions(*labels)
    recalls = [each.recall for each in display.figures()]
    worst = display.worst(3, figure="recall")
    assert [each.recall for each in worst] == sorted(recalls)[:3]
    for method in (display.worst, display.correlation):
        with pytest.raises(InvalidParameterError, match="one of 'recall', 'precision'"):
            method(figure="accuracy")


def test_a_point_for_each_class_and_names_of_the_ends(labels):
    display = ClasswiseDisplay.from_predictions(*labels, task="item").plot()
    assert list(display.axes_) == [
        ("item", figure) for figure in ("recall", "precision", "f1")
    ]
    ax = display.axes_["item", "recall"]
    (points,) = ax.get_lines()
    ordered = display.worst(8, figure="recall")
    np.testing.assert_allclose(points.get_ydata(), [each.recall for each in ordered])
    np.testing.assert_allclose(points.get_xdata(), [each.frequency for each in ordered])
    ends = {str(ordered[place].label) for place in (0, 1, -2, -1)}
    assert {text.get_text() for text in ax.texts} == ends
    rho = display.correlation("item").rho
    assert ax.get_title().startswith(f"item: rho={rho:.2f}, p=")
    assert ax.get_ylabel() == "recall"
