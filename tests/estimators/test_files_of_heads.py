"""Modules of the user's as heads in pickles, files, checkpoints and ONNX."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn import (
    Classification,
    Head,
    Partial,
    Regression,
    Tasks,
    load,
    save,
    to_onnx,
)
from mtlearn.exceptions import InvalidParameterError, ModelFormatError, NetworkError
from mtlearn.networks import MLP
from own_heads import Own, own_estimator, own_tasks
from tiny_problems import (
    assert_same_bits,
    epochs_of,
    make_table,
    table_estimator,
    weights_of,
)


def test_a_pickle():
    X, y = make_table()
    estimator = own_estimator().fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(again, estimator)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert again.partial_fit(X, y).n_iter_ == 5


def test_a_file_names_the_class(tmp_path):
    X, y = make_table()
    estimator = own_estimator().fit(X, y)
    path = tmp_path / "own.mtl"
    save(estimator, path)
    with pytest.raises(ModelFormatError, match="'Own', which is not part of mtlearn"):
        load(path)
    again = load(path, custom_objects={"Own": Own})
    assert_same_bits(again, estimator)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert again.partial_fit(X, y).n_iter_ == 5


def test_a_file_and_another_class_of_that_name(tmp_path):
    estimator = own_estimator().fit(*make_table())
    save(estimator, tmp_path / "own.mtl")
    with pytest.raises(ModelFormatError, match="differ in"):
        load(tmp_path / "own.mtl", custom_objects={"Own": Other})
    with pytest.raises(ModelFormatError, match="must be a subclass"):
        load(tmp_path / "own.mtl", custom_objects={"Own": partial(Own)})


def test_a_file_of_one_head_of_ones_own_among_others(tmp_path):
    X, y = make_table()
    tasks = Tasks(kind=Classification(3, head=Head((5,))), size=Regression(head=Own))
    estimator = table_estimator(tasks).fit(X, y)
    save(estimator, tmp_path / "own.mtl")
    again = load(tmp_path / "own.mtl", custom_objects={"Own": Own})
    assert_same_bits(again, estimator)
    described = [head.params for head in again.net_.module__heads]
    assert described == [None, {}]
    # A head that is not the user's is what the file's weights say.
    again.net_.module__heads[0].__dict__["hidden"] = (10**5, 10**5)
    save(again, tmp_path / "large.mtl")
    with pytest.raises(ModelFormatError, match=r"its weights differ in \['heads.0.4.b"):
        load(tmp_path / "large.mtl", custom_objects={"Own": Own})


def test_a_file_with_a_large_backbone_of_the_package_as_a_head(tmp_path):
    X, y = make_table()
    tasks = Tasks(kind=Classification(3, head=Partial(MLP, hidden=(3,))))
    estimator = table_estimator(tasks).fit(X, y[:, 0])
    save(estimator, tmp_path / "own.mtl")
    assert_same_bits(load(tmp_path / "own.mtl"), estimator)
    estimator.net_.module__heads[0].params["hidden"] = (10**5, 10**5, 3)
    save(estimator, tmp_path / "large.mtl")
    with pytest.raises(ModelFormatError, match="more layers than the file weights"):
        load(tmp_path / "large.mtl")


class Other(nn.Module):
    def __init__(self, in_features, out_features, width=5):
        super().__init__()
        self.layer = nn.Linear(in_features, out_features)

    def forward(self, features):
        return self.layer(features)


class FromFile(nn.Linear):
    """Begins with the numbers of a file, in a way of its own."""

    initial_arguments = ("path",)

    def __init__(self, in_features, out_features, path=None):
        super().__init__(in_features, out_features)
        if path is not None:
            self.load_state_dict(torch.load(path))


@pytest.fixture
def from_file(tmp_path):
    path = tmp_path / "head.pt"
    torch.save(nn.Linear(8, 1).double().state_dict(), path)
    tasks = Tasks(size=Regression(head=Partial(FromFile, path=str(path))))
    return path, tasks, tmp_path / "model.mtl"


def test_a_trained_model_does_without_the_file_that_a_head_began_with(from_file):
    path, tasks, model = from_file
    X, y = make_table()
    estimator = table_estimator(tasks, warm_start=True, lr=1e-12).fit(X, y[:, 1])
    began = torch.load(path)["weight"].numpy()
    np.testing.assert_allclose(weights_of(estimator)["heads.0.module.weight"], began)
    save(estimator, model)
    pickled = pickle.dumps(estimator)
    path.unlink()
    for again in (load(model, custom_objects={"FromFile": FromFile}), estimator):
        again.fit(X, y[:, 1])
        assert again.n_iter_ == 8
    pickle.loads(pickled).predict(X)
    # It says only what training begins with.
    estimator.set_params(tasks__size__head__path="elsewhere").fit(X, y[:, 1])


def test_going_on_with_another_head_is_refused():
    X, y = make_table()
    estimator = own_estimator(warm_start=True).fit(X, y)
    assert estimator.fit(X, y).n_iter_ == 8
    estimator.set_params(tasks__kind__head__width=7)
    with pytest.raises(InvalidParameterError, match=r"'head' of 'kind', from Partial"):
        estimator.fit(X, y)
    estimator.set_params(tasks__kind__head__width=6, tasks__size__head=Other)
    with pytest.raises(InvalidParameterError, match=r"'head' of 'size', from .*Own'"):
        estimator.fit(X, y)
    estimator.set_params(tasks__size__head=Partial(Own)).fit(X, y)  # the same one


class Crash(Callback):
    """Fails in the fourth epoch, if the test says so."""

    armed = False

    def on_epoch_begin(self, net, **kwargs):
        if Crash.armed and len(net.history) == 4:
            raise ZeroDivisionError


@pytest.fixture
def resumed(tmp_path, caplog, monkeypatch):
    """Fit with a crash, and say at which epoch a fit with other heads goes on."""

    def first_epoch(before, now, between=lambda: None):
        X, y = make_table()
        params = {"max_epochs": 6, "callbacks": [Crash()], "verbose": 1}
        crashing = table_estimator(before, checkpoint_dir=tmp_path, **params)
        with monkeypatch.context() as patch:
            patch.setattr(Crash, "armed", True)
            with pytest.raises(ZeroDivisionError):
                crashing.fit(X, y)
        between()
        caplog.clear()
        caplog.set_level("INFO", "mtlearn")
        fitted = table_estimator(now, checkpoint_dir=tmp_path, **params).fit(X, y)
        epochs = epochs_of(caplog)
        assert_same_bits(fitted, table_estimator(now, **params).fit(X, y))
        return epochs[0]

    return first_epoch


def test_an_interrupted_fit_goes_on_with_the_same_head_only(resumed):
    tasks = own_tasks(Partial(Own, width=6, dropout=0.5))
    assert resumed(tasks, tasks) == 4
    assert resumed(tasks, own_tasks(Partial(Own, width=6, dropout=0.4))) == 1


def class_with(slope):
    class Sloped(nn.Linear):
        def forward(self, features):
            return super().forward(features) * slope

    return Sloped


def test_an_interrupted_fit_knows_the_code_of_a_head(resumed):
    assert resumed(own_tasks(size=class_with(2)), own_tasks(size=class_with(2))) == 4
    assert resumed(own_tasks(size=class_with(2)), own_tasks(size=class_with(3))) == 1


def test_an_interrupted_fit_knows_the_file_of_a_head(resumed, from_file):
    path, tasks, _ = from_file
    tasks = Tasks(kind=Classification(3), size=tasks["size"])
    assert resumed(tasks, tasks) == 4
    other = nn.Linear(8, 1).double().state_dict()
    assert resumed(tasks, tasks, lambda: torch.save(other, path)) == 1


class Convolves(nn.Module):
    """A layer that onnxruntime has in float32 only."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.layer = nn.Conv1d(1, out_features, in_features)

    def forward(self, features):
        return self.layer(features.unsqueeze(1)).squeeze(2)


def test_an_onnx_file(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    X, y = make_table()
    tasks = Tasks(kind=Classification(3, head=Own), size=Regression(head=Convolves))
    estimator = table_estimator(tasks).fit(X, y)
    to_onnx(estimator, tmp_path / "own.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "own.onnx")
    proba, size = session.run(None, {"X": X.astype(np.float32)})
    np.testing.assert_allclose(proba, estimator.predict_proba(X)[0], atol=1e-6)
    np.testing.assert_allclose(size.ravel(), estimator.predict(X)[:, 1], rtol=1e-5)


class LooksAtValues(nn.Linear):
    def forward(self, features):
        if features.max().item() > 100:
            features = features / 2
        return super().forward(features)


def test_a_head_that_no_onnx_file_can_hold(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    estimator = table_estimator(own_tasks(LooksAtValues)).fit(*make_table())
    with pytest.raises(NetworkError, match="the head LooksAtValues or Own to ONNX"):
        to_onnx(estimator, tmp_path / "own.onnx")
