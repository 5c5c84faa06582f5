"""Backbones of the user's with maps, or with features for each task, in estimators."""

import pickle

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
    SeedEnsemble,
    Tasks,
    load,
    save,
    to_onnx,
)
from mtlearn.data import Samples
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.inspection import EmbeddingDisplay
from mtlearn.networks import CGC, Features
from mtlearn.training import lookahead_affinity, shared_layers, task_gradients
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    labelled_rows,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)


class Gated(nn.Module):
    """Shared experts, and a gate for each task."""

    def __init__(self, in_features, n_tasks, n_experts=3, width=4):
        super().__init__()
        self.experts = nn.Linear(in_features, n_experts * width)
        self.gates = nn.ModuleList(
            nn.Sequential(nn.Linear(in_features, n_experts), nn.Softmax(dim=1))
            for _ in range(n_tasks)
        )

    def forward(self, x):
        n_experts = self.gates[0][0].out_features
        found = self.experts(x).relu().unflatten(1, (n_experts, -1))
        return tuple((gate(x)[:, :, None] * found).sum(dim=1) for gate in self.gates)


class Shares(Gated):
    def shared_parameters(self):
        return self.experts.parameters()


class Maps(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, 3)

    def forward(self, x):
        maps = self.layer(x).relu()
        return Features(maps.mean(dim=(2, 3)), maps)


class OfMaps(nn.Module):
    takes_maps = True

    def __init__(self, out_features, map_shape):
        super().__init__()
        self.layer = nn.Conv2d(map_shape[0], out_features, map_shape[1:])

    def forward(self, features):
        return self.layer(features.maps).flatten(1)


def map_tasks():
    plain = Head(hidden=())
    return Tasks(kind=Classification(2, head=OfMaps), size=Regression(head=plain))


@pytest.fixture(scope="module")
def gated():
    X, y = make_table(60)
    return table_estimator(backbone=Gated).fit(X, y), X, y


@pytest.fixture(scope="module")
def mixed():
    X, y = make_table(60)
    backbone = Partial(CGC, trunk="mlp", hidden=(4,), n_shared=2)
    return table_estimator(backbone=backbone).fit(X, y), X, y


@pytest.fixture(scope="module")
def mapped():
    X, y = make_images()
    return (
        image_estimator(map_tasks(), backbone=Maps, precision="float32").fit(X, y),
        X,
        y,
    )


def by_hand(backbone, x, number):
    experts = backbone.experts(x).relu().reshape(len(x), 3, 4)
    return torch.einsum("ne,nef->nf", backbone.gates[number](x), experts)


def test_features_of_each_task(gated):
    estimator, X, _ = gated
    module = estimator.net_.module_
    with torch.no_grad():
        for number, name in enumerate(("kind", "size")):
            expected = by_hand(module.backbone, torch.from_numpy(X), number)
            np.testing.assert_allclose(estimator.embed(X, name), expected, rtol=1e-12)
            np.testing.assert_array_equal(
                estimator.embed(X, task=name), estimator.embed(X, name)
            )
        scores = module.heads[0](by_hand(module.backbone, torch.from_numpy(X), 0))
    proba = scores.softmax(dim=1).numpy()
    np.testing.assert_allclose(estimator.predict_proba(X)[0], proba, rtol=1e-12)
    # Of one task, by its own head alone.
    np.testing.assert_allclose(estimator.task("kind").predict_proba(X), proba)


def test_embed_asks_for_a_task(gated, mapped):
    estimator, X, _ = gated
    message = (
        r"'task' parameter of embed must be the name of a task, of which there are "
        r"\['kind', 'size'\]: each has features of its own\. Got None instead"
    )
    with pytest.raises(InvalidParameterError, match=message):
        estimator.embed(X)
    estimators = [(estimator, X), (mapped[0], mapped[1])]
    for one, rows in estimators:
        with pytest.raises(
            InvalidParameterError, match=r"\['kind', 'size'\]\. Got 'a'"
        ):
            one.embed(rows, "a")


def test_embed_gives_the_vector_without_maps(mapped):
    estimator, X, _ = mapped
    found = estimator.embed(X)
    assert found.shape == (24, 4)
    np.testing.assert_array_equal(estimator.embed(X, "size"), found)
    with torch.no_grad():
        rows = torch.from_numpy(X).permute(0, 3, 1, 2)
        maps = estimator.net_.module_.backbone.layer(rows).relu()
    np.testing.assert_allclose(found, maps.mean(dim=(2, 3)), rtol=1e-5, atol=1e-7)


def test_predictions_from_maps(mapped):
    estimator, X, _ = mapped
    module = estimator.net_.module_
    rows = torch.from_numpy(X).permute(0, 3, 1, 2)
    with torch.no_grad():
        maps = module.backbone.layer(rows).relu()
        scores = module.heads[0].module.layer(maps).flatten(1)
    proba = scores.softmax(dim=1).numpy()
    np.testing.assert_allclose(estimator.predict_proba(X)[0], proba, rtol=1e-5)


@pytest.mark.parametrize("case", ["gated", "mapped", "mixed"])
def test_files_and_pickles(case, request, tmp_path):
    estimator, X, _ = request.getfixturevalue(case)
    save(estimator, tmp_path / "own.mtl")
    own = {each.__name__: each for each in (Gated, Maps, OfMaps)}
    for again in (
        pickle.loads(pickle.dumps(estimator)),
        load(tmp_path / "own.mtl", custom_objects=own),
    ):
        assert_same_bits(again, estimator)
        np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
        np.testing.assert_array_equal(
            again.embed(X, "size"), estimator.embed(X, "size")
        )


@pytest.mark.parametrize("case", ["gated", "mapped", "mixed"])
def test_an_onnx_file(case, request, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    estimator, X, _ = request.getfixturevalue(case)
    to_onnx(estimator, tmp_path / "own.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "own.onnx")
    proba, size = session.run(None, {"X": X.astype(np.float32)})
    np.testing.assert_allclose(proba, estimator.predict_proba(X)[0], atol=1e-6)
    np.testing.assert_allclose(size.ravel(), estimator.predict(X)[:, 1], rtol=1e-5)


def test_bfloat16():
    X, y = make_images()
    estimator = image_estimator(map_tasks(), backbone=Maps, precision="bfloat16")
    estimator.fit(X, y)
    assert estimator.precision_ == "bfloat16"
    exact = pickle.loads(pickle.dumps(estimator)).set_params(precision="float32")
    exact.net_.move("cpu", estimator.net_.precision.whole())
    found, expected = (each.predict_proba(X)[0] for each in (estimator, exact))
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_an_ensemble_and_a_compiled_network():
    X, y = make_table()
    ensemble = SeedEnsemble(table_estimator(backbone=Gated), 2, random_state=0)
    assert ensemble.fit(X, y).predict(X).shape == (40, 2)
    compiled = table_estimator(backbone=Gated, compile={"backend": "eager"}).fit(X, y)
    plain = table_estimator(backbone=Gated).fit(X, y)
    np.testing.assert_allclose(compiled.predict(X), plain.predict(X), rtol=1e-6)


def moved(estimator, start):
    """Return the names of the backbone's weights that training has moved."""
    now, before = weights_of(estimator), weights_of(start)
    return {
        name.split(".")[1]
        for name in now
        if name.startswith("backbone.") and not np.array_equal(now[name], before[name])
    }


def test_freezing_goes_by_what_is_shared():
    X, y = make_table()
    params = {"warm_start": True, "random_state": 0}
    for cls, expected in ((Shares, {"gates"}), (Gated, set())):
        estimator = table_estimator(backbone=cls, freeze_backbone=True, **params)
        start = pickle.loads(pickle.dumps(estimator.fit(X, y)))
        assert moved(estimator.fit(X, y), start) == expected
        thawed = estimator.set_params(freeze_backbone=False).fit(X, y)
        assert moved(thawed, start) == {"experts", "gates"}


def test_a_rate_of_its_own_is_that_of_what_is_shared():
    X, y = make_table()
    estimator = table_estimator(backbone=Shares, backbone_lr=1e-3, lr=0.1).fit(X, y)
    first, second = estimator.net_.optimizer_.param_groups
    module = estimator.net_.module_
    experts = {id(each) for each in module.backbone.experts.parameters()}
    others = {id(each) for each in module.parameters()} - experts
    assert {id(each) for each in first["params"]} == experts
    assert {id(each) for each in second["params"]} == others
    assert (first["lr"], second["lr"]) == (1e-3, 0.1)


def test_a_method_that_returns_something_else():
    cls = type("Other", (Gated,), {"shared_parameters": lambda self: [X]})
    X, y = make_table()
    with pytest.raises(NetworkError, match="shared_parameters of Other must return"):
        table_estimator(backbone=cls).fit(X, y)


def test_gradients_are_compared_in_what_is_shared(gated):
    X, y = make_table()
    estimator = table_estimator(backbone=Shares).fit(X, y)
    assert list(shared_layers(estimator.net_.module_)) == ["experts"]
    names = ["experts", "gates.0.0", "gates.1.0"]
    assert list(shared_layers(gated[0].net_.module_)) == names
    rows = labelled_rows(estimator, X, y)
    found = task_gradients(estimator.net_, rows)
    module, losses = estimator.net_.module_, []
    kind, size = module(torch.from_numpy(X))
    first, second = rows.labels.values
    losses = [nn.functional.cross_entropy(kind, first), (size[:, 0] - second).square()]
    weight = module.backbone.experts.weight, module.backbone.experts.bias
    gradients = [
        torch.cat(
            [
                g.ravel()
                for g in torch.autograd.grad(loss.mean(), weight, retain_graph=True)
            ]
        )
        for loss in losses
    ]
    expected = torch.stack(gradients) @ torch.stack(gradients).T
    np.testing.assert_allclose(found.products[0], expected, rtol=1e-8)


def test_a_step_along_a_gradient_moves_what_is_shared():
    X, y = make_table()
    estimator = table_estimator(backbone=Shares).fit(X, y)
    rows = labelled_rows(estimator, X, y)
    found = lookahead_affinity(estimator.net_, rows, 0.1)
    module = pickle.loads(pickle.dumps(estimator)).net_.module_
    first, second = rows.labels.values

    def losses():
        kind, size = module(torch.from_numpy(X))
        found = nn.functional.cross_entropy(kind, first), (size[:, 0] - second) ** 2
        return torch.stack([each.mean() for each in found])

    before = losses()
    before[0].backward()
    with torch.no_grad():
        for weight in module.backbone.experts.parameters():
            weight.sub_(0.1 * weight.grad)
    expected = 1 - losses() / before
    np.testing.assert_allclose(found[0], expected.detach(), rtol=1e-6, atol=1e-9)


def test_a_display_of_the_features_of_a_task(gated, mapped):
    estimator, X, y = gated
    display = EmbeddingDisplay.from_estimator(
        estimator, X, y, method="pca", features_of="size", tasks=["kind"]
    )
    features = estimator.embed(X, "size")
    centred = features - features.mean(axis=0)
    variance = np.linalg.svd(centred, compute_uv=False)[:2] ** 2
    np.testing.assert_allclose((display.coordinates**2).sum(axis=0), variance)
    message = (
        r"'features_of' parameter of EmbeddingDisplay must be .*\['kind', 'size'\]"
    )
    for whose, end in (
        (None, ": each has features of its own. Got None"),
        ("a", "'a'"),
    ):
        with pytest.raises(InvalidParameterError, match=message) as info:
            EmbeddingDisplay.from_estimator(estimator, X, y, features_of=whose)
        assert end in str(info.value)
    estimator, X, y = mapped
    EmbeddingDisplay.from_estimator(estimator, X, y, method="pca", features_of="kind")
    with pytest.raises(InvalidParameterError, match=message):
        EmbeddingDisplay.from_estimator(estimator, X, y, features_of="a")


@pytest.mark.parametrize("compiled", [False, {"backend": "eager"}])
@pytest.mark.parametrize("case", ["gated", "mapped"])
def test_a_step_has_features_with_their_graph(case, compiled, request):
    estimator, X, y = request.getfixturevalue(case)
    estimator = pickle.loads(pickle.dumps(estimator))
    net = estimator.net_
    net.set_compile(compiled or None)
    rows = labelled_rows(estimator, X, y)
    ((x, labels), *_) = net.get_iterator(Samples(rows.X, rows.labels))
    plain = net.forward_step((x, labels), training=True)
    assert "features" not in plain
    net.keeps_features_ = True
    step = net.forward_step((x, labels), training=True)
    assert torch.equal(step["loss"], plain["loss"])
    features = step["features"]
    vectors = [features.vector] if case == "mapped" else list(features)
    for vector in vectors:
        (gradient,) = torch.autograd.grad(step["loss"], vector, retain_graph=True)
        assert gradient.abs().sum() > 0


class Steps(Callback):
    def __init__(self, keeps):
        self.keeps = keeps
        self.seen = []

    def on_train_begin(self, net, **kwargs):
        net.keeps_features_ = self.keeps

    def on_batch_end(self, net, **kwargs):
        self.seen.append(set(kwargs))


def test_keeping_features_changes_no_bits_and_ends_with_the_step():
    X, y = make_table()
    found, seen = [], []
    for keeps in (False, True):
        steps = Steps(keeps)
        params = {"callbacks": [steps], "early_stopping": True, "batch_size": 10}
        found.append(table_estimator(backbone=Gated, **params).fit(X, y))
        seen.append(steps.seen)
    assert_same_bits(*found)
    assert seen[0] == seen[1]
