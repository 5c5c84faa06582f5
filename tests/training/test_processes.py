"""Groups of processes, as far as one process can have any."""

import pytest
import torch.distributed as dist

from mtlearn.training import common_seed, current_processes, has_group, in_processes
from tiny_problems import assert_same_bits, make_table, table_estimator


@pytest.fixture
def group_of_one():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


class Fitted:
    @in_processes
    def fit(self):
        self.processes = current_processes()
        return self


def test_without_a_group_a_fit_is_of_one_process():
    assert not has_group()
    assert Fitted().fit().processes is None
    assert common_seed(3, "Fitted") == 3


def test_a_group_of_one_process_is_none(group_of_one):
    expected = table_estimator().fit(*make_table())

    assert not has_group()
    assert Fitted().fit().processes is None
    assert_same_bits(table_estimator().fit(*make_table()), expected)
