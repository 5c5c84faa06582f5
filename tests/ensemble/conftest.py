"""What tests of ensembles begin with."""

import pytest

import mtlearn.ensemble._together as together
from mtlearn import SeedEnsemble
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def fitted(table):
    return SeedEnsemble(table_estimator(), seeds=[42, 43, 44]).fit(*table)


@pytest.fixture
def passes(monkeypatch):
    """How many networks each pass through an epoch is of."""
    found = []
    plain = together.train_together

    def noted(nets, *args):
        found.append(len(nets))
        return plain(nets, *args)

    monkeypatch.setattr(together, "train_together", noted)
    return found
