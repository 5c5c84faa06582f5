"""The page's section about unknown samples."""

import html
import re
import warnings

import numpy as np
import pytest
from reported_estimators import NASTY
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mtlearn
from mtlearn import (
    Classification,
    MultiTaskEstimator,
    OpenSetClassifier,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import InvalidDataError, ParameterTypeError
from mtlearn.metrics import open_set_report
from open_problems import known_points, point_estimator, two_columns, unknown_points
from tiny_problems import image_estimator, make_images

X, Y = known_points(180)
TRAIN, TEST = slice(0, 120), slice(120, 180)
FAR = unknown_points(15)
NEAR = np.random.default_rng(3).normal(1.3, 1.5, size=(25, 3))
SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}


def report(*args, **params):
    return mtlearn.report(*args, **{"path": None, "n_bootstraps": 5, **params})


def made(estimator=None):
    estimator = point_estimator(max_epochs=4) if estimator is None else estimator
    return OpenSetClassifier(estimator, **SETTINGS).fit(X[TRAIN], Y[TRAIN])


@pytest.fixture(scope="module")
def fitted():
    return made()


def section(page):
    """Return the part about unknown samples."""
    return re.search('<h2 id="unknown".*?(?=<h2|<details class)', page.html, re.S)[0]


def tables(text):
    """Return the cells of each table."""
    return [
        [
            [html.unescape(cell) for cell in re.findall("<t[hd][^>]*>(.*?)</t", line)]
            for line in re.findall("<tr>(.*?)</tr>", table, re.S)
        ]
        for table in re.findall("<table>.*?</table>", text, re.S)
    ]


def captions(text):
    return [html.unescape(each) for each in re.findall("<figcaption>(.*?)<", text)]


def test_figures_are_those_of_the_report(fitted):
    sets = {"near": NEAR, "far": FAR}
    page = report(fitted, X[TEST], Y[TEST], X_unknown=sets)
    (table,) = tables(section(page))
    assert table[0] == ["metric", "near (25)", "far (15)"]
    rows = open_set_report(fitted, X[TEST], Y[TEST], sets).rows
    found = {
        (line[0], name): float(cell)
        for line in table[1:]
        for name, cell in zip(sets, line[1:], strict=True)
    }
    assert len(found) == len(rows)
    for row in rows:
        value = found[row["metric"], row["unknown"]]
        assert value == pytest.approx(row["value"], abs=6e-4)
    assert "60 known samples, beside each set" in section(page)
    assert "keep 0.8 of the known" in section(page)
    assert 'href="#unknown"' in page.html


def test_pictures_of_a_table(fitted):
    text = section(report(fitted, X[TEST], Y[TEST], X_unknown=FAR))
    curves, scores, confusion, embedding = captions(text)
    assert curves.endswith("AUROC of task_0, unknown: 1.000 by auto.")
    kept = (fitted.predict(X[TEST]) != -1).mean()
    assert f"task_0: {kept:.1%} of the known, 0.0% of unknown." in scores
    assert confusion.startswith("Share of each true class")
    assert "unknown samples are crosses" in embedding
    assert 'class="case"' not in text


def test_without_unknown_samples_there_is_nothing_of_them(fitted):
    page = report(fitted, X[TEST], Y[TEST])
    assert "Unknown samples" not in page.html
    beside = report(fitted, X[TEST], Y[TEST], X_unknown=FAR).html
    start = beside.index('<h2 id="unknown"')
    end = beside.index('<details class="task"')
    without = beside[:start] + beside[end:]
    link = '<a href="#unknown">Unknown samples</a>'
    without, own = (
        re.sub("Written on [^<]*", "", each).replace(link, "").split()
        for each in (without, page.html)
    )
    assert without == own


@pytest.mark.parametrize("n_worst", [0, 3])
def test_images_on_the_wrong_side(n_worst):
    images, labels = make_images(60)
    y = labels[:, 0].astype(int)
    estimator = image_estimator(Tasks(light=Classification()), max_epochs=1)
    settings = SETTINGS | {"quantile": 0.5}
    open_set = OpenSetClassifier(estimator, **settings).fit(images, y)
    others = {"mirrored": images[:40, ::-1], "far": images[:5] * 40}
    page = report(open_set, images, y, X_unknown=others, n_worst=n_worst)
    text = section(page)
    if not n_worst:
        assert "images accepted" not in text
        return
    n_accepted = sum((open_set.predict(each) != -1).sum() for each in others.values())
    n_rejected = (open_set.predict(images) == -1).sum()
    assert f"light: {n_accepted} of 45 unknown images accepted" in text
    assert f"light: {n_rejected} of 60 known images rejected" in text
    cases = re.findall('<div class="case">.*?</div>', text, re.S)
    assert len(cases) == 6
    assert all("<img src=" in case for case in cases)
    scores = open_set.score_samples(images)
    worst = np.argsort(scores, kind="stable")[:3]  # two are alike
    for case, row in zip(cases[3:], worst, strict=True):
        assert f"true <strong>{y[row]}" in case
        assert f"predicted <strong>{open_set.predict_known(images)[row]}" in case
        assert f"row {row}: score {scores[row]:.3g}" in case
    best = np.argmax(open_set.score_samples(others["mirrored"]))
    assert f"mirrored, row {best}: score" in cases[0]
    assert "true" not in cases[0]


@pytest.mark.parametrize(
    ("lacking", "shown"), [([], ["kind", "first"]), ([1], ["kind"]), ([0, 1], [])]
)
def test_several_tasks_some_without_labels(lacking, shown):
    labels, tasks = two_columns(Y)
    tasks = Tasks(**dict(tasks.items()), size=Regression())
    columns = np.column_stack([labels, X[:, 0]])
    open_set = OpenSetClassifier(point_estimator(tasks, max_epochs=2), **SETTINGS)
    open_set.fit(X[TRAIN], columns[TRAIN])
    columns[:, lacking] = np.nan
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* has no label among these rows")
        page = report(open_set, X[TEST], columns[TEST], X_unknown=FAR)
    assert re.findall("<h3>(.*?)</h3>", section(page)) == shown
    nothing = "No sample with a label of a known class" in section(page)
    assert nothing == (not shown)


def test_one_threshold_for_a_row_pipelines_and_ensembles():
    labels, tasks = two_columns(Y)
    inside = SeedEnsemble(point_estimator(tasks, max_epochs=2), 2, random_state=0)
    row = OpenSetClassifier(inside, per="row", **SETTINGS)
    whole = make_pipeline(StandardScaler(), row).fit(X[TRAIN], labels[TRAIN])
    text = section(report(whole, X[TEST], labels[TEST], X_unknown=FAR))
    assert re.findall("<h3>(.*?)</h3>", text) == ["kind", "first"]
    assert "AUROC of kind, first, unknown: 1.000 by auto." in captions(text)[0]
    assert len(captions(text)) == 3  # each member has features of its own


def test_rows_of_which_each_is_unknown_to_one_task_of_a_threshold():
    labels, tasks = two_columns(Y)
    row = OpenSetClassifier(
        point_estimator(tasks, max_epochs=2), per="row", **SETTINGS
    ).fit(X[TRAIN], labels[TRAIN])
    labels = labels[TEST]
    labels[:30, 0], labels[30:, 1] = -1, -1
    text = section(report(row, X[TEST], labels, X_unknown=FAR))
    assert re.findall("<h3>(.*?)</h3>", text) == ["kind", "first"]
    assert re.findall(r"(\d+) known samples", text) == ["30", "30"]
    assert captions(text) == []


def test_names_are_escaped(fitted):
    page = report(fitted, X[TEST], Y[TEST], X_unknown=dict.fromkeys(NASTY, FAR))
    assert "<script" not in page.html
    assert "<b onclick" not in page.html
    (table,) = tables(section(page))
    assert table[0][1:] == [f"{name} (15)" for name in NASTY]


def test_it_needs_a_classifier_that_knows_unknown_samples(fitted, tmp_path):
    path = tmp_path / "report.html"
    plain = fitted.estimator_
    assert isinstance(plain, MultiTaskEstimator)
    with pytest.raises(
        ParameterTypeError, match="report with X_unknown takes a fitted"
    ):
        report(plain, X[TEST], Y[TEST], X_unknown=FAR, path=path)
    with pytest.raises(InvalidDataError, match="of report must hold unknown samples"):
        report(fitted, X[TEST], Y[TEST], X_unknown={}, path=path)
    with pytest.raises(ValueError, match="2 features") as error:
        report(fitted, X[TEST], Y[TEST], X_unknown={"wide": FAR[:, :2]}, path=path)
    assert "These are the unknown samples 'wide'." in error.value.__notes__
    assert not path.exists()
