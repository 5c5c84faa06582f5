"""Figures of several labels: by hand where cells are missing, else scikit-learn's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from mtlearn import MultiLabel
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import ScoredLabels, fit_codec

NAN = np.nan
TRUE = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, NAN, 0]])
CHANCES = np.array(
    [[0.9, 0.2, 0.1], [0.6, 0.7, 0.3], [0.5, 0.1, 0.2], [0.2, 0.3, 0.1], [0.4, 0.9, 0]]
)
FOUND = (CHANCES > 0.45).astype(int)
WEIGHT = np.isfinite(TRUE).astype(float)


def fitted(labels=3):
    y = np.array([[1, 0, 1], [0, 1, 0]])
    return fit_codec(MultiLabel(labels), y).tasks["task_0"]


def scored(predicted, rows=slice(None), columns=slice(None)):
    return ScoredLabels(
        *(each[rows, columns] for each in (TRUE, predicted, WEIGHT)),
    )


def test_a_label_without_a_positive_is_left_out_and_counted():
    figures = fitted().figures()
    # Of the first label 2 of 3 and one invented; of the second 1 of 2.
    labels = scored(FOUND)
    assert figures["f1_macro"](labels) == pytest.approx((2 * 2 / 6 + 2 / 3) / 2)
    assert figures["f1_macro"].left_out(labels) == (1, 3)
    # Nor has it one where it is predicted, which the micro F1 counts as invented.
    invented = scored(np.column_stack([FOUND[:, :2], np.ones(5)]))
    assert figures["f1_macro"](invented) == pytest.approx((2 * 2 / 6 + 2 / 3) / 2)
    assert figures["f1_macro"].left_out(invented) == (1, 3)
    assert figures["f1_micro"](invented) == pytest.approx(2 * 3 / (5 + 4 + 5))
    # In order + - + + -, and + - - +: the cell with 0.9 is not known.
    chances = scored(CHANCES)
    first, second = (1 + 2 / 3 + 3 / 4) / 3, (1 + 2 / 4) / 2
    assert figures["map"](chances) == pytest.approx((first + second) / 2)
    assert figures["map"].left_out(chances) == (1, 3)
    # Pairs in the right order: 2 and 1 and 1 of 2 each; 2 and 0 of 2.
    areas = (4 / 6, 2 / 4)
    assert figures["roc_auc_macro"](chances) == pytest.approx(np.mean(areas))
    assert figures["roc_auc_macro"].left_out(chances) == (1, 3)
    assert figures["f1_micro"].left_out(labels) == (0, 0)
    assert all(each(scored(CHANCES, columns=[2])) != 0 for each in figures.values()
               if each.of_outputs)  # fmt: skip


def test_figures_of_probabilities_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    chances, weight = rng.random((80, 3)).round(1), rng.uniform(0.5, 2, 80)
    true = (rng.random((80, 3)) < chances).astype(float)
    cells = np.repeat(weight[:, None], 3, axis=1)
    labels, figures = ScoredLabels(true, chances, cells), fitted().figures()
    args = {"sample_weight": weight, "average": "macro"}
    expected = average_precision_score(true, chances, **args)
    assert figures["map"](labels) == pytest.approx(expected)
    expected = roc_auc_score(true, chances, **args)
    assert figures["roc_auc_macro"](labels) == pytest.approx(expected)
    args["average"] = "micro"
    expected = average_precision_score(true, chances, **args)
    assert figures["ap_micro"](labels) == pytest.approx(expected)


def test_figures_of_each_label():
    rows = [0, 1, 2, 3]  # where all cells are known
    figures = fitted().figures_by_label()
    expected = precision_recall_fscore_support(TRUE[rows], FOUND[rows], zero_division=0)
    labels, chances = scored(FOUND, rows), scored(CHANCES, rows)
    names = ("precision", "recall", "f1", "support")
    for name, values in zip(names, expected, strict=True):
        assert_allclose(figures[name].compute(labels)[:2], values[:2])
    found = {
        name: each.compute(chances if each.of_outputs else labels)
        for name, each in figures.items()
    }
    assert found["support"].tolist() == [2, 2, 0]
    assert_allclose(found["prevalence"], [0.5, 0.5, 0])
    lacking = [found[name][2] for name in ("precision", "recall", "f1")]
    assert np.isnan([*lacking, found["average_precision"][2]]).all()
    # A hole is neither there nor absent.
    whole = replace(scored(FOUND), true=np.nan_to_num(TRUE, nan=1.0))
    assert figures["support"].compute(whole).tolist() == [3, 2, 0]
    assert_allclose(figures["prevalence"].compute(whole), [3 / 5, 2 / 4, 0])
    assert_allclose(figures["precision"].compute(whole), [2 / 3, 1, np.nan])


def as_sets(rows):
    held = np.empty(len(rows), dtype=object)
    held[:] = [frozenset(row) for row in rows]
    return held


def test_a_label_of_a_set_that_the_task_does_not_know_counts_as_wrong():
    y = pd.Series([{"sun"}, {"sea"}])
    figures = fit_codec(MultiLabel(), y).tasks["task_0"].figures()
    labels = ScoredLabels(
        as_sets([{"sun", "snow"}, {"sea"}]), as_sets([{"sun"}, {"sea"}]), np.ones(2)
    )
    # One row is wrong, one label of three, and one of six cells.
    assert figures["subset_accuracy"](labels) == 0.5
    assert figures["f1_macro"](labels) == pytest.approx(2 / 3)
    assert figures["hamming"](labels) == pytest.approx(1 / 6)
    chances = np.array([[0.1, 0.9], [0.8, 0.2]])  # of sea and sun
    outputs = ScoredLabels(labels.true, chances, labels.weight)
    # Of snow nothing is known: its precision is that of chance.
    assert figures["map"](outputs) == pytest.approx((1 + 1 + 1 / 2) / 3)


def test_declared_labels_need_no_fit_and_others_do():
    labels = ScoredLabels(as_sets([{"a"}, set()]), as_sets([set(), set()]), np.ones(2))
    figures = MultiLabel(["a", "b", "c"]).figures()
    assert figures["hamming"](labels) == pytest.approx(1 / 6)  # also of those not seen
    outputs = ScoredLabels(
        labels.true, np.array([[0.9, 0, 0], [0.1, 1, 0]]), np.ones(2)
    )
    assert figures["map"](outputs) == 1
    with pytest.raises(InvalidDataError, match=r"nothing says which column is whose"):
        MultiLabel().figures()["map"](outputs)


@pytest.mark.parametrize("missing", [None, NAN, pd.NA])
def test_a_column_that_is_missing_whole_is_no_text(missing):
    task = fit_codec(MultiLabel(2), np.array([[1, 0], [0, 1]]))
    y = np.array([[1, missing], [0, missing]], dtype=object)
    (target,) = task.targets(y)
    assert target.present.tolist() == [[True, False]] * 2
    assert_allclose(target.values, [[1, NAN], [0, NAN]])
