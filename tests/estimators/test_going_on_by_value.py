"""More training compares parameters by what they are, and ignores none in silence."""

import functools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mtlearn import Classification, MultiLabel, Partial, Regression, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.networks import MLP
from tiny_problems import make_table, table_estimator

N_CLASSES = 40


class Scaled(nn.Module):
    """A backbone with arguments of many kinds."""

    def __init__(self, in_features, table=None, change=None, options=None):
        super().__init__()
        self.inner = nn.Linear(in_features, 4)

    def forward(self, x):
        return self.inner(x)


def scaled(factor):
    return lambda output, target: factor * (output - target) ** 2


def by_factor(output, target, factor=1.0):
    return factor * (output - target) ** 2


def weights(last):
    return dict.fromkeys(range(N_CLASSES), 1.0) | {N_CLASSES - 1: last}


def array(last):
    found = np.zeros(2000)
    found[1000] = last
    return found


def one_kind(**params):
    return Regression(**params)


def named(**params):
    return Tasks(a=Regression(**params))


KINDS = {
    "loss": ({"loss": "mse"}, {"loss": "mae"}),
    "bounds": ({"bounds": (0, 30)}, {"bounds": (0, 31)}),
    "closure": ({"loss": scaled(1.0)}, {"loss": scaled(2.0)}),
    "partial": (
        {"loss": functools.partial(by_factor, factor=1.0)},
        {"loss": functools.partial(by_factor, factor=2.0)},
    ),
    "module": (
        {"loss": nn.HuberLoss(reduction="none", delta=1.0)},
        {"loss": nn.HuberLoss(reduction="none", delta=2.0)},
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("make", [one_kind, named])
@pytest.mark.parametrize(("before", "today"), KINDS.values(), ids=KINDS)
def test_parameters_of_a_task(before, today, make, method):
    X, y = make_table()
    estimator = table_estimator(make(**before), warm_start=True).fit(X, y[:, 1])
    estimator.set_params(tasks=make(**before))  # equal, and another object
    assert estimator.partial_fit(X, y[:, 1]).n_iter_ == 5
    estimator.set_params(tasks=make(**today))
    with pytest.raises(InvalidParameterError, match="'tasks' parameter has changed"):
        getattr(estimator, method)(X, y[:, 1])


def test_weights_of_one_kind_are_taken_up():
    X, y = make_table()
    estimator = table_estimator(Regression(), warm_start=True).fit(X, y)
    assert estimator.net_.criterion_.task_weights == (1.0, 1.0)
    estimator.set_params(tasks__weight=7.0).fit(X, y)
    assert estimator.net_.criterion_.task_weights == (7.0, 7.0)
    estimator.set_params(loss_weights=[2.0, 3.0]).partial_fit(X, y)
    assert estimator.net_.criterion_.task_weights == (2.0, 3.0)


def test_the_last_of_many_class_weights():
    X = np.random.default_rng(0).normal(size=(80, 3))
    y = np.arange(80) % N_CLASSES
    tasks = Tasks(a=Classification(N_CLASSES, class_weight=weights(1.0)))
    estimator = table_estimator(tasks, warm_start=True).fit(X, y)
    estimator.set_params(tasks__a__class_weight=weights(1000.0))
    with pytest.raises(InvalidParameterError, match="'class_weight' of 'a'"):
        estimator.fit(X, y)


ARGUMENTS = {
    "array": ("table", array(0), array(1)),
    "tensor": ("table", torch.zeros(2000), torch.tensor(array(1))),
    "closure": ("change", scaled(1), scaled(2)),
    "mapping": ("options", {"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}),
    "left out": ("options", None, {}),
}


@pytest.mark.parametrize(("name", "before", "today"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_of_a_backbone(name, before, today):
    X, y = make_table()
    made = Partial(Scaled, **{name: before})
    estimator = table_estimator(backbone=made, warm_start=True).fit(X, y)
    estimator.fit(X, y)
    estimator.set_params(**{f"backbone__{name}": today})
    with pytest.raises(InvalidParameterError, match=f"'backbone' .* changed.*'{name}'"):
        estimator.fit(X, y)


@pytest.mark.parametrize(
    ("before", "today", "what"),
    [
        (Tasks(kind=Classification(3)), Tasks(kind=Classification(4)), "'classes'"),
        (Tasks(kind=Classification()), Tasks(kind=Classification([0, 1])), "'classes'"),
        (Tasks(kind=Classification(3)), None, None),
        (Tasks(kind=Classification(label_smoothing=0.1)), None, "'label_smoothing'"),
        (None, Tasks(other=Classification()), "names"),
        (None, Regression(), "the kind"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # classes that are inferred
def test_what_is_declared(before, today, what):
    X, y = make_table()
    y = y[:, 0]
    if isinstance(before, Tasks) and today is None and what is None:
        today = Tasks(kind=Classification())
    estimator = table_estimator(before, warm_start=True)
    estimator.set_params(tasks=before).fit(X, y)
    estimator.set_params(tasks=today)
    if what is None:
        assert estimator.fit(X, y).n_iter_ == 8
        return
    with pytest.raises(InvalidParameterError, match=f"has changed.*: {what}"):
        estimator.fit(X, y)


@pytest.mark.parametrize("columns", [(1, 0), (None, None)])
def test_columns_of_tasks(columns):
    X, y = make_table()
    y = np.column_stack([y[:, 1], y[:, 1]])
    tasks = Tasks(a=Regression(column=1), b=Regression(column=0))
    estimator = table_estimator(tasks, warm_start=True).fit(X, y).fit(X, y)
    other = {f"tasks__{n}__column": c for n, c in zip("ab", columns, strict=True)}
    estimator.set_params(**other)
    if columns == (1, 0):
        assert estimator.fit(X, y).n_iter_ == 12
        return
    with pytest.raises(InvalidParameterError, match="'column' of 'a', from 1 to 0"):
        estimator.fit(X, y)


@pytest.mark.parametrize("tasks", [MultiLabel(), MultiLabel(3)])
@pytest.mark.parametrize("framed", [False, True])
def test_labels_alone_go_on(tasks, framed):
    X, y = make_table()
    y = np.column_stack([y[:, 0] == label for label in range(3)])
    y = pd.DataFrame(y, columns=list("abc")) if framed else y
    estimator = table_estimator(tasks, warm_start=True, max_epochs=1).fit(X, y)
    assert estimator.fit(X, y).partial_fit(X, y).n_iter_ == 3

    columns = list("acb") if framed else [0, 2, 1]
    estimator.set_params(tasks__columns=columns)
    with pytest.raises(InvalidParameterError, match="'columns' of 'task_0', from"):
        estimator.fit(X, y)
    estimator.set_params(warm_start=False).fit(X, y).set_params(tasks__columns=None)
    with pytest.raises(InvalidParameterError, match="'columns' of 'task_0', from"):
        estimator.partial_fit(X, y)


@pytest.mark.parametrize(
    "tasks",
    [MultiLabel(), MultiLabel(3), Tasks(a=MultiLabel()), Tasks(a=MultiLabel(3))],
)
@pytest.mark.parametrize("method", ["partial_fit", "score"])
def test_as_many_labels_as_before(tasks, method):
    X, y = make_table()
    y = np.column_stack([y[:, 0] == label for label in (0, 1, 2, 0)])
    estimator = table_estimator(tasks, max_epochs=1).fit(X, y[:, :3])
    for n_columns in (2, 4):
        with pytest.raises(InvalidDataError, match=f"y has {n_columns} columns"):
            getattr(estimator, method)(X, y[:, :n_columns])


@pytest.mark.parametrize(("column", "goes_on"), [(1, True), ("q", True), (0, False)])
def test_columns_of_a_frame_by_number(column, goes_on):
    X, y = make_table()
    y = pd.DataFrame({"p": y[:, 0], "q": y[:, 1], "r": y[:, 1]})
    tasks = Tasks(a=Regression(column=1), b=Regression(column=2))
    estimator = table_estimator(tasks, warm_start=True, max_epochs=1).fit(X, y)
    estimator.set_params(tasks__a__column=column)
    if goes_on:
        assert estimator.fit(X, y).partial_fit(X, y).n_iter_ == 3
        return
    with pytest.raises(InvalidParameterError, match="'column' of 'a', from 'q' to 0"):
        estimator.fit(X, y)


@pytest.mark.parametrize("before", [1, -1, "right"])
def test_columns_of_a_frame_by_their_place(before):
    X, y = make_table()
    y = pd.DataFrame({"left": y[:, 1], "right": y[:, 1]})
    estimator = table_estimator(Tasks(a=Regression(column=before)), warm_start=True)
    estimator.fit(X, y).fit(X, y)  # the same place is the same column
    assert estimator.set_params(tasks__a__column="right").fit(X, y).n_iter_ == 12
    for other in (0, -2, "left"):
        estimator.set_params(tasks__a__column=other)
        with pytest.raises(InvalidParameterError, match="'column' of 'a', from 'right"):
            estimator.fit(X, y)


def test_columns_whose_names_are_numbers_are_found_by_their_text():
    X, y = make_table()
    y = pd.DataFrame({2020: y[:, 1], 2021: y[:, 1]})
    tasks = Tasks.from_mapping({"2020": Regression(), "2021": Regression()})
    estimator = table_estimator(tasks, warm_start=True)
    assert estimator.fit(X, y).fit(X, y).n_iter_ == 8


def test_arguments_of_an_optimizer():
    X, y = make_table()

    class Own(torch.optim.SGD):
        def __init__(self, params, table, **options):
            super().__init__(params, **options)
            self.table = table

    estimator = table_estimator(optimizer=Partial(Own, table=array(0))).fit(X, y)
    before = estimator.net_.optimizer_
    estimator.partial_fit(X, y)
    assert estimator.net_.optimizer_ is before
    estimator.set_params(optimizer__table=array(1)).partial_fit(X, y)
    assert estimator.net_.optimizer_.table[1000] == 1


def test_backbones_of_another_class():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    estimator.set_params(backbone=Partial(Scaled))
    with pytest.raises(InvalidParameterError, match=r"its class, from .*MLP.*Scaled"):
        estimator.fit(X, y)
    assert MLP.__name__ in repr(estimator.net_.module_)
