"""scikit-learn's own checks of the transformers."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReshaper,
    ImageStandardScaler,
)

TRANSFORMERS = [
    ImageReshaper(image_shape=(1, -1)),
    ImageReshaper(image_shape=(-1, 1)),
    GlobalMaxScaler(),
    ImageStandardScaler(),
    ImageStandardScaler(per_channel=False),
    ImageNormalizer(),
]


@parametrize_with_checks(TRANSFORMERS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_dataframe_column_names(transformer):
    # parametrize_with_checks leaves this one out.
    check_dataframe_column_names_consistency(type(transformer).__name__, transformer)
