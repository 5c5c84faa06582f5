"""The parts of the benchmarks: contenders, clocks, tables, options, the machine."""

import inspect
import os
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
    _machine,
    _mtlearn,
    _process,
    _report,
    _skorch,
    memory,
)
from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option, fill_in, names
from benchmarks._problem import QUICK, REFERENCE, make_data
from benchmarks._timing import clock, differences, interleave, ratios, spread

from mtlearn import Head, MultiTaskImageEstimator
from mtlearn.networks import ResNet


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
    for name in ("widths", "n_blocks", "n_features"):
        assert getattr(REFERENCE, name) == defaults[name].default
    given = make_estimator(REFERENCE).get_params(deep=False)
    for name in ("optimizer", "batch_size", "precision"):
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
