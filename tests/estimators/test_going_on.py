"""warm_start and partial_fit: training that goes on."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn import Classification, MultiLabel, Regression, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

UNDECLARED = {"kind": Classification(), "size": Regression()}


def test_a_warm_start_goes_on_from_the_weights():
    X, y = make_table()
    estimator = table_estimator(warm_start=True, lr=1e-300).fit(X, y)
    before = weights_of(estimator)
    net = estimator.net_
    estimator.fit(X, y)
    assert estimator.net_ is net
    for name, value in weights_of(estimator).items():
        np.testing.assert_allclose(value, before[name], rtol=1e-12)
    assert estimator.n_iter_ == estimator.best_epoch_ == 8


def test_a_cold_start_begins_anew():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    assert_same_bits(table_estimator().fit(X, y), estimator.fit(X, y))
    assert estimator.n_iter_ == 4


def test_a_warm_start_of_labels_alone_knows_their_columns():
    X, y = make_table()
    tags = np.column_stack([y[:, 0] == 0, y[:, 0] == 1, y[:, 1] > 9]).astype(float)
    estimator = table_estimator(MultiLabel(), warm_start=True).fit(X, tags)
    net = estimator.net_
    assert estimator.fit(X, tags).net_ is net
    names = "none", "one", "large"
    frame = pd.DataFrame(tags, columns=names)
    for task in (MultiLabel(), MultiLabel(columns=["one", "large"])):
        estimator = table_estimator(task, warm_start=True).fit(X, frame)
        net = estimator.net_
        assert estimator.fit(X, frame).net_ is net
    estimator.set_params(tasks__columns=["large", "one"])
    words = r"'columns' of 'task_0', from \['one', 'large'\] to \['large', 'one'\]"
    with pytest.raises(InvalidParameterError, match=words):
        estimator.fit(X, frame)
    with pytest.raises(InvalidDataError, match="The 'columns' of task 'task_0' names"):
        table_estimator(MultiLabel(columns=["none", "two"])).fit(X, frame)


def test_a_warm_start_lowers_the_loss_further():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    losses = [row["train_loss"] for row in estimator.fit(X, y).history_]
    assert losses[4] < losses[3]
    assert losses[7] < losses[4]


def test_a_warm_start_keeps_classes_and_scales():
    X, y = make_table()
    estimator = table_estimator(Tasks(**UNDECLARED), warm_start=True).fit(X, y)
    mean = estimator.tasks_["size"].mean_
    few = y[:, 0] == 1
    estimator.fit(X[few], y[few] + [0, 100])
    assert estimator.tasks_["size"].mean_ == mean
    assert estimator.predict_proba(X)[0].shape == (40, 3)
    y[0, 0] = 7
    with pytest.raises(InvalidDataError, match=r"label 7\.0 for task 'kind', which is"):
        estimator.fit(X, y)


@pytest.mark.parametrize(
    ("before", "after"), [("sgd", "adam"), ("adam", "sgd"), ("adamw", torch.optim.SGD)]
)
def test_a_warm_start_takes_another_optimizer(before, after):
    X, y = make_table()
    estimator = table_estimator(warm_start=True, optimizer=before).fit(X, y)
    estimator.set_params(optimizer=after, lr=0.001, batch_size=10).fit(X, y)
    assert estimator.n_iter_ == 8
    assert estimator.history_[-1]["lr"] == 0.001
    momentum = estimator.net_.optimizer_.param_groups[0].get("momentum", 0)
    assert momentum == (0.9 if after == "sgd" else 0)


def test_a_warm_start_takes_another_precision():
    X, y = make_table()
    estimator = table_estimator(warm_start=True, precision="float32").fit(X, y)
    assert estimator.embed(X).dtype == np.float32
    estimator.set_params(precision="float64").fit(X, y)
    assert estimator.embed(X).dtype == np.float64
    assert np.isfinite(estimator.history_[-1]["train_loss"])


def test_a_warm_start_checks_the_shape():
    X, y = make_images()
    estimator = image_estimator(warm_start=True).fit(X, y)
    with pytest.raises(InvalidDataError, match=r"fitted on images of shape \(6, 6, 1"):
        estimator.fit(X[:, :5], y)


class Held(Callback):
    """Keeps the validation rows of each fit."""

    def __init__(self):
        self.rows = []

    def on_train_begin(self, net, X, **kwargs):
        self.rows.append(X[1].rows.tolist())


def split_twice(random_state, between):
    X, y = make_table()
    held = Held()
    estimator = table_estimator(
        warm_start=True, early_stopping=True, validation_fraction=0.3, max_epochs=2,
        random_state=random_state,
    )  # fmt: skip
    estimator.set_params(callbacks=[held]).fit(X, y)
    estimator.set_params(callbacks=None)
    between(estimator, X, y)
    estimator.set_params(callbacks=[held])
    estimator.fit(X, y)
    return held.rows


def pickled(estimator, X, y):
    vars(estimator).update(vars(pickle.loads(pickle.dumps(estimator))))


@pytest.mark.parametrize(
    "random_state", [0, None, np.random.RandomState(0)], ids=["int", "None", "state"]
)
@pytest.mark.parametrize(
    "between",
    [
        lambda estimator, X, y: None,
        lambda estimator, X, y: estimator.partial_fit(X, y),
        pickled,
    ],
    ids=["nothing", "partial_fit", "pickle"],
)
def test_a_warm_start_holds_out_the_same_rows(random_state, between):
    first, second = split_twice(random_state, between)
    assert first == second
    assert len(first) == 12


def test_a_warm_start_from_an_earlier_version_holds_out_those_of_its_seed():
    first, second = split_twice(0, lambda estimator, X, y: forget_split(estimator))
    assert first == second


def forget_split(estimator):
    del estimator._split_seed


def test_a_cold_start_without_a_seed_holds_out_others():
    first, second = split_twice(
        None, lambda estimator, X, y: estimator.set_params(warm_start=False)
    )
    assert first != second


def test_partial_fit_is_one_epoch():
    X, y = make_table()
    estimator = table_estimator().partial_fit(X, y)
    assert estimator.n_iter_ == 1
    estimator.partial_fit(X, y).partial_fit(X, y)
    assert [row["epoch"] for row in estimator.history_] == [1, 2, 3]
    assert estimator.best_epoch_ == 3


def test_partial_fit_of_all_rows_is_an_epoch_of_fit():
    X, y = make_table()
    estimator = table_estimator().partial_fit(X, y).partial_fit(X, y)
    fitted = table_estimator(max_epochs=2).fit(X, y)
    for name, value in weights_of(fitted).items():
        np.testing.assert_allclose(weights_of(estimator)[name], value, rtol=1e-9)


def test_partial_fit_learns():
    X, y = make_images()
    estimator = image_estimator(lr=0.01)
    for _ in range(12):
        estimator.partial_fit(X, y)
    assert estimator.history_[-1]["train_loss"] < estimator.history_[0]["train_loss"]


def test_partial_fit_follows_fit():
    X, y = make_table()
    estimator = table_estimator(Tasks(**UNDECLARED)).fit(X, y).partial_fit(X[:5], y[:5])
    assert estimator.n_iter_ == 5
    assert estimator.predict_proba(X)[0].shape == (40, 3)


def test_partial_fit_takes_todays_rate_and_batch_size():
    X, y = make_table()
    estimator = table_estimator(batch_size=10).partial_fit(X, y)
    estimator.set_params(batch_size=40, lr=0.5).partial_fit(X, y)
    assert estimator.history_[-1]["lr"] == 0.5
    assert len(estimator.net_.history[-1, "batches"]) == 1


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_partial_fit_takes_todays_precision(precision):
    X, y = make_table()
    estimator = table_estimator(precision=precision).partial_fit(X, y)
    estimator.set_params(precision="float64").partial_fit(X, y)
    assert estimator.embed(X).dtype == np.float64


def test_partial_fit_validates_nothing():
    X, y = make_table()
    estimator = table_estimator(early_stopping=True, lr_schedule="plateau")
    estimator.partial_fit(X, y)
    assert "valid_loss" not in estimator.history_[0]


def test_partial_fit_needs_classes():
    X, y = make_table()
    with pytest.raises(
        InvalidParameterError,
        match=r"must know the classes of task 'kind': declare .* or pass classes=",
    ):
        table_estimator(Tasks(**UNDECLARED)).partial_fit(X, y)
    with pytest.raises(InvalidParameterError, match="must know the classes"):
        table_estimator(Classification()).partial_fit(X, y[:, 0])


@pytest.mark.parametrize("classes", [[0, 1, 2, 3], np.arange(4), range(4)], ids=repr)
@pytest.mark.parametrize(
    "tasks", [Classification(), Tasks(kind=Classification()), None], ids=str
)
def test_classes_of_one_task(tasks, classes):
    X, y = make_table()
    estimator = table_estimator().set_params(tasks=tasks)
    estimator.partial_fit(X, y[:, 0], classes=classes)
    np.testing.assert_array_equal(estimator.classes_, [0, 1, 2, 3])
    assert estimator.predict_proba(X).shape == (40, 4)


def test_classes_of_one_task_that_are_words():
    X, _ = make_table()
    words = np.array(["a", "b"] * 20)
    estimator = table_estimator(Classification())
    estimator.partial_fit(X, words, classes=["a", "b", "unseen"])
    assert estimator.predict_proba(X).shape == (40, 3)


def test_classes_of_several_tasks():
    X, y = make_table()
    estimator = table_estimator(Tasks(**UNDECLARED))
    estimator.partial_fit(X, y, classes=[[0, 1, 2, 9], None])
    np.testing.assert_array_equal(estimator.classes_[0], [0, 1, 2, 9])
    estimator.partial_fit(X, y)  # needed at the first call only
    assert estimator.n_iter_ == 2
    # The parameter still declares none.
    assert estimator.tasks["kind"].classes is None


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([[0, 1, 2]], r"has 1 entries for 2 tasks \(kind, size\)"),
        ([5, None], "must list the labels of task 'kind'. Got 5 instead"),
    ],
)
def test_bad_classes(classes, message):
    X, y = make_table()
    with pytest.raises(InvalidParameterError, match=message):
        table_estimator(Tasks(**UNDECLARED)).partial_fit(X, y, classes=classes)


def test_classes_of_several_columns_need_tasks():
    X, y = make_table()
    estimator = table_estimator().set_params(tasks=None)
    with pytest.raises(InvalidParameterError, match=r"pass tasks=Tasks\(\.\.\.\)"):
        estimator.partial_fit(X, y, classes=[[0, 1, 2], None])


def test_a_later_batch_with_an_unknown_label():
    X, y = make_table()
    estimator = table_estimator().partial_fit(X, y)
    y[11, 0] = 5
    with pytest.raises(
        InvalidDataError, match=r"Row 11 of y has the label 5\.0 for task 'kind', which"
    ):
        estimator.partial_fit(X, y)


def test_a_later_batch_may_lack_a_task():
    X, y = make_table()
    estimator = table_estimator().partial_fit(X, y)
    y[:, 0] = np.nan
    estimator.partial_fit(X, y)
    assert np.isnan(estimator.history_[-1]["train_kind_loss"])
    assert np.isfinite(estimator.history_[-1]["train_loss"])


def test_an_optimizer_goes_on_over_partial_fits():
    X, y = make_table()
    estimator = table_estimator(optimizer="adam").partial_fit(X, y)
    estimator.partial_fit(X, y)
    states = estimator.net_.optimizer_.state.values()
    assert {int(state["step"]) for state in states} == {2}
    assert not same_bits(estimator, table_estimator(max_epochs=1).fit(X, y))


BALANCED = Classification(2, class_weight="balanced")


@pytest.mark.parametrize(
    "tasks", [BALANCED, Tasks(a=BALANCED), Tasks(b=Regression(), a=BALANCED)], ids=str
)
@pytest.mark.parametrize("is_fitted", [False, True])
def test_balanced_class_weights_need_all_rows(tasks, is_fitted):
    # As scikit-learn's SGDClassifier does, also after fit.
    X, y = make_table()
    has_two = isinstance(tasks, Tasks) and len(tasks) > 1
    y = np.column_stack([y[:, 1], y[:, 0] > 0]) if has_two else y[:, 0] > 0
    estimator = table_estimator(tasks)
    if is_fitted:
        estimator.fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"a mapping .*'balanced' instead"):
        estimator.partial_fit(X, y)


@pytest.mark.parametrize("pos_weight", ["sqrt", "balanced"])
def test_weights_of_positives_of_all_rows_do_not_go_with_partial_fit(pos_weight):
    X, y = make_table()
    indicators = np.column_stack([y[:, 0] > 0, y[:, 0] > 1])
    learned = table_estimator(Tasks(a=MultiLabel(2, pos_weight=pos_weight)))
    with pytest.raises(InvalidParameterError, match=f"numbers .*'{pos_weight}' inst"):
        learned.partial_fit(X, indicators)

    given = [3.0, 2.0]
    by_hand = table_estimator(Tasks(a=MultiLabel(2, pos_weight=given)))
    fitted = by_hand.partial_fit(X, indicators).tasks_["a"]
    assert fitted.pos_weight_.tolist() == given


def test_class_weights_of_a_mapping_go_with_partial_fit():
    X, y = make_table()
    y = y[:, 0] > 0
    weighted = table_estimator(Classification(2, class_weight={1: 3}))
    by_hand = table_estimator(Classification(2))
    for _ in range(2):
        weighted.partial_fit(X, y)
        by_hand.partial_fit(X, y, 1 + 2.0 * y)
    assert_same_bits(weighted, by_hand)


def test_class_weights_are_balanced_anew_over_the_rows_of_a_fit():
    X, y = make_table()
    y = y[:, 0]
    tasks = Tasks(a=Classification(3, class_weight="balanced"))
    estimator = table_estimator(tasks, warm_start=True).fit(X, y)
    first = estimator.tasks_["a"].class_factors_
    rows = np.arange(25)
    weight = np.linspace(1, 2, 25)
    estimator.fit(X[rows], y[rows], weight)

    found = estimator.tasks_["a"].class_factors_
    sums = np.bincount(y[rows].astype(int), weights=weight)
    np.testing.assert_allclose(found, weight.sum() / (3 * sums))
    assert not np.allclose(found, first)


def test_class_weights_of_a_task_without_new_labels_stay():
    X, y = make_table()
    kind = Classification(3, class_weight="balanced")
    tasks = Tasks(kind=kind, size=Regression())
    estimator = table_estimator(tasks, warm_start=True).fit(X, y)
    first = estimator.tasks_["kind"].class_factors_.copy()
    y[:, 0] = np.nan
    estimator.fit(X, y)

    assert estimator.tasks_["kind"].class_factors_.tolist() == first.tolist()
