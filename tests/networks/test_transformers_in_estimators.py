"""Estimators with backbones of transformers: copies, files and searches."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from tiny_transformers import CONFIGS, RESNET, VIT, save_model

transformers = pytest.importorskip("transformers")

from mtlearn import MultiTaskImageEstimator, Partial, load, save  # noqa: E402
from mtlearn.exceptions import (  # noqa: E402
    InvalidParameterError,
    ModelFormatError,
)
from mtlearn.networks import (  # noqa: E402
    TransformersBackbone,
)
from mtlearn.persistence import _encode  # noqa: E402

ALL = pytest.mark.parametrize("kind", CONFIGS)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.random((12, 16, 16, 3), dtype=np.float32), np.arange(12) % 3


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "model", save_model(tmp_path / "model")


def estimator(**backbone):
    given = {"config": RESNET, **backbone}
    return MultiTaskImageEstimator(
        backbone=Partial(TransformersBackbone, **given),
        max_epochs=1,
        batch_size=6,
        precision="float32",
        random_state=0,
    )


@ALL
def test_the_same_bits_after_every_copy(kind, data, tmp_path):
    X, y = data
    fitted = estimator(config=CONFIGS[kind]).fit(X, y)
    wanted = fitted.predict_proba(X)
    path = tmp_path / "model.mtlearn"
    save(fitted, path)

    assert wanted.shape == (12, 3)
    for other in (
        clone(fitted).fit(X, y),
        pickle.loads(pickle.dumps(fitted)),
        load(path),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)


# Longer than other tests: a first export imports onnxscript.
@ALL
def test_an_onnx_file_predicts_the_same(kind, data, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from mtlearn import to_onnx

    X, y = data
    resize = 8 if kind == "vit" else 24
    fitted = estimator(config=CONFIGS[kind], resize=resize).fit(X, y)
    to_onnx(fitted, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    for n_rows in (1, 2, 7):
        [found] = session.run(None, {"X": X[:n_rows]})
        wanted = fitted.predict_proba(X[:n_rows])
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_size_that_is_not_square(data):
    X, y = data
    fitted = estimator(config=VIT, resize=(16, 8)).fit(X, y)

    backbone = fitted.net_.module_.backbone
    assert backbone.model.embeddings.position_embeddings.shape[1] == 4 * 2 + 1
    assert backbone.asked == {}


def test_a_trained_model_needs_no_folder(folder, data, tmp_path):
    path, _ = folder
    X, y = data
    made = estimator(config=None, name=str(path), pretrained=True).fit(X, y)
    wanted = made.predict_proba(X)
    save(made, tmp_path / "model.mtlearn")
    path.rename(tmp_path / "gone")

    loaded = load(tmp_path / "model.mtlearn")
    for other in (loaded, pickle.loads(pickle.dumps(loaded))):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)
    save(loaded, tmp_path / "again.mtlearn")
    again = load(tmp_path / "again.mtlearn")
    np.testing.assert_array_equal(again.predict_proba(X), wanted)
    again.set_params(warm_start=True).fit(X, y)
    assert again.n_iter_ == 2


def test_going_on_with_another_configuration_is_an_error(data):
    X, y = data
    fitted = estimator().fit(X, y).set_params(warm_start=True)
    fitted.set_params(backbone__config={**RESNET, "depths": [1, 2]})
    with pytest.raises(InvalidParameterError, match="'config'"):
        fitted.fit(X, y)


def test_configurations_are_searched(data):
    X, y = data
    wide = {**RESNET, "hidden_sizes": [8, 20]}
    search = GridSearchCV(estimator(), {"backbone__config": [RESNET, wide]}, cv=2)
    search.fit(X, y)

    width = search.best_params_["backbone__config"]["hidden_sizes"][-1]
    assert search.best_estimator_.embed(X).shape == (12, width)


def crafted(change, path, monkeypatch, data):
    """Save a model in a file that describes another network."""
    fitted = estimator().fit(*data)
    found = {"config": RESNET, **change}
    monkeypatch.setattr(_encode, "structure", lambda *args: found)
    save(fitted, path)
    return path


def test_a_file_that_names_a_network_is_not_looked_up(data, tmp_path, monkeypatch):
    change = {"config": None, "name": "a/b", "pretrained": True}
    path = crafted(change, tmp_path / "x", monkeypatch, data)
    with pytest.raises(ModelFormatError, match="TransformersBackbone has no 'config'"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b", "pretrained": True},
        {"weights": "gone"},
        {"config": {**RESNET, "of_a_later_version": 3}},
    ],
)
def test_a_file_is_built_without_what_training_began_with(
    change, data, tmp_path, monkeypatch
):
    path = crafted(change, tmp_path / "x", monkeypatch, data)

    assert load(path).predict_proba(data[0]).shape == (12, 3)


def test_a_file_of_a_larger_network_takes_no_memory(data, tmp_path, monkeypatch):
    # Filters of four terabytes.
    change = {"config": {**RESNET, "hidden_sizes": [8, 10**6], "depths": [1, 1]}}
    path = crafted(change, tmp_path / "x", monkeypatch, data)
    with pytest.raises(ModelFormatError, match=r"backbone\.model"):
        load(path)


def test_a_file_in_which_images_become_huge_takes_no_memory(
    data, tmp_path, monkeypatch
):
    path = crafted({"resize": 10**6}, tmp_path / "x", monkeypatch, data)
    with pytest.raises(ModelFormatError, match=r"A pass of 2 at once .* needs 37252"):
        load(path)


def test_fits_in_bfloat16_where_the_machine_can(data):
    X, y = data
    fitted = estimator(config=VIT).set_params(precision="auto").fit(X, y)

    assert np.isfinite(fitted.predict_proba(X)).all()


def test_rates_fall_from_block_to_block(data):
    X, y = data
    fitted = estimator().set_params(layer_decay=0.5, lr=0.08, freeze_epochs=1)
    fitted.set_params(lr_schedule=None, max_epochs=2).fit(X, y)

    groups = fitted.net_.optimizer_.param_groups
    rates = [group["lr"] for group in groups]  # stem, a block of each stage, head
    np.testing.assert_allclose(rates, [0.01, 0.02, 0.04, 0.08])
    weights = [weight for group in groups for weight in group["params"]]
    assert len(weights) == len(list(fitted.net_.module_.parameters()))
