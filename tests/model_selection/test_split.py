"""The stratified folds for several targets."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.tasks import Classification, Regression, Tasks

N_SAMPLES = 400


def spread(y, tests):
    """Largest difference of the counts of a class or quintile between folds."""
    quintile = np.searchsorted(np.quantile(y[:, 2], [0.2, 0.4, 0.6, 0.8]), y[:, 2])
    differences = []
    for column in (y[:, 0], y[:, 1], quintile):
        for stratum in np.unique(column):
            counts = [np.sum(column[test] == stratum) for test in tests]
            differences.append(max(counts) - min(counts))
    return max(differences)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("container", ["array", "frame", "dict"])
def test_folds_are_disjoint_complete_and_even(targets, contain, container, shuffle):
    y = contain(targets, container)
    folds = MultiTaskStratifiedKFold(
        5, shuffle=shuffle, random_state=0 if shuffle else None
    )

    splits = list(folds.split(np.zeros((N_SAMPLES, 4, 4)), y))

    tests = [test for _, test in splits]
    assert len(splits) == folds.get_n_splits() == 5
    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(N_SAMPLES))
    for train, test in splits:
        assert len(test) == N_SAMPLES // 5
        assert np.array_equal(np.union1d(train, test), np.arange(N_SAMPLES))
        assert len(train) + len(test) == N_SAMPLES
    assert spread(targets, tests) <= 3


def test_folds_are_far_more_even_than_random_ones(targets):
    splits = MultiTaskStratifiedKFold(4, random_state=0).split(targets, targets)
    plain = np.random.RandomState(0).permutation(N_SAMPLES).reshape(4, -1)

    assert spread(targets, [test for _, test in splits]) <= 3
    assert spread(targets, plain) > 10


def test_missing_labels_are_spread(targets):
    rng = np.random.RandomState(1)
    missing = rng.random_sample(targets.shape) < [0.1, 0.5, 0.3]
    y = np.where(missing, np.nan, targets)

    splits = MultiTaskStratifiedKFold(4, random_state=0).split(y, y)

    counts = np.array([missing[test].sum(axis=0) for _, test in splits])
    assert np.all(counts.max(axis=0) - counts.min(axis=0) <= 2)


def test_one_target_is_split_as_evenly_as_by_stratified_k_fold(targets):
    y = targets[:, 1].astype(int)
    ours = MultiTaskStratifiedKFold(7, random_state=0).split(y, y)
    theirs = StratifiedKFold(7).split(y, y)

    def counts(splits):
        return np.sort([np.bincount(y[test], minlength=9) for _, test in splits], 0)

    assert np.array_equal(counts(ours), counts(theirs))


def test_without_shuffle_equal_samples_keep_their_order():
    y = np.repeat([[0, 0], [1, 0], [1, 1]], 6, axis=0)

    folds = MultiTaskStratifiedKFold(3, shuffle=False)
    tests = [test for _, test in folds.split(y, y)]

    assert np.concatenate(tests).tolist() == [
        *[0, 1, 6, 7, 12, 13],
        *[2, 3, 8, 9, 14, 15],
        *[4, 5, 10, 11, 16, 17],
    ]


@pytest.mark.parametrize(
    "params", [{"random_state": 3}, {"shuffle": False, "random_state": None}]
)
def test_folds_repeat(targets, params):
    folds = MultiTaskStratifiedKFold(3, **params)

    first, second = (list(folds.split(targets, targets)) for _ in range(2))

    for (_, one), (_, other) in zip(first, second, strict=True):
        assert np.array_equal(one, other)


def test_another_seed_gives_other_folds(targets):
    tests = [
        next(MultiTaskStratifiedKFold(random_state=seed).split(targets, targets))[1]
        for seed in (0, 1)
    ]

    assert not np.array_equal(*tests)


def test_no_global_random_state_is_touched(targets):
    before = np.random.get_state()

    list(MultiTaskStratifiedKFold(random_state=0).split(targets, targets))

    after = np.random.get_state()
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_tasks_say_which_column_is_real():
    y = np.random.RandomState(0).permutation(30).astype(float)
    with (
        pytest.warns(UserWarning, match="has only 1 members"),
        pytest.warns(UserWarning, match="30 distinct whole numbers"),
    ):
        list(MultiTaskStratifiedKFold(3).split(y, np.column_stack([y % 2, y])))

    tasks = Tasks(parity=Classification(), value=Regression())
    folds = MultiTaskStratifiedKFold(3, tasks=tasks, random_state=0)
    for _, test in folds.split(y, np.column_stack([y % 2, y])):
        bins = np.bincount((y[test] // 6).astype(int))
        assert bins.tolist() == [2] * 5


def test_a_bin_holds_a_sample_for_each_fold():
    y = np.linspace(0.05, 0.95, 6)

    folds = MultiTaskStratifiedKFold(3, n_bins=100, random_state=0)

    for _, test in folds.split(y, y):
        assert np.sum(y[test] < 0.5) == 1


def test_a_task_without_labels_and_a_constant_one_do_no_harm():
    y = np.column_stack([[0, 1] * 5, np.full(10, np.nan), np.full(10, 0.5)])

    splits = list(MultiTaskStratifiedKFold(5, random_state=0).split(y, y))

    assert all(sorted(y[test, 0]) == [0, 1] for _, test in splits)


def test_a_rare_class_warns_with_the_task_s_name():
    y = pd.DataFrame({"digit": [0, 1] * 10, "item": ["a"] * 17 + ["b"] * 3})
    with pytest.warns(
        UserWarning,
        match=r"The least populated class in task 'item' has only 3 members, "
        r"which is less than n_splits=5\.",
    ) as record:
        list(MultiTaskStratifiedKFold(5).split(y, y))
    assert len(record) == 1
    assert record[0].filename == __file__


def test_a_target_of_few_labels_warns():
    y = np.column_stack([np.arange(20) % 2, np.full(20, np.nan)])
    y[3:6, 1] = [0.1, 0.2, 0.3]
    with pytest.warns(
        UserWarning,
        match=r"Task 'task_1' has only 3 labels, which is less than n_splits=5\.",
    ):
        splits = list(MultiTaskStratifiedKFold(5).split(y, y))
    assert sum(np.isfinite(y[test, 1]).any() for _, test in splits) == 3


def test_repr_is_in_the_style_of_scikit_learn():
    assert repr(MultiTaskStratifiedKFold(3, random_state=0)) == (
        "MultiTaskStratifiedKFold(n_bins=5, n_splits=3, random_state=0, "
        "shuffle=True,\n             tasks=None)"
    )


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"n_splits": 1}, InvalidParameterError, r"'n_splits'.*not below 2.*Got 1"),
        ({"n_splits": 2.0}, ParameterTypeError, r"'n_splits'.*an integer.*2\.0"),
        ({"n_bins": 0}, InvalidParameterError, r"'n_bins'.*not below 1.*Got 0"),
        ({"shuffle": 1}, ParameterTypeError, r"'shuffle'.*True or False.*Got 1"),
        ({"tasks": 3}, ParameterTypeError, r"'tasks' parameter must be"),
        (
            {"shuffle": False, "random_state": 0},
            InvalidParameterError,
            "random_state has no effect since shuffle is False",
        ),
        (
            {"n_splits": 9},
            InvalidParameterError,
            r"n_splits=9 greater than the number of samples: n_samples=8\.",
        ),
    ],
)
def test_bad_parameters(params, error, match):
    y = np.array([0, 1] * 4)
    with pytest.raises(error, match=match):
        list(MultiTaskStratifiedKFold(**params).split(y, y))


def test_bad_data():
    folds = MultiTaskStratifiedKFold(2)
    with pytest.raises(InvalidDataError, match=r"needs y.*Got y=None"):
        next(folds.split(np.zeros((4, 1))))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(folds.split(np.zeros((4, 1)), np.zeros(3)))


class LastTarget(RegressorMixin, BaseEstimator):
    """Ridge regression of the last target in any container."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        self.ridge_ = Ridge(self.alpha).fit(X, last_target(y))
        return self

    def score(self, X, y):
        return self.ridge_.score(X, last_target(y))


def last_target(y):
    return np.asarray(y)[:, -1] if isinstance(y, np.ndarray) else np.asarray(y["shade"])


@pytest.mark.parametrize("container", ["array", "frame", "dict"])
def test_works_as_cv_of_scikit_learn(targets, contain, container):
    y = contain(targets, container)
    folds = MultiTaskStratifiedKFold(3, random_state=0)

    result = cross_validate(LastTarget(), targets, y, cv=folds)
    search = GridSearchCV(LastTarget(), {"alpha": [0.1, 1e6]}, cv=folds)
    search.fit(targets, y)

    assert np.all(result["test_score"] > 0.9)
    assert search.n_splits_ == 3
    assert search.best_params_ == {"alpha": 0.1}
