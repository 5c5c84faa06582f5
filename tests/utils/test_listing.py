"""Lists in messages have an end."""

import numpy as np
import pytest

from mtlearn import Classification, MultiTaskEstimator
from mtlearn._utils._listing import bracketed, listed
from mtlearn.exceptions import InvalidDataError, InvalidParameterError


def test_few_items_are_all_shown():
    assert listed(["a", 1]) == "a, 1"
    assert bracketed(["a", 1]) == "['a', 1]"
    assert listed([]) == ""
    assert bracketed(range(3), most=3) == "[0, 1, 2]"


def test_of_many_the_first_ones():
    assert listed(range(5000), most=3) == "0, 1, 2 and 4997 more"
    assert bracketed(range(4), most=3) == "[0, 1, 2 and 1 more]"


def test_messages_do_not_grow_with_the_classes():
    X, y = np.zeros((3, 2)), np.array([0, 1, 5000])
    with pytest.raises(InvalidDataError, match=r"5000 .* and 4980 more\]") as caught:
        MultiTaskEstimator(Classification(5000), max_epochs=1).fit(X, y)
    assert len(str(caught.value)) < 500
    task = Classification(5000, class_weight={"a": 2.0})
    with pytest.raises(InvalidParameterError, match="4980 more]") as refused:
        MultiTaskEstimator(task, max_epochs=1).fit(X, y % 2)
    assert len(str(refused.value)) < 500
