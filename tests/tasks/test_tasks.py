"""The named tasks: parameters, names and loss weights."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import ParameterGrid

from mtlearn import MultiTaskEstimator
from mtlearn.exceptions import InvalidParameterError, MtlearnError, ParameterTypeError
from mtlearn.tasks import Classification, Head, Regression, Tasks

ODD_NAMES = ["any name", "self", "a.b", "cls", "deep", "tasks", "a_", "_a", "ä", "1"]


def three():
    return Tasks(
        digit=Classification(10, head=Head(hidden=(8,))),
        item=Classification(["a", "b"], weight=2.5),
        shade=Regression(bounds=(0, 1)),
    )


def test_names_order_and_access():
    tasks = three()

    assert tasks.names == ("digit", "item", "shade")
    assert len(tasks) == 3
    assert [name for name, _ in tasks.items()] == list(tasks.names)
    assert list(tasks) == [task for _, task in tasks.items()]
    assert tasks["item"].weight == 2.5
    assert "shade" in tasks
    assert "hue" not in tasks


def test_a_task_that_is_not_there():
    with pytest.raises(
        KeyError, match=r"no task 'hue'\. The tasks are: digit, item, shade"
    ):
        three()["hue"]


def test_the_constructor_stores_its_tasks():
    digit = Classification()
    tasks = Tasks(digit=digit)

    assert tasks["digit"] is digit
    assert tasks.get_params(deep=False) == {"digit": digit}


def test_nested_parameters():
    params = three().get_params()

    assert params["item__weight"] == 2.5
    assert params["shade__bounds"] == (0, 1)
    assert params["digit__head__hidden"] == (8,)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(name):
    tasks = Tasks.from_mapping({"first": Regression(), name: Classification()})

    tasks.validate()
    twin = clone(tasks).set_params(**{f"{name}__weight": 7.0})

    assert tasks.names == twin.names == ("first", name)
    assert twin.get_params()[f"{name}__weight"] == 7.0
    assert tasks[name].weight == 1.0
    twin.set_params(**{name: Regression()})
    assert twin[name].kind == "regression"
    assert f"{name}=Classification()" in repr(tasks)


def test_a_name_that_is_the_beginning_of_another():
    tasks = Tasks(a=Regression(), a_=Regression()).set_params(a___weight=3, a__weight=2)

    assert [task.weight for task in tasks] == [2, 3]


@pytest.mark.parametrize("given", [{"a": Regression()}, [Regression()], Regression()])
def test_tasks_without_names(given):
    message = r"by name: .* use Tasks\.from_mapping\(\.\.\.\)\. Got .*Regression\(\)"
    with pytest.raises(ParameterTypeError, match=message):
        Tasks(given)
    with pytest.raises(ParameterTypeError) as info:
        Tasks({f"task {i}": Regression() for i in range(1000)})
    assert len(str(info.value)) < 500


@pytest.mark.parametrize("name", [1, None, ("a", "b")])
def test_names_must_be_strings(name):
    with pytest.raises(ParameterTypeError, match=r"name of a task must be a string"):
        Tasks.from_mapping({name: Classification()})


@pytest.mark.parametrize("name", ["a__b", "", "__"])
def test_names_that_cannot_be_nested(name):
    with pytest.raises(
        InvalidParameterError, match=r"must not be empty or contain '__'"
    ):
        Tasks.from_mapping({name: Classification()}).validate()


def test_a_clone_is_deep_and_unfitted():
    tasks = three()
    tasks["item"].fit(np.array(["a", "b"]), np.ones(2), "item")

    twin = clone(tasks)

    assert twin.names == tasks.names
    assert repr(twin) == repr(tasks)
    assert not hasattr(twin["item"], "classes_")
    twin.set_params(digit__head__hidden=(3,), item__weight=9.0)
    assert tasks["digit"].head.hidden == (8,)
    assert tasks["item"].weight == 2.5


def test_setting_parameters_reaches_every_depth():
    tasks = three()

    returned = tasks.set_params(
        digit__head__dropout=0.1, item__weight=4, shade=Regression(loss="mae")
    )

    assert returned is tasks
    assert tasks["digit"].head.dropout == 0.1
    assert tasks["item"].weight == 4
    assert tasks["shade"].loss == "mae"
    assert tasks.names == ("digit", "item", "shade")


@pytest.mark.parametrize("order", [1, -1])
def test_a_task_is_replaced_before_its_parameters_are_set(order):
    params = {"item": Classification(5), "item__weight": 4}

    tasks = three().set_params(**dict(list(params.items())[::order]))

    assert tasks["item"].classes == 5
    assert tasks["item"].weight == 4


def test_replacing_a_task_leaves_the_given_mapping_alone():
    mapping = {"a": Classification()}
    Tasks.from_mapping(mapping).set_params(a=Regression())

    assert mapping["a"].kind == "classification"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("digits", r"no task 'digits'\. The tasks are: digit, item, shade\."),
        ("digits__weight", r"no task 'digits'\. The tasks are: digit, item, shade\."),
        ("digit__wieght", r"Invalid parameter 'wieght' .* 'weight'"),
        ("digit__head__drop", r"Invalid parameter 'drop' .* 'dropout'"),
        ("shade__classes", r"Invalid parameter 'classes' .*: \['bounds',"),
        ("digit_weight", r"no task 'digit_weight'"),
    ],
)
def test_a_misspelt_name_lists_the_valid_ones(key, message):
    with pytest.raises(ValueError, match=message):
        three().set_params(**{key: 1.0})


def test_nothing_is_set_if_a_task_is_misspelt():
    tasks = three()

    with pytest.raises(InvalidParameterError, match="no task 'itme'"):
        tasks.set_params(digit__weight=5.0, itme__weight=5.0)

    assert tasks["digit"].weight == 1.0


class Holder(BaseEstimator):
    """An estimator, for what a search does."""

    def __init__(self, tasks=None):
        self.tasks = tasks


def test_parameters_can_be_searched_through_an_estimator():
    grid = ParameterGrid({"tasks__item__weight": [1, 2], "tasks__digit": [None]})
    holder = Holder(three())

    found = [clone(holder).set_params(**point).tasks for point in grid]

    assert [tasks["item"].weight for tasks in found] == [1, 2]
    assert holder.tasks["item"].weight == 2.5


def test_pickling():
    twin = pickle.loads(pickle.dumps(three()))

    assert repr(twin) == repr(three())


def test_repr_is_one_line_where_it_fits():
    assert repr(Tasks(a=Regression())) == "Tasks(a=Regression())"
    assert repr(three()).splitlines()[2] == "      shade=Regression(bounds=(0, 1)))"
    assert repr(Tasks()) == "Tasks()"


def test_an_estimator_shows_the_tasks_in_order():
    tasks = Tasks(zebra=Regression(), apple=Regression())
    estimator = MultiTaskEstimator(tasks)

    for text in (repr(estimator), estimator._repr_html_()):
        assert text.index("zebra") < text.index("apple")


def test_no_task_is_an_error():
    with pytest.raises(InvalidParameterError, match=r"Tasks\(\) is empty\. Name at"):
        Tasks().validate()


@pytest.mark.parametrize("value", [None, "classification", 10, Classification])
def test_a_value_that_is_no_task_is_an_error(value):
    tasks = Tasks(a=value)

    assert tasks.get_params() == {"a": value}
    with pytest.raises(
        ParameterTypeError,
        match=r"'a' must be a Classification or a Regression, or of another kind\. Got",
    ) as caught:
        tasks.validate()
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, TypeError)


def test_validation_reaches_each_task():
    with pytest.raises(InvalidParameterError, match=r"Regression \(task 'b'\)"):
        Tasks(a=Classification(), b=Regression(loss="hinge")).validate()


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        (None, (1.0, 2.5, 1.0)),
        ([3, 0, 0.5], (3.0, 0.0, 0.5)),
        ((3, 0, 0.5), (3.0, 0.0, 0.5)),
        (np.array([3, 0, 0.5], dtype=np.float32), (3.0, 0.0, 0.5)),
        ({"shade": 4}, (1.0, 2.5, 4.0)),
        ({}, (1.0, 2.5, 1.0)),
    ],
    ids=["none", "list", "tuple", "array", "mapping", "empty"],
)
def test_loss_weights(given, weights):
    assert three().weights(given) == weights


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([1, 2], InvalidParameterError, r"has 2 values for 3 tasks \(digit, item, sha"),
        ({"hue": 1}, InvalidParameterError, r"names \['hue'\], which are not tasks"),
        ([1, -1, 1], InvalidParameterError, r"loss_weights\['item'\]. .* \[0.0, inf"),
        ({"item": np.nan}, InvalidParameterError, r"loss_weights\['item'\]. .* nan"),
        ({"item": np.inf}, InvalidParameterError, r"loss_weights\['item'\]. .* inf"),
        ({"item": "1"}, ParameterTypeError, r"loss_weights\['item'\]. .* real number"),
        ({"item": True}, ParameterTypeError, r"loss_weights\['item'\]. .* real numb"),
        ([None] * 3, ParameterTypeError, r"loss_weights\['digit'\]. .* real number"),
        ("auto", ParameterTypeError, r"must be None, a sequence .* Got 'auto'"),
        (2.0, ParameterTypeError, r"must be None, a sequence in task order"),
        ({1.0, 2.0, 3.0}, ParameterTypeError, r"must be None, a sequence in task ord"),
        (np.ones((3, 1)), ParameterTypeError, r"loss_weights\['digit'\]"),
    ],
    ids=str,
)
def test_loss_weights_that_do_not_fit(given, error, message):
    with pytest.raises(error, match=message):
        three().weights(given)
