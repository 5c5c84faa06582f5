"""Categories and missing values in other networks and tools."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mixed_tables import BACKBONES, NAN, TASKS, X, Y, estimator
from mtlearn import (
    Classification,
    Partial,
    Reconstruction,
    SeedEnsemble,
    Tasks,
    TestTimeAugmented,
)
from mtlearn.augmentation import MixUp
from mtlearn.exceptions import DataTypeError, InvalidDataError, InvalidParameterError
from mtlearn.metrics import Resampling
from mtlearn.networks import MLP, TabM, save_weights
from mtlearn.reporting._evidence import gather
from mtlearn.reporting._summary import data_facts
from tiny_datasets import Items
from tiny_problems import (
    make_table,
    same_bits,
    table_estimator,
)


@pytest.fixture(scope="module")
def fitted():
    return {name: estimator(name).fit(X, Y) for name in ("mlp", "tabm")}


class Started(MLP):
    """A network that may begin with weights from a file."""

    shown = None

    def fit_inputs(self, x):
        self.shown = x


def test_a_network_with_weights_from_a_file_sees_no_rows(tmp_path):
    backbone = Partial(Started, hidden=(4,))
    model = table_estimator(TASKS, backbone=backbone, max_epochs=1).fit(X, Y)
    assert model.net_.module_.backbone.shown.shape == (48, 9)
    save_weights(model.net_.module_.backbone, tmp_path / "weights.safetensors")
    started = Partial(Started, hidden=(4,), weights=tmp_path / "weights.safetensors")
    again = table_estimator(TASKS, backbone=started, max_epochs=1).fit(X, Y)
    assert again.net_.module_.backbone.shown is None
    assert again.net_.module_.columns.center.any()


class Own(nn.Module):
    """A network of someone's, with features for each task."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 3)

    def forward(self, x):
        return self.layer(x), self.layer(x).tanh()


def test_other_networks():
    for backbone in (Own, BACKBONES["cgc"], Partial(TabM, n_members=2, hidden=(3,))):
        model = table_estimator(TASKS, backbone=backbone, max_epochs=1).fit(X, Y)
        assert np.isfinite(model.predict(X.assign(colour="gold"))).all()
        assert np.isfinite(model.embed(X, task="size")).all()
    gates = table_estimator(TASKS, backbone=BACKBONES["cgc"], max_epochs=1).fit(X, Y)
    assert_allclose([each.sum(axis=1) for each in gates._gate_weights(X)], 1)


def test_in_tools():
    numbers = make_column_selector(dtype_include="number")
    scaled = make_column_transformer(
        (StandardScaler(), numbers),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(scaled, estimator(max_epochs=1))
    assert np.isfinite(cross_val_predict(model, X, Y, cv=2)).all()
    search = GridSearchCV(model, {"multitaskestimator__lr": [0.01, 0.1]}, cv=2)
    search.fit(X, Y)
    best = search.best_estimator_[-1]
    assert [each is not None for each in best.categories_] == [
        *[False] * 2,
        True,
    ] * 0 + [name in ("colour", "grade") for name in best.feature_names_in_]


def test_lr_that_is_found():
    assert estimator(lr="auto", max_epochs=1).fit(X, Y).lr_ > 0


@pytest.mark.parametrize(
    ("rows", "given", "match"),
    [
        (X, {"mixing": MixUp()}, "'mixing' .* where columns of X have categories"),
        (X[["gap"]], {"mixing": "mixup"}, "'mixing' .* columns of X have missing val"),
        (X, {"augmentation": lambda x, g: x}, "'augmentation' .* have categories"),
    ],
)
def test_batches_that_cannot_be_changed(rows, given, match):
    model = estimator(**given)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(InvalidParameterError, match=match):
            fit(rows, Y)
    model = estimator(max_epochs=1).fit(rows, Y).set_params(**given)
    with pytest.raises(InvalidParameterError, match=match):
        model.partial_fit(rows, Y)


def test_batches_that_can():
    changed = estimator(augmentation=lambda x, g: x * 1.5, max_epochs=1)
    rows = X[["gap", "number"]]
    assert not same_bits(changed.fit(rows, Y), estimator(max_epochs=1).fit(rows, Y))
    assert np.isfinite(changed.predict(rows)).all()
    estimator(mixing="mixup", max_epochs=1).fit(X[["number"]], Y)


def test_rows_of_categories_are_not_changed_in_prediction(fitted):
    given = TestTimeAugmented(estimator(max_epochs=1), augmentation=lambda x, g: x)
    match = "changes numbers, and the columns 'colour', 'grade' of X hold categories"
    with pytest.raises(InvalidParameterError, match=match):
        given.fit(X, Y)
    rows = X[["number", "gap"]]
    assert_allclose(
        given.set_params(n=2).fit(rows, Y).predict(rows),
        given.estimator_.predict(rows),
    )


def test_what_is_not_for_such_tables(fitted):
    with pytest.raises(DataTypeError, match=r"must be a DataFrame.* Got a dataset"):
        fitted["mlp"].predict(Items(np.zeros((4, 5))))
    remade = Tasks(kind=Classification(2), row=Reconstruction())
    model = table_estimator(remade, max_epochs=1)
    with pytest.raises(DataTypeError, match="numbers, which the task 'row' makes"):
        model.fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(X[["gap"]], Y[:, 0])
    assert not model.__sklearn_tags__().input_tags.allow_nan
    assert estimator().__sklearn_tags__().input_tags.allow_nan
    assert SeedEnsemble(estimator()).__sklearn_tags__().input_tags.allow_nan
    rows, y = make_table()
    gaps = np.where(np.arange(40)[:, np.newaxis] == 3, NAN, rows)
    model = table_estimator(max_epochs=1).fit(Items(rows), y)
    with pytest.raises(InvalidDataError, match=r"NaN, of which .* has learned nothing"):
        model.predict(gaps)
    with pytest.raises(InvalidDataError, match="contains NaN: item 3"):
        table_estimator(max_epochs=1).fit(Items(gaps), y)


def test_a_report_says_what_there_is(fitted):
    evidence = gather(fitted["mlp"], X, Y, Resampling(10, 0.95, 0))
    facts = dict(data_facts(evidence))
    assert facts["columns of categories"] == "2"
    n_missing = X["gap"].isna().sum()
    assert facts["missing values"] == f"{n_missing / (3 * 48):.1%}"
    low = min(X["number"].min(), X["gap"].min(), 0)
    assert facts["values, as the network gets them"].startswith(f"{low:.4g} to ")
