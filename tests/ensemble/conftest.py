"""What tests of ensembles begin with."""

import pytest

from mtlearn import SeedEnsemble
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def fitted(table):
    return SeedEnsemble(table_estimator(), seeds=[42, 43, 44]).fit(*table)
