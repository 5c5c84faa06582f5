"""A fit that fails or is interrupted leaves every fitted attribute as it was."""

import copy

import numpy as np
import pytest
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    ConformalPredictor,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TestTimeAugmented,
    VotingEnsemble,
)
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from tiny_problems import image_estimator, make_images, make_table, table_estimator

ERRORS = []


class Fails(Callback):
    """Fails in epoch 2, or at once, if the test says so."""

    def on_epoch_end(self, net, **kwargs):
        if ERRORS:
            ERRORS.pop()
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def begin():
    ERRORS.clear()


def state_of(estimator):
    """Return all attributes, by value where they may change in place."""
    found = dict(vars(estimator))
    for name in ("history_", "tasks_", "seeds_"):
        if name in found:
            found[name] = copy.deepcopy(found[name])
    return found


def assert_unchanged(estimator, before):
    after = vars(estimator)
    assert after.keys() == before.keys()
    for name, value in before.items():
        if name in ("history_", "seeds_"):
            assert after[name] == value
        elif name == "tasks_":
            assert repr(after[name]) == repr(value)
        else:
            assert after[name] is value, name


def one(**params):
    return table_estimator(max_epochs=2, callbacks=[Fails()], **params)


def doubled(x, generator):
    return 2 * x


ESTIMATORS = {
    "estimator": one,
    "seeds": lambda **params: SeedEnsemble(one(**params), 2, random_state=0),
    "voting": lambda **params: VotingEnsemble([("a", one(**params))]),
    "scaled": lambda **params: TemperatureScaled(one(**params), random_state=0),
    "conformal": lambda **params: ConformalPredictor(
        one(**params), 0.5, random_state=0
    ),
    "augmented": lambda **params: TestTimeAugmented(
        one(**params), augmentation=doubled, random_state=0
    ),
}


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
@pytest.mark.parametrize("warm", [False, True])
def test_an_interrupted_fit(make, warm):
    X, y = make_table()
    estimator = make(warm_start=warm).fit(X, y)
    before, outputs = state_of(estimator), estimator.predict_proba(X)
    wide = np.column_stack([X, X[:, :1]])
    ERRORS.append(True)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X if warm else wide, y)
    assert_unchanged(estimator, before)
    for old, new in zip(outputs, estimator.predict_proba(X), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_first_fit_that_fails_leaves_none(make):
    X, y = make_table()
    estimator = make()
    before = state_of(estimator)
    ERRORS.append(True)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert_unchanged(estimator, before)


@pytest.mark.parametrize("name", ["estimator", "seeds"])
def test_partial_fit(name, monkeypatch):
    X, y = make_table()
    tasks = Tasks(kind=Classification([0, 1, 2]), size=Regression())
    estimator = ESTIMATORS[name](tasks=tasks).partial_fit(X, y).partial_fit(X, y)
    before, outputs = state_of(estimator), estimator.predict_proba(X)
    calls = []

    def fails_in_the_last_member(self, net, **kwargs):
        calls.append(net)
        if len(calls) == (2 if name == "seeds" else 1):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Fails, "on_epoch_end", fails_in_the_last_member)
        with pytest.raises(KeyboardInterrupt):
            estimator.set_params().partial_fit(X, y)
    assert_unchanged(estimator, before)
    for old, new in zip(outputs, estimator.predict_proba(X), strict=True):
        np.testing.assert_array_equal(new, old)
    # More training goes on as if nothing had happened, optimiser and all.
    expected = ESTIMATORS[name](tasks=tasks)
    for _ in range(3):
        expected.partial_fit(X, y)
    again = estimator.partial_fit(X, y).predict_proba(X)
    for old, new in zip(expected.predict_proba(X), again, strict=True):
        np.testing.assert_array_equal(new, old)


def test_images_of_another_shape_with_bad_labels():
    X, y = make_images()
    estimator = image_estimator().fit(X, y)
    before, outputs = state_of(estimator), estimator.predict(X)
    bad = y.copy()
    bad[0, 1] = np.inf
    with pytest.raises(ValueError, match="inf"):
        estimator.fit(X[:, :4, :4], bad)
    assert_unchanged(estimator, before)
    np.testing.assert_array_equal(estimator.predict(X), outputs)
    with pytest.raises(ValueError, match=r"\(6, 6, 1\)"):
        estimator.predict(X[:, :4, :4])


def test_weights_of_tasks_come_back():
    X, y = make_table()
    estimator = one(warm_start=True).fit(X, y)
    before = estimator.net_.criterion_.task_weights
    estimator.set_params(loss_weights=[3.0, 4.0])
    ERRORS.append(True)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert estimator.net_.criterion_.task_weights == before


@pytest.mark.parametrize(
    ("make", "good", "bad"),
    [
        (GlobalMaxScaler, np.ones((2, 3, 3)), np.full((2, 4, 4), np.nan)),
        (ImageStandardScaler, np.eye(3)[None], np.full((2, 4, 4), np.nan)),
        (lambda: ImageReshaper((3, 3)), np.ones((2, 9)), np.ones((2, 8))),
    ],
)
def test_transformers(make, good, bad):
    transformer = make().fit(good)
    before = state_of(transformer)
    with pytest.raises(ValueError, match=r"NaN|reshape|8"):
        transformer.fit(bad)
    assert_unchanged(transformer, before)
