"""The benchmarks run to their end on tiny sizes; no test asserts a time."""

import inspect
import os
import re
import textwrap
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from benchmarks import (
    __main__,
    _hand,
    _keras,
    _machine,
    _mtlearn,
    _process,
    _report,
    _skorch,
    augmentation,
    ensemble,
    imports,
    memory,
    prediction,
    profile,
    training,
)
from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option, fill_in, names
from benchmarks._problem import QUICK, REFERENCE, make_data
from benchmarks._timing import clock, differences, interleave, ratios, spread

from mtlearn import Head, MultiTaskImageEstimator
from mtlearn.networks import ResNet

PRINTED_FIRST = ("processor", "memory", "python", "threads")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command and return what it prints, everything in this process."""
    for command in (training, prediction):
        monkeypatch.setattr(command, "start_process", _process.start_here)
    monkeypatch.setattr(
        memory,
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


def test_scaling_measures_only_what_is_asked_for(run):
    assert "tasks" not in run("scaling", "--parts", "rows")


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


def test_ensemble(run):
    # Longer than other tests: two worker processes start, and import torch.
    printed = run("ensemble")

    rows = rows_of(printed)
    for engine in ("processes", "threads"):
        assert f"2 at a time, {engine}" in rows
        assert f"2 at a time, {engine} / one at a time: " in printed
    assert rows.count(ensemble.ONE) == 2
    assert "process 1" in rows


def test_what_is_printed_is_saved(run, monkeypatch):
    monkeypatch.setattr(imports, "STATEMENTS", ("pass", "import sys"))

    printed = run("import", "--save")

    saved = (_report.RESULTS / "import.txt").read_text(encoding="utf-8")
    assert saved == printed.rstrip("\n") + "\n"


# The contenders.


@pytest.mark.parametrize(
    "settings",
    [{}, {"channels_last": True}, {"channels_last": True, "bfloat16": True}],
)
def test_the_hand_written_loop_learns(settings):
    problem = replace(QUICK, dropout=0.0, head_dropout=0.0, lr=0.01)
    contender = _hand.training(*make_data(problem), problem, 1, **settings)

    losses = [contender.act() for _ in range(12)]

    assert losses[-1] < 0.8 * losses[0]


def test_the_contenders_have_networks_of_one_size():
    X, y = make_data(QUICK)
    contenders = [
        module.training(X, y, QUICK, 1) for module in (_hand, _skorch, _mtlearn)
    ]
    for contender in contenders:
        contender.act()

    sizes = {contender.n_weights() for contender in contenders}

    assert len(sizes) == 1
    assert _hand.count_weights(_hand.PlainNetwork(REFERENCE)) == 734_955


def test_the_reference_is_what_mtlearn_does_by_default():
    defaults = inspect.signature(ResNet).parameters
    for name in ("widths", "n_blocks", "n_features", "dropout"):
        assert getattr(REFERENCE, name) == defaults[name].default
    given = make_estimator(REFERENCE).get_params(deep=False)
    for name in ("optimizer", "lr", "batch_size", "precision"):
        assert given[name] == MultiTaskImageEstimator().get_params(deep=False)[name]
    head = given["tasks"]["digit"].head
    assert repr(head) == repr(Head())


def test_a_contender_in_a_process_of_its_own(monkeypatch, tmp_path):
    source = """
        import os
        from benchmarks._process import Contender

        def make(first, *, second):
            return Contender(lambda: None, lambda: [os.getpid(), first, second])
    """
    (tmp_path / "fake_contender.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)

    with _process.stopped_at_the_end() as running:
        one = _process.start_process("fake_contender:make", "a", second="b")
        running["one"] = one
        assert one.seconds() >= 0
        process, *arguments = one.n_weights()
        assert one.n_weights()[0] == process != os.getpid()
    assert arguments == ["a", "b"]
    with pytest.raises(RuntimeError, match="after shutdown"):
        one.seconds()


# The parts.


def test_contenders_take_turns():
    calls = []

    def named(name):
        return lambda: calls.append(name) or float(len(calls))

    done = []
    seconds = interleave({name: named(name) for name in "abc"}, 3, done.append)

    assert "".join(calls) == "abcbcacab"
    assert seconds == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}
    assert done == [1, 2, 3]


def test_ratios_are_taken_round_by_round():
    # The machine is four times slower in the last round.
    seconds = {"ours": [2.0, 3.0, 8.0], "theirs": [1.0, 1.0, 4.0]}

    assert ratios(seconds, "ours", "theirs") == spread([2.0, 3.0, 2.0])
    assert differences(seconds, "ours", "theirs").median == 2.0
    assert ratios(seconds, "ours", "nobody") is None
    assert (spread([3, 1, 2]).low, spread([3, 1, 2]).high) == (1, 3)


def test_a_clock_runs_what_it_times():
    calls = []

    assert clock(lambda: calls.append(1))() >= 0
    assert calls == [1]


def test_a_table_is_aligned():
    table = _report.markdown_table(["name", "s"], [["a", "1.25"], ["long name", "2"]])

    assert table.splitlines() == [
        "| name      |    s |",
        "| --------- | ---: |",
        "| a         | 1.25 |",
        "| long name |    2 |",
    ]


def test_options_left_out_are_filled_in():
    declared = [Option("two-words", 5, 1, ""), Option("names", (), ("a",), "", names)]
    options = SimpleNamespace(quick=True, two_words=None, names=None)
    fill_in(options, declared)
    assert (options.two_words, options.names) == (1, ("a",))

    options = SimpleNamespace(quick=False, two_words=None, names=names("b, c,"))
    fill_in(options, declared)
    assert (options.two_words, options.names) == (5, ("b", "c"))


def test_a_wrong_command_line_is_refused(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["no-such-benchmark"])

    assert "no-such-benchmark" in capsys.readouterr().err


def test_a_peak_that_is_over_is_seen():
    seen = threading.Event()
    sizes = iter([10, 90])

    def read():
        size = next(sizes, 20)
        if size == 90:
            seen.set()
        return size

    with memory.PeakWatch(read) as watch:
        assert seen.wait(60)

    assert (watch.before, watch.peak) == (10, 90)


@pytest.mark.skipif(not memory.STATUS.exists(), reason="needs /proc/self/status")
def test_anonymous_memory_grows_with_an_array():
    with memory.PeakWatch() as watch:
        block = np.ones(8_000_000)

    assert watch.peak - watch.before > 0.8 * block.nbytes


def test_the_written_images_are_an_array(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PIECE", 4)
    memory.write_images(tmp_path / "images.npy", 10)

    X = np.load(tmp_path / "images.npy", mmap_mode="r")

    assert X.shape == (10, 64, 64, 3)
    assert X.std(axis=(1, 2, 3)).min() > 50


def test_the_machine_is_described():
    text = "\n".join(_machine.describe(None))

    assert f"torch {torch.__version__}" in text
    assert "AMX_BF16" in text
