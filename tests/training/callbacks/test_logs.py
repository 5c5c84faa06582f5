"""The history in files, in the log, and in TensorBoard."""

import csv
import logging

import pytest
import torch
from skorch.callbacks import Callback, TensorBoard

from mtlearn import MultiTaskEstimator, Partial
from mtlearn._utils._logging import logger
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import MLP
from mtlearn.training import CSVLogger, EpochHistory, EpochLog
from mtlearn.training.callbacks._showing import format_row
from tiny_nets import make_net, make_problem, train


def run(*callbacks, rows=None, epochs=3, valid=True):
    """Train with a history before the callbacks; return its rows."""
    rows = [] if rows is None else rows
    samples, tasks = make_problem()
    valid = samples if valid else None
    net = make_net(tasks)
    train(net, samples, EpochHistory(rows), *callbacks, valid=valid, epochs=epochs)
    return rows


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
def test_the_file_is_the_history(tmp_path, kind):
    path = tmp_path / "log.csv"
    rows = run(CSVLogger(kind(path)))
    found = read(path)
    assert len(found) == 3
    for line, row in zip(found, rows, strict=True):
        assert list(line) == list(row)
        assert {key: float(value) for key, value in line.items()} == row


class Crash(CSVLogger):
    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_a_crash_loses_no_line(tmp_path):
    path = tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        run(Crash(path))
    assert [line["epoch"] for line in read(path)] == ["1", "2"]


def test_each_training_begins_the_file_anew(tmp_path):
    path = tmp_path / "log.csv"
    callback = CSVLogger(path)
    run(callback)
    run(callback, epochs=1, valid=False)
    assert len(read(path)) == 1
    assert "valid_loss" not in read(path)[0]


class Meanwhile(Callback):
    """Lets another training run to its end, after an epoch."""

    def __init__(self, epoch, *others):
        self.epoch = epoch
        self.others = others

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            run(*self.others, epochs=2)


@pytest.mark.parametrize("append", [False, True])
def test_trainings_at_once_do_not_mix_their_lines(tmp_path, append):
    path = tmp_path / "log.csv"
    other = CSVLogger(path, append=append)
    with pytest.warns(UserWarning, match=r"log\.csv' of CSVLogger is written by anoth"):
        rows = run(CSVLogger(path, append=append), Meanwhile(1, other), epochs=4)
    assert len(rows) == 4  # it goes on
    epochs = [line["epoch"] for line in read(path)]
    assert epochs == (["1", "1", "2"] if append else ["1", "2"])


def test_a_file_as_long_is_another_one(tmp_path):
    path = tmp_path / "log.csv"

    class Swap(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                text = path.read_bytes()
                path.write_bytes(text[:-3] + b"x\r\n")

    with pytest.warns(UserWarning, match="written by another training"):
        run(Swap(), CSVLogger(path), epochs=3)


def test_a_file_can_be_gone_on_with(tmp_path):
    path, rows = tmp_path / "log.csv", []
    run(CSVLogger(path, append=True), rows=rows, epochs=2)
    run(CSVLogger(path, append=True), rows=rows, epochs=2)
    assert [line["epoch"] for line in read(path)] == ["1", "2", "3", "4"]


def test_a_file_with_other_columns_is_not_gone_on_with(tmp_path):
    path = tmp_path / "log.csv"
    run(CSVLogger(path), epochs=1)
    before = path.read_bytes()
    message = r"log\.csv' of CSVLogger has the columns .*valid_loss.* or append=False"
    with pytest.raises(InvalidParameterError, match=message):
        run(CSVLogger(path, append=True), valid=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"path": None}, "'path' parameter of CSVLogger must be a string or a path"),
        ({"path": "log.csv", "append": 1}, "'append' .* CSVLogger must be True or Fal"),
    ],
)
def test_parameters_are_checked_when_training_begins(params, message):
    with pytest.raises(ParameterTypeError, match=message):
        run(CSVLogger(**params))


def test_a_folder_that_is_not_there_is_seen_before_the_first_epoch(tmp_path):
    rows = []
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(CSVLogger(tmp_path / "nowhere" / "log.csv"), rows=rows)
    assert rows == []


def test_a_line_an_epoch_in_the_log(caplog):
    rows = []
    with caplog.at_level(logging.INFO, logger="mtlearn"):
        run(EpochLog(rows), rows=rows)
    assert [record.levelname for record in caplog.records] == ["INFO"] * 3
    expected = [format_row(row, ("sign", "value")) for row in rows]
    assert caplog.messages == expected
    assert {record.name for record in caplog.records} == {"mtlearn"}


def test_the_log_is_silent_unless_it_is_asked_for(capsys):
    rows = []
    run(EpochLog(rows), rows=rows)
    assert capsys.readouterr() == ("", "")
    assert logger is logging.getLogger("mtlearn")
    assert any(isinstance(each, logging.NullHandler) for each in logger.handlers)


class Writer:
    """As much of a SummaryWriter as skorch uses."""

    def __init__(self):
        self.scalars = []
        self.closed = 0

    def add_scalar(self, tag, scalar_value, global_step):
        assert self.closed == 0
        self.scalars.append((tag, scalar_value, global_step))

    def close(self):
        self.closed += 1


def test_tensorboard_gets_the_losses_of_the_tasks():
    samples, tasks = make_problem()
    y = torch.stack([value.double() for value in samples.labels.values], dim=1).numpy()
    writer = Writer()
    estimator = MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(4,)),
        callbacks=[TensorBoard(writer)],
        max_epochs=2,
        random_state=0,
    )
    estimator.fit(samples.X, y, X_val=samples.X, y_val=y)
    written = {(tag, step): value for tag, value, step in writer.scalars}
    for row in estimator.history_:
        for key in ("loss", "sign_loss", "value_loss", "sign_accuracy", "value_r2"):
            for side in ("train", "valid"):
                name = f"{side}_{key}"
                assert written["Loss/" + name, row["epoch"]] == row[name]
        assert written["lr", row["epoch"]] == row["lr"]
    assert len(written) == len(writer.scalars)
    assert writer.closed == 1
