"""Counts: formulas beside scikit-learn and scipy, and every room with one in it."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils import get_tags

from mtlearn import (
    Classification,
    Count,
    MultiTaskEstimator,
    Partial,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import (
    CalibrationDisplay,
    EmbeddingDisplay,
    LearningCurvesDisplay,
    ResidualsDisplay,
    TaskConflictDisplay,
    sharing_report,
)
from mtlearn.losses import sample_loss
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.networks import MLP
from mtlearn.persistence import load, save
from mtlearn.reporting import report
from mtlearn.tasks._count import poisson_deviance

COUNTS = np.array([0.0, 3.0, 1.0, 0.0, 7.0, 2.0])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 3.0])


def fitted(**kwargs):
    return Count(**kwargs).fit(COUNTS, WEIGHTS, "a")


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 3))
    y = np.column_stack([X[:, 1] > 0, generator.poisson(np.exp(1 + X[:, 0]))])
    y = y.astype(float)
    y[::9, 1] = np.nan
    return X, y


def make(**kwargs):
    tasks = Tasks(sign=Classification(2), visits=Count(**kwargs))
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(8,)),
        lr=0.02,
        max_epochs=15,
        n_threads=1,
        random_state=0,
    )


def test_the_mean_and_the_dispersion_of_the_labels():
    task = fitted()
    mean = np.average(COUNTS, weights=WEIGHTS)
    variance = np.average((COUNTS - mean) ** 2, weights=WEIGHTS)
    assert task.mean_ == pytest.approx(mean)
    assert task.dispersion_ == pytest.approx((variance - mean) / mean**2)
    even = Count().fit(np.array([2.0, 2.0]), np.ones(2), "a")
    assert 0 < even.dispersion_ < 1e-5
    nothing = torch.zeros(1, 1)
    assert task.activate(nothing).item() == pytest.approx(mean)
    assert task.link(nothing).item() == pytest.approx(np.log(mean))


def test_the_deviance_is_that_of_scikit_learn():
    expected = np.array([0.5, 2.0, 1.0, 0.1, 9.0, 2.5])
    loss = sample_loss(*fitted().loss_spec()[:1])
    found = loss(torch.tensor(np.log(expected))[:, None], torch.tensor(COUNTS))
    each = [
        mean_poisson_deviance([true], [mean]) / 2
        for true, mean in zip(COUNTS, expected, strict=True)
    ]
    np.testing.assert_allclose(found, each, atol=1e-12)


@pytest.mark.parametrize("dispersion", [0.05, 0.7, 4.0])
def test_the_negative_binomial_is_that_of_scipy(dispersion):
    expected = np.array([0.5, 2.0, 1.0, 0.1, 9.0, 2.5])
    task = fitted(loss="negative_binomial")
    task.dispersion_ = dispersion
    loss = sample_loss(*task.loss_spec()[:1])
    found = loss(torch.tensor(np.log(expected))[:, None], torch.tensor(COUNTS))
    size = 1 / dispersion
    wanted = -stats.nbinom.logpmf(COUNTS, size, size / (size + expected))
    np.testing.assert_allclose(found.detach(), wanted, rtol=1e-5)
    assert [name for name, _ in loss.named_parameters()] == ["function.log_dispersion"]


def test_d2_is_that_of_scikit_learn():
    expected = np.array([0.5, 2.0, 1.0, 0.1, 9.0, 2.5])
    wanted = d2_tweedie_score(COUNTS, expected, sample_weight=WEIGHTS, power=1)
    task = fitted()
    assert task.score(COUNTS, expected, WEIGHTS) == pytest.approx(wanted)
    log = torch.tensor(np.log(expected))[:, None]
    # Two batches, with a label that is missing and may be anything.
    first = task.statistics(
        log[:2], torch.tensor(COUNTS[:2]), torch.tensor(WEIGHTS[:2])
    )
    rest = task.statistics(
        torch.cat([log[2:], torch.tensor([[float("nan")]])]),
        torch.tensor([*COUNTS[2:], float("inf")]),
        torch.tensor([*WEIGHTS[2:], 0.0]),
    )
    assert task.metric_from((first + rest).numpy()) == pytest.approx(wanted)


def test_an_expected_count_of_0_has_a_finite_score():
    found = fitted().score(COUNTS, np.zeros(6), WEIGHTS)
    expected = np.full(6, np.exp(-30))
    wanted = d2_tweedie_score(COUNTS, expected, sample_weight=WEIGHTS, power=1)
    assert found == pytest.approx(wanted)


def test_without_any_spread_d2_is_undefined():
    task = fitted()
    assert np.isnan(task.score(np.full(3, 2.0), np.ones(3), np.ones(3)))
    assert np.isnan(task.score(np.zeros(3), np.ones(3), np.ones(3)))
    assert np.isnan(task.metric_from(np.zeros(4)))
    weights = np.random.default_rng(0).random((30, 50))
    ones = [task.score(np.ones(50), np.full(50, 2.0), each) for each in weights]
    assert np.isnan(ones).all()
    one_more = np.array([1.0] * 49 + [2.0])
    found = task.score(one_more, np.full(50, 1.1), np.ones(50))
    assert found == pytest.approx(d2_tweedie_score(one_more, np.full(50, 1.1), power=1))


def test_the_deviance_of_large_counts_in_float32():
    counts = np.array([1e9, 1e6, 0.0])
    expected = counts * [1.01, 0.99, 1.0] + 0.1
    wanted = [
        mean_poisson_deviance([true], [mean]) / 2
        for true, mean in zip(counts, expected, strict=True)
    ]
    log = torch.tensor(np.log(expected), dtype=torch.float32, requires_grad=True)
    found = poisson_deviance(log, torch.tensor(counts, dtype=torch.float32))
    np.testing.assert_allclose(found.detach(), wanted, rtol=1e-3)
    found.sum().backward()
    np.testing.assert_allclose(log.grad, expected - counts, rtol=1e-3)


def test_a_label_below_0_has_no_score(problem):
    X, y = problem
    estimator = make().fit(X, y)
    y[3, 1] = -1
    for score in (estimator.score, partial(task_report, estimator)):
        with pytest.raises(InvalidDataError, match=r"the label -1\.0 where counts"):
            score(X, y)
    weights = np.ones(y.shape)
    weights[3, 1] = 0.0
    assert np.isfinite(estimator.score(X, y, weights))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.0, -1.0], "Row 1 of y has the value -1.0 for task 'a', which is no count"),
        ([1.0, 0.5], "Row 1 of y has the value 0.5 for task 'a'"),
        ([0.0, 0.0], "Task 'a' counts nothing: every label is 0"),
        (["b", "c"], "Task 'a' is a count and got labels that are not numbers"),
    ],
)
def test_labels_that_are_no_counts(labels, message):
    with pytest.raises(InvalidDataError, match=message):
        Count().fit(np.array(labels), np.ones(2), "a")


def test_extreme_outputs_stay_finite():
    task = fitted()
    raw = torch.tensor([[-1e4], [1e4]], requires_grad=True)
    for loss in ("poisson", "negative_binomial"):
        task.loss = loss
        value = sample_loss(*task.loss_spec()[:1])(
            task.link(raw), torch.tensor([0.0, 3.0])
        )
        assert torch.isfinite(value).all()
    assert torch.isfinite(task.activate(raw)).all()
    assert (task.activate(raw) > 0).all()
    loss = task.loss_spec()[0]
    with torch.no_grad():
        loss.log_dispersion.fill_(-800.0)  # as good as Poisson's
    value = loss(torch.zeros(1), torch.tensor([3.0]))
    assert value.dtype == torch.float32
    poisson = -stats.poisson.logpmf(3, 1)
    assert value.item() == pytest.approx(poisson, rel=1e-4)
    linked = task.exported_activation()(raw)
    torch.testing.assert_close(linked, task.activate(raw))


def test_its_best_line_is_that_of_scikit_learn():
    generator = np.random.default_rng(1)
    X = generator.normal(size=(300, 2))
    y = generator.poisson(np.exp(0.5 + X @ [0.6, -0.3])).astype(float)
    task = Count().fit(y, np.ones(300), "n")
    loss = sample_loss(*task.loss_spec()[:1])
    line = torch.nn.Linear(2, 1, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(line.parameters(), line_search_fn="strong_wolfe")

    def step():
        optimizer.zero_grad()
        mean = loss(task.link(line(torch.tensor(X))), torch.tensor(y)).mean()
        mean.backward()
        return mean

    for _ in range(20):
        optimizer.step(step)
    wanted = PoissonRegressor(alpha=0, tol=1e-10).fit(X, y).predict(X)
    found = task.activate(line(torch.tensor(X)).detach())[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


@pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])
def test_every_room_takes_it(problem, loss, tmp_path):
    X, y = problem
    estimator = make(loss=loss).fit(X, y)
    known = ~np.isnan(y[:, 1])
    predicted = estimator.predict(X)[:, 1]
    wanted = d2_tweedie_score(y[known, 1], predicted[known], power=1)
    assert wanted > 0.2
    rows = {
        (row["task"], row["metric"]): row for row in task_report(estimator, X, y).rows
    }
    assert rows["visits", "d2"]["value"] == pytest.approx(wanted)
    assert rows["visits", "d2"]["baseline"] == pytest.approx(0, abs=0.02)
    assert estimator.task("visits").score(X, y[:, 1]) == pytest.approx(wanted)
    assert task_scorers(estimator.tasks_)["visits_d2"](estimator, X, y) == (
        pytest.approx(wanted)
    )
    save(estimator, tmp_path / "model.mtl")
    np.testing.assert_array_equal(
        load(tmp_path / "model.mtl").predict(X)[:, 1], predicted
    )
    assert np.isfinite(cross_val_predict(make(loss=loss), X, y, cv=2)).all()


def test_displays_and_reports_show_it(problem, tmp_path):
    X, y = problem
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0).fit(X, y)
    member = ensemble.estimators_[0]
    ResidualsDisplay.from_estimator(member, X, y).plot()
    CalibrationDisplay.from_estimator(ensemble, X, y).plot()
    EmbeddingDisplay.from_estimator(member, X, y).plot()
    LearningCurvesDisplay.from_estimator(member).plot()
    TaskConflictDisplay.from_estimator(member, X, y).plot()
    rows = {
        (row["task"], row["metric"]): row
        for row in ensemble_report(ensemble, X, y).rows
    }
    members = np.stack([each.predict(X)[:, 1] for each in ensemble.estimators_])
    known = ~np.isnan(y[:, 1])
    assert rows["visits", "d2"]["disagreement"] == pytest.approx(
        members.std(axis=0)[known].mean()
    )
    shared = sharing_report(make(), X, y, cv=2, random_state=0)
    assert shared.rows[1]["metric"] == "d2"
    report(ensemble, X, y, path=tmp_path / "page.html", n_bootstraps=20)
    assert "visits" in (tmp_path / "page.html").read_text()


def test_a_page_says_what_is_no_count(problem):
    X, y = problem
    estimator = make().fit(X, y)
    y[[3, 7], 1] = 2.5
    page = report(estimator, X, y, path=None, n_bootstraps=20)
    said = {each.code: each.message for each in page.findings if each.task == "visits"}
    assert said["MTL010"] == (
        "2 labels are no whole number from 0 on: 2.5 in row 3, 2.5 in row 7"
    )


def test_scikit_learn_takes_it_for_a_regressor_of_counts():
    tags = get_tags(MultiTaskEstimator(Count()))
    assert tags.estimator_type == "regressor"
    assert tags.target_tags.positive_only
    assert not get_tags(MultiTaskEstimator()).target_tags.positive_only


def test_splits_and_searches(problem):
    X, y = problem
    splitter = MultiTaskStratifiedKFold(4, tasks=make().tasks, random_state=0)
    for _, test in splitter.split(X, y):
        assert 0.5 < np.nanmean(y[test, 1]) / np.nanmean(y[:, 1]) < 1.5
    search = GridSearchCV(
        make(),
        {"tasks__visits__loss": ["poisson", "negative_binomial"]},
        scoring=task_scorers(make().tasks),
        refit="visits_d2",
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0
