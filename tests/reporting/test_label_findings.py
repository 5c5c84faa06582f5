"""What a report notices of labels that are there or not, by counts by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mtlearn import MultiLabel, Tasks
from mtlearn.metrics import Resampling, ScoredOutputs, report_of
from mtlearn.reporting._evidence import Evidence, Network, TaskEvidence
from mtlearn.reporting._findings import findings_of
from mtlearn.reporting._label_findings import badly_cut, less_found, together

NAN = np.nan
LOOKS = (less_found, badly_cut, together)


def label_evidence(true, chance, labels=None, **params):
    """Return what is known of labels that are there, and of their probabilities."""
    true, chance = np.asarray(true, float), np.asarray(chance, float)
    known = np.isfinite(true)
    fitted = np.vstack([true, np.zeros_like(true[:1]), np.ones_like(true[:1])])
    task = MultiLabel(labels or true.shape[1], **params)
    task = task.fit(fitted, np.isfinite(fitted).astype(float), "tags")
    rows = known.any(axis=1)
    scored = ScoredOutputs(
        task, rows, true[rows], chance[rows], known[rows].astype(float)
    )
    table = report_of(
        Tasks(tags=task),
        {"tags": scored.labels()},
        Resampling(20, 0.95, 0),
        {"tags": scored.output},
    )
    figures = {row["metric"]: row for row in table.rows}
    return TaskEvidence("tags", scored, scored.labels(), figures)


def found(look, evidence):
    """Return the message of the only finding, or None."""
    messages = [each.message for each in look(None, evidence)]
    assert len(messages) <= 1
    return messages[0] if messages else None


def columns(*counts):
    """Return truth and prediction by label, of 100 rows: right, missed, invented."""
    true, said = np.zeros((100, len(counts))), np.zeros((100, len(counts)))
    for place, (right, missed, invented) in enumerate(counts):
        true[: right + missed, place] = 1
        said[:right, place] = 1
        start = right + missed
        said[start : start + invented, place] = 1
    return true, said


def test_labels_that_are_found_far_less():
    # F1 is 90 / 100, 2 / 40, 0; of all cells 2 * (45 + 1) / (50 + 50 + 20 + 20 + 12).
    true, said = columns((45, 5, 5), (1, 19, 19), (0, 12, 0))
    message = found(less_found, label_evidence(true, said, ["sun", "sea", "sky"]))
    macro, micro = (0.9 + 2 / 40 + 0) / 3, 92 / 152
    assert message == (
        f"f1_macro {macro:.3f}, f1_micro {micro:.3f}; lowest F1: sky 0.00 (12 rows), "
        "sea 0.05 (20 rows), sun 0.90 (50 rows)"
    )


def test_it_is_the_mean_of_the_report():
    true, said = columns((45, 5, 5), (1, 19, 19), (0, 12, 0), (0, 0, 3))
    true[::7, 1] = NAN
    evidence = label_evidence(true, said)
    macro, micro = (
        evidence.figures[f"f1_{each}"]["value"] for each in ("macro", "micro")
    )
    message = found(less_found, evidence)
    assert message.startswith(f"f1_macro {macro:.3f}, f1_micro {micro:.3f};")


@pytest.mark.parametrize(
    ("counts", "due"),
    [
        ([(45, 5, 5), (18, 2, 2)], False),  # alike
        ([(45, 5, 5), (15, 5, 5)], False),  # 0.9 and 0.75: not far
        ([(90, 0, 0), (0, 20, 0)], True),
        # Two labels of one sample, of which one is missed, may be as good as others.
        ([(45, 5, 5), (18, 2, 2), (1, 0, 0), (0, 1, 0)], False),
        ([(45, 5, 5), (18, 2, 2), (0, 12, 0), (0, 12, 0)], True),
        ([(0, 0, 5), (0, 0, 0)], False),  # nothing is there
        ([(20, 20, 20)], False),  # a label is not behind itself
    ],
    ids=str,
)
def test_what_is_far_and_what_may_be_chance(counts, due):
    assert (found(less_found, label_evidence(*columns(*counts))) is not None) == due


def test_a_difference_that_is_sure_may_be_small():
    true, said = np.zeros((2, 1200, 2))
    true[:910, 0], said[10:920, 0] = 1, 1
    true[:100, 1], said[20:120, 1] = 1, 1
    macro = (900 / 910 + 80 / 100) / 2
    assert 0.07 < 2 * 980 / (2 * 910 + 2 * 100) - macro < 0.1
    assert found(less_found, label_evidence(true, said)) is None


def test_cells_that_nobody_knows_have_no_part():
    true, chance = chances_of([2.0, 2.0, 1.5, 0.2])
    true[:, 3] = true[:, 0]
    rng = np.random.default_rng(0)
    true[rng.random(true.shape) < 0.3] = NAN
    evidence = label_evidence(true, chance, thresholds=[0.3, 0.3, 0.9, 0.9])
    messages = [found(look, evidence) for look in LOOKS]
    assert None not in messages
    unknown = ~evidence.label_rows.known
    for whatever in (False, True):
        rows = evidence.label_rows
        vars(evidence)["label_rows"] = replace(
            rows,
            true=np.where(unknown, whatever, rows.true),
            predicted=np.where(unknown, whatever, rows.predicted),
            chance=np.where(unknown, 0.9 if whatever else 0.1, rows.chance),
        )
        assert [found(look, evidence) for look in LOOKS] == messages


def test_equally_good_labels_of_few_samples_are_no_finding():
    # Each label is found in nine of ten of its samples, and invented as often.
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        true = rng.random((40, 17)) < np.geomspace(0.6, 0.01, 17)
        rate = 0.1 * np.geomspace(0.6, 0.01, 17)
        said = np.where(
            true, rng.random(true.shape) < 0.9, rng.random(true.shape) < rate
        )
        alarms += found(less_found, label_evidence(true, said)) is not None
    assert alarms <= 5


def chances_of(strong, rows=400, seed=0):
    """Return labels, and their true probabilities."""
    rng = np.random.default_rng(seed)
    odds = np.asarray(strong) * rng.normal(size=(rows, len(strong))) - 2
    chance = 1 / (1 + np.exp(-odds))
    return (rng.random(chance.shape) < chance).astype(float), chance


def test_thresholds_that_cost_f1():
    # Nothing is above a half: F1 is 0. Above a quarter are 20 of 100 rows, 10 of them
    # right of 16: 2 * 10 / (20 + 16).
    chance = np.repeat([0.4, 0.075], [20, 80])[:, None]
    true = np.zeros((100, 1))
    true[[*range(10), *range(20, 26)]] = 1
    message = found(badly_cut, label_evidence(true, chance, ["moth"]))
    # Expected: 2 * 8 / (20 + 14) for the 20 rows, 2 * 14 / (100 + 14) for all.
    assert message == (
        "the mean F1 of 1 label is 0.000, and would be 0.556 with the thresholds at "
        "which it is expected to be highest: moth 0.24, not 0.5 (F1 0.56, not 0.00)"
    )


def test_thresholds_in_use_are_not_compared_with_a_half():
    true, chance = chances_of([2.0, 2.0, 1.5])
    assert "not 0.5 " in found(badly_cut, label_evidence(true, chance))
    best = label_evidence(true, chance, thresholds=0.3)
    assert found(badly_cut, best) is None
    # Those of a loss that weighs labels that are there more.
    rooted = label_evidence(true, chance, pos_weight="sqrt")
    assert rooted.task.thresholds_.max() < 0.36
    assert found(badly_cut, rooted) is None
    high = label_evidence(true, chance, thresholds=0.8)
    assert "not 0.8 " in found(badly_cut, high)


def test_few_samples_judge_no_threshold():
    chance = np.repeat([0.4, 0.05], [9, 91])[:, None]
    true = np.zeros((100, 1))
    true[:9] = 1
    assert found(badly_cut, label_evidence(true, chance)) is None
    true[9] = 1
    assert found(badly_cut, label_evidence(true, chance)) is not None
    # One of them nobody knows, whatever stands there.
    evidence = label_evidence(true, chance)
    weight = evidence.label_rows.weight.copy()
    weight[0] = 0
    vars(evidence)["label_rows"] = replace(evidence.label_rows, weight=weight)
    assert found(badly_cut, evidence) is None


def of_one_label(*groups):
    """Return a label from groups of rows: probability, rows with it, and without."""
    chance = np.concatenate([np.full(with_it + less, p) for p, with_it, less in groups])
    true = np.concatenate(
        [[1.0] * with_it + [0.0] * less for _, with_it, less in groups]
    )
    return true[:, np.newaxis], chance[:, np.newaxis]


@pytest.mark.parametrize(
    ("groups", "gain", "due"),
    [
        # A few rows below the threshold, and above the one of the highest F1.
        ([(0.9, 10, 2), (0.48, 3, 1), (0.02, 0, 84)], 26 / 29 - 20 / 25, False),
        ([(0.9, 12, 0), (0.48, 3, 0), (0.02, 0, 84)], 1 - 24 / 27, False),
        ([(0.9, 100, 20), (0.48, 30, 10), (0.02, 0, 840)], 26 / 29 - 20 / 25, True),
        # As sure, and too small to matter.
        ([(0.9, 360, 40), (0.49, 10, 0), (0.02, 0, 600)], 740 / 780 - 720 / 770, False),
    ],
    ids=str,
)
def test_a_gain_that_may_be_chance_or_is_small_is_no_finding(groups, gain, due):
    evidence = label_evidence(*of_one_label(*groups))
    assert 0.01 < gain < 0.2
    message = found(badly_cut, evidence)
    assert (message is not None) == due
    if due:
        assert "is 0.800, and would be 0.897 with" in message


def test_the_largest_gain_is_named_first_and_a_loss_not():
    # Of 200 rows, 20 with 0.4: of the first label twelve of them are there, of the
    # second one sixteen; of the third one none, but those with 0.9.
    rows = [(0.4, 12, 8), (0.02, 0, 180)], [(0.4, 16, 4), (0.02, 0, 180)]
    third = [(0.4, 0, 20), (0.9, 12, 0), (0.02, 0, 168)]
    true, chance = zip(*(of_one_label(*each) for each in (*rows, third)), strict=True)
    evidence = label_evidence(np.hstack(true), np.hstack(chance), ["ant", "bee", "cow"])
    message = found(badly_cut, evidence)
    after = [24 / 32, 32 / 36, 24 / 44]
    start, _, named = message.partition(": ")
    assert f"is {1 / 3:.3f}, and would be {np.mean(after):.3f} with" in start
    assert named == (
        f"bee 0.21, not 0.5 (F1 {after[1]:.2f}, not 0.00), "
        f"ant 0.21, not 0.5 (F1 {after[0]:.2f}, not 0.00)"
    )


def test_thresholds_are_not_moved_by_probabilities_that_are_wrong():
    # Half of what they say, so that F1 falls where it is expected to be highest.
    true, chance = chances_of([4.0, 4.0])
    wrong = label_evidence(true, chance**0.25, thresholds=0.7)
    assert found(badly_cut, wrong) is None


def in_pairs(*rows):
    """Return labels by rows of counts and cells."""
    return np.concatenate([np.tile(cells, (count, 1)) for count, cells in rows])


def test_labels_that_are_in_the_same_rows():
    true = in_pairs((19, [1, 1, 0]), (1, [1, 0, 1]), (80, [0, 0, 1]))
    evidence = label_evidence(true, np.zeros_like(true), ["sun", "sunny", "sea"])
    message = found(together, evidence)
    assert message == "sun and sunny (both in 19 of the 20 rows with either)"


@pytest.mark.parametrize(
    ("true", "due"),
    [
        (in_pairs((18, [1, 1]), (2, [1, 0]), (80, [0, 0])), False),  # 90 %
        (in_pairs((9, [1, 1]), (91, [0, 0])), False),  # few have them
        (in_pairs((10, [1, 1]), (90, [0, 0])), True),
        (in_pairs((91, [1, 1]), (9, [0, 0])), False),  # few have them not
        (in_pairs((90, [1, 1]), (10, [0, 0])), True),
        # Of almost all rows both have them, and each lacks them elsewhere.
        (in_pairs((955, [1, 1]), (15, [1, 0]), (15, [0, 1]), (15, [0, 0])), False),
        (in_pairs((50, [1, 1]), (50, [1, 1])), False),  # always there
        (in_pairs((100, [0, 0])), False),  # never there
        (in_pairs((40, [1, 0]), (60, [0, 1])), False),  # never together
        (in_pairs((20, [1, 1]), (80, [0, 0]), (50, [1, NAN]), (50, [NAN, 0])), True),
        (in_pairs((9, [1, 1]), (80, [0, 0]), (50, [1, NAN])), False),
        (in_pairs((50, [1]), (50, [0])), False),  # one label
    ],
    ids=lambda each: "" if isinstance(each, bool) else str(len(each)),
)
def test_what_is_together_and_what_is_not(true, due):
    evidence = label_evidence(true, np.zeros_like(true))
    assert (found(together, evidence) is not None) == due


def test_of_many_labels_some_are_together_by_chance():
    # Ten of twenty rows are the same ones for one pair in 184,756; of 1,000 labels
    # there are 499,500 pairs, of three labels three.
    rng = np.random.default_rng(0)
    half = np.repeat([[1.0], [0.0]], 10, axis=0)
    few = np.hstack([half, half, rng.permuted(half, axis=0)])
    assert found(together, label_evidence(few, few)) is not None
    many = rng.permuted(np.repeat(half, 1000, axis=1), axis=0)
    many[:, 1] = many[:, 0]
    assert found(together, label_evidence(many, many)) is None


def test_labels_that_are_never_predicted_are_named():
    true, said = columns((45, 5, 5), (0, 12, 0), (0, 0, 0), (0, 1, 0))
    evidence = label_evidence(true, said, ["sun", "sea", "sky", "ice"])
    network = Network([{"train_loss": 1.0, "train_tags_loss": 1.0}], 1, {"tags": 1.0})
    network.history[0]["train_tags_f1_macro"] = 0.3
    whole = Evidence(None, None, None, [evidence], None, [(None, network)])
    messages = {each.code: each.message for each in findings_of(whole)}
    assert messages["MTL003"] == "sea (12 rows), ice (1 row)"
    assert "MTL011" in messages
    # No cell is there that could be found.
    nothing = label_evidence(np.full((3, 2), [1.0, NAN]), np.full((3, 2), 0.9))
    assert [found(look, nothing) for look in LOOKS] == [None] * 3
