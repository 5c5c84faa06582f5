"""Stratified folds and splits in which groups stay whole."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_validate

from mtlearn import Classification, MultiLabel, Regression, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.model_selection import (
    MultiTaskStratifiedKFold,
    cross_val_predict,
    multitask_train_test_split,
)

N_SAMPLES = 600
TASKS = Tasks(tags=MultiLabel(5), kind=Classification(3), size=Regression())


@pytest.fixture
def y():
    """Five labels, some of them rare, three classes and real values, with holes."""
    rng = np.random.RandomState(0)
    tags = rng.random_sample((N_SAMPLES, 5)) < [0.8, 0.5, 0.3, 0.1, 0.05]
    y = np.column_stack([tags, rng.randint(3, size=N_SAMPLES), rng.rand(N_SAMPLES)])
    y[rng.random_sample(y.shape) < 0.1] = np.nan
    return y


@pytest.fixture
def groups():
    return np.random.RandomState(1).randint(120, size=N_SAMPLES)


def folds_of(folds, y, groups):
    return [test for _, test in folds.split(y, y, groups)]


def most_off(y, parts, shares):
    """Largest difference of a label's, class's or hole's count from its share."""
    off = []
    for column in y[:, :6].T:
        for own in (column == 0, column == 1, column == 2, np.isnan(column)):
            counts = np.array([own[part].sum() for part in parts])
            off.append(np.abs(counts - own.sum() * shares).max())
    return max(off)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_whole_and_labels_are_spread(y, groups, shuffle, seed):
    folds = MultiTaskStratifiedKFold(
        5, tasks=TASKS, shuffle=shuffle, random_state=seed if shuffle else None
    )

    tests = folds_of(folds, y, groups)

    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(N_SAMPLES))
    assert sum(len(np.unique(groups[test])) for test in tests) == len(np.unique(groups))
    assert max(map(len, tests)) - min(map(len, tests)) <= 1
    assert most_off(y, tests, np.full(5, 0.2)) < 4


@pytest.mark.parametrize("seed", range(10))
def test_one_target_is_no_less_even_than_by_stratified_group_k_fold(seed):
    rng = np.random.RandomState(seed)
    groups = np.repeat(np.arange(40), rng.geometric(0.1, 40))
    y = (rng.rand(40)[groups] + rng.rand(len(groups)) > 1.2) + 0

    def off(splits):
        counts = np.array([np.bincount(y[test], minlength=2) for _, test in splits])
        counts = np.column_stack([counts, counts.sum(axis=1)])
        return np.abs(counts - counts.mean(axis=0)).max()

    ours = MultiTaskStratifiedKFold(4, random_state=seed).split(y, y, groups)
    theirs = StratifiedGroupKFold(4, shuffle=True, random_state=seed)

    assert off(ours) <= off(theirs.split(y, y, groups))


def test_names_of_groups_and_their_container_do_not_matter(y, groups):
    folds = MultiTaskStratifiedKFold(3, tasks=TASKS, random_state=0)
    expected = folds_of(folds, y, groups)
    names = np.array([f"patient {119 - i}" for i in range(120)])[groups]

    for same in (names, names.tolist(), pd.Series(names), groups.astype(float)):
        for one, other in zip(folds_of(folds, y, same), expected, strict=True):
            assert np.array_equal(one, other)


def test_groups_of_one_sample_are_no_groups(y):
    folds = MultiTaskStratifiedKFold(3, tasks=TASKS, random_state=0)
    alone = np.random.RandomState(0).permutation(N_SAMPLES)

    for one, other in zip(
        folds_of(folds, y, alone), folds_of(folds, y, None), strict=True
    ):
        assert np.array_equal(one, other)


def test_without_shuffle_equal_groups_keep_their_order():
    y = np.array([0, 1] * 6)
    folds = MultiTaskStratifiedKFold(3, shuffle=False)

    tests = folds_of(folds, y, np.repeat([5, 4, 3, 2, 1, 0], 2))

    assert np.concatenate(tests).tolist() == list(range(12))


def test_a_class_in_few_groups_warns():
    y = pd.DataFrame({"digit": [0, 1] * 10, "item": ["a"] * 15 + ["b"] * 5})
    groups = np.arange(20) // 2
    with pytest.warns(
        UserWarning,
        match=r"class in task 'item' has only 3 groups, which is less than n_splits=4",
    ) as record:
        folds_of(MultiTaskStratifiedKFold(4), y, groups)
    assert len(record) == 1


def test_too_few_groups_and_missing_ones():
    y = np.array([0, 1] * 4)
    folds = MultiTaskStratifiedKFold(3)
    with pytest.raises(
        InvalidParameterError,
        match=r"n_splits=3 greater than the number of groups: n_groups=2\.",
    ):
        folds_of(folds, y, [0] * 4 + [1] * 4)
    with pytest.raises(InvalidDataError, match=r"has None in row 5, which is no group"):
        folds_of(folds, y, [0, 1, 2, 3, 4, None, 6, 7])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        folds_of(folds, y, [0, 1, 2])


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps which samples it has seen, and says whether others are of new groups."""

    def __init__(self, groups=None, level=0):
        self.groups = groups
        self.level = level

    def fit(self, X, y):
        self.seen_ = set(self.groups[X[:, 0]])
        return self

    def predict(self, X):
        return np.array([each in self.seen_ for each in self.groups[X[:, 0]]])

    def score(self, X, y):
        return 1 - self.predict(X).mean()


@pytest.mark.parametrize("routing", [True, False])
def test_scikit_learn_hands_groups_on(groups, routing):
    X, y = np.arange(N_SAMPLES)[:, None], np.arange(N_SAMPLES) % 3
    folds = MultiTaskStratifiedKFold(4, random_state=0)
    given = {"groups": groups}
    with config_context(enable_metadata_routing=routing):
        result = cross_validate(
            Recorder(groups),
            X,
            y,
            cv=folds,
            **({"params": given} if routing else given),
        )
        search = GridSearchCV(Recorder(groups), {"level": [0, 1]}, cv=folds)
        search.fit(X, y, groups=groups)
        mixed = cross_validate(Recorder(groups), X, y, cv=folds)["test_score"]

    assert result["test_score"].tolist() == [1] * 4
    assert search.cv_results_["mean_test_score"].tolist() == [1] * 2
    assert mixed.mean() < 0.5


def test_groups_are_requested_and_may_be_refused():
    folds = MultiTaskStratifiedKFold()
    assert folds.get_metadata_routing().split.requests == {"groups": True}
    with config_context(enable_metadata_routing=True):
        folds.set_split_request(groups=False)
    assert folds.get_metadata_routing().split.requests == {"groups": False}


def test_cross_val_predict_keeps_groups_whole(groups):
    X, y = np.arange(N_SAMPLES)[:, None], np.arange(N_SAMPLES) % 3

    seen = cross_val_predict(Recorder(groups), X, y, groups=groups, cv=3)

    assert not seen.any()


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_three_parts_of_whole_groups(y, groups, stratified, seed):
    parts = multitask_train_test_split(
        np.arange(N_SAMPLES),
        test_size=0.2,
        val_size=0.1,
        stratify=y[:, 5:] if stratified else None,
        groups=groups,
        random_state=seed,
    )

    assert sorted(np.concatenate(parts)) == list(range(N_SAMPLES))
    assert sum(len(np.unique(groups[p])) for p in parts) == len(np.unique(groups))
    assert np.abs(np.array(list(map(len, parts))) - [420, 60, 120]).max() <= 1
    assert (np.diff(parts[0]) < 0).any()
    if stratified:
        for own in (y[:, 5] == 0, y[:, 5] == 1, y[:, 5] == 2, np.isnan(y[:, 5])):
            counts = np.array([own[part].sum() for part in parts])
            assert np.abs(counts - own.sum() * np.array([0.7, 0.1, 0.2])).max() <= 2


def test_parts_may_leave_groups_out(y, groups):
    train, test = multitask_train_test_split(
        np.arange(N_SAMPLES), train_size=100, test_size=200, groups=groups,
        stratify=y[:, 5], random_state=0,
    )  # fmt: skip

    assert abs(len(train) - 100) <= 1
    assert abs(len(test) - 200) <= 1
    assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("seed", range(10))
def test_the_only_group_of_a_class_is_for_training(seed):
    groups = np.repeat(np.arange(12), 5)
    y = np.arange(60) % 2
    y[12:14] = 2

    train, test = multitask_train_test_split(
        np.arange(60), test_size=0.5, stratify=y, groups=groups, random_state=seed
    )

    assert {12, 13} <= set(train)
    assert len(train) == len(test) == 30


def test_a_split_without_enough_groups_or_in_order():
    rows = np.arange(8)
    with pytest.raises(InvalidParameterError, match=r"n_groups=2, .* into 3 parts"):
        multitask_train_test_split(rows, val_size=2, test_size=2, groups=rows // 4)
    with pytest.raises(InvalidParameterError, match="Grouped train/test split is not"):
        multitask_train_test_split(rows, groups=rows // 2, shuffle=False)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multitask_train_test_split(rows, groups=rows[:5])
