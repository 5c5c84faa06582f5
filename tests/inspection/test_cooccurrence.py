"""Labels that come together: counted by hand where both are known."""

import numpy as np
import pytest
from label_problems import NAMES, NAN, fitted_table, made_labels
from numpy.testing import assert_allclose

from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import CooccurrenceDisplay


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("of", ["true", "predicted"])
def test_shares_are_of_samples_in_which_both_are_known(of, weighted):
    y, chance, weight = made_labels()
    weight = weight if weighted else np.ones(len(y))
    predicted = chance > 0.6
    display = CooccurrenceDisplay.from_predictions(y, predicted, sample_weight=weight)
    shares = display.shares(of=of)
    there = y == 1 if of == "true" else predicted
    for i in range(4):
        for j in range(4):
            rows = np.isfinite(y[:, i]) & np.isfinite(y[:, j]) & there[:, i]
            expected = NAN
            if rows.any():
                expected = np.average(there[rows, j], weights=weight[rows])
            assert_allclose(shares[i, j], expected)
    assert np.isnan(shares[3]).all() == (of == "true")


def test_the_pairs_that_differ_most():
    y = [[1, 1, 0], [1, 0, 0], [1, NAN, 1], [0, 1, 1], [1, 0, 0]]
    predicted = [[1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 1, 0]]
    display = CooccurrenceDisplay.from_predictions(y, predicted, labels=["a", "b", "c"])
    first, *others = display.pairs(20)
    # Of three samples with a in which b is known, one has b, and all are said to.
    assert (first.label, first.other) == ("a", "b")
    assert (first.true, first.predicted) == pytest.approx((1 / 3, 1))
    # b with a: one of two, and three of four; b with c: one of two, and one of four.
    pairs = {(each.label, each.other): each for each in others}
    assert set(pairs) == {("b", "a"), ("b", "c")}
    assert (pairs["b", "a"].true, pairs["b", "a"].predicted) == (0.5, 0.75)
    assert (pairs["b", "c"].true, pairs["b", "c"].predicted) == (0.5, 0.25)
    assert len(display.pairs(1)) == 1
    frame = display.frame().set_index(["label", "other"])
    assert len(frame) == 6
    assert frame.loc[("a", "b"), "predicted"] == 1
    with pytest.raises(InvalidParameterError, match="'of' parameter"):
        display.shares(of="both")


def test_labels_that_come_together_stand_beside_each_other():
    rng = np.random.default_rng(0)
    a, b = (rng.random((2, 400)) < 0.4).astype(int)
    noise = [(rng.random(400) < 0.05).astype(int) for _ in range(4)]
    y = np.column_stack([a ^ noise[0], b ^ noise[1], a ^ noise[2], b ^ noise[3]])
    display = CooccurrenceDisplay.from_predictions(y, y, labels=list("abAB")).plot()
    ax = display.axes_["", "true"]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert {frozenset(names[:2]), frozenset(names[2:])} == {
        frozenset("aA"),
        frozenset("bB"),
    }
    order = ["abAB".index(name) for name in names]
    expected = display.shares()[np.ix_(order, order)]
    np.fill_diagonal(expected, np.nan)
    for of in ("true", "predicted"):
        ax = display.axes_["", of]
        assert_allclose(np.ma.filled(ax.get_images()[0].get_array(), NAN), expected)
        assert ax.get_title() == of
        numbers = [text.get_text() for text in ax.texts]
        assert numbers == [f"{each:.0%}" for each in expected[np.isfinite(expected)]]


def test_of_many_labels_the_most_frequent_are_drawn():
    rng = np.random.default_rng(0)
    y = (rng.random((200, 50)) < np.linspace(0.2, 0.8, 50)).astype(int)
    display = CooccurrenceDisplay.from_predictions(y, y, task="tags").plot()
    ax = display.axes_["tags", "true"]
    names = {int(text.get_text()) for text in ax.get_yticklabels()}
    assert names == set(np.argsort(y.mean(axis=0), kind="stable")[-30:])
    title = "the 30 most frequent of 50 labels\ntags: true"
    assert ax.get_title() == title
    assert not ax.texts


@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_few_labels_and_none_that_is_there(n_labels):
    y = np.zeros((5, n_labels))
    display = CooccurrenceDisplay.from_predictions(y, y)
    assert display.pairs() == []
    display.plot().figure_.canvas.draw()


@pytest.mark.parametrize("n_labels", [2, 5, 17, 40])
def test_nothing_is_cut_off(n_labels):
    y = np.tril(np.ones((n_labels, n_labels)))
    names = [f"a label of many letters {place}" for place in range(n_labels)]
    display = CooccurrenceDisplay.from_predictions(y, y, labels=names).plot()
    display.figure_.canvas.draw()
    for ax in display.axes_.values():
        texts = (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels())
        for text in texts:
            if text.get_text():
                box, page = text.get_window_extent(), display.figure_.bbox
                assert box.x0 >= 0, text
                assert box.y0 >= 0, text
                assert box.x1 <= page.width, text
                assert box.y1 <= page.height, text


def test_an_estimator():
    estimator, X, y = fitted_table()
    display = CooccurrenceDisplay.from_estimator(estimator, X, y)
    rows = np.isfinite(y[:, :2]).all(axis=1)
    predicted = estimator.predict(X)[rows]
    with_sun = predicted[predicted[:, 0] == 1]
    assert display.rows["tags"].labels.tolist() == NAMES[:3]
    share = display.shares("tags", of="predicted")[0, 1]
    assert share == pytest.approx(with_sun[:, 1].mean())
