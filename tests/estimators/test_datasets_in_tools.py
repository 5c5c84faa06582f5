"""Tools around the estimators: rows of a dataset are read when they are needed."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from skorch.helper import SliceDataset
from torch.utils.data import Subset

from mtlearn import Classification, SeedEnsemble, TemperatureScaled, VotingEnsemble
from mtlearn.exceptions import InvalidDataError
from mtlearn.metrics import ensemble_report, task_report
from mtlearn.model_selection import (
    MultiTaskStratifiedKFold,
    cross_val_predict,
    multitask_train_test_split,
)
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from tiny_datasets import Items, Pairs
from tiny_problems import (
    Counter,
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

X, Y = make_images()
FOLDS = {"cv": 3, "error_score": "raise"}


def sliced(dataset):
    return SliceDataset(dataset), Y


def test_searches_read_rows_when_they_need_them():
    dataset = Pairs(X, Y)
    grid = {"lr": [0.01, 0.1]}
    search = GridSearchCV(image_estimator(), grid, **FOLDS).fit(*sliced(dataset))
    expected = GridSearchCV(image_estimator(), grid, **FOLDS).fit(X, Y)
    assert_same_bits(expected.best_estimator_, search.best_estimator_)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    # For each lr and fold: first rows of both parts, 2 epochs, the statistics of batch
    # norms, a test; then the refit.
    assert len(dataset.read) == 2 * 3 * (2 + 3 * 16 + 8) + 1 + 3 * 24


def test_cross_validation_reads_training_and_test_rows_only():
    dataset = Pairs(X, Y)
    found = cross_validate(image_estimator(), *sliced(dataset), **FOLDS)
    expected = cross_validate(image_estimator(), X, Y, **FOLDS)
    np.testing.assert_array_equal(found["test_score"], expected["test_score"])
    # Of each of 3 folds: the first rows of both parts, 2 epochs, the statistics of
    # batch norms, one test.
    assert len(dataset.read) == 3 * (2 + 3 * 16 + 8)
    # Labels may be the other half of the dataset.
    labels = SliceDataset(dataset, idx=1)
    scores = cross_val_score(image_estimator(), SliceDataset(dataset), labels, cv=3)
    np.testing.assert_array_equal(scores, expected["test_score"])


@pytest.mark.parametrize("n_channels", [1, 3])
def test_items_without_labels_are_whole_images(n_channels):
    images, y = make_images(n_channels=n_channels)
    sliced = SliceDataset(Items(images))
    estimator = image_estimator().fit(sliced, y)
    assert estimator.image_shape_ == (6, 6, n_channels)
    assert_same_bits(image_estimator().fit(images, y), estimator)
    found = cross_validate(image_estimator(), sliced, y, **FOLDS)
    expected = cross_validate(image_estimator(), images, y, **FOLDS)
    np.testing.assert_array_equal(found["test_score"], expected["test_score"])


def test_labels_that_a_sliced_dataset_lacks():
    with pytest.raises(InvalidDataError, match=r"Item 0 .* no tuple, .* idx=1"):
        image_estimator().fit(X, SliceDataset(Items(X), idx=1))
    named = Items([{"x": x, "kind": kind} for x, kind in zip(X, Y[:, 0], strict=True)])
    parts = SliceDataset(named, idx="x"), SliceDataset(named, idx="kind")
    expected = image_estimator(Classification()).fit(X, Y[:, 0])
    assert_same_bits(expected, image_estimator(Classification()).fit(*parts))


def test_a_bare_dataset_in_a_search_is_told_what_it_lacks():
    search = GridSearchCV(image_estimator(), {"lr": [0.01]}, **FOLDS)
    with pytest.raises(InvalidDataError, match=r"list of pairs .*SliceDataset\(data"):
        search.fit(Pairs(X, Y), Y)


def test_own_tools_take_bare_datasets():
    dataset = Pairs(X, Y)
    parts = multitask_train_test_split(dataset, Y, stratify=Y, random_state=0)
    assert [type(part) for part in parts[:2]] == [Subset, Subset]
    folds = list(MultiTaskStratifiedKFold(2, random_state=0).split(dataset, Y))
    assert len(folds) == 2
    assert dataset.read == []
    expected = multitask_train_test_split(X, Y, stratify=Y, random_state=0)
    np.testing.assert_array_equal([x for x, _ in parts[1]], expected[1])
    for method in ("predict", "embed"):
        found, whole = (
            cross_val_predict(image_estimator(), x, Y, cv=2, method=method)
            for x in (dataset, X)
        )
        np.testing.assert_array_equal(found, whole)


# Two processes take longer than other tests: they start, and import torch.
@pytest.mark.parametrize(("bootstrap", "n_jobs"), [(False, 1), (True, 1), (True, 2)])
def test_ensembles(bootstrap, n_jobs):
    estimator = image_estimator(max_epochs=1)
    params = {"bootstrap": bootstrap, "random_state": 0}
    expected = SeedEnsemble(estimator, 2, **params).fit(X, Y)
    dataset = Pairs(X, Y)
    ensemble = SeedEnsemble(estimator, 2, n_jobs=n_jobs, **params).fit(dataset)
    for one, other in zip(expected.estimators_, ensemble.estimators_, strict=True):
        assert_same_bits(one, other)
    np.testing.assert_array_equal(ensemble.predict(dataset), expected.predict(X))
    assert ensemble.score(dataset) == expected.score(X, Y)
    assert str(ensemble_report(ensemble, dataset, Y)) == str(
        ensemble_report(expected, X, Y)
    )


def test_more_meta_estimators():
    voting = VotingEnsemble([("a", image_estimator()), ("b", image_estimator(lr=0.1))])
    scaled = TemperatureScaled(image_estimator(), random_state=0)
    dataset = Pairs(X, Y)
    for whole in (voting, scaled):
        expected = whole.fit(X, Y).predict_proba(X)[0]
        found = whole.fit(dataset).predict_proba(dataset)[0]
        np.testing.assert_array_equal(found, expected)
    report = task_report(scaled, dataset, Y)
    assert str(report) == str(task_report(scaled, X, Y))


def test_a_seed_ensemble_chooses_its_members_by_the_first_row():
    ensemble = SeedEnsemble(n_members=1)
    table = Items(make_table()[0])
    assert type(ensemble._template(table)).__name__ == "MultiTaskEstimator"
    assert type(ensemble._template(Items(X))).__name__ == "MultiTaskImageEstimator"
    assert table.read == [0]


def test_partial_fit_of_an_ensemble():
    expected, ensemble = (
        SeedEnsemble(image_estimator(), 2, random_state=0) for _ in range(2)
    )
    expected.partial_fit(X, Y)
    ensemble.partial_fit(Pairs(X, Y))
    assert_same_bits(expected.estimators_[1], ensemble.estimators_[1])


@pytest.mark.parametrize(
    "scaler", [GlobalMaxScaler(), ImageReshaper(), ImageStandardScaler()]
)
@pytest.mark.parametrize("wrap", [Items, lambda X: SliceDataset(Pairs(X, Y))])
def test_transformers_take_datasets(scaler, wrap):
    dataset = wrap(X)
    expected = make_pipeline(clone(scaler), image_estimator()).fit(X, Y)
    model = make_pipeline(clone(scaler), image_estimator()).fit(dataset, Y)

    np.testing.assert_array_equal(model.predict(dataset), expected.predict(X))
    assert model.score(dataset, Y) == expected.score(X, Y)


def test_callbacks_get_what_the_user_passed():
    class Keeper(Counter):
        def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
            self.data = X, y

    dataset, keeper = Pairs(*make_table()), Keeper()
    table_estimator().set_callbacks(keeper).fit(dataset)
    assert keeper.data[0] is dataset
    assert keeper.data[1] is None
