"""Tables with categories and missing values, beside scikit-learn's encoders."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder
from skorch.callbacks import Callback

from mixed_tables import NAN, X, Y, estimator, make_frame
from mtlearn import (
    Classification,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import ModelFormatError
from tiny_problems import (
    assert_same_bits,
    epochs_of,
    make_table,
    table_estimator,
    weights_of,
)

every_backbone = pytest.mark.parametrize("backbone", ["mlp", "tabm"])


@pytest.fixture(scope="module")
def fitted():
    return {name: estimator(name).fit(X, Y) for name in ("mlp", "tabm")}


def encoded():
    """Encode X as the network does, by other means."""
    known = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    steps = make_column_transformer(
        ("passthrough", ["number"]),
        (SimpleImputer(), ["gap"]),
        ("passthrough", ["flag"]),
    )
    numbers = steps.fit_transform(X)
    gaps = X[["gap", "grade"]].isna()
    return np.column_stack(
        [
            numbers.astype(float),
            gaps,
            known.fit_transform(X[["colour"]]),
            (X["grade"] == 2.0),
        ]
    ).astype(float)


def test_a_plain_network_learns_as_from_encoded_numbers(fitted):
    expected = estimator().fit(encoded(), Y)
    found = fitted["mlp"]
    assert expected.n_features_in_ == 9
    assert_allclose(found.predict(X), expected.predict(encoded()), rtol=1e-9)
    assert found.history_[-1]["train_loss"] == pytest.approx(
        expected.history_[-1]["train_loss"]
    )


def test_what_is_known_of_columns(fitted):
    for each in fitted.values():
        categories = each.categories_
        assert categories[0].tolist() == ["blue", "green", "red"]
        assert categories[3].tolist() == [2.0]
        assert [categories[i] for i in (1, 2, 4)] == [None] * 3
        assert each.n_features_in_ == 5
        assert each.feature_names_in_.tolist() == X.columns.tolist()
    assert table_estimator(max_epochs=1).fit(*make_table()).categories_ is None


@every_backbone
def test_names_and_their_order_count_for_nothing(fitted, backbone):
    colours = pd.Categorical(X["colour"], categories=["red", "x", "green", "blue"])
    again = estimator(backbone).fit(X.assign(colour=colours), Y)
    assert_same_bits(again, fitted[backbone])
    names = X["colour"].map({"blue": "a", "green": "b", "red": "c"})
    again = estimator(backbone).fit(X.assign(colour=names.astype(object)), Y)
    assert_same_bits(again, fitted[backbone])


@every_backbone
def test_unknown_and_missing_values(fitted, backbone):
    predict = fitted[backbone].predict
    assert not np.array_equal(predict(X), predict(X.assign(colour="red")))
    unknown = predict(X.assign(colour="purple"))
    assert_array_equal(unknown, predict(X.assign(colour=None)))
    # Of a column that had missing ones, an unknown category is as they are.
    assert_array_equal(predict(X.assign(grade=7)), predict(X.assign(grade=NAN)))
    assert not np.array_equal(predict(X.assign(grade=7)), predict(X.assign(grade=2)))
    # None was missing: the mean stands for it.
    means = {"number": X["number"].mean(), "flag": X["flag"].mean()}
    gaps = predict(X.assign(number=NAN, flag=None))
    assert_allclose(gaps, predict(X.assign(**means)), rtol=1e-12)
    for value in (X["gap"].mean(), 0.0):
        filled = X.assign(gap=X["gap"].fillna(value))
        assert not np.allclose(predict(filled)[:, 1], predict(X)[:, 1])


def test_both_are_learned():
    rows, y = make_frame(300)
    tasks = Tasks(kind=Classification(2), size=Regression(loss="mae"))
    for backbone in ("mlp", "tabm"):
        settings = {"max_epochs": 25, "batch_size": 32, "tasks": tasks}
        model = estimator(backbone).set_params(**settings).fit(rows, y)
        new, truth = make_frame(300, seed=1)
        predicted = model.predict(new)
        assert np.mean(predicted[:, 0] == truth[:, 0]) > 0.98
        gap = new["gap"].isna()
        step = predicted[gap, 1].mean() - predicted[~gap, 1].mean()
        assert step == pytest.approx(3, abs=0.5)


def test_categories_that_only_held_out_rows_have_begin_as_nothing():
    rows = X.assign(colour=np.where(np.arange(48) == 40, "gold", X["colour"]))
    model = estimator("tabm", max_epochs=1)
    model.fit(rows[:40], Y[:40], X_val=rows[40:], y_val=Y[40:])
    assert model.categories_[0].tolist() == ["blue", "green", "red"]
    unlabelled = np.where(np.arange(48)[:, np.newaxis] == 40, NAN, Y)
    vectors = weights_of(estimator("tabm", max_epochs=1).fit(rows, unlabelled))
    table = vectors["backbone.categories.vectors"]
    # Blue, gold, green and red, and one that is unknown.
    assert table[:5].any(axis=1).tolist() == [True, False, True, True, False]


@every_backbone
def test_files_and_pickles(fitted, backbone, tmp_path):
    model = fitted[backbone]
    save(model, tmp_path / "model.mtlearn")
    new = X.assign(colour="purple", number=NAN)
    for again in (load(tmp_path / "model.mtlearn"), pickle.loads(pickle.dumps(model))):
        assert_same_bits(again, model)
        for rows in (X, new):
            assert_array_equal(again.predict(rows), model.predict(rows))
        assert again.categories_[0].tolist() == model.categories_[0].tolist()
        again.partial_fit(X, Y)


@every_backbone
@pytest.mark.parametrize(
    "counts", [(2**40, 0, 0, 1, 0), (3, 0, 0, 0, 0), (3, 0), (-1,)]
)
def test_a_file_with_other_columns_than_weights(backbone, counts, tmp_path):
    model = pickle.loads(pickle.dumps(estimator(backbone, max_epochs=1).fit(X, Y)))
    model.net_.module__columns["n_categories"] = counts
    save(model, tmp_path / "model.mtlearn")
    with pytest.raises(ModelFormatError, match="cannot be loaded"):
        load(tmp_path / "model.mtlearn")


@every_backbone
def test_more_training_keeps_the_categories(backbone):
    model = estimator(backbone, warm_start=True, max_epochs=1).fit(X, Y)
    before = weights_of(model)
    model.fit(X.assign(colour="gold", number=NAN), Y).partial_fit(X, Y)
    assert model.categories_[0].tolist() == ["blue", "green", "red"]
    after = weights_of(model)
    assert before.keys() == after.keys()
    if backbone == "tabm":
        # That of the unknown colour has been learned from the gold ones.
        name = "backbone.categories.vectors"
        assert not before[name][3].any()
        assert after[name][3].all()


class Stops(Callback):
    """Fails at the end of the second epoch, if the test says so."""

    armed = False

    def on_batch_end(self, net, training=False, **kwargs):
        if Stops.armed and len(net.history) == 3:
            raise RuntimeError("stopped")


def stopped(monkeypatch, model, rows):
    with monkeypatch.context() as patch:
        patch.setattr(Stops, "armed", True)
        with pytest.raises(RuntimeError, match="stopped"):
            model.fit(rows, Y)


@every_backbone
def test_checkpoints(backbone, tmp_path, monkeypatch, caplog):
    whole = estimator(backbone, max_epochs=4).fit(X, Y)
    model = estimator(backbone, max_epochs=4, callbacks=[Stops()])
    model.set_params(checkpoint_dir=tmp_path)
    stopped(monkeypatch, model, X)
    with caplog.at_level(logging.INFO, logger="mtlearn"):
        assert_same_bits(model.fit(X, Y), whole)
    assert epochs_of(caplog) == [3, 4]


def test_codes_are_other_rows_than_numbers(tmp_path, monkeypatch, caplog):
    codes = pd.DataFrame({"a": X["colour"].astype("category").cat.codes.astype(float)})
    model = estimator(max_epochs=4, callbacks=[Stops()], checkpoint_dir=tmp_path)
    stopped(monkeypatch, model, codes.astype("category"))
    with caplog.at_level(logging.INFO, logger="mtlearn"):
        model.fit(codes, Y)
    assert epochs_of(caplog) == [1, 2, 3, 4]


def test_early_stopping_by_task_and_members_in_one_pass():
    for backbone in ("mlp", "tabm"):
        model = estimator(backbone, early_stopping="task", max_epochs=6, lr=0.3)
        model.fit(X, Y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(X), model.predict(X))
    apart, together = (
        SeedEnsemble(estimator(), 2, vectorized=vectorized, random_state=0).fit(X, Y)
        for vectorized in (False, True)
    )
    assert_allclose(together.predict(X), apart.predict(X), rtol=1e-9)
    sampled = SeedEnsemble(estimator(), 2, bootstrap=True, random_state=0).fit(X, Y)
    assert np.isfinite(sampled.predict(X)).all()
