"""scikit-learn's whole check suite, for ensembles over both estimators."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

from checked_estimators import TASKS, image_estimator, table_estimator
from mtlearn import SeedEnsemble, VotingEnsemble

MAKERS = [table_estimator, image_estimator]


def seed_ensemble(make, tasks):
    return SeedEnsemble(make(tasks), 2)


def voting_ensemble(make, tasks):
    # Like scikit-learn's own, it has no seed but those of its members.
    first, second = (make(tasks).set_params(random_state=seed) for seed in range(2))
    return VotingEnsemble([("first", first), ("second", second)], weights=[2, 1])


# One named task more is in the suite of the estimators themselves.
@parametrize_with_checks(
    [seed_ensemble(make, tasks) for make in MAKERS for tasks in TASKS[:3]]
)
def test_seed_ensemble(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [voting_ensemble(make, tasks) for make in MAKERS for tasks in TASKS[:3]]
)
def test_voting_ensemble(estimator, check):
    check(estimator)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("ensemble", [seed_ensemble, voting_ensemble])
def test_column_names(ensemble, make):
    # Not among the checks that parametrize_with_checks yields.
    estimator = ensemble(make, None)
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)
