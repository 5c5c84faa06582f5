"""What every estimator does that holds other ones of this package."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from mtlearn import (
    ConformalPredictor,
    Regression,
    SeedEnsemble,
    TemperatureScaled,
    TestTimeAugmented,
    VotingEnsemble,
)
from tiny_problems import Watcher, image_estimator, make_table, table_estimator


def as_it_is(x, generator):
    return x


MAKERS = {
    "seeds": lambda inner: SeedEnsemble(inner.set_params(random_state=None), 2),
    "voting": lambda inner: VotingEnsemble([("one", inner), ("other", inner)]),
    "scaled": TemperatureScaled,
    "conformal": lambda inner: ConformalPredictor(inner, 0.5),
    "augmented": lambda inner: TestTimeAugmented(inner, 2, augmentation=as_it_is),
}
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def short_estimator(tasks=None):
    return table_estimator(tasks, max_epochs=1)


@makers
def test_before_a_fit_nothing_is_known(make):
    outer = make(short_estimator())
    with pytest.raises(NotFittedError):
        check_is_fitted(outer)
    with pytest.raises(AttributeError, match=f"This {type(outer).__name__} is not"):
        outer.n_features_in_  # noqa: B018
    assert not hasattr(outer, "feature_names_in_")


@makers
def test_features_are_those_of_what_is_inside(make):
    X, y = make_table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    outer = make(short_estimator()).fit(frame, y)
    check_is_fitted(outer)
    assert outer.n_features_in_ == 4
    assert outer.feature_names_in_.tolist() == list("abcd")


@makers
def test_a_fit_on_other_targets_leaves_no_classes_behind(make):
    X, y = make_table()
    outer = make(short_estimator()).fit(X, y)
    assert outer.classes_[0].tolist() == [0, 1, 2]
    assert outer.classes_[1] is None
    other = make(short_estimator(Regression()))
    for name, value in other.get_params(deep=False).items():
        setattr(outer, name, value)
    outer.fit(X, y[:, 1])
    assert not hasattr(outer, "classes_")
    assert outer.task_names_ == outer.tasks_.names
    assert len(outer.tasks_) == 1


@makers
@pytest.mark.parametrize(("tasks", "expected"), [(None, True), (Regression(), False)])
def test_it_may_classify_where_what_is_inside_may(make, tasks, expected):
    assert hasattr(make(short_estimator(tasks)), "predict_proba") is expected


@makers
@pytest.mark.parametrize("inner", [table_estimator, image_estimator])
def test_tags_are_those_of_what_is_inside(make, inner):
    assert get_tags(make(inner())) == get_tags(inner())


@makers
def test_what_each_one_inside_requests(make):
    # fit reaches all of them; only an ensemble of seeds passes partial_fit on.
    routes = make(short_estimator()).get_metadata_routing()
    names = {SeedEnsemble: ["estimator"], VotingEnsemble: ["one", "other"]}
    outer = type(make(short_estimator()))
    assert list(routes._route_mappings) == names.get(outer, ["estimator"])
    methods = ["fit", "partial_fit"] if outer is SeedEnsemble else ["fit"]
    for route in routes._route_mappings.values():
        pairs = [(pair.caller, pair.callee) for pair in route.mapping]
        assert pairs == [(method, method) for method in methods]


@makers
def test_without_its_optimiser_nothing_inside_has_one(make):
    X, y = make_table()
    outer = make(short_estimator()).fit(X, y)
    labels = outer.predict(X)
    outer._forget_optimizer()
    for inner in getattr(outer, "estimators_", None) or [outer.estimator_]:
        assert not inner.net_.optimizer_.state
    np.testing.assert_array_equal(outer.predict(X), labels)


CALLS = [
    *[(name, "fit", "member", 2) for name in ("seeds", "voting")],
    ("scaled", "fit", "estimator", 1),
    ("conformal", "fit", "estimator", 1),
    ("augmented", "fit", "estimator", 1),
    ("seeds", "partial_fit", "member", 2),
]


@pytest.mark.parametrize(("name", "method", "task", "n_inside"), CALLS)
def test_callbacks_see_each_fit_inside(name, method, task, n_inside):
    watcher = Watcher()
    outer = MAKERS[name](short_estimator()).set_callbacks(watcher)
    getattr(outer, method)(*make_table())
    inside = [("begin", task), ("end", task)] * n_inside
    assert watcher.calls == [("begin", "fit"), *inside, ("end", "fit")]
