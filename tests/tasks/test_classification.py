"""Classification: classes, accuracy."""

import numpy as np
import pytest
import torch
from fitted_classification import fitted
from numpy.testing import assert_allclose
from sklearn.metrics import accuracy_score

from mtlearn.exceptions import InvalidDataError, InvalidParameterError, MtlearnError
from mtlearn.exceptions import ParameterTypeError as WrongType
from mtlearn.tasks import Classification, Tasks, fit_codec


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3, 1, 3], [1, 3]),
        ([0.0, -5.0, 0.0], [-5, 0]),
        (["ten", "b", "ten"], ["b", "ten"]),
        (np.array(["ten", "b"], dtype=object), ["b", "ten"]),
        ([True, True], [True]),
    ],
    ids=["int", "float", "str", "object", "one class"],
)
def test_classes_are_learned_sorted(labels, classes):
    task = fitted(labels)

    assert task.classes_.tolist() == classes
    assert task.n_outputs == len(classes)


@pytest.mark.parametrize(
    ("classes", "labels", "found"),
    [
        (4, [3, 1], [0, 1, 2, 3]),
        (np.int64(4), [3, 1], [0, 1, 2, 3]),
        (1, [0], [0]),
        (range(2, 5), [3, 4], [2, 3, 4]),
        ([9, -1, 5], [5, 9], [-1, 5, 9]),
        (("ten", "a", "hundred"), ["a", "hundred"], ["a", "hundred", "ten"]),
        (np.array(["b", "a"]), ["a", "a"], ["a", "b"]),
        ([True, False], [True], [False, True]),
        ([0.5, 1.5], [1.5, 1.5], [0.5, 1.5]),
        ([1, 2.5], [1, 2.5], [1, 2.5]),
        (["only"], ["only"], ["only"]),
    ],
    ids=str,
)
def test_declared_classes(classes, labels, found):
    task = Classification(classes)
    task.validate("a")

    task.fit(np.asarray(labels), np.ones(len(labels)), "a")

    assert task.classes_.tolist() == found
    encoded = task.encode(np.asarray(labels), np.arange(len(labels)), "a")
    assert encoded.dtype == np.int64
    assert task.classes_[encoded].tolist() == list(labels)


@pytest.mark.parametrize(
    "classes",
    [
        [1, 1],
        ["a", "b", "a"],
        [1, 1.0],
        [1, "a"],
        [True, 2],
        [None, 1],
        [None],
        [float("nan"), 1.0],
        [],
        [[1, 2], [3, 4]],
        [[1], [1, 2]],
        "abc",
        {1, 2},
        {0: "a", 1: "b"},
        [1j],
        [b"a"],
        np.array([[1, 2]]),
        Tasks(),
    ],
    ids=str,
)
def test_classes_that_are_no_distinct_labels(classes):
    with pytest.raises(
        InvalidParameterError, match=r"'classes' .* \(task 'a'\) .* distinct labels"
    ) as caught:
        Classification(classes).validate("a")
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        (0, InvalidParameterError, r"must be an integer not below 1\. Got 0"),
        (-3, InvalidParameterError, r"must be an integer not below 1\. Got -3"),
        (2.5, WrongType, r"'classes' .* must be an integer\. Got 2.5"),
        (True, WrongType, r"'classes' .* must be an integer\. Got True"),
    ],
)
def test_numbers_of_classes_that_are_none(classes, error, message):
    with pytest.raises(error, match=message):
        Classification(classes).validate("a")


@pytest.mark.parametrize(
    ("classes", "y", "message"),
    [
        (
            3,
            [None, 1, 3, 4],
            r"Row 2 of y has the label 3 for task 'a', .* \[0, 1, 2\]",
        ),
        (3, [0, -1], r"Row 1 of y has the label -1 "),
        (3, [0, 0.5], r"Row 1 of y has the label 0\.5 "),
        (3, ["0", "1"], r"Row 0 of y has the label '0' "),
        (["a", "b"], ["a", None, "abc"], r"Row 2 of y has the label 'abc' "),
        (["a", "b"], [0, 1], r"Row 0 of y has the label 0 "),
        (["1", "2"], [1.0, 2.0], r"Row 0 of y has the label 1\.0 "),
    ],
)
def test_an_unknown_label_names_row_task_and_label(classes, y, message):
    with pytest.raises(InvalidDataError, match=message) as caught:
        fit_codec(Tasks(a=Classification(classes)), y)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_label_of_a_later_batch():
    codec = fit_codec(Tasks(a=Classification()), ["x", "y"])

    with pytest.raises(InvalidDataError, match=r"Row 1 .* label 'z' .* \['x', 'y'\]"):
        codec.encode([None, "z", "x"])


def test_real_values_are_no_classes():
    with pytest.raises(
        InvalidDataError, match=r"continuous\. Task 'a' .* such as 2.25\. .* Regression"
    ):
        fit_codec(Tasks(a=Classification()), [1.0, 2.25, 2.5])


@pytest.mark.parametrize(
    ("classes", "labels", "known"),
    [
        ([2, 4, 6], np.array([4, 1, 9, 6, 5]), [1, 0, 0, 1, 0]),
        ([2, 4, 6], np.array([4.0, 4.5]), [1, 0]),
        ([2, 4, 6], np.array(["4", "2"]), [0, 0]),
        (["b", "dd"], np.array(["b", "a", "z", "d", "ddd"]), [1, 0, 0, 0, 0]),
        (["b", "dd"], np.array(["b", "zzz"], dtype=object), [1, 0]),
        (["b", "dd"], np.array([1.0, 2.0]), [0, 0]),
        (["b", "dd"], np.array([-1, "dd", 2.5, "b", None], object), [0, 1, 0, 1, 0]),
        ([2, 4, 6], np.array(["2", 4, 2.0, 4.5, None], object), [0, 1, 1, 0, 0]),
        ([2, 2**53 + 1], np.array([2**53 + 1, 2.0**53, 2**70], object), [1, 0, 0]),
        ([False, True], np.array([0, 1, 2]), [1, 1, 0]),
        ([0, 1], np.array([True, False]), [1, 1]),
        (["b", "dd"], np.array([], dtype=object), []),
        ([2, 4], np.array([], dtype=object), []),
    ],
)
def test_locate_finds_known_labels_only(classes, labels, known):
    task = fitted(classes)

    indices, found = task.locate(labels)

    assert found.tolist() == [bool(flag) for flag in known]
    assert indices.dtype == np.int64
    assert task.classes_[indices[found]].tolist() == labels[found].tolist()


@pytest.mark.parametrize(
    ("classes", "labels", "known"),
    [
        # The same bits are another number.
        (np.array([-1, 5]), np.array([2**64 - 1, 5], np.uint64), [False, True]),
        (np.array([5, 2**64 - 1], np.uint64), np.array([-1, 5]), [False, True]),
        # As floats they would be alike.
        (np.array([-1, 2**62]), np.array([2**62 + 1, 2**62], np.uint64), [False, True]),
    ],
)
def test_whole_numbers_of_other_signs_are_compared_exactly(classes, labels, known):
    task = Classification().fit(classes, np.ones(2), "a")
    assert task.knows(labels).tolist() == known


def test_classes_learned_from_strings_of_one_length_know_longer_ones():
    task = fitted(np.array(["a", "b"]))

    assert task.locate(np.array(["abc", "b"]))[1].tolist() == [False, True]


@pytest.mark.parametrize("labels", [["x", "z", "y", "x"], [7, 9, 8, 7]])
def test_an_unknown_label_counts_as_wrong_in_score(labels):
    task = fitted(sorted(set(labels))[:2])
    predicted = np.array([labels[0], labels[0], labels[2], labels[2]])

    score = task.score(np.asarray(labels), predicted, np.array([1.0, 1, 1, 1]))

    assert score == 0.5


def test_an_unknown_prediction_is_wrong():
    assert fitted([1, 2]).score(np.array([1]), np.array([0]), np.ones(1)) == 0.0


def test_score_is_the_weighted_accuracy_of_scikit_learn():
    rng = np.random.RandomState(0)
    true, predicted = rng.randint(4, size=(2, 50))
    weights = rng.uniform(size=50)

    assert_allclose(
        fitted(range(4)).score(true, predicted, weights),
        accuracy_score(true, predicted, sample_weight=weights),
    )


def test_statistics_of_batches_add_up_to_the_score():
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(30, 4, generator=generator)
    target = torch.randint(4, (30,), generator=generator)
    weight = torch.rand(30, generator=generator)
    weight[::3] = 0.0
    task = fitted([5, 6, 7, 8])

    parts = [
        task.statistics(output[rows], target[rows], weight[rows])
        for rows in torch.arange(30).split(7)
    ]
    metric = task.metric_from(sum(parts).numpy())

    predicted = task.decode(task.activate(output).numpy())
    there = weight.numpy() > 0
    true = task.classes_[target.numpy()]
    expected = task.score(true[there], predicted[there], weight.numpy()[there])
    assert_allclose(metric, expected)
    assert_allclose(expected, accuracy_score(true, predicted, sample_weight=weight))
    assert parts[0].dtype == torch.float64


def test_the_metric_without_a_label_is_nan():
    task = fitted([0, 1])
    nothing = task.statistics(torch.ones(3, 2), torch.zeros(3).long(), torch.zeros(3))

    assert np.isnan(task.metric_from(nothing.numpy()))


def test_probabilities_sum_to_one_in_double_precision():
    output = torch.tensor([[1e4, -1e4], [0.5, 0.25]], dtype=torch.float32)

    probabilities = fitted([0, 1]).activate(output)

    assert probabilities.dtype == torch.float64
    assert_allclose(probabilities.sum(1), 1.0, rtol=1e-15)
    assert probabilities[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"weight": -1},
            InvalidParameterError,
            r"'weight' .* \(task 'a'\) .*\[0.0, inf",
        ),
        ({"weight": np.nan}, InvalidParameterError, r"'weight' .* Got nan"),
        ({"weight": np.inf}, InvalidParameterError, r"'weight' .* Got inf"),
        ({"weight": "1"}, WrongType, r"'weight' .* must be a real number\. Got '1'"),
        ({"weight": None}, WrongType, r"'weight' .* must be a real number\. Got None"),
        ({"loss": "hinge"}, InvalidParameterError, r"'loss' .* 'focal'\) or a"),
        ({"label_smoothing": 1.0}, InvalidParameterError, r"smoothing.* in \[0, 1\)"),
        ({"label_smoothing": -0.1}, InvalidParameterError, r"smoothing.* in \[0, 1\)"),
        ({"label_smoothing": "a"}, WrongType, r"'label_smoothing' .* real number"),
        (
            {"label_smoothing": 0.1, "loss": max},
            InvalidParameterError,
            r"goes with loss='cross_entropy'\. Got 0\.1 with .*max.*smooth inside a",
        ),
        ({"class_weight": "even"}, InvalidParameterError, r"None, 'balanced' or a map"),
        ({"class_weight": [1, 2]}, InvalidParameterError, r"None, 'balanced' or a map"),
        (
            {"class_weight": {1: -1}},
            InvalidParameterError,
            r"class_weight\[1\].*Got -1",
        ),
        ({"class_weight": {1: "a"}}, WrongType, r"class_weight\[1\].* real number"),
        ({"head": (64,)}, WrongType, r"'head' .* must be None, a Head, .* Got \(64,\)"),
        ({"column": True}, WrongType, r"'column' .* a position or the name"),
        ({"column": [0]}, WrongType, r"'column' .* a position or the name"),
    ],
    ids=str,
)
def test_parameters_that_are_wrong(params, error, message):
    with pytest.raises(error, match=message):
        Classification(**params).validate("a")


@pytest.mark.parametrize(
    "params",
    [
        {"weight": 0},
        {"label_smoothing": 0.99},
        {"loss": max},
        {"class_weight": {}},
        {"class_weight": {"a": 0}},
        {"column": -1},
        {"column": ("a", "b")},
    ],
    ids=str,
)
def test_parameters_that_are_right(params):
    Classification(**params).validate("a")


def test_the_loss_and_its_options():
    assert Classification(label_smoothing=0.1).loss_spec() == (
        "cross_entropy",
        {"label_smoothing": 0.1},
    )
    assert Classification(loss=max).loss_spec() == (max, {})


def test_the_baseline_is_the_heaviest_class():
    assert fitted(["a", "b", "b"]).baseline() == "b"
    assert fitted(["a", "b", "b"], weights=[3, 1, 1]).baseline() == "a"
    assert_allclose(fitted([0, 2, 2], 3, weights=[2, 1, 1]).class_prior_, [0.5, 0, 0.5])
