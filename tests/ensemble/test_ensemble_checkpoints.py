"""Members that have ended are not trained again after a crash."""

import logging

import pytest
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from mtlearn import SeedEnsemble, VotingEnsemble
from tiny_problems import assert_same_bits, epochs_of, make_table, table_estimator


class CrashAt(Callback):
    """Fails at the n-th epoch that this process has run, if the test says so."""

    left = None

    def on_epoch_end(self, net, **kwargs):
        if CrashAt.left is not None:
            CrashAt.left -= 1
            if CrashAt.left == 0:
                raise RuntimeError("crash")


@pytest.fixture
def crash(monkeypatch):
    def fit(estimator, X, y, after):
        with monkeypatch.context() as patch:
            patch.setattr(CrashAt, "left", after)
            with pytest.raises(RuntimeError, match="crash"):
                estimator.fit(X, y)

    return fit


def member(folder=None, **params):
    return table_estimator(
        random_state=None,
        callbacks=[CrashAt()],
        checkpoint_dir=folder,
        **params,
    )


@pytest.mark.parametrize("n_jobs", [None, 1])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_finished_members_stay(tmp_path, crash, caplog, bootstrap, n_jobs):
    X, y = make_table()
    params = {"bootstrap": bootstrap, "random_state": 0, "n_jobs": n_jobs}
    expected = SeedEnsemble(member(), 3, **params).fit(X, y)
    ensemble = SeedEnsemble(member(tmp_path), 3, **params)
    crash(ensemble, X, y, after=4 + 3)
    # The first member's last file, and the second one's last two.
    assert len(list(tmp_path.iterdir())) == 1 + 2
    with caplog.at_level(logging.INFO, "mtlearn"):
        ensemble.fit(X, y)
    assert epochs_of(caplog) == [3, 4, 1, 2, 3, 4]
    for one, other in zip(ensemble.estimators_, expected.estimators_, strict=True):
        assert_same_bits(one, other)
        assert one.n_iter_ == other.n_iter_
    assert not list(tmp_path.iterdir())


def test_members_that_stopped_early_stay_stopped(tmp_path, crash, caplog):
    X, y = make_table()
    params = {"early_stopping": True, "n_iter_no_change": 2, "lr": 0.5}
    params["max_epochs"] = 60
    expected = SeedEnsemble(member(**params), 2, random_state=0).fit(X, y)
    epochs = [each.n_iter_ for each in expected.estimators_]
    assert max(epochs) < 60
    ensemble = SeedEnsemble(member(tmp_path, **params), 2, random_state=0)
    crash(ensemble, X, y, after=epochs[0] + 2)
    with caplog.at_level(logging.INFO, "mtlearn"):
        ensemble.fit(X, y)
    assert epochs_of(caplog)[0] == 2
    assert [each.n_iter_ for each in ensemble.estimators_] == epochs
    for one, other in zip(ensemble.estimators_, expected.estimators_, strict=True):
        assert_same_bits(one, other)


def test_members_in_processes(tmp_path):
    X, y = make_table()
    ensemble = SeedEnsemble(member(tmp_path), 2, random_state=0, n_jobs=2).fit(X, y)
    assert len(ensemble.estimators_) == 2
    assert not list(tmp_path.iterdir())


def test_ensembles_of_ensembles_and_searches(tmp_path, crash, caplog):
    X, y = make_table()
    inner = SeedEnsemble(member(tmp_path), 2, random_state=0)
    search = GridSearchCV(
        member(tmp_path), {"lr": [0.01, 0.02]}, cv=2, error_score="raise"
    )
    search.estimator.set_params(random_state=1)
    outer = VotingEnsemble([("seeds", inner), ("search", search)])
    # Two members, and then one of the four fits of the search.
    crash(outer, X, y, after=3 * 4 + 1)
    with caplog.at_level(logging.INFO, "mtlearn"):
        outer.fit(X, y)
    # Three fits of the search and the last one with the best parameters are left.
    assert epochs_of(caplog) == [1, 2, 3, 4] * 4
    assert not list(tmp_path.iterdir())
