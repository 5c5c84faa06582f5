"""What tests of figures begin with."""

import pytest
from mixed_targets import make_data, make_tasks


@pytest.fixture
def X():
    return make_data()[0]


@pytest.fixture
def y():
    return make_data()[1]


@pytest.fixture
def tasks():
    return make_tasks()
