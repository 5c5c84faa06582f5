"""What the page has of labels that are there or not."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest
from reported_estimators import CASES, make_labels

import mtlearn
from mtlearn import MultiLabel
from mtlearn.inspection import (
    CooccurrenceDisplay,
    LabelErrorsDisplay,
    LabelPair,
    LabelRows,
)
from mtlearn.metrics import TaskReport, task_report
from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.reporting._label_drawings import _in_enough_rows
from mtlearn.reporting._label_table import label_figures
from tiny_problems import image_estimator, make_images, table_estimator

NAN = np.nan


def report(*args, **params):
    return mtlearn.report(*args, **{"path": None, "n_bootstraps": 5, **params})


@pytest.fixture(scope="module")
def case():
    return CASES["several labels"]()


@pytest.fixture(scope="module")
def page(case):
    return report(*case)


def tables(text):
    """Return the cells of each table in a part of the page."""
    return [
        [
            [html.unescape(cell) for cell in re.findall("<t[hd][^>]*>(.*?)</t", line)]
            for line in re.findall("<tr>(.*?)</tr>", table, re.S)
        ]
        for table in re.findall("<table>.*?</table>", text, re.S)
    ]


def part(page, heading):
    """Return the page from a heading or a task on, to the next one."""
    return re.search(f'id="{heading}".*?(?=<h2|<details class)', page.html, re.S)[0]


def test_missing_cells_are_counted(case, page):
    _, _, y = case
    # Of five labels of 80 rows, 12 of the second one and a whole row.
    n_missing = int(np.isnan(y[:, :5]).sum())
    assert n_missing == 12 + 5
    head, tags, size = tables(part(page, "data"))[0]
    assert head[2:4] == ["labelled rows", "missing"]
    assert tags[2:4] == ["79", f"{n_missing / 400:.1%}"]
    assert size[2:4] == ["80", "0.0%"]
    assert tags[4].startswith("5 labels, ")
    assert "multi-label, 79 labelled rows" in part(page, "task-1")
    assert tables(part(page, "figures"))[0][1][:3] == ["tags", "multi-label", "79"]


def test_pictures_of_labels_are_there(page):
    texts = re.findall(r'alt="([^"]+)"', part(page, "task-1"))
    for beginning in (
        "Precision against recall. Average precision: ",
        "F1 of each label, and the probability above which",
        "Labels that are missed (there, and not predicted) or invented.",
        "Of the samples with the label of a row",
    ):
        assert sum(text.startswith(beginning) for text in texts) == 1, beginning
    assert not any(
        "Precision against" in each for each in page.html.split("task-2")[2:]
    )


def test_differences_of_labels_in_few_rows_are_not_named():
    # "b" is true in 8 of the 12 rows with "a", and predicted in all; "c" is predicted
    # in one row only, in which "a" is not.
    true = np.repeat([[1, 1, 1], [1, 0, 0], [0, 0, 0]], [2, 10, 8], axis=0)
    said = np.repeat([[1, 1, 1], [1, 1, 0], [0, 0, 0]], [1, 11, 8], axis=0)
    true[:, 1] = [1] * 8 + [0] * 8 + [1] * 4
    said[:, 2] = [0] * 19 + [1]
    rows = LabelRows(np.array(["a", "b", "c"]), true > 0, said > 0, np.ones((20, 3)))
    kept = _in_enough_rows(rows)
    assert kept.labels.tolist() == ["a", "b"]
    assert CooccurrenceDisplay({"": kept}).pairs(1) == [LabelPair("a", "b", 8 / 12, 1)]
    assert CooccurrenceDisplay({"": rows}).pairs(1)[0].label == "c"
    # Predicted in two of the rows in which it is known, and true in ten.
    known = np.ones((20, 3))
    known[2:12, 0] = 0
    there, said = rows.true.copy(), rows.predicted.copy()
    there[:, 0], said[:, 0] = known[:, 0] > 0, [1] * 12 + [0] * 8
    hidden = replace(rows, true=there, predicted=said, weight=known)
    assert _in_enough_rows(hidden).labels.tolist() == ["b"]
    unknown = replace(rows, weight=np.tile([1.0, 0.0, 1.0], (20, 1)))
    assert _in_enough_rows(unknown).labels.tolist() == ["a"]
    nothing = _in_enough_rows(replace(rows, weight=np.zeros((20, 3))))
    assert CooccurrenceDisplay({"": nothing}).pairs() == []


def test_each_label_has_a_line(case, page):
    estimator, X, y = case
    rows = task_report(estimator, X, y).label_rows
    head, *lines = tables(part(page, "task-1"))[1]
    assert head[:3] == ["label", "support", "prevalence"]
    assert [line[0] for line in lines] == ["sun", "sea", "sky", "ice", "ivy"]
    for row, line in zip(rows, lines, strict=True):
        assert line[1:3] == [str(row["support"]), f"{row['prevalence']:.3f}"]


def test_what_is_not_defined_is_no_number():
    X, y = make_labels(80)
    estimator = table_estimator(MultiLabel(["sun", "sea", "sky", "ice", "nan"]))
    estimator.fit(X, y)
    rare = y[:, 4] == 1
    page = report(estimator, X[~rare], y[~rare])
    *_, never = tables(part(page, "task-1"))[1]
    assert never[:3] == ["nan", "0", "0.000"]
    assert never[4:7] == ["-", "-", "-"]
    assert "A dash: of a label that is never there" in page.html
    assert "Without a positive here: nan." in page.html


def test_many_labels_unfold():
    page = report(*CASES["many labels"]())
    text = part(page, "task-1")
    _, first, whole = tables(text)[:3]
    assert len(first) == 1 + 15
    f1 = [float(line[5].split()[0]) for line in first[1:]]
    assert f1 == sorted(f1)
    assert "<details><summary>All 200 labels</summary>" in text
    assert [line[0] for line in whole[1:]] == [str(label) for label in range(200)]
    lowest = sorted(float(line[5].split()[0]) for line in whole[1:] if line[5] != "-")
    assert f1 == lowest[:15]


def test_a_table_of_very_many_labels_is_cut():
    f1 = np.random.default_rng(0).permutation(1500) / 1500
    f1[np.argsort(f1)[1]] = 0  # the two worst are equal
    numbers = dict.fromkeys(("prevalence", "precision", "recall"), 0.5)
    numbers |= {"average_precision": NAN, "threshold": 0.5, "support": 3}
    labels = [
        {"task": "tags", "label": label, "f1": value, **numbers}
        for label, value in enumerate([*f1, NAN])
    ]
    frequent = np.flatnonzero(f1 == 0)[1]
    labels[frequent]["support"] = 4
    evidence = Evidence(None, None, None, [], TaskReport([], labels), [])
    table = label_figures(evidence, TaskEvidence("tags", None, None, {}))
    assert table.which == "The 1,000 labels with the lowest F1, of 1,501"
    assert table.words.endswith("in the table of the report, as label_rows.")
    order = [frequent, *np.argsort(f1, kind="stable")]
    lowest = [str(label) for label in dict.fromkeys(order)]
    assert [line[0] for line in table.first[1]] == lowest[:15]
    assert [line[0] for line in table.others[1]] == lowest[:1000]
    assert table.others[1][0][5:7] == ["0.000", "-"]


def test_images_of_the_labels_that_are_missed_or_invented():
    estimator, X, y = CASES["labels of images"]()
    text = part(report(estimator, X, y), "task-1")
    strips = LabelErrorsDisplay.from_estimator(estimator, X, y).strips()
    assert strips
    _, _, shown = text.partition("<h3>Labels most often missed or invented</h3>")
    shown, _, _ = shown.partition("<h3>Worst cases")
    rows = [int(row) for row in re.findall(r"row (\d+)</div>", shown)]
    assert rows == [row for strip in strips for row in strip.rows]
    assert shown.count('src="data:image/png') == len(rows)
    first = strips[0]
    whole = first.errors.support if first.what == "missed" else first.errors.predicted
    count = getattr(first.errors, first.what)
    words = f"{first.errors.label}: {first.what} {count:g} of {whole:g} times"
    assert words in html.unescape(shown)


def test_rows_of_a_table_have_no_images(page):
    assert "Labels most often missed or invented" not in page.html


def test_labels_that_are_all_right_have_no_examples():
    X, _ = make_images(20)
    y = np.repeat([[1.0], [0.0]], 10, axis=0)
    X[:10] += 5
    estimator = image_estimator(MultiLabel(1), max_epochs=30, lr=0.05).fit(X, y)
    assert (estimator.predict(X) == y).all()
    page = report(estimator, X, y)
    assert "Labels most often missed or invented" not in page.html
    assert "or invented. Most often: none." in page.html


def test_samples_and_cases_name_labels():
    page = report(*CASES["labels of images"]())
    assert re.search(r"row \d+<br>task_0 (dark|left|none)", page.html)
    assert re.search("true <strong>[^<(]*</strong><br>predicted <strong>", page.html)
    assert "(1, 0" not in page.html
