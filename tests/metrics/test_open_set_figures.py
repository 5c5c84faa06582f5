"""Figures of known against unknown, against scikit-learn and counts of pairs."""

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from mtlearn.metrics._open_set_figures import OPEN_SET_FIGURES, OpenSetRows

# By hand: at an offset of 3, 3 of 4 known ones are kept, two of them right.
FEW = OpenSetRows(
    known=np.array([5.0, 4.0, 3.0, 1.0]),
    right=np.array([True, False, True, True]),
    unknown=np.array([4.0, 2.0, 1.0, 0.0, -1.0]),
    offset=3.0,
)


def figure(name, rows):
    return OPEN_SET_FIGURES[name](rows)


def drawn(seed, *, ties, weighted):
    """Draw scores, some of them equal, so that the two kinds overlap."""
    rng = np.random.default_rng(seed)
    known, unknown = rng.normal(1, 1, 60), rng.normal(0, 1, 37)
    if ties:
        known, unknown = known.round(), unknown.round()
    weights = (rng.uniform(0.1, 3, 60), rng.uniform(0.1, 3, 37)) if weighted else ()
    return OpenSetRows(known, rng.random(60) < 0.7, unknown, 0.3, *weights)


problems = pytest.mark.parametrize(
    "rows",
    [
        drawn(seed, ties=ties, weighted=weighted)
        for seed in (0, 1)
        for ties in (False, True)
        for weighted in (False, True)
    ],
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 3 / 4),
        ("accuracy_after_rejection", 2 / 4),
        ("accuracy_with_unknown", (2 + 4) / 9),
        ("kept", 3 / 4),
        ("rejected", 4 / 5),
        ("balanced_accuracy", (3 / 4 + 4 / 5) / 2),
        # Of 20 pairs, those won: 5 + 4.5 + 4 + 2.5.
        ("roc_auc", 16 / 20),
        # The same of those that are right: 5 + 4 + 2.5.
        ("oscr", 11.5 / 20),
        # All known are kept at 1, where 4, 2 and 1 are accepted.
        ("unknown_accepted_at_95", 3 / 5),
        # All unknown are caught at 4, where 4, 3 and 1 are rejected.
        ("known_rejected_at_95", 3 / 4),
    ],
)
def test_counts_by_hand(name, expected):
    assert figure(name, FEW) == pytest.approx(expected, abs=1e-12)


def test_every_figure_is_tested_and_says_its_direction():
    errors = {name for name, f in OPEN_SET_FIGURES.items() if not f.greater_is_better}
    assert errors == {"unknown_accepted_at_95", "known_rejected_at_95"}
    assert list(OPEN_SET_FIGURES) == [
        "accuracy",
        "accuracy_after_rejection",
        "accuracy_with_unknown",
        "kept",
        "rejected",
        "balanced_accuracy",
        "roc_auc",
        "average_precision_known",
        "average_precision_unknown",
        "unknown_accepted_at_95",
        "known_rejected_at_95",
        "oscr",
    ]


@problems
def test_areas_are_those_of_scikit_learn(rows):
    is_known = np.append(np.ones(60), np.zeros(37))
    scores = np.append(rows.known, rows.unknown)
    weights = np.concatenate(rows.weights())
    for name, metric, sign in [
        ("roc_auc", roc_auc_score, 1),
        ("average_precision_known", average_precision_score, 1),
        ("average_precision_unknown", average_precision_score, -1),
    ]:
        truth = is_known if sign == 1 else 1 - is_known
        expected = metric(truth, sign * scores, sample_weight=weights)
        assert figure(name, rows) == pytest.approx(expected)


@problems
def test_pairs_that_are_won(rows):
    known_weight, unknown_weight = rows.weights()
    weight = np.outer(known_weight, unknown_weight)
    apart = rows.known[:, None] - rows.unknown
    won = (apart > 0) + 0.5 * (apart == 0)
    assert figure("roc_auc", rows) == pytest.approx(np.average(won, weights=weight))
    won *= rows.right[:, None]
    assert figure("oscr", rows) == pytest.approx(np.average(won, weights=weight))


@problems
def test_oscr_is_an_area_over_thresholds(rows):
    known_weight, unknown_weight = rows.weights()
    x, y = [0.0], [0.0]
    for threshold in sorted({*rows.known, *rows.unknown}, reverse=True):
        is_right = rows.right & (rows.known >= threshold)
        x.append(np.average(rows.unknown >= threshold, weights=unknown_weight))
        y.append(np.average(is_right, weights=known_weight))
    assert figure("oscr", rows) == pytest.approx(auc(x, y))
    assert figure("oscr", rows) < figure("accuracy", rows)


@problems
def test_errors_at_95_over_thresholds(rows):
    known_weight, unknown_weight = rows.weights()
    accepted, missed = [], []
    for threshold in {*rows.known, *rows.unknown}:
        kept = np.average(rows.known >= threshold, weights=known_weight)
        if kept >= 0.95:
            each = np.average(rows.unknown >= threshold, weights=unknown_weight)
            accepted.append(each)
        caught = np.average(rows.unknown <= threshold, weights=unknown_weight)
        if caught >= 0.95:
            missed.append(np.average(rows.known <= threshold, weights=known_weight))
    assert figure("unknown_accepted_at_95", rows) == pytest.approx(min(accepted))
    assert figure("known_rejected_at_95", rows) == pytest.approx(min(missed))


def test_exactly_95_percent_are_enough():
    scores = np.arange(20.0)
    right = np.ones(20, dtype=bool)
    # Without the lowest known one all unknown are rejected; so for the highest unknown.
    rows = OpenSetRows(scores, right, np.zeros(20))
    assert figure("unknown_accepted_at_95", rows) == 0
    rows = OpenSetRows(np.full(20, 19.0), right, scores)
    assert figure("known_rejected_at_95", rows) == 0


def test_95_percent_of_weights_whose_sums_are_not_exact():
    shares = np.random.default_rng(1763).integers(1, 9, 133)
    assert shares.sum() == 19 * 32
    weight = np.append(shares, 32) * 0.01
    total = np.cumsum(weight)
    assert total[-2] / total[-1] < 0.95
    scores = np.arange(134.0)[::-1]
    right = np.ones(134, dtype=bool)
    rows = OpenSetRows(scores, right, np.zeros(1), 0.0, weight, np.ones(1))
    assert figure("unknown_accepted_at_95", rows) == 0


def test_each_score_may_be_the_threshold():
    scores = np.arange(20.0)  # as many known as unknown ones at each
    rows = OpenSetRows(scores, np.ones(20, dtype=bool), scores)
    assert figure("unknown_accepted_at_95", rows) == pytest.approx(0.95)
    assert figure("known_rejected_at_95", rows) == pytest.approx(0.95)


@problems
def test_shares_at_the_threshold(rows):
    known_weight, unknown_weight = rows.weights()
    is_kept, is_rejected = rows.known >= 0.3, rows.unknown < 0.3
    expected = {
        "accuracy": np.average(rows.right, weights=known_weight),
        "accuracy_after_rejection": np.average(
            rows.right & is_kept, weights=known_weight
        ),
        "accuracy_with_unknown": np.average(
            np.append(rows.right & is_kept, is_rejected),
            weights=np.append(known_weight, unknown_weight),
        ),
        "kept": np.average(is_kept, weights=known_weight),
        "rejected": np.average(is_rejected, weights=unknown_weight),
    }
    expected["balanced_accuracy"] = (expected["kept"] + expected["rejected"]) / 2
    for name, value in expected.items():
        assert figure(name, rows) == pytest.approx(value)


def test_a_score_at_the_threshold_is_kept():
    one = np.array([0.3])
    rows = OpenSetRows(one, np.array([True]), one, 0.3)
    assert figure("kept", rows) == figure("accuracy_after_rejection", rows) == 1
    assert figure("rejected", rows) == 0


def test_scores_that_are_not_finite_have_an_order():
    finite = OpenSetRows(
        np.array([9.0, 1.0]), np.array([True, True]), np.array([0.5, -9.0])
    )
    infinite = OpenSetRows(
        np.array([np.inf, 1.0]), np.array([True, True]), np.array([0.5, -np.inf])
    )
    for name, each in OPEN_SET_FIGURES.items():
        assert each(infinite) == each(finite), name


def test_what_is_not_defined_is_nan():
    none, right = np.zeros(0), np.zeros(0, dtype=bool)
    of_known = {"accuracy", "accuracy_after_rejection", "kept"}
    only_known = OpenSetRows(FEW.known, FEW.right, none, 3.0)
    only_unknown = OpenSetRows(none, right, FEW.unknown, 3.0)
    for name, each in OPEN_SET_FIGURES.items():
        assert np.isnan(each(only_known)) == (name not in of_known), name
        assert np.isnan(each(only_unknown)) == (name != "rejected"), name
    assert figure("rejected", only_unknown) == 4 / 5


def test_nothing_right_has_no_area():
    rows = OpenSetRows(FEW.known, np.zeros(4, dtype=bool), FEW.unknown)
    assert figure("oscr", rows) == 0
