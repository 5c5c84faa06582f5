"""Confusion matrices: scikit-learn's numbers, for each task, and what they show."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import Pipeline

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import Confusion, ConfusionDisplay
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_problems import image_estimator, make_images, make_table, table_estimator


@pytest.fixture(scope="module")
def problem():
    """Return a frame of rows, and labels of two classifications and a regression."""
    X, y = make_table(120)
    words = np.array(["low", "middle", "high"])[y[:, 0].astype(int)]
    y = pd.DataFrame({"kind": words, "size": y[:, 1], "side": X[:, 3] > 0})
    y.loc[::7, "kind"] = None
    tasks = Tasks(
        side=Classification(),
        kind=Classification(["low", "middle", "high"]),
        size=Regression(),
    )
    return X, y, table_estimator(tasks, max_epochs=2).fit(X, y)


def test_the_numbers_are_those_of_scikit_learn(problem):
    X, y, estimator = problem
    display = ConfusionDisplay.from_estimator(estimator, X, y)
    predicted = estimator.predict(X)
    assert list(display.matrices) == ["kind", "side"]
    for name in ("side", "kind"):
        labels = estimator.tasks_[name].classes_.tolist()
        known = y[name].notna()
        true, found = y[name][known], predicted[name][known]
        expected = confusion_matrix(true.tolist(), found.tolist(), labels=labels)
        np.testing.assert_array_equal(display.matrices[name], expected)
        assert display.labels[name].tolist() == labels
        rates = confusion_matrix(
            true.tolist(), found.tolist(), labels=labels, normalize="true"
        )
        np.testing.assert_allclose(display.rates(name), rates)


def test_weights(problem):
    X, y, estimator = problem
    weight = np.linspace(0, 2, len(X))
    display = ConfusionDisplay.from_estimator(
        estimator, X, y, sample_weight=weight, tasks=["side"]
    )
    expected = confusion_matrix(
        y["side"], estimator.predict(X)["side"], sample_weight=weight
    )
    np.testing.assert_allclose(display.matrices["side"], expected)


def test_the_frame_has_every_pair(problem):
    X, y, estimator = problem
    display = ConfusionDisplay.from_estimator(estimator, X, y)
    frame = display.frame()
    assert len(frame) == 2 * 2 + 3 * 3
    one = frame.query("task == 'kind' and true == 'high' and predicted == 'middle'")
    assert one["count"].item() == display.matrices["kind"][0, 2]
    assert one["rate"].item() == display.rates("kind")[0, 2]


def test_the_pairs_that_are_confused_most():
    true = ["a"] * 10 + ["b"] * 4 + ["c"] * 2
    found = ["a"] * 7 + ["b"] * 2 + ["c"] + ["a"] * 2 + ["b"] * 2 + ["b", "c"]
    display = ConfusionDisplay.from_predictions(true, found)
    pairs = [(e.true, e.predicted, e.count, e.rate) for e in display.confused()]
    assert pairs == [
        ("b", "a", 2, 0.5),
        ("a", "b", 2, 0.2),
        ("c", "b", 1, 0.5),
        ("a", "c", 1, 0.1),
    ]
    assert len(display.confused(2)) == 2


def test_classes_that_do_not_occur_and_labels_that_are_not_known():
    display = ConfusionDisplay.from_predictions([0, 0, 9], [0, 1, 1], labels=[0, 1, 2])
    assert display.labels[""].tolist() == [0, 1, 2, 9]
    np.testing.assert_array_equal(display.rates()[:2], [[0.5, 0.5, 0, 0], [np.nan] * 4])
    assert display.confused()[0] == Confusion(9, 1, 1.0, 1.0)
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    y[:3, 0] = 17
    display = ConfusionDisplay.from_estimator(estimator, X, y)
    assert display.labels["kind"].tolist() == [0, 1, 2, 17]
    assert display.matrices["kind"][3].sum() == 3
    assert display.matrices["kind"][:, 3].sum() == 0


def test_a_picture_has_the_numbers(problem):
    X, y, estimator = problem
    display = ConfusionDisplay.from_estimator(estimator, X, y).plot()
    assert list(display.axes_) == ["kind", "side"]
    ax = display.axes_["kind"]
    shown = [text.get_text() for text in ax.texts]
    assert shown == [f"{n:.0f}" if n else "" for n in display.matrices["kind"].flat]
    assert ax.get_title() == "kind"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["high", "low", "middle"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted label", "True label")


def test_rates_with_the_diagonal_masked(problem):
    X, y, estimator = problem
    display = ConfusionDisplay.from_estimator(estimator, X, y, tasks=["kind"])
    ax = display.plot(normalize=True, mask_diagonal=True).axes_["kind"]
    (image,) = ax.images
    shown = np.ma.filled(image.get_array(), np.nan)
    assert np.isnan(np.diag(shown)).all()
    rates = display.rates()
    np.testing.assert_allclose(shown[0, 1:], rates[0, 1:])
    assert [text.get_text() for text in ax.texts][:2] == ["", f"{rates[0, 1]:.0%}"]


def test_long_names_stand_upright_below():
    names = ["short", "a rather long name of a class", "another long name of one"]
    (ax,) = ConfusionDisplay.from_predictions(names, names).plot().axes_.values()
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90}


def test_many_classes_have_no_numbers_and_every_name():
    labels = np.arange(32)
    display = ConfusionDisplay.from_predictions(labels, labels[::-1]).plot()
    (ax,) = display.axes_.values()
    assert not ax.texts
    assert len(ax.get_xticklabels()) == 32
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    for above, below in itertools.pairwise(boxes):
        assert below.y1 <= above.y0 + 1  # pixels: no name lies on another


def test_a_pipeline():
    X, y = make_images()
    pipe = Pipeline([("max", GlobalMaxScaler()), ("model", image_estimator())])
    display = ConfusionDisplay.from_estimator(pipe.fit(X, y), X, y)
    assert display.matrices["kind"].sum() == len(X)


def test_what_cannot_be_shown(problem):
    X, y, estimator = problem
    for tasks in (["size"], ["colour"], []):
        with pytest.raises(InvalidParameterError, match=r"are \['kind', 'side'\]"):
            ConfusionDisplay.from_estimator(estimator, X, y, tasks=tasks)
    display = ConfusionDisplay.from_estimator(estimator, X, y)
    with pytest.raises(InvalidParameterError, match=r"\['kind', 'side'\]. Got None"):
        display.confused()
    with pytest.raises(NotFittedError):
        ConfusionDisplay.from_estimator(table_estimator(), X, y)
    with pytest.raises(ParameterTypeError, match="'estimator' parameter of Confusion"):
        ConfusionDisplay.from_estimator(LogisticRegression().fit(X, y["side"]), X, y)


@pytest.mark.parametrize("names", ["{}", "a longer name {}"])
@pytest.mark.parametrize(("normalize", "weight"), [(True, 1.0), (False, 5e3)])
def test_numbers_fit_into_their_cells(names, normalize, weight):
    labels = [names.format(number) for number in range(12)]
    display = ConfusionDisplay.from_predictions(
        labels, labels, labels=labels, sample_weight=np.full(12, weight)
    ).plot(normalize=normalize)
    display.figure_.canvas.draw()
    (ax,) = display.axes_.values()
    cell = ax.get_window_extent().width / 12
    widths = [text.get_window_extent().width for text in ax.texts if text.get_text()]
    assert len(widths) == 12
    assert 0.5 * cell < max(widths) <= cell
