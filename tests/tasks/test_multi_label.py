"""A task of several labels: how it reads them, learns of them, and predicts them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score, hamming_loss

from mtlearn import Classification, Head, MultiLabel, MultiTaskEstimator, Partial, Tasks
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.losses import binary_focal_loss, sample_loss
from mtlearn.metrics import task_report
from mtlearn.networks import MLP
from mtlearn.tasks import ScoredLabels, fit_codec, read_targets
from tiny_problems import make_table, table_estimator

NAN = float("nan")
BLOCK = np.array([[1.0, 0.0, 0.0], [0.0, NAN, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
SETS = [{"b"}, ["c", "a"], (), None, frozenset({"a"})]


def fitted(task, y, **kwargs):
    codec = fit_codec(task, y, **kwargs)
    return next(iter(codec.tasks)), codec.encode(y, **kwargs), codec


def test_a_block_of_an_array():
    task, targets, codec = fitted(MultiLabel(), BLOCK)
    assert task.classes_.tolist() == [0, 1, 2]
    assert targets.values[0].tolist() == np.nan_to_num(BLOCK).tolist()
    assert targets.weights[0].tolist() == np.isfinite(BLOCK).tolist()
    assert codec.has_one_task
    predicted = codec.arrange([np.array([[1, 0, 1]])])
    assert predicted.tolist() == [[1, 0, 1]]
    assert predicted.dtype == BLOCK.dtype


@pytest.mark.parametrize(
    "dtype", [bool, int, "Int64", "boolean", "float32", "category"]
)
def test_a_block_of_a_frame_comes_back_with_its_dtypes(dtype):
    frame = pd.DataFrame(np.nan_to_num(BLOCK), columns=list("xyz")).astype(dtype)
    task, _, codec = fitted(MultiLabel(), frame)
    assert task.classes_.tolist() == ["x", "y", "z"]
    predicted = codec.arrange([task.decode(np.nan_to_num(BLOCK))])
    pd.testing.assert_frame_equal(predicted, frame)


def test_categories_of_truth_values_come_back():
    frame = pd.DataFrame(np.nan_to_num(BLOCK) > 0, columns=list("xyz"))
    frame = frame.astype("category")
    task, _, codec = fitted(MultiLabel(), frame)
    predicted = codec.arrange([task.decode(np.nan_to_num(BLOCK))])
    pd.testing.assert_frame_equal(predicted, frame)


def test_labels_of_a_frame_are_found_by_name():
    frame = pd.DataFrame(BLOCK, columns=["x", "y", "z"])
    frame["kind"] = [0, 1, 0, 1]
    tasks = Tasks(kind=Classification(), tags=MultiLabel(["z", "x"]))
    targets = {target.name: target for target in read_targets(frame, tasks)}
    assert_array_equal(targets["tags"].values, BLOCK[:, [2, 0]])
    tasks = Tasks(tags=MultiLabel(columns=["z", "x"]))
    codec = fit_codec(tasks, frame)
    assert codec.tasks["tags"].classes_.tolist() == ["z", "x"]


def test_tasks_of_an_array_take_their_widths_in_order():
    y = np.column_stack([[3, 4, 3, 4], np.nan_to_num(BLOCK), [0, 1, 2, 2]])
    tasks = Tasks(a=Classification(), tags=MultiLabel(3), b=Classification())
    codec = fit_codec(tasks, y)
    assert codec.tasks["b"].classes_.tolist() == [0, 1, 2]
    assert codec.layout.counts_of_tasks == (1, 3, 1)
    tasks = Tasks(a=Classification(), tags=MultiLabel())
    assert fit_codec(tasks, y[:, :4]).tasks["tags"].n_outputs == 3
    assert MultiLabel(np.int64(3)).n_columns == 3


@pytest.mark.parametrize("hold", [list, pd.Series])
def test_a_column_of_sets(hold):
    y = np.empty(len(SETS), dtype=object)
    y[:] = SETS
    y = y if hold is list else hold(y)
    task, targets, codec = fitted(MultiLabel(), y)
    assert task.classes_.tolist() == ["a", "b", "c"]
    expected = [[0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert targets.values[0].tolist() == expected
    assert targets.weights[0].tolist() == [[1] * 3] * 3 + [[0] * 3] + [[1] * 3]
    predicted = codec.arrange([np.array([[1, 0, 1], [0, 0, 0]])])
    assert predicted.tolist() == [("a", "c"), ()]


def test_text_is_split_where_it_is_said_how():
    frame = pd.DataFrame({"tags": ["sun, sea", "", None, "sea"], "n": [0, 1, 0, 1]})
    tasks = Tasks(tags=MultiLabel(sep=","), n=Classification())
    codec = fit_codec(tasks, frame)
    assert codec.tasks["tags"].classes_.tolist() == ["sea", "sun"]
    assert codec.encode(frame).values[0].tolist() == [[1, 1], [0, 0], [0, 0], [1, 0]]
    predicted = codec.arrange([np.array([[1, 0]]), np.array([1])])
    assert predicted["tags"].tolist() == [("sea",)]


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (MultiLabel(), [[0, 1], [1, 2]], "Row 1 of y has 2 for the label 1 of task"),
        (MultiLabel(3), [[0, 1], [1, 0]], "2 columns"),
        (MultiLabel(), pd.Series([["a"], "b"]), "Row 1 of y has 'b' .* Split texts"),
        (MultiLabel(), pd.Series([["a"], 3]), "Row 1 of y has 3 .* Pass lists"),
        (MultiLabel(["a"]), pd.Series([["a"], ["z"]]), "Row 1 of y has the label 'z'"),
        (MultiLabel(), pd.Series([[], []]), "has no labels"),
        (MultiLabel(), np.array([["x", "y"]]), "takes 0 and 1, or one column of"),
    ],
)
def test_labels_that_cannot_be(task, y, message):
    with pytest.raises(InvalidDataError, match=message):
        fit_codec(Tasks(tags=task), y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"labels": 0}, InvalidParameterError, "'labels' .* at least 1"),
        ({"labels": "ab"}, ParameterTypeError, "'labels' .* sequence"),
        ({"labels": ["a", "a"]}, InvalidParameterError, "Got 'a' twice"),
        ({"pos_weight": "root"}, InvalidParameterError, "'pos_weight'.*'sqrt'"),
        ({"pos_weight": 0.0}, InvalidParameterError, "'pos_weight'.*above 0"),
        ({"labels": 3, "pos_weight": [1, 2]}, InvalidParameterError, "3 labels. Got 2"),
        ({"labels": ["a"], "thresholds": {"b": 0.5}}, InvalidParameterError, "'b'"),
        ({"thresholds": 1.0}, InvalidParameterError, "'thresholds'.*below 1"),
        ({"label_smoothing": 1.0}, InvalidParameterError, "'label_smoothing'"),
        (
            {"label_smoothing": 0.1, "loss": "focal"},
            InvalidParameterError,
            "goes with loss='bce'",
        ),
        ({"loss": "mse"}, InvalidParameterError, "'loss'"),
        ({"sep": ""}, ParameterTypeError, "'sep'"),
        ({"columns": "ab"}, ParameterTypeError, "'columns' .* a list of columns"),
        ({"columns": 3}, ParameterTypeError, "'columns' .* a list of columns"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        Tasks(tags=MultiLabel(**params)).validate()


def test_prevalences_and_weights_count_cells():
    y = np.array([[1, 0], [1, 1], [0, NAN], [0, 0], [0, 0]])
    task, *_ = fitted(MultiLabel(pos_weight="balanced"), y)
    share = np.array([2 / 5, 1 / 4])
    assert_allclose(task.prevalence_, share)
    assert_allclose(task.pos_weight_, (1 - share) / share)
    task, *_ = fitted(MultiLabel(pos_weight="sqrt"), y)
    assert_allclose(task.pos_weight_, np.sqrt((1 - share) / share))
    task, *_ = fitted(MultiLabel(pos_weight={1: 7.0}), y)
    assert task.pos_weight_.tolist() == [1, 7]


@pytest.mark.parametrize("pos_weight", ["sqrt", "balanced"])
def test_a_weight_of_two_is_two_rows(pos_weight):
    y = np.array([[1, 0], [1, 1], [0, NAN], [0, 0], [0, 0]])
    counts = np.array([2, 1, 3, 1, 1])
    task, *_ = fitted(MultiLabel(pos_weight=pos_weight), y, sample_weight=counts)
    twice, *_ = fitted(MultiLabel(pos_weight=pos_weight), np.repeat(y, counts, axis=0))
    assert_allclose(task.prevalence_, [3 / 8, 1 / 5])
    assert_allclose(task.prevalence_, twice.prevalence_)
    assert_allclose(task.pos_weight_, twice.pos_weight_)
    # What weights sum up to says nothing.
    task, *_ = fitted(MultiLabel(), y, sample_weight=counts / 1000)
    assert_allclose(task.prevalence_, twice.prevalence_)


@pytest.mark.parametrize("weight", [None, [1.0, 0.0]])
def test_a_label_of_which_nothing_is_known_is_refused(weight):
    y = np.array([[1, NAN], [0, 1 if weight else NAN]])
    words = r"\(task 'task_0'\) has labels of which every cell of y is missing.*: 1\. "
    with pytest.raises(InvalidDataError, match=words):
        fitted(MultiLabel(), y, sample_weight=weight)


@pytest.mark.parametrize(
    ("y", "word", "label", "prevalence"),
    [
        ([[1, 0], [0, 0]], "never", 1, [0.5, 0.01]),
        ([[1, 0], [1, 1]], "always", 0, [0.99, 0.5]),
    ],
)
def test_a_label_that_never_differs_is_said_and_weighs_nothing_special(
    y, word, label, prevalence
):
    task = MultiLabel(pos_weight="balanced")
    with pytest.warns(UserWarning, match=f"are {word} there in training.*: {label}"):
        codec = fit_codec(task, y, warns=True)
    (task,) = codec.tasks
    assert task.pos_weight_[label] == 1
    assert task.prevalence_.tolist() == prevalence


def test_a_label_that_is_in_no_row_yet_is_no_news_where_other_rows_follow():
    X, _ = make_table()
    y = np.zeros((40, 2))
    y[::2, 0] = y[20:, 1] = 1
    estimator = table_estimator(MultiLabel(2), batch_size=5)
    for rows in (slice(0, 10), slice(10, 40)):  # a warning would be an error
        estimator.partial_fit(X[rows], y[rows])
    with pytest.warns(UserWarning, match="never there in training"):
        estimator.fit(X[:10], y[:10])


def test_thresholds_are_those_that_the_loss_decides_by():
    y = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])
    task, *_ = fitted(MultiLabel(pos_weight=[3.0, 1.0]), y)
    assert_allclose(task.thresholds_, [1 / (1 + 3), 0.5])
    scores = torch.tensor([[0.1, -0.1], [-0.1, 0.1]])
    assert task.decode(task.activate(scores).numpy()).tolist() == [[1, 0], [0, 1]]
    assert_allclose(task.activate(scores), expit(scores.numpy() - np.log([3, 1])))
    task, *_ = fitted(MultiLabel(thresholds={0: 0.8}), y)
    assert task.decode(np.array([[0.7, 0.6]])).tolist() == [[0, 1]]
    task, *_ = fitted(MultiLabel(pos_weight=[3.0, 1.0], thresholds={1: 0.8}), y)
    assert_allclose(task.thresholds_, [1 / (1 + 3), 0.8])


@pytest.mark.parametrize("name", ["pos_weight", "thresholds"])
def test_numbers_of_a_series_are_those_of_the_labels_it_names(name):
    y = np.array([[1, 0], [0, 1]])
    series = pd.Series([0.2, 0.7], index=["b", "a"])
    task, *_ = fitted(MultiLabel(["a", "b"], **{name: series}), y)
    assert vars(task)[f"{name}_"].tolist() == [0.7, 0.2]
    other = pd.Series([0.5], index=["c"])
    with pytest.raises(InvalidParameterError, match=f"{name!r} .* names \\['c'\\]"):
        Tasks(tags=MultiLabel(["a", "b"], **{name: other})).validate()
    task, *_ = fitted(MultiLabel(**{name: np.array(0.25)}), y)
    assert vars(task)[f"{name}_"].tolist() == [0.25, 0.25]


def test_a_loss_with_options_means_other_probabilities():
    y = np.array([[1, 0], [0, 1]])
    task, *_ = fitted(MultiLabel(loss=Partial(binary_focal_loss, gamma=0.0)), y)
    scores = torch.tensor([[0.3, -1.0]]).double()
    assert_allclose(task.activate(scores), expit(scores.numpy()))
    name, options = task.loss_spec()
    loss = sample_loss(name, **options)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    target = torch.tensor([[1.0, 0.0]]).double()
    assert_allclose(loss(scores, target), bce(scores, target, reduction="none"))


TRUE = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]])
FOUND = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]])
WEIGHT = np.array([1.0, 2.0, 3.0, 0.5, 1.5])


def test_figures_are_those_of_scikit_learn():
    task = MultiLabel(4)
    task = fitted(task, TRUE)[0]
    weight = np.repeat(WEIGHT[:, None], 4, axis=1)

    def figure(name):
        return task.figures()[name](ScoredLabels(TRUE, FOUND, weight))

    kept = slice(0, 3)  # of a label that is never there, there is no F1
    for average in ("macro", "weighted", "micro"):
        expected = f1_score(
            TRUE[:, kept], FOUND[:, kept], average=average, sample_weight=WEIGHT
        )
        assert figure(f"f1_{average}") == pytest.approx(expected)
    samples = f1_score(
        TRUE, FOUND, average="samples", sample_weight=WEIGHT, zero_division=1
    )
    assert figure("f1_samples") == pytest.approx(samples)
    wanted = hamming_loss(TRUE, FOUND, sample_weight=WEIGHT)
    assert figure("hamming") == pytest.approx(wanted)
    wanted = accuracy_score(TRUE, FOUND, sample_weight=WEIGHT)
    assert figure("subset_accuracy") == pytest.approx(wanted)
    assert task.score(TRUE, FOUND, weight) == pytest.approx(figure("f1_macro"))


def test_missing_cells_do_not_count():
    task = fitted(MultiLabel(), BLOCK)[0]
    predicted = np.array([[1, 1, 0], [0, 1, 1], [0, 1, 0], [0, 0, 0]])
    weight = np.isfinite(BLOCK).astype(float)
    # Of the labels: one right of two; one right, one invented; one right of one.
    expected = np.mean([2 / 3, 2 / 3, 1])
    assert task.score(BLOCK, predicted, weight) == pytest.approx(expected)
    scores = torch.tensor(np.where(predicted, 3.0, -3.0))
    parts = [
        task.statistics(
            scores[rows],
            torch.tensor(np.nan_to_num(BLOCK, nan=7.0)[rows]),
            torch.tensor(weight[rows]),
        )
        for rows in (slice(0, 1), slice(1, 4))
    ]
    assert task.metric_from(sum(parts).numpy()) == pytest.approx(expected)


def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    labels = (X[:, :3] + 0.3 * rng.normal(size=(120, 3)) > [0, 0.5, 1]).astype(float)
    return X, labels


def make(task, **params):
    return MultiTaskEstimator(
        task,
        backbone=Partial(MLP, hidden=(16,)),
        max_epochs=60,
        lr=0.02,
        n_threads=1,
        random_state=0,
        **params,
    )


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
@pytest.mark.parametrize("pos_weight", [None, "sqrt"])
def test_it_learns_and_its_probabilities_are_honest(loss, pos_weight):
    X, y = problem()
    task = MultiLabel(loss=loss, pos_weight=pos_weight, head=Head(dropout=0.0))
    estimator = make(task).fit(X, y)
    assert estimator.score(X, y) > 0.8
    (chances,) = estimator._outputs(X)
    # The loss's own outputs would be off by a tenth and more.
    assert_allclose(chances.mean(axis=0), y.mean(axis=0), atol=0.05)


def test_sets_and_blocks_are_one_problem():
    X, y = problem()
    names = np.array(["a", "b", "c"])
    sets = pd.Series([set(names[row > 0]) for row in y])
    block, framed = make(MultiLabel()).fit(X, y), make(MultiLabel()).fit(X, sets)
    expected = [tuple(names[row > 0]) for row in block.predict(X)]
    assert framed.predict(X).tolist() == expected
    assert framed.score(X, sets) == pytest.approx(block.score(X, y))
    rows = {row["metric"]: row["value"] for row in task_report(framed, X, sets).rows}
    assert rows["f1_macro"] == pytest.approx(block.score(X, y))


def test_rows_with_holes_train_and_pickles_predict_alike():
    X, y = problem()
    y[np.random.default_rng(1).random(y.shape) < 0.3] = NAN
    estimator = make(MultiLabel(pos_weight="sqrt"), early_stopping=True).fit(X, y)
    assert estimator.score(X, y) > 0.6
    again = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(again.predict(X), estimator.predict(X))
    assert clone(estimator).tasks.get_params() == estimator.tasks.get_params()


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_a_training_begins_at_the_prevalences(loss):
    X, y = problem()
    task = MultiLabel(loss=loss, pos_weight="sqrt")
    estimator = make(task).set_params(lr=1e-12, max_epochs=1).fit(X, y)
    bias = estimator.net_.module_.heads[0][-1].bias.detach()
    fitted_task = estimator.tasks_["task_0"]
    assert_allclose(fitted_task.activate(bias[None])[0], y.mean(axis=0), atol=1e-6)


def test_mistakes_are_put_into_words():
    y = pd.DataFrame(BLOCK, columns=["sun", "sea", "sky"])
    task = fitted(MultiLabel(), y)[0]
    chances = np.array([[0.9, 0.6, 0.1], [0.8, 0.9, 0.3], [0.1, 0.9, 0.0], [0.0] * 3])
    found = task.decode(chances)
    weight = np.isfinite(BLOCK).astype(float)
    mistakes = task.mistakes(BLOCK, found, chances, weight)
    assert_allclose(mistakes.size, [0.6, 0.8, 0.9, 0])
    words = [mistakes.words(row) for row in range(3)]
    assert words == ["invented sea", "missed sky, invented sun", "missed sun"]
    assert task.never_predicted(BLOCK, found, weight) == {"sky": 1}
    sure, right, counted = task.confidences(BLOCK, chances, weight)
    assert len(sure) == len(counted) == 11
    assert right.sum() == 11 - 4
    assert_allclose(sure[:3], [0.9, 0.6, 0.9])
    colours = task.coloured_by(BLOCK, np.isfinite(BLOCK))
    assert colours.tolist() == [1, 1, 2, 0]
