"""Files, bars and lines of members: each tells whose they are."""

import csv
import logging

import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import SeedEnsemble, VotingEnsemble
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import CSVLogger
from tiny_problems import make_table, table_estimator


def logged(path, **params):
    return table_estimator(random_state=None, callbacks=[CSVLogger(path)], **params)


def losses(path):
    with path.open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


def own_losses(estimator):
    return [row["train_loss"] for row in estimator.history_]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_member_has_a_file(tmp_path, n_jobs):
    X, y = make_table()
    model = make_pipeline(StandardScaler(), logged(tmp_path / "log.csv"))
    ensemble = SeedEnsemble(model, 3, random_state=0, n_jobs=n_jobs).fit(X, y)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["log-0.csv", "log-1.csv", "log-2.csv"]
    found = [losses(tmp_path / name) for name in names]
    assert found == [own_losses(member[-1]) for member in ensemble.estimators_]
    assert found[0] != found[1]


def test_a_path_with_seeds_and_members(tmp_path):
    X, y = make_table()
    model = logged(tmp_path / "{member}" / "of seed {seed}.csv")
    for number in ("0", "1"):
        (tmp_path / number).mkdir()
    ensemble = SeedEnsemble(model, seeds=[42, 7]).fit(X, y)
    files = [tmp_path / "0" / "of seed 42.csv", tmp_path / "1" / "of seed 7.csv"]
    assert [losses(file) for file in files] == [
        own_losses(member) for member in ensemble.estimators_
    ]
    message = "'path' parameter of CSVLogger has {member} or {seed}, which are those"
    with pytest.raises(InvalidParameterError, match=message):
        model.fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_members_of_members(tmp_path, n_jobs):
    X, y = make_table()
    inner = SeedEnsemble(logged(tmp_path / "log.csv", max_epochs=2), 2)
    voting = VotingEnsemble([("a", inner), ("b", inner)], n_jobs=n_jobs).fit(X, y)
    for i, outer in enumerate(voting.estimators_):
        for j, member in enumerate(outer.estimators_):
            assert losses(tmp_path / f"log-{i}-{j}.csv") == own_losses(member)
    assert len(list(tmp_path.iterdir())) == 4


def test_epochs_of_partial_fit_go_on_with_their_files(tmp_path):
    X, y = make_table()
    logger = CSVLogger(tmp_path / "log.csv", append=True)
    ensemble = SeedEnsemble(
        table_estimator(random_state=None, callbacks=[logger]), 2, random_state=0
    )
    for _ in range(2):
        ensemble.partial_fit(X, y)
    for number, member in enumerate(ensemble.estimators_):
        assert losses(tmp_path / f"log-{number}.csv") == own_losses(member)


def test_a_search_leaves_the_file_of_its_last_fit(tmp_path):
    X, y = make_table(60)
    search = GridSearchCV(logged(tmp_path / "log.csv"), {"lr": [0.01, 0.1]}, cv=2)
    search.fit(X, y)
    assert losses(tmp_path / "log.csv") == own_losses(search.best_estimator_)


def test_bars_and_lines_say_whose_they_are(capsys, caplog):
    X, y = make_table()
    for verbose in (1, 2):
        model = table_estimator(random_state=None, verbose=verbose)
        with caplog.at_level(logging.INFO, logger="mtlearn"):
            SeedEnsemble(model, 2, random_state=0).fit(X, y)
    out, err = capsys.readouterr()
    assert "member 0: 100%" in err
    assert "member 1: 100%" in err
    assert "fit:" not in err
    starts = [line.split(":")[0] for line in out.splitlines()]
    expected = [f"member {i}, epoch {e}" for i in (0, 1) for e in (1, 2, 3, 4)]
    assert starts == expected
    assert [line.split(":")[0] for line in caplog.messages] == 2 * expected
    table_estimator(verbose=2).fit(X, y)
    assert capsys.readouterr().out.startswith("epoch 1: loss")
