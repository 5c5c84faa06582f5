"""Labels are what they equal, whatever class of Python they have."""

import enum

import numpy as np
import pandas as pd
import pytest

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec, read_scored, read_targets


# No StrEnum on purpose: such a class was written before Python 3.11, and its str() is
# "Kind.CAT", which must not become a label.
class Kind(str, enum.Enum):  # noqa: UP042
    CAT = "cat"
    DOG = "dog"


class Name(enum.StrEnum):
    CAT = "cat"
    DOG = "dog"


class Level(int, enum.Enum):
    LOW = 1
    HIGH = 3


class Size(enum.IntEnum):
    LOW = 1
    HIGH = 3


class Share(float, enum.Enum):
    LOW = 0.5
    HIGH = 1.5


class Text(str):
    """A string that shows as another one."""

    def __str__(self):
        return "shown"


TEXTS = ["cat", "dog", "cat"]
CASES = {
    "str, Enum": ([Kind.CAT, Kind.DOG, Kind.CAT], TEXTS),
    "StrEnum": ([Name.CAT, Name.DOG, Name.CAT], TEXTS),
    "np.str_": ([np.str_(each) for each in TEXTS], TEXTS),
    "own": ([Text(each) for each in TEXTS], TEXTS),
    "int, Enum": ([Level.LOW, Level.HIGH, Level.LOW], [1, 3, 1]),
    "IntEnum": ([Size.LOW, Size.HIGH, Size.LOW], [1, 3, 1]),
    "np.int8": ([np.int8(1), np.int8(3), 1], [1, 3, 1]),
    "np.uint64": ([np.uint64(2**63), 2**64 - 1, 3], [2**63, 2**64 - 1, 3]),
    "np.bool_": ([np.True_, False, True], [True, False, True]),
}
HOLDERS = {
    "list": list,
    "array": lambda labels: np.array(labels, dtype=object),
    "Series": lambda labels: pd.Series(labels, dtype=object),
    "categories": lambda labels: pd.Series(pd.Categorical(labels)),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
@pytest.mark.parametrize(("labels", "equal"), CASES.values(), ids=CASES.keys())
def test_labels_are_what_they_equal(labels, equal, hold):
    codec = fit_codec(Tasks(a=Classification()), hold(labels))

    classes = codec.tasks["a"].classes_.tolist()
    assert classes == sorted(set(equal))
    assert [type(each) for each in classes] == [type(equal[0])] * len(classes)
    found = codec.encode(hold(equal)).values[0]
    assert codec.encode(hold(labels)).values[0].tolist() == found.tolist()
    back = codec.arrange([codec.tasks["a"].restore(found)])
    assert np.asarray(back).tolist() == equal


@pytest.mark.parametrize(("labels", "equal"), CASES.values(), ids=CASES.keys())
def test_declared_classes_and_factors_are_what_they_equal(labels, equal):
    classes = list(dict.fromkeys(labels))
    factors = {label: 2.0 + i for i, label in enumerate(classes)}
    expected = {label: 2.0 + i for i, label in enumerate(dict.fromkeys(equal))}
    task = Classification(classes, class_weight=factors)

    fitted = fit_codec(Tasks(a=task), equal).tasks["a"]

    found = dict(zip(fitted.classes_.tolist(), fitted.class_factors_, strict=True))
    assert found == expected


def test_members_of_an_enum_through_an_estimator():
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.array([Kind.CAT if x > 0 else Kind.DOG for x in X[:, 0]], dtype=object)
    values = np.array([each.value for each in y], dtype=object)
    estimator = MultiTaskEstimator(max_epochs=40, lr=0.05, random_state=0).fit(X, y)

    assert estimator.classes_.tolist() == ["cat", "dog"]
    assert estimator.score(X, y) == estimator.score(X, values) == 1.0
    predicted = estimator.predict(X)
    assert {type(label) for label in predicted.tolist()} == {str}
    assert (predicted == y).all()
    assert estimator.task("task_0").score(X, y) == 1.0
    frame = pd.DataFrame({Kind.CAT: pd.Categorical(y)})
    framed = MultiTaskEstimator(max_epochs=1).fit(X, frame)
    assert framed.task_names_ == ("cat",)
    assert type(framed.predict(X)["cat"].cat.categories[0]) is str
    partial = MultiTaskEstimator(Classification(), max_epochs=1)
    partial.partial_fit(X, y, classes=list(Kind))
    assert partial.classes_.tolist() == ["cat", "dog"]


def test_real_values_of_an_enum():
    (column,) = read_targets([Share.LOW, Share.HIGH], Tasks(a=Regression()))
    assert column.values.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("labels", [[2**64, 1], [2**63, -1]])
def test_whole_numbers_that_no_type_holds(labels):
    with pytest.raises(InvalidDataError, match="Column 0 of y has a whole number"):
        read_targets(labels)


@pytest.mark.parametrize("kind", [Kind, Name, Level, Size], ids=str)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_that_are_members_of_an_enum(kind, ordered):
    members = pd.Index(list(kind), dtype=object)
    y = pd.DataFrame({"a": pd.Categorical(list(kind) * 2, members, ordered=ordered)})
    assert type(y["a"].cat.categories[0]) is kind
    codec = fit_codec(None, y)
    found = codec.arrange([codec.tasks["a"].classes_])["a"]
    values = [each.value for each in kind]
    assert found.dtype == pd.CategoricalDtype(values, ordered)
    assert not isinstance(found.cat.categories[0], enum.Enum)


@pytest.mark.parametrize("whole", [2**53 + 1, -(2**60) - 1, 2**64 - 1, 10**400])
def test_a_whole_number_that_floats_beside_it_would_round(whole):
    message = f"Column 0 of y has real values and the whole number {str(whole)[:5]}"
    with pytest.raises(InvalidDataError, match=message):
        read_targets([0.5, None, whole])


@pytest.mark.parametrize("whole", [2**53, -(2**60), 2**64])
def test_a_whole_number_that_is_a_float(whole):
    (column,) = read_targets([0.5, None, whole])
    assert column.values[[0, 2]].tolist() == [0.5, whole]


def test_they_are_so_among_labels_of_another_type():
    y = np.array([Kind.CAT, Level.HIGH, np.int8(4), np.str_("dog"), None], object)
    (target,) = read_scored(y, Tasks(kind=Classification()))
    assert target.present.tolist() == [True] * 4 + [False]
    labels = target.values[:4].tolist()
    assert labels == ["cat", 3, 4, "dog"]
    assert [type(label) for label in labels] == [str, int, int, str]
    with pytest.raises(InvalidDataError, match="mixes labels of the types"):
        read_targets(y, Tasks(kind=Classification()))
    with pytest.raises(InvalidDataError, match="mixes labels of the types"):
        read_scored(y, Tasks(kind=Regression()))
