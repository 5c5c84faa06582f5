"""The page about an estimator: what it says, and that it says it of any estimator."""

import base64
import html
import re
import sys
from io import BytesIO

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from markupsafe import escape
from reported_estimators import CASES, NASTY
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import mtlearn
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    ParameterTypeError,
)
from mtlearn.metrics import task_report
from tiny_problems import image_estimator, make_images, make_table, table_estimator


def report(*args, **params):
    return mtlearn.report(*args, **{"path": None, "n_bootstraps": 20, **params})


@pytest.fixture(scope="module")
def images():
    X, y = make_images(40)
    y[::7, 0] = np.nan
    return image_estimator().fit(X, y), X, y


@pytest.fixture(scope="module")
def page(images):
    return report(*images)


def section(page, heading):
    """Return the part of the page from a heading to the next one."""
    return re.search(f'id="{heading}".*?(?=<h2|<details class)', page.html, re.S)[0]


def cells(text):
    """Return the cells of the first table in a part of the page."""
    table = re.search("<table>.*?</table>", text, re.S)[0]
    return [
        [html.unescape(cell) for cell in re.findall("<t[hd][^>]*>(.*?)</t", line)]
        for line in re.findall("<tr>(.*?)</tr>", table, re.S)
    ]


@pytest.mark.parametrize("name", CASES)
def test_any_estimator_has_a_page(name):
    estimator, X, y = CASES[name]()
    page = report(estimator, X, y)
    for task in task_report(estimator, X, y if y is not None else X.labels).rows:
        assert escape(task["task"]) in page.html
    assert page.html.startswith("<!DOCTYPE html>")
    assert re.findall(r'(?:src|href)="(?!data:|#)', page.html) == []
    assert "<script" not in page.html
    # Links within the page lead somewhere.
    for target in re.findall(r'href="#([^"]+)"', page.html):
        assert f'id="{target}"' in page.html


def test_figures_are_those_of_the_task_report(images, page):
    estimator, X, y = images
    expected = task_report(estimator, X, y, n_bootstraps=20, random_state=0)
    for row, other in zip(page.table.rows, expected.rows, strict=True):
        assert row["metric"] == other["metric"]
        for key in ("value", "low", "high", "baseline"):
            # predict gives the values in the type of y, float32.
            assert row[key] == pytest.approx(other[key], rel=1e-4, abs=1e-6)
    head, kind, size = cells(section(page, "figures"))
    assert head[:3] == ["task", "kind", "labelled rows"]
    assert head[3:] == ["metric", "value", "interval", "baseline"]
    row = expected.rows[0]
    assert kind[:4] == ["kind", "classification", "34", "accuracy"]
    assert kind[4:] == [
        f"{row['value']:.3f}",
        f"{row['low']:.3f} to {row['high']:.3f}",
        f"{row['baseline']:.3f}",
    ]
    assert size[3] == "r2"


def test_data_model_and_training_are_described(images, page):
    estimator, X, _ = images
    data = section(page, "data")
    assert "40 images" in data
    assert "6 x 6 pixels, 1 channel<" in data
    assert f"{X.min():.4g} to {X.max():.4g}, mean {X.mean():.4g}" in data
    _, kind, size = cells(data)
    assert kind[2:4] == ["34", "15.0%"]
    assert kind[4].startswith("2 of 2 classes; most ")
    assert "deviation" in size[4]
    model = html.unescape(section(page, "model"))
    n_weights = sum(each.numel() for each in estimator.net_.module_.parameters())
    assert f"<dd>{n_weights:,}</dd>" in model
    assert "2; the weights are those of epoch 2" in model
    assert ["lr", "0.001"] in cells(model)
    head, kind, _ = cells(section(page, "training"))
    assert head[2] == "share of the loss"
    losses = {
        name: sum(row[f"train_{name}_loss"] for row in estimator.history_)
        for name in ("kind", "size")
    }
    assert kind[2] == f"{losses['kind'] / sum(losses.values()):.0%}"


def test_what_a_sampler_draws_is_told():
    X, y = make_table(40)
    y[:, 0] = np.repeat([0, 1, 2], [4, 16, 20])
    estimator = table_estimator(sampler="kind", max_epochs=1).fit(X, y)
    model = html.unescape(section(report(estimator, X, y), "model"))

    # A third of 40 draws for 4, 16 and 20 rows.
    n_different = 40**2 / ((40 / 3) ** 2 * (1 / 4 + 1 / 16 + 1 / 20))
    told = f"an epoch of 40 counts as {n_different:.0f} different ones"
    assert (
        f"{told}; the rarest label of kind comes in 33.3% of them, not 10.0%" in model
    )


def test_the_worst_cases_come_first_with_their_pictures(images, page):
    estimator, X, y = images
    known = np.flatnonzero(~np.isnan(y[:, 0]))
    proba, _ = estimator.predict_proba(X)
    of_true = proba[np.arange(len(y)), np.nan_to_num(y[:, 0]).astype(int)]
    wrong = known[estimator.predict(X)[known, 0] != y[known, 0]]
    expected = wrong[np.argsort(of_true[wrong], kind="stable")][:12]
    part = re.search(r'id="task-1".*?</details>', page.html, re.S)[0]
    shown = [int(row) for row in re.findall(r"row (\d+):", part)]
    assert shown == expected.tolist()
    said = f"{1 - of_true[shown[0]]:.0%} sure, {of_true[shown[0]]:.0%} for the true"
    assert said in part
    source = re.search(
        rf'src="data:image/png;base64,([^"]+)"[^>]*alt="sample {shown[0]}"', part
    )[1]
    pixels = plt.imread(BytesIO(base64.b64decode(source)))[..., 0]
    image = X[shown[0], ..., 0]
    scaled = (image - image.min()) / (image.max() - image.min())
    np.testing.assert_allclose(pixels, scaled, atol=2 / 255)


def test_every_picture_says_what_it_shows(page):
    pictures = re.findall(r"<img[^>]*>", page.html)
    texts = [re.search(r'alt="([^"]+)"', each)[1] for each in pictures]
    for beginning in (
        "By epoch: the weighted loss",
        "By epoch: loss and metric of kind",
        "Share of each true class",
        "True against predicted values",
    ):
        assert any(text.startswith(beginning) for text in texts), beginning


def test_names_are_escaped():
    estimator, X, y = CASES["nasty names"]()
    page = report(estimator, X, y)
    for name in NASTY:
        assert name not in page.html
        assert escape(name) in page.html


def test_the_same_page_again(images, page):
    def undated(page):
        return re.sub("Written on [^<]+", "", page.html)

    assert undated(report(*images)) == undated(page)
    assert undated(report(*images, random_state=1)) != undated(page)


def test_it_is_written_where_it_should(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = mtlearn.report(*images, n_bootstraps=5)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == written.html
    named = mtlearn.report(*images, path="a.html", n_bootstraps=5, title="A < B")
    assert "<title>A &lt; B</title>" in (tmp_path / "a.html").read_text("utf-8")
    named.save(tmp_path / "b.html")
    assert {each.name for each in tmp_path.iterdir()} == {
        "report.html",
        "a.html",
        "b.html",
    }


def test_a_notebook_shows_the_page_and_a_console_the_findings(page):
    frame = page._repr_html_()
    assert html.unescape(re.search('srcdoc="([^"]*)"', frame)[1]) == page.html
    assert frame.startswith("<iframe ")
    lines = repr(page).splitlines()
    assert lines[: len(page.table.rows) + 1] == repr(page.table).splitlines()
    assert lines[-len(page.findings) :] == [str(each) for each in page.findings]


def test_what_the_user_draws_with_stays(images):
    plt.close("all")
    mine = plt.figure()
    before = dict(matplotlib.rcParams)
    report(*images)
    assert plt.get_fignums() == [mine.number]
    assert dict(matplotlib.rcParams) == before


def test_large_and_odd_images():
    from mtlearn.reporting._pictures import thumbnail

    wide = thumbnail(np.zeros((10, 300)), "even")
    assert (wide.width, wide.height) == (100, 4)
    color = np.zeros((4, 4, 3))
    color[..., 1] = 1.0
    shown = thumbnail(color, "green").source.partition(",")[2]
    pixels = plt.imread(BytesIO(base64.b64decode(shown)))
    np.testing.assert_array_equal(pixels[0, 0, :3], [0, 1, 0])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"path": 3}, ParameterTypeError, "'path' .* string, a path or None. Got 3"),
        ({"n_worst": -1}, InvalidParameterError, "'n_worst' parameter of report"),
        ({"n_bootstraps": 0}, InvalidParameterError, "'n_bootstraps' parameter"),
    ],
)
def test_parameters_are_checked(images, params, error, message):
    with pytest.raises(error, match=message):
        report(*images, **params)


def test_errors_come_before_work(images, monkeypatch):
    X, y = make_table()
    with pytest.raises(NotFittedError):
        report(table_estimator(), X, y)
    with pytest.raises(ParameterTypeError, match="of report must be a fitted"):
        report(LogisticRegression().fit(X, y[:, 0]), X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        report(table_estimator().fit(X, y), X, y[:5])
    with pytest.raises(InvalidDataError):
        report(table_estimator().fit(X, y), X, None)
    for module in ("jinja2", "matplotlib"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, module, None)
            missing = rf"{module}.* install 'mtlearn\[report\]'"
            with pytest.raises(MissingDependencyError, match=missing):
                report(*images)


def test_nothing_is_drawn_from_global_randomness(images):
    np.random.seed(3)
    torch.manual_seed(3)
    before = np.random.get_state()[1].copy(), torch.get_rng_state().clone()
    report(*images)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def test_features_of_each_task_have_a_picture_each():
    # The second task has a single feature, and there are no weights that both share.
    page = report(*CASES["features of each"]())
    found = re.findall(r"The features (.*?), by t-SNE", page.html)
    assert set(found) == {"of kind"}
    assert "gradients on the shared weights" not in page.html
    found = re.findall(r"The features (.*?), by t-SNE", report(*CASES["table"]()).html)
    assert set(found) == {"that the tasks share"}
