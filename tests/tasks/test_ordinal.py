"""Ordered classes: formulas beside scikit-learn, and every room with one in it."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import cohen_kappa_score, d2_absolute_error_score
from sklearn.model_selection import GridSearchCV, cross_val_predict

from mtlearn import (
    MultiTaskEstimator,
    Ordinal,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection import (
    CalibrationDisplay,
    ClasswiseDisplay,
    ConfusionDisplay,
    EmbeddingDisplay,
    LearningCurvesDisplay,
    sharing_report,
)
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.networks import MLP
from mtlearn.persistence import load, save
from mtlearn.persistence._onnx_graph import make_module
from mtlearn.reporting import report
from mtlearn.tasks import ScoredLabels

ORDER = ["low", "middle", "high", "top"]
LABELS = np.array(["low", "high", "middle", "low", "top", "high"])
RANKS = np.array([0, 2, 1, 0, 3, 2])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 3.0])


def fitted(**kwargs):
    return Ordinal(ORDER, **kwargs).fit(LABELS, WEIGHTS, "a")


def thresholds(task):
    """Return the module, with its thresholds as floats."""
    end = task.head_end()().double()
    gaps = np.log1p(np.exp(end.gaps.detach().numpy()))
    first = end.first.detach().numpy()
    return end, np.concatenate([first, first + np.cumsum(gaps)])


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(160, 3))
    cuts = np.digitize(X[:, 0] + 0.3 * generator.normal(size=160), [-0.7, 0.3, 1.0])
    grades = np.array(ORDER, dtype=object)[cuts]
    grades[::9] = None
    return X, np.column_stack([grades, X[:, 1].astype(object)])


def make(max_epochs=15, **kwargs):
    tasks = Tasks(grade=Ordinal(ORDER, **kwargs), size=Regression())
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(8,)),
        lr=0.03,
        lr_schedule=None,
        max_epochs=max_epochs,
        n_threads=1,
        random_state=0,
    )


def test_classes_are_sorted_and_know_their_ranks():
    task = fitted()
    assert task.classes_.tolist() == sorted(ORDER)
    assert [ORDER[rank] for rank in task.ranks_] == sorted(ORDER)
    shares = [2 / 8.5, 0.5 / 8.5, 5 / 8.5, 1 / 8.5]
    np.testing.assert_allclose(task.class_prior_[np.argsort(task.ranks_)], shares)


def test_probabilities_are_differences_of_logistic_functions():
    task = fitted()
    end, cuts = thresholds(task)
    scores = np.array([-8.0, -0.5, 0.0, 1.3, 9.0])
    found = task.activate(end(torch.tensor(scores)[:, None])).detach().numpy()
    up_to = np.hstack(
        [np.zeros((5, 1)), expit(cuts - scores[:, None]), np.ones((5, 1))]
    )
    np.testing.assert_allclose(
        found[:, np.argsort(task.ranks_)], np.diff(up_to, axis=1), atol=1e-12
    )


def test_thresholds_begin_at_the_shares_and_stay_in_order():
    task = fitted()
    end, cuts = thresholds(task)
    up_to = np.cumsum(task.class_prior_[np.argsort(task.ranks_)])[:-1]
    np.testing.assert_allclose(expit(cuts), up_to, rtol=1e-5)
    with torch.no_grad():
        end.gaps.fill_(-50.0)  # nearly no distance
    values = end(torch.zeros(1, 1, dtype=torch.float64, requires_grad=True))
    assert torch.isfinite(values).all()
    values.sum().backward()
    assert torch.isfinite(end.gaps.grad).all()


def test_thresholds_of_categories_that_no_label_has():
    end, cuts = thresholds(Ordinal(6).fit(np.array([1, 4]), np.ones(2), "a"))
    assert np.isfinite(cuts).all()
    assert (np.diff(cuts) > 0.049).all()
    assert (end(torch.zeros(1, 1, dtype=torch.float64)).exp() > 1e-4).all()


def test_extreme_scores_have_finite_losses_and_gradients():
    end = fitted().head_end()()
    score = torch.tensor([[-1e4], [1e4]], requires_grad=True)
    loss = torch.nn.functional.cross_entropy(end(score), torch.tensor([2, 1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(score.grad).all()


def test_the_slope_is_that_of_the_formula_also_at_a_threshold():
    task = Ordinal(2).fit(np.array([0, 1]), np.ones(2), "a")
    end, (cut,) = thresholds(task)
    assert cut == 0
    score = torch.tensor([[0.0], [-1.5]], dtype=torch.float64, requires_grad=True)
    (at_cut, below), _ = end(score).T
    (slopes,) = torch.autograd.grad(at_cut + below, score)
    # d/ds log(sigmoid(-s)) = -sigmoid(s)
    np.testing.assert_allclose(slopes[:, 0], -expit([0.0, -1.5]), rtol=1e-12)


def test_a_prediction_is_the_median():
    task = fitted()
    # In the order of the categories: half is reached at the second, third and first.
    chances = np.array([[0.4, 0.2, 0.1, 0.3], [0.1, 0.3, 0.2, 0.4], [0.5, 0, 0, 0.5]])
    in_order = np.empty_like(chances)
    for place, label in enumerate(ORDER):
        in_order[:, task.classes_.tolist().index(label)] = chances[:, place]
    assert task.decode(in_order).tolist() == ["middle", "high", "low"]


def test_figures_are_those_of_scikit_learn_on_ranks():
    task = fitted()
    predicted = np.array([1, 2, 3, 0, 0, 1])
    labels = ScoredLabels(LABELS, np.array(ORDER)[predicted], WEIGHTS)
    found = {name: figure(labels) for name, figure in task.figures().items()}
    wanted = d2_absolute_error_score(RANKS, predicted, sample_weight=WEIGHTS)
    assert found["d2_absolute"] == pytest.approx(wanted)
    assert task.score(labels.true, labels.predicted, WEIGHTS) == pytest.approx(wanted)
    assert found["mae"] == pytest.approx(
        np.average(np.abs(RANKS - predicted), weights=WEIGHTS)
    )
    assert found["quadratic_kappa"] == pytest.approx(
        cohen_kappa_score(RANKS, predicted, weights="quadratic", sample_weight=WEIGHTS)
    )
    assert found["accuracy"] == pytest.approx(3 / 8.5)


def test_the_streamed_figure_is_that_of_all_rows():
    task = fitted()
    generator = np.random.default_rng(0)
    output = torch.tensor(generator.normal(size=(6, 4)))
    target = torch.tensor(task.encode(LABELS, np.arange(6), "a"))
    weight = torch.tensor(WEIGHTS)
    weight[2] = 0.0
    parts = [
        task.statistics(output[rows], target[rows], weight[rows])
        for rows in (slice(0, 2), slice(2, 6))
    ]
    predicted = task.decode(task.activate(output).numpy())
    ranks = [ORDER.index(label) for label in predicted]
    wanted = d2_absolute_error_score(RANKS, ranks, sample_weight=weight.numpy())
    assert task.metric_from(sum(parts).numpy()) == pytest.approx(wanted)


def test_the_streamed_median_of_a_tie_is_that_of_predictions():
    task = fitted()
    (label,) = task.decode(np.full((1, 4), 0.25))
    sums = task.statistics(torch.zeros(1, 4), torch.tensor([0]), torch.ones(1))
    assert label == "middle"
    assert sums[0] == ORDER.index(task.classes_[0]) - ORDER.index(label)


def test_class_weights_are_factors_on_labels():
    task = fitted(class_weight={"top": 3.0, "low": 0.5})
    factors = task.label_weight(task.encode(LABELS, np.arange(6), "a"))
    assert factors.tolist() == [0.5, 1, 1, 0.5, 3, 1]
    assert fitted().label_weight(np.array([0])) is None


def test_an_unknown_label_is_as_wrong_as_can_be():
    labels = ScoredLabels(
        np.array(["none", "none"]), np.array(["top", "middle"]), np.array([1.0, 3.0])
    )
    assert fitted().figures()["mae"](labels) == pytest.approx((3 + 3 * 2) / 4)


def test_a_prediction_that_is_no_category_is_as_wrong_as_can_be():
    labels = ScoredLabels(
        np.array(["top", "middle", "z"]), np.array(["z", "z", "z"]), np.ones(3)
    )
    assert fitted().figures()["mae"](labels) == pytest.approx((3 + 2 + 3) / 3)


def test_the_kappa_counts_ranks_that_no_label_has():
    true, predicted = np.array([0, 0, 3, 3, 1]), np.array([0, 3, 3, 1, 1])
    order = np.array(ORDER)
    labels = ScoredLabels(order[true], order[predicted], np.ones(5))
    by_chance = (true[:, None] - predicted) ** 2
    wanted = 1 - ((true - predicted) ** 2).mean() / by_chance.mean()
    found = fitted().figures()["quadratic_kappa"](labels)
    assert found == pytest.approx(wanted)


def test_the_baseline_is_the_median_whose_d2_is_0():
    labels = np.repeat(ORDER, [4, 2, 3, 0])  # the lowest is the most frequent
    task = Ordinal(ORDER).fit(labels, np.ones(9), "a")
    assert task.baseline() == "middle"
    assert task.score(labels, np.full(9, task.baseline()), np.ones(9)) == 0


def test_a_temperature_leaves_the_median():
    task = fitted()
    end, cuts = thresholds(task)
    scores = np.array([-3.0, 0.2, 1.3, 40.0])
    chances = task.activate(end(torch.tensor(scores)[:, None])).detach().numpy()
    found = task.calibrated(chances, 2.5)
    up_to = expit((cuts - scores[:, None]) / 2.5)
    wanted = np.diff(up_to, axis=1, prepend=0, append=1)
    np.testing.assert_allclose(found[:3, np.argsort(task.ranks_)], wanted[:3])
    assert task.decode(found).tolist() == task.decode(chances).tolist()
    uneven = np.array([[0.5, 0.5, 0.0, 0.0]])[:, task.ranks_]
    assert task.decode(task.calibrated(uneven, 20.0)).tolist() == ["low"]
    assert (task.calibrated(np.eye(4), 0.05) == np.eye(4)).all()
    rare = np.array([[0.5, 0.5, 0.0, 1e-30]])[:, task.ranks_]
    least = task.calibrated(rare, 2.0)[0, task.classes_.tolist().index("top")]
    assert least == pytest.approx(1e-15, rel=1e-9, abs=0)
    assert task.calibrated(chances, 1.0) is chances


def test_the_temperature_is_the_one_that_labels_came_by():
    generator, task = np.random.default_rng(0), fitted()
    end, cuts = thresholds(task)
    scores = 2 * generator.normal(size=4000)
    drawn = scores + 2.0 * generator.logistic(size=4000)
    chances = task.activate(end(torch.tensor(scores)[:, None])).detach().numpy()
    labels = np.array(ORDER)[np.digitize(drawn, cuts)]
    assert task.calibrate(chances, labels, np.ones(4000)) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (1, "must have two labels or more"),
        (["a"], "must have two labels or more"),
        (["a", "a"], "The 'categories' parameter of Ordinal"),
        ("ab", "The 'categories' parameter of Ordinal"),
        (None, r"Ordinal \(task 'a'\) must be a number of classes, or a sequence"),
    ],
)
def test_bad_categories(categories, message):
    with pytest.raises(InvalidParameterError, match=message):
        Ordinal(categories).validate("a")


def test_a_label_that_is_no_category():
    message = r"(?s)Row 1 of y has the label 'z'.*with Ordinal\(categories=...\)"
    with pytest.raises(InvalidDataError, match=message):
        Ordinal(["a", "b"]).fit(np.array(["a", "z"]), np.ones(2), "t")


def test_whole_numbers():
    task = Ordinal(3).fit(np.array([0, 2, 2]), np.ones(3), "a")
    assert task.classes_.tolist() == task.ranks_.tolist() == [0, 1, 2]
    descending = Ordinal([9, 5, 1]).fit(np.array([1, 9]), np.ones(2), "a")
    assert descending.ranks_.tolist() == [2, 1, 0]
    assert descending.classes_.dtype == np.int64


@pytest.mark.parametrize(
    "categories",
    [
        [Fraction(3, 2), Fraction(1, 2)],
        [2**63 + 1, 2**63, 0],
        np.array(["b", "a"], dtype=object),
        [True, False],
    ],
    ids=str,
)
def test_the_order_is_that_of_the_categories(categories):
    labels = np.array([float(each) if isinstance(each, Fraction) else each
                       for each in categories[:2]])  # fmt: skip
    task = Ordinal(categories).fit(labels, WEIGHTS[:2], "a")
    assert task.classes_[task.ranks_.argsort()].tolist() == list(categories)


def test_members_of_other_categories_or_another_order():
    members = [Ordinal(each) for each in (["a", "b"], ["b", "a"], ["a", "b", "c"])]
    first, *others = (
        each.fit(np.array(["a", "b"]), np.ones(2), "t") for each in members
    )
    assert first.join([first]) is first
    for other in others:
        with pytest.raises(InvalidDataError, match="the same categories in the same"):
            first.join([other])


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_every_room_takes_it(problem, loss, tmp_path):
    X, y = problem
    estimator = make(loss=loss, class_weight="balanced").fit(X, y)
    known = np.array([label is not None for label in y[:, 0]])
    true = np.array([ORDER.index(label) for label in y[known, 0]])
    predicted = estimator.predict(X)[:, 0]
    ranks = np.array([ORDER.index(label) for label in predicted])
    wanted = d2_absolute_error_score(true, ranks[known])
    assert wanted > 0.3
    rows = {
        (row["task"], row["metric"]): row for row in task_report(estimator, X, y).rows
    }
    assert rows["grade", "d2_absolute"]["value"] == pytest.approx(wanted)
    assert estimator.task("grade").score(X, y[:, 0]) == pytest.approx(wanted)
    scorer = task_scorers(make().tasks)["grade_d2_absolute"]
    assert scorer(estimator, X, y) == pytest.approx(wanted)
    probabilities = estimator.predict_proba(X)[0]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    save(estimator, tmp_path / "model.mtl")
    again = load(tmp_path / "model.mtl")
    np.testing.assert_array_equal(again.predict_proba(X)[0], probabilities)
    assert cross_val_predict(make(2), X, y, cv=2).shape == y.shape


def test_displays_reports_and_calibration_show_it(problem, tmp_path):
    X, y = problem
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0).fit(X, y)
    member = ensemble.estimators_[0]
    confusion = ConfusionDisplay.from_estimator(member, X, y)
    assert confusion.labels["grade"].tolist() == ORDER
    true = [ORDER.index(label) for label in y[:, 0] if label is not None]
    counts = confusion.matrices["grade"].sum(axis=1)
    assert counts.tolist() == np.bincount(true).tolist()
    for display in (
        ConfusionDisplay,
        ClasswiseDisplay,
        CalibrationDisplay,
        EmbeddingDisplay,
    ):
        display.from_estimator(member, X, y).plot()
    LearningCurvesDisplay.from_estimator(member).plot()
    rows = {row["metric"]: row for row in ensemble_report(ensemble, X, y).rows}
    assert {"d2_absolute", "calibration_error"} <= set(rows)
    scaled = TemperatureScaled(make(), random_state=0).fit(X, y)
    assert list(scaled.temperatures_) == ["grade"]
    probabilities = scaled.predict_proba(X)[0]
    task = scaled.tasks_["grade"]
    assert task.decode(probabilities).tolist() == scaled.predict(X)[:, 0].tolist()
    exported = make_module(scaled)(torch.tensor(X, dtype=torch.float32))
    np.testing.assert_allclose(exported[0], probabilities, atol=1e-5)
    assert sharing_report(make(2), X, y, cv=2, random_state=0).rows[0]["metric"] == (
        "d2_absolute"
    )
    report(ensemble, X, y, path=tmp_path / "page.html", n_bootstraps=20)
    assert "middle" in (tmp_path / "page.html").read_text()


def test_splits_and_searches(problem):
    X, y = problem
    splitter = MultiTaskStratifiedKFold(4, tasks=make().tasks, random_state=0)
    shares = [
        np.mean(y[test, 0] == "top") / np.mean(y[:, 0] == "top")
        for _, test in splitter.split(X, y)
    ]
    assert np.ptp(shares) < 0.5
    search = GridSearchCV(
        make(),
        {"tasks__grade__class_weight": [None, "balanced"]},
        scoring=task_scorers(make().tasks),
        refit="grade_d2_absolute",
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0
