"""Nets of older versions, whose tasks come in another order."""

import numpy as np
import torch

from mtlearn import Regression, Tasks
from mtlearn.estimators._older import net_in_order
from tiny_problems import make_table, table_estimator


def test_each_head_follows_its_task():
    # Three, as an order of two is its own reverse.
    X, y = make_table()
    tasks = Tasks(a=Regression(), b=Regression(), c=Regression())
    estimator = table_estimator(tasks).fit(X, np.column_stack([X[:, :2], y[:, 1]]))
    names = ("b", "c", "a")
    turned = Tasks.from_mapping({name: estimator.tasks_[name] for name in names})
    net = net_in_order(estimator.net_, turned, (1, 2, 0))
    rows = torch.from_numpy(X)
    with torch.no_grad():
        a, b, c = estimator.net_.module_(rows)
        found = net.module_(rows)
    for one, other in zip(found, (b, c, a), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert net.tasks is turned
