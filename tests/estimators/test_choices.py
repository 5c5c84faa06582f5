"""The words that type checkers allow are those that the estimators take."""

from typing import get_args

import pytest

from mtlearn.augmentation import _mixing, _registry
from mtlearn.estimators import _choices
from mtlearn.losses import AGGREGATIONS
from mtlearn.training import _averaging, _optimizers, _precision, _schedules


def words(choice):
    """Return the strings that a type allows, also inside of a union."""
    parts = get_args(choice)
    found = {each for each in parts if isinstance(each, str)}
    return found.union(*map(words, (each for each in parts if get_args(each))))


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (_choices.AugmentationLike, _registry._POLICIES),
        (_choices.MixingLike, _mixing._NAMES),
        (_choices.OptimizerLike, _optimizers._NAMES),
        (_choices.ScheduleLike, _schedules._NAMES),
        (_choices.AveragingLike, _averaging._NAMES),
        (_choices.AggregationLike, AGGREGATIONS),
        (_choices.PrecisionName, {"auto", *_precision._PRECISIONS}),
    ],
)
def test_the_words_are_those_that_are_taken(choice, taken):
    assert words(choice) == set(taken)
