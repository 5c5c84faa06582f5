"""The benchmark of a GPU: that it runs, learns, and reads profiles rightly."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from benchmarks import __main__, _gpu_loops, _launches, gpu
from benchmarks._problem import QUICK, make_data


def test_the_command(capsys):
    __main__.main(
        ["gpu", "--quick", "--device", "cpu", "--sizes", "8", "--only", "bfloat16,mtl"]
    )
    printed = capsys.readouterr().out
    rows = [line.split("|")[1].strip() for line in printed.splitlines() if "|" in line]
    names = [row for row in rows if row.startswith(("hand", "mtlearn"))]
    assert names == [
        gpu.REFERENCE,
        "hand bfloat16, waits for each loss",
        "mtlearn float32",
        "mtlearn default",
        gpu.REFERENCE,  # beside what is compiled
    ]
    assert "bfloat16 CUDA graph: left out, a processor has no CUDA graphs" in printed
    assert "mtlearn reduce-overhead: left out, compiling for a processor" in printed
    assert "no figure of a GPU" in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said():
    with pytest.raises(SystemExit, match="There is no CUDA device"):
        __main__.main(["gpu", "--quick"])


def test_sizes_that_leave_a_rest_are_refused():
    with pytest.raises(SystemExit, match=r"--rows must be a multiple of each of \[7\]"):
        __main__.main(["gpu", "--quick", "--device", "cpu", "--sizes", "7"])


@pytest.fixture
def part():
    """Return contenders of a tiny part, with what they have said."""
    lines = []
    report = SimpleNamespace(line=lines.append, progress=lambda text: None)
    options = SimpleNamespace(device="cpu", quick=True, only=(), repeats=1)
    X, y = make_data(QUICK)
    problem = replace(QUICK, batch_size=8)
    return gpu.Part(options, problem, (X[:16], y[:16]), report), lines


def test_one_that_fails_ends_no_other_one(part):
    def fails(*arguments):
        raise RuntimeError("no such thing\nhere")

    part, lines = part
    loops = part.begin({"bad": fails, "good": gpu.PLAIN[gpu.REFERENCE]}, np.inf)
    assert list(loops) == ["good"]
    assert lines == ["bad: left out, RuntimeError: no such thing"]


def test_none_is_begun_when_the_time_is_up(part):
    part, lines = part
    assert part.begin({"late": gpu.by_mtlearn}, until=0) == {}
    assert lines == ["late: left out, the time was up"]


def plain_network():
    X, y = make_data(QUICK)
    return X[:64], y[:64], replace(QUICK, batch_size=8, lr=0.01)


def test_loops_by_hand_learn():
    loop = _gpu_loops.by_hand(*plain_network(), "cpu", waits=True)
    first = loop.run(64, 1)
    assert loop.run(64, 6) < 0.9 * first


def test_a_captured_step_is_replayed_for_every_batch(monkeypatch):
    # All that is CUDA's stood in for: what is in the capture runs once, as it stands.
    chosen = []

    class Graph:
        def replay(self):
            chosen.append(held["index"].clone())

    held = {}
    gradients = _gpu_loops._Hand.gradients

    def watched(hand, index):
        held["index"] = index
        return gradients(hand, index)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(_gpu_loops._Hand, "gradients", watched)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda each: _Nothing())
    monkeypatch.setattr(torch.cuda, "graph", lambda each: _Nothing())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    loop = _gpu_loops.by_graph(*plain_network(), "cpu", bfloat16=True)
    loop.run(64, 2)
    assert len(chosen) == 16
    for epoch in (chosen[:8], chosen[8:]):
        assert sorted(torch.cat(epoch).tolist()) == list(range(64))


class _Nothing:
    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


def event(device, start, end, name="kernel", annotation=False):
    return SimpleNamespace(
        device_type=SimpleNamespace(name=device),
        time_range=SimpleNamespace(start=start, end=end),
        name=name,
        is_user_annotation=annotation,
    )


def test_spans_of_a_gpu_that_overlap_count_once():
    events = [
        event("CUDA", 10, 20),
        event("CUDA", 15, 30),
        event("CUDA", 16, 18),
        event("CUDA", 40, 45),
        event("CUDA", 0, 100, "Optimizer.step", annotation=True),
        event("CPU", 0, 1, "cudaLaunchKernel"),
        event("CPU", 1, 2, "cudaGraphLaunch"),
        event("CPU", 2, 90, "cudaStreamSynchronize"),
    ]
    work = _launches.work_of(events)
    assert work.busy == pytest.approx(25e-6)
    assert work.launches == 2


def test_what_is_done_once_is_in_no_step(monkeypatch):
    def profiled(run, n_rows, epochs):
        return _launches.Work(5.0 + 8.0 * epochs, 100 + 40 * epochs)

    monkeypatch.setattr(_launches, "_profiled", profiled)
    assert _launches.work_a_step(None, 32, steps=4) == (2.0, 10)
