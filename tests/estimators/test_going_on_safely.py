"""More training either succeeds or leaves the fitted estimator as it was."""

import pickle

import numpy as np
import pytest

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.exceptions import DivergenceError, InvalidParameterError
from mtlearn.networks import MLP
from tiny_problems import make_table, table_estimator


@pytest.fixture
def problem():
    return make_table()


def state_of(estimator, X):
    return estimator.predict_proba(X)[0], estimator.n_iter_, len(estimator.history_)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_diverged_training_leaves_the_estimator_as_it_was(problem, method):
    X, y = problem
    estimator = table_estimator(warm_start=True, optimizer="sgd").fit(X, y)
    estimator.set_params(lr=1e30)
    before = state_of(estimator, X)

    diverged = False
    while not diverged:  # the first epoch's loss is that of the weights before it
        try:
            getattr(estimator, method)(X, y)
            before = state_of(estimator, X)
        except DivergenceError:
            diverged = True

    after = state_of(estimator, X)
    assert np.array_equal(after[0], before[0])
    assert after[1:] == before[1:]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": Partial(MLP, hidden=(3,))}, "'backbone' parameter has changed"),
        ({"tasks": Tasks(other=Regression())}, "'tasks' parameter has changed"),
    ],
)
def test_another_network_cannot_go_on(problem, method, changes, message):
    X, y = problem
    estimator = table_estimator(warm_start=True).fit(X, y).set_params(**changes)

    with pytest.raises(InvalidParameterError, match=message):
        getattr(estimator, method)(X, y)


class SquaredError:
    """A loss without a repr of its own."""

    def __call__(self, output, target):
        return (output - target) ** 2


def test_an_object_as_loss_goes_on(problem):
    X, y = problem
    tasks = Tasks(kind=Classification(3), size=Regression(loss=SquaredError()))
    estimator = table_estimator(tasks, warm_start=True).fit(X, y)

    again = pickle.loads(pickle.dumps(estimator.fit(X, y)))

    assert again.partial_fit(X, y).n_iter_ == estimator.n_iter_ + 1


def test_task_weights_may_change():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    first = estimator.tasks.names[0]
    estimator.set_params(**{f"tasks__{first}__weight": 7.0}).fit(X, y)

    assert estimator.net_.criterion_.task_weights[0] == 7.0


def test_another_optimizer_is_taken_up(problem):
    X, y = problem
    estimator = table_estimator().fit(X, y)
    estimator.set_params(optimizer="sgd", weight_decay=0.5).partial_fit(X, y)

    group = estimator.net_.optimizer_.param_groups[0]
    assert group["momentum"] == 0.9
    assert group["weight_decay"] == 0.5


def test_the_same_optimizer_keeps_its_state(problem):
    X, y = problem
    estimator = table_estimator().fit(X, y)
    optimizer = estimator.net_.optimizer_
    estimator.set_params(lr=0.5).partial_fit(X, y)

    assert estimator.net_.optimizer_ is optimizer
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_arguments_that_change_later_do_not_reach_the_network(problem):
    X, y = problem
    hidden = [4]
    estimator = table_estimator(backbone=Partial(MLP, hidden=hidden)).fit(X, y)
    hidden.append(5)

    again = pickle.loads(pickle.dumps(estimator))

    assert np.array_equal(again.predict_proba(X)[0], estimator.predict_proba(X)[0])


def test_nested_name_of_a_missing_head():
    with pytest.raises(InvalidParameterError, match="Give the task a head first"):
        Classification().set_params(head__dropout=0.1)
