"""Validation rows through a Pipeline."""

import warnings
from typing import ClassVar

import joblib
import numpy as np
import pytest
import sklearn
import torch
from sklearn import pipeline as scikit_learn
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from mtlearn import SeedEnsemble, TemperatureScaled, VotingEnsemble, load, save
from mtlearn.metrics import task_report
from mtlearn.model_selection import MultiTaskStratifiedKFold, cross_val_predict
from mtlearn.persistence._onnx_graph import make_module
from mtlearn.pipeline import Pipeline, make_pipeline
from mtlearn.preprocessing import GlobalMaxScaler
from mtlearn.recipes import resnet_v1, resnet_v2_separable
from tiny_problems import (
    Counter,
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

X, Y = make_table(60)
X = 50 + 9 * X
TRAIN, HELD_OUT = slice(40), slice(40, None)
ROWS = {"X_val": X[HELD_OUT], "y_val": Y[HELD_OUT]}
both_ways = pytest.mark.parametrize("routing", [False, True])


def fitted_by_hand(*scalers, **params):
    """Fit scalers and an estimator; validation rows are transformed only."""
    train, valid = X[TRAIN], X[HELD_OUT]
    for scaler in scalers:
        train = scaler.fit_transform(train)
        valid = scaler.transform(valid)
    estimator = table_estimator(**params)
    return estimator.fit(train, Y[TRAIN], X_val=valid, y_val=Y[HELD_OUT])


def losses(estimator):
    return [row["valid_loss"] for row in estimator.history_]


STEPS = {
    "one": [StandardScaler()],
    "two": [MinMaxScaler(), PCA(2)],
    "passed through": [StandardScaler(), "passthrough"],
    "none": [],
}


@both_ways
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_validation_rows_are_transformed(steps, routing):
    expected = fitted_by_hand(*(clone(step) for step in steps if step != "passthrough"))
    with sklearn.config_context(enable_metadata_routing=routing):
        model = make_pipeline(*steps, table_estimator())
        assert model.fit(X[TRAIN], Y[TRAIN], **ROWS) is model
    assert losses(model[-1]) == losses(expected)
    assert model[-1].best_epoch_ == expected.best_epoch_
    assert_same_bits(expected, model[-1])


def test_without_validation_rows_it_is_scikit_learns():
    own = make_pipeline(StandardScaler(), table_estimator()).fit(X, Y)
    theirs = scikit_learn.make_pipeline(StandardScaler(), table_estimator()).fit(X, Y)
    assert own.get_params().keys() == theirs.get_params().keys()
    assert_same_bits(theirs[-1], own[-1])
    np.testing.assert_array_equal(own.predict(X), theirs.predict(X))
    assert isinstance(own[:1], Pipeline)
    weights = np.linspace(0, 1, 60)
    given = {"multitaskestimator__sample_weight": weights}
    assert_same_bits(theirs.fit(X, Y, **given)[-1], own.fit(X, Y, **given)[-1])
    with pytest.raises(ValueError, match="does not accept the nonsense parameter"):
        own.fit(X, Y, nonsense=1)


@pytest.mark.parametrize(("given", "lacks"), [("X_val", "y_val"), ("y_val", "X_val")])
def test_both_are_needed(given, lacks):
    model = make_pipeline(StandardScaler(), table_estimator())
    with pytest.raises(ValueError, match=f"{given} was passed without {lacks}"):
        model.fit(X[TRAIN], Y[TRAIN], **{given: ROWS[given]})


def test_weights_beside_validation_rows():
    weights = np.linspace(0, 1, 40)
    scaler = StandardScaler()
    expected = table_estimator().fit(
        scaler.fit_transform(X[TRAIN]),
        Y[TRAIN],
        weights,
        X_val=scaler.transform(X[HELD_OUT]),
        y_val=Y[HELD_OUT],
    )
    model = Pipeline([("scale", scaler), ("model", table_estimator())])
    model.fit(X[TRAIN], Y[TRAIN], model__sample_weight=weights, **ROWS)
    assert_same_bits(expected, model["model"])


class Counting(StandardScaler):
    """Notes what it is given."""

    rows: ClassVar = []

    def fit(self, X, y=None):
        Counting.rows.append(f"fit {len(X)}")
        return super().fit(X, y)

    def transform(self, X):
        Counting.rows.append(f"transform {len(X)}")
        return super().transform(X)


def test_validation_rows_are_transformed_once_and_never_fitted_on(tmp_path):
    expected = losses(fitted_by_hand(StandardScaler()))
    for memory in (None, str(tmp_path), str(tmp_path)):  # the third time from there
        Counting.rows.clear()
        model = make_pipeline(Counting(), table_estimator(), memory=memory)
        model.fit(X[TRAIN], Y[TRAIN], **ROWS)
        assert losses(model[-1]) == expected
        assert Counting.rows.count("transform 20") == 1
        assert "fit 20" not in Counting.rows
        np.testing.assert_allclose(model[0].mean_, X[TRAIN].mean(axis=0))
    assert Counting.rows == ["transform 20"]


def test_transform_input_of_scikit_learn():
    with sklearn.config_context(enable_metadata_routing=True):
        for cls in (Pipeline, scikit_learn.Pipeline):
            steps = [("scale", StandardScaler()), ("model", table_estimator())]
            model = cls(steps, transform_input=["X_val"])
            model.fit(X[TRAIN], Y[TRAIN], **ROWS)  # no set_fit_request is needed
            assert losses(model["model"]) == losses(fitted_by_hand(StandardScaler()))


def test_a_pipeline_of_scikit_learn_is_warned_of():
    steps = [("scale", StandardScaler()), ("model", table_estimator())]
    model = scikit_learn.Pipeline(steps)
    given = {f"model__{name}": value for name, value in ROWS.items()}
    with pytest.warns(UserWarning, match="Rows of X_val lie far outside"):
        model.fit(X[TRAIN], Y[TRAIN], **given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Pipeline(steps).fit(X[TRAIN], Y[TRAIN], **ROWS)


def test_a_pipeline_in_a_pipeline():
    inner = make_pipeline(PCA(2), table_estimator())
    model = make_pipeline(MinMaxScaler(), inner).fit(X[TRAIN], Y[TRAIN], **ROWS)
    assert losses(model[-1][-1]) == losses(fitted_by_hand(MinMaxScaler(), PCA(2)))


@both_ways
@pytest.mark.parametrize("bootstrap", [False, True])
def test_seed_ensembles(routing, bootstrap):
    whole = make_pipeline(StandardScaler(), table_estimator(random_state=None))
    with sklearn.config_context(enable_metadata_routing=routing):
        ensemble = SeedEnsemble(whole, seeds=[0, 7], bootstrap=bootstrap)
        ensemble.fit(X[TRAIN], Y[TRAIN], **ROWS)
    for seed, member in zip([0, 7], ensemble.estimators_, strict=True):
        if not bootstrap:
            expected = fitted_by_hand(StandardScaler(), random_state=seed, n_threads=1)
            assert losses(member[-1]) == losses(expected)
            assert_same_bits(expected, member[-1])
        else:
            assert len(losses(member[-1])) == 4
    # In front of an ensemble, one scaler serves all members.
    inner = SeedEnsemble(table_estimator(random_state=None), seeds=[0, 7])
    model = make_pipeline(StandardScaler(), inner)
    with sklearn.config_context(enable_metadata_routing=routing):
        model.fit(X[TRAIN], Y[TRAIN], **ROWS)
    expected = fitted_by_hand(StandardScaler(), n_threads=1)
    assert losses(model[-1].estimators_[0]) == losses(expected)


def test_voting_ensembles_and_searches():
    whole = make_pipeline(StandardScaler(), table_estimator())
    expected = losses(fitted_by_hand(StandardScaler()))
    voting = VotingEnsemble([("a", whole), ("b", table_estimator())])
    voting.fit(X[TRAIN], Y[TRAIN], **ROWS)
    assert losses(voting.estimators_[0][-1]) == expected
    search = GridSearchCV(whole, {"multitaskestimator__lr": [0.03]}, cv=2)
    search.fit(X[TRAIN], Y[TRAIN], **ROWS)
    assert losses(search.best_estimator_[-1]) == expected


def test_cross_val_predict_hands_all_validation_rows_on():
    whole = make_pipeline(StandardScaler(), table_estimator())
    valid = {"X_val": X[:40], "y_val": Y[:40]}  # as many as there are rows
    found = cross_val_predict(whole, X[20:], Y[20:], cv=2, params=valid)
    for fold, model in cross_folds(whole, valid):
        np.testing.assert_array_equal(found[fold], model.predict(X[20:][fold]))


def cross_folds(whole, valid):
    splitter = MultiTaskStratifiedKFold(2, tasks=whole[-1].tasks, shuffle=False)
    for train, test in splitter.split(X[20:], Y[20:]):
        yield test, clone(whole).fit(X[20:][train], Y[20:][train], **valid)


def test_callbacks_reach_the_epochs():
    counter = Counter()
    model = make_pipeline(StandardScaler(), table_estimator()).set_callbacks(counter)
    model.fit(X[TRAIN], Y[TRAIN], **ROWS)
    assert counter.ended.count("epoch") == 4


def test_files_and_pickles_keep_the_class(tmp_path):
    images, y = make_images()
    model = make_pipeline(GlobalMaxScaler(), image_estimator())
    model.fit(images[:16], y[:16], X_val=images[16:], y_val=y[16:])
    save(model, tmp_path / "m.mtlearn")
    joblib.dump(model, tmp_path / "m.joblib")
    for again in (load(tmp_path / "m.mtlearn"), joblib.load(tmp_path / "m.joblib")):
        assert type(again) is Pipeline
        np.testing.assert_array_equal(again.predict(images), model.predict(images))
        clone(again).fit(images, y, X_val=images, y_val=y)
    theirs = scikit_learn.Pipeline(model.steps)
    save(theirs, tmp_path / "t.mtlearn")
    assert type(load(tmp_path / "t.mtlearn")) is scikit_learn.Pipeline


def test_an_onnx_graph_has_its_steps():
    images, y = make_images()
    model = make_pipeline(GlobalMaxScaler(), image_estimator(precision="float32"))
    model.fit(images * 9, y)
    found = make_module(model)(torch.tensor(images[:3] * 9))
    for output, expected in zip(
        found, model.predict_proba(images[:3] * 9), strict=True
    ):
        np.testing.assert_allclose(output.numpy(), expected, atol=1e-5)


def test_what_is_around_a_pipeline():
    model = make_pipeline(StandardScaler(), table_estimator())
    model.fit(X[TRAIN], Y[TRAIN], **ROWS)
    assert "kind" in str(task_report(model, X, Y))
    scaled = TemperatureScaled(clone(model), random_state=0).fit(X, Y)
    assert scaled.predict_proba(X)[0].shape == (60, 3)
    assert "StandardScaler" in model._repr_html_()
    model.set_output(transform="pandas")
    assert list(model[:1].transform(X).columns) == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize("recipe", [resnet_v1, resnet_v2_separable])
def test_recipes_take_validation_rows(recipe):
    small = image_estimator()
    model = recipe(random_state=0).set_params(
        model__tasks=small.tasks,
        model__backbone=small.backbone,
        model__max_epochs=1,
        model__batch_size=8,
    )
    images, y = make_images()
    model.fit(images[:16] * 9, y[:16], X_val=images[16:] * 9, y_val=y[16:])
    scaler = clone(model["scale"]).fit(images[:16] * 9)
    expected = clone(model["model"]).fit(
        scaler.transform(images[:16] * 9),
        y[:16],
        X_val=scaler.transform(images[16:] * 9),
        y_val=y[16:],
    )
    assert losses(model["model"]) == losses(expected)
