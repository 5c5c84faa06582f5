"""The benchmarks run to their end on tiny sizes; no test asserts a time."""

import re
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks import (
    __main__,
    _keras,
    _kornia,
    _photographs,
    _process,
    _report,
    aggregation,
    augmentation,
    ensemble,
    exported,
    files,
    imports,
    memory,
    multitask,
    open_set,
    penalties,
    prediction,
    profile,
    tables,
    training,
)
from benchmarks._mtlearn import make_estimator
from benchmarks._problem import QUICK, make_data
from benchmarks._real_problems import centre, slant

from mtlearn.data import ImageFiles

PRINTED_FIRST = ("processor", "memory", "python", "threads")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command and return what it prints, everything in this process."""
    for command in (training, prediction):
        monkeypatch.setattr(command, "start_process", _process.start_here)
    for command in (memory, files):
        monkeypatch.setattr(
            command,
            "call_in_process",
            lambda name, *arguments: _process.resolve_name(name)(*arguments),
        )
    monkeypatch.setattr(_keras, "is_installed", lambda: False)
    monkeypatch.setattr(_report, "RESULTS", tmp_path / "results")

    def run(name, *arguments):
        __main__.main([name, "--quick", *arguments])
        printed = capsys.readouterr().out
        first, *others = printed.splitlines()
        assert first.startswith(f"$ python -m benchmarks {name} --quick")
        for word in PRINTED_FIRST:
            assert any(line.startswith(word) for line in others[:6])
        return printed

    return run


def rows_of(printed):
    """Return the first cell of each row of the printed tables."""
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip() for line in lines]


# The commands.


def test_training(run):
    printed = run("training")

    measured = [cell.partition(" (")[0] for cell in rows_of(printed)[2:]]
    left_out = {"hand bfloat16 compiled", "Keras"}
    assert measured == [name for name in training.CONTENDERS if name not in left_out]
    line = r"^mtlearn default / skorch: \d+\.\d+ \(\d+\.\d+ to \d+\.\d+\)$"
    assert re.search(line, printed, re.MULTILINE)
    assert "mtlearn default / Keras: not measured" in printed
    assert 'pip install "mtlearn[benchmarks]"' in printed


def test_training_measures_only_what_is_asked_for(run):
    printed = run("training", "--only", "skorch,nothing", "--threads", "1")

    assert [cell.partition(" (")[0] for cell in rows_of(printed)[2:]] == ["skorch"]


def test_training_compiles_only_if_asked():
    options = SimpleNamespace(only=("compiled",), compile=False)
    assert training.chosen(options, _report.Report()) == []
    options.compile = True
    assert training.chosen(options, _report.Report()) == ["hand bfloat16 compiled"]


def test_prediction(run):
    printed = run("prediction", "--precisions", "float32,auto")

    rows = rows_of(printed)
    for name in ("bare float32", "bare bfloat16", "mtlearn float32", "mtlearn default"):
        assert rows.count(name) == 2  # all images, and one
    assert rows.count("skorch") == 1
    extra = r"^mtlearn default over bare float32: -?\d+ microseconds$"
    assert re.search(extra, printed, re.MULTILINE)


def test_exported(run):
    printed = run("exported")

    if any(find_spec(package) is None for package in exported.PACKAGES):
        assert exported.MISSING in printed
    else:
        assert rows_of(printed).count("onnxruntime") == 2 * len(exported.ROWS)


def test_the_bare_network_is_the_estimators_own():
    X, y = make_data(QUICK)
    estimator = make_estimator(QUICK, precision="float32").fit(X, y)

    (outputs,) = prediction.bare(estimator, X[:5], bfloat16=False)()

    expected = estimator.predict_proba(X[:5])
    for output, proba in zip(outputs[:2], expected, strict=False):
        np.testing.assert_allclose(output.softmax(1), proba, atol=1e-5)


def test_scaling(run):
    printed = run("scaling", "--rows", "32", "--jobs", "1")

    rows = rows_of(printed)
    assert [rows.count(name) for name in ("40 rows", "80 rows")] == [2, 2]
    assert [rows.count(name) for name in ("1 task", "4 tasks")] == [4, 4]
    assert "GridSearchCV over 4 candidates" in printed
    for name in ("17 labels", "1,000 labels", "17 classes"):
        assert rows.count(name) == 1


def test_scaling_measures_only_what_is_asked_for(run):
    assert "tasks" not in run("scaling", "--parts", "rows")


def test_files(run):
    printed = run("files", "--parts", "reads,memory", "--files", "6", "--fitted", "8")

    rows = rows_of(printed)
    assert rows.count("ImageFiles") == rows.count("DataLoader over Pillow") == 1
    if memory.STATUS.exists():
        assert rows[-1:] == ["8 files"]


def test_files_of_epochs(run):
    printed = run("files", "--parts", "epochs", "--files", "6")

    assert rows_of(printed)[-3:] == ["an array", "a warm cache", "files"]


def test_ways_of_reading_see_the_same(tmp_path):
    names = _photographs.write_jpegs(tmp_path, 3)
    expected = ImageFiles(names, size=96).read()

    for read in (_photographs.with_simplejpeg, _photographs.with_pillow):
        found = _photographs.in_threads(read, names, 96, 2)
        np.testing.assert_array_equal(found, expected)
    for read in (_photographs.with_opencv, _photographs.with_pillow_alone):
        if read is _photographs.with_opencv and find_spec("cv2") is None:
            continue
        found = _photographs.in_threads(read, names, 96, 2).astype(int)
        assert np.abs(found - expected).mean() < 3
    assert _photographs.by_data_loader(names, 96, 0) == 3


def test_memory(run):
    if not memory.STATUS.exists():
        pytest.skip("this system has no /proc/self/status")

    printed = run("memory", "--gigabytes", "0.0032")

    assert rows_of(printed)[2:] == list(memory.CALLS)
    assert "260 images (64, 64, 3) of uint8" in printed


def test_memory_says_where_it_cannot_be_measured(run, monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")

    assert memory.NO_PROC in run("memory")


def test_import(run, monkeypatch):
    monkeypatch.setattr(imports, "STATEMENTS", ("pass", "import sys"))

    assert "pass / import sys: " in run("import")


def test_accuracy(run):
    printed = run("accuracy", "--domains", "spectrum")

    metrics = ("digit accuracy", "item accuracy", "shade R2")
    assert rows_of(printed)[2:] == [f"spectrum: {metric}" for metric in metrics]
    assert "difference, seed by seed" in printed


def test_profile(run):
    printed = run("profile", "--precision", "float32")

    rows = rows_of(printed)
    assert {*profile.CATEGORIES, "optimiser", "other", "its convolutions"} < set(rows)
    shares = re.findall(r"^\| [a-zA-Z ]+\| +(\d+\.\d) \|$", printed, re.MULTILINE)
    assert len(shares) == len(profile.CATEGORIES) + 2
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.5)


def test_augmentation(run):
    printed = run("augmentation")

    rows = rows_of(printed)
    for name in augmentation.CHANGES:
        assert rows.count(name) == len(augmentation.SHAPES)


def test_augmentation_beside_kornia(run, monkeypatch):
    monkeypatch.setattr(_kornia, "is_installed", lambda: True)
    monkeypatch.setattr(_kornia, "changes", lambda *size: {"hue": lambda x: x})
    monkeypatch.setattr(augmentation, "PHOTOGRAPHS", augmentation.SHAPES[1])

    printed = run("augmentation")

    assert rows_of(printed).count("kornia: hue") == 1
    assert "kornia: hue / hue: 0." in printed


def test_batch_norms(run):
    printed = run("batch-norms")

    rows = rows_of(printed)
    assert [rows.count(name) for name in ("epoch", "statistics", "1", "2")] == [
        2,
        1,
        1,
        1,
    ]
    assert "Statistics on 32 rows over an epoch: " in printed


def test_aggregation(run):
    printed = run("aggregation", "--ways", "ones,mgda")

    plain, *others = rows_of(printed)[2:]
    assert plain.startswith(aggregation.PLAIN)
    assert others == [f"{way} / {aggregation.PLAIN}" for way in ("ones", "mgda")]
    assert printed.count("MLP, ") == 2


def test_balancing(run):
    printed = run("balancing")

    rows = rows_of(printed)
    names = ["equal", "uncertainty", "dwa", "rlw", "gls", "famo", "famo, every=1"]
    assert [rows.count(name) for name in names] == [1] * 7
    assert rows.count("gradnorm") == 1


def test_multitask(run):
    rows = rows_of(run("multitask", "--methods", "gls,soft sharing,stopping by task"))

    # Figures, and their intervals over equal weights, of two problems.
    assert rows.count("single") == rows.count("gls") == 4
    assert rows.count("equal") == 2
    # On the table alone: a LeNet has no experts, and images no validation rows.
    assert rows.count("soft sharing") == rows.count("stopping by task") == 2


def test_tables(run):
    printed = run("tables", "--models", "forest,boosting,tabm")

    rows = rows_of(printed)
    assert [rows.count(name) for name in ("forest", "boosting", "tabm")] == [2, 2, 2]
    found = np.array([[1.0, 1.0], [3.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    assert tables.figures(*found) == [2.0, 0.5]
    assert tables.figures(found[0][:, :1], found[1][:, :1]) == [2.0]


def test_defaults(run):
    rows = rows_of(run("defaults", "--problems", "table,red"))
    assert rows.count("mtlearn, default") == rows.count("scikit-learn") == 2


def test_targets_of_images():
    images = np.zeros((2, 3, 5))
    images[0, 1, 1] = images[0, 2, 3] = 0.5  # half way and all the way down
    images[1, 0, 2] = 1.0
    np.testing.assert_allclose(centre(images), [0.75, 0.0], atol=1e-9)
    # Half of the light is a quarter up and left of its centre, half down and right.
    np.testing.assert_allclose(slant(images), [0.25 * 0.25, 0.0], atol=1e-9)
    np.testing.assert_allclose(slant(images[:, ::-1]), [-0.25 * 0.25, 0.0], atol=1e-9)


def test_pairs_of_images_lie_over_each_other():
    upper = np.full((1, 4, 4), 0.5, np.float32), np.array([3])
    lower = np.ones((1, 4, 4), np.float32) * np.eye(4, dtype=np.float32), np.array([7])
    X, y = multitask.overlay(upper, lower, 2, seed=0)
    expected = np.zeros((5, 5))
    expected[:4, :4] = 0.5
    expected[range(1, 5), range(1, 5)] = 1.0
    np.testing.assert_array_equal(X, [expected, expected])
    np.testing.assert_array_equal(y, [[3, 7], [3, 7]])


def test_open_set(run):
    printed = run("open-set", "--scores", "energy,max_probability")

    rows = rows_of(printed)
    assert rows.count("with a reconstruction") == rows.count("without") == 1
    for name in ("energy", "max_probability"):
        for act in ("score_samples", "predict"):
            assert rows.count(f"{name}: {act}") == 1
            assert f"\n{name}: {act} / predict: " in printed
    assert rows.count(open_set.PLAIN) == 2


def test_one_fit_has_a_decoder_and_the_other_one_not():
    models = [open_set.make_model(reconstructs=each)[-1] for each in (True, False)]
    assert [list(each.tasks.names) for each in models] == [
        ["digit", "image"],
        ["digit"],
    ]
    params = [each.get_params(deep=False) for each in models]
    assert {
        name for name in params[0] if str(params[0][name]) != str(params[1][name])
    } == {"tasks"}


def test_penalties(run):
    rows = rows_of(run("penalties", "--rows", "1"))

    plain = {"TraceNorm", "GroupLasso", "TaskCovariance"}  # whose steps are timed too
    for name in (penalties.RIDGE, penalties.ALL, *penalties.methods()):
        assert rows.count(name) == (3 if name in plain else 1), name
    assert rows.count("no penalty") == 2


def test_related_regressions_are_what_they_are_called():
    made = {
        name: penalties.make_weights(name, 100, seed=0) for name in penalties.STRUCTURES
    }
    for weights in made.values():
        assert weights.shape == (100, 30)
        np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1)
    assert np.linalg.matrix_rank(made["low rank"]) == 3
    assert (made["shared rows"] != 0).any(axis=1).sum() == 10
    cosines = made["groups"].T @ made["groups"]
    assert cosines[:6, :6].min() > 0.9
    assert np.abs(cosines[:6, 6:]).max() < 0.5
    _, y = penalties.make_rows(made["groups"], 4, seed=0)
    assert (np.isfinite(y).sum(axis=1) == 1).all()
    assert (np.isfinite(y).sum(axis=0) == 4).all()
    right = penalties.edges(right=True)
    assert len(right) == 5 * 15
    assert ("t0", "t5") in right
    assert len(set(right) & set(penalties.edges(right=False))) == 5  # by chance
    # Without any knowledge the error is the variance of y, with all of it the noise.
    weights = made["groups"]
    assert penalties.error((0 * weights, np.zeros(30)), weights) == pytest.approx(1)
    assert penalties.error((weights, np.zeros(30)), weights) == pytest.approx(0.2)


def test_ensemble(run):
    # Longer than other tests: two worker processes start, and import torch.
    printed = run("ensemble")

    rows = rows_of(printed)
    for engine in ("processes", "threads"):
        assert f"2 at a time, {engine}" in rows
        assert f"2 at a time, {engine} / one at a time: " in printed
    assert rows.count(ensemble.ONE) == 2
    assert "process 1" in rows


def test_vectorized(run):
    printed = run("vectorized")

    assert "MLP hidden=(16,), batch_size=32, 60 rows, epochs=1" in printed
    assert "ResNet widths=(8, 16), 40 rows, epochs=1" in printed
    assert printed.count("one after the other / together: ") == 2


def test_what_is_printed_is_saved(run, monkeypatch):
    monkeypatch.setattr(imports, "STATEMENTS", ("pass", "import sys"))

    printed = run("import", "--save")

    saved = (_report.RESULTS / "import.txt").read_text(encoding="utf-8")
    assert saved == printed.rstrip("\n") + "\n"
