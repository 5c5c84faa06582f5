"""Backbones of timm, its smallest; nothing is downloaded."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

os.environ.setdefault("HF_HUB_OFFLINE", "1")
try:  # it is there, but cannot be imported, beside another torch than its torchvision's
    import timm
except ImportError:
    pytest.skip("timm cannot be imported", allow_module_level=True)
huggingface_hub = pytest.importorskip("huggingface_hub")

from mtlearn import MultiTaskImageEstimator, Partial, load, save  # noqa: E402
from mtlearn.exceptions import (  # noqa: E402
    InvalidParameterError,
    ModelFormatError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.networks import TimmBackbone, layer_numbers, save_weights  # noqa: E402
from mtlearn.persistence import _encode  # noqa: E402

NAMES = ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"]


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.random((12, 32, 32, 3), dtype=np.float32), np.arange(12) % 3


@pytest.fixture
def folder(tmp_path):
    """Save a model with a classifier, as timm does for the Hub."""
    model = timm.create_model("test_resnet", num_classes=7)
    for buffer in model.buffers():
        buffer.add_(1)
    path = tmp_path / "model"
    path.mkdir()
    torch.save(model.state_dict(), path / "pytorch_model.bin")
    about = {
        "architecture": "test_resnet",
        "num_classes": 7,
        "pretrained_cfg": {
            "num_classes": 7,
            "input_size": [3, 32, 32],
            "first_conv": "conv1.0",
            "classifier": "fc",
        },
    }
    (path / "config.json").write_text(json.dumps(about))
    return path, model


def images(n_channels=3, size=32):
    return torch.rand(2, n_channels, size, size)


def estimator(**backbone):
    given = {"name": "test_resnet", **backbone}
    return MultiTaskImageEstimator(
        backbone=Partial(TimmBackbone, **given),
        max_epochs=1,
        batch_size=6,
        precision="float32",
        random_state=0,
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_after_every_copy(name, data, tmp_path):
    X, y = data
    fitted = estimator(name=name).fit(X, y)
    wanted = fitted.predict_proba(X)
    path = tmp_path / "model.mtlearn"
    save(fitted, path)

    for other in (
        clone(fitted).fit(X, y),
        pickle.loads(pickle.dumps(fitted)),
        load(path),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)


# The networks that photographs are given: tens of millions of weights each.
@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b3"])
def test_networks_for_photographs(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from mtlearn import to_onnx

    rng = np.random.default_rng(0)
    X, y = rng.random((4, 64, 64, 3), dtype=np.float32), np.arange(4) % 2
    fitted = estimator(name=name).set_params(batch_size=4).fit(X, y)
    wanted = fitted.predict_proba(X)
    save(fitted, tmp_path / "model.mtlearn")
    loaded = load(tmp_path / "model.mtlearn")
    np.testing.assert_array_equal(loaded.predict_proba(X), wanted)
    to_onnx(fitted, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    [found] = session.run(None, {"X": X})
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_features_are_what_the_network_gives_its_classifier(name):
    backbone = TimmBackbone(name=name, image_size=(32, 32)).eval()
    x = images()
    with torch.no_grad():
        maps = backbone.model.forward_features(x)
        wanted = backbone.model.forward_head(maps, pre_logits=True)

        torch.testing.assert_close(backbone(x), wanted)


def test_attention_weighs_the_maps_of_the_last_stage():
    backbone = TimmBackbone(name="test_resnet", attention="cbam").eval()
    x = images()
    with torch.no_grad():
        maps = backbone.attention[0](backbone.model.forward_features(x))

        torch.testing.assert_close(backbone(x), maps.mean((2, 3)))


def test_attention_of_a_network_whose_channels_are_last():
    backbone = TimmBackbone(
        name="swin_tiny_patch4_window7_224",
        image_size=(32, 32),
        window_size=2,
        embed_dim=8,
        depths=(1, 1),
        num_heads=(1, 1),
        attention="se",
    ).eval()
    x = images()
    with torch.no_grad():
        maps = backbone.model.forward_features(x).permute(0, 3, 1, 2)
        wanted = backbone.attention[0](maps).mean((2, 3))

        torch.testing.assert_close(backbone(x), wanted)


def test_attention_needs_maps():
    with pytest.raises(InvalidParameterError, match=r"'attention' .* VisionTransf"):
        TimmBackbone(name="test_vit", image_size=(32, 32), attention="cbam")


def test_a_network_of_one_size_gets_that_of_the_images():
    backbone = TimmBackbone(name="test_vit", image_size=(48, 32)).eval()
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 48, 32)).shape == (1, 64)
    resized = TimmBackbone(name="test_vit", image_size=(48, 32), resize=32).eval()
    with torch.no_grad():
        assert resized(torch.zeros(1, 3, 48, 32)).shape == (1, 64)


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
def test_weights_fit_any_number_of_channels(folder, pretrained, n_channels):
    path, model = folder
    begins = (
        {"pretrained": True} if pretrained else {"weights": path / "pytorch_model.bin"}
    )
    backbone = TimmBackbone(n_channels, name=f"local-dir:{path}", **begins)
    filters = model.conv1[0].weight
    if n_channels == 1:
        wanted = filters.sum(1, keepdim=True)
    else:
        wanted = filters[:, [i % 3 for i in range(n_channels)]] * (3 / n_channels)
    torch.testing.assert_close(backbone.model.conv1[0].weight, wanted)
    state = backbone.model.state_dict()
    for name, value in model.state_dict().items():
        if name != "conv1.0.weight" and not name.startswith("fc."):
            assert state[name].equal(value), name


@pytest.mark.parametrize("has_safetensors", [True, False])
@pytest.mark.parametrize("name", ["test_resnet", "hf-hub:owner/model@v1"])
def test_weights_of_the_hub_are_taken_from_its_cache(
    name, has_safetensors, folder, monkeypatch
):
    path, _ = folder
    model = timm.create_model("test_resnet")
    torch.save(model.state_dict(), path / "pytorch_model.bin")
    if has_safetensors:
        save_weights(model, path / "model.safetensors")
    asked = []

    def download(repository, file, revision, local_files_only):
        asked.append((repository, revision))
        assert local_files_only
        if not (path / file).exists():
            raise huggingface_hub.errors.LocalEntryNotFoundError(file)
        return str(path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    backbone = TimmBackbone(1, name=name, pretrained=True)

    state = backbone.model.state_dict()
    for each, value in model.state_dict().items():
        if each != "conv1.0.weight" and not each.startswith("fc."):
            assert state[each].equal(value), each
    summed = model.conv1[0].weight.sum(1, keepdim=True)
    torch.testing.assert_close(state["conv1.0.weight"], summed)
    repository = ("owner/model", "v1")
    if name == "test_resnet":
        repository = ("timm/test_resnet.r160_in1k", None)
    assert set(asked) == {repository}


def test_a_checkpoint_of_its_own_training_begins_training(folder, tmp_path):
    _, model = folder
    path = tmp_path / "checkpoint.pth.tar"
    torch.save({"epoch": 3, "state_dict": model.state_dict(), "arch": "test"}, path)
    backbone = TimmBackbone(name="test_resnet", weights=path)
    for name, value in backbone.model.state_dict().items():
        assert value.equal(model.state_dict()[name]), name


def test_what_save_weights_writes_begins_training(tmp_path):
    given = {"name": "test_resnet", "attention": "se"}
    trained = TimmBackbone(**given)
    save_weights(trained, tmp_path / "own.safetensors")
    other = TimmBackbone(**given, weights=tmp_path / "own.safetensors")
    for name, value in trained.state_dict().items():
        assert other.state_dict()[name].equal(value)


def test_a_trained_model_needs_no_folder(folder, data, tmp_path):
    path, _ = folder
    X, y = data
    made = estimator(name=f"local-dir:{path}", pretrained=True).fit(X, y)
    wanted = made.predict_proba(X)
    save(made, tmp_path / "model.mtlearn")
    path.rename(tmp_path / "gone")
    loaded = load(tmp_path / "model.mtlearn")
    for other in (loaded, pickle.loads(pickle.dumps(loaded))):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)
    loaded.set_params(warm_start=True).fit(X, y)
    assert loaded.n_iter_ == 2


def test_names_are_searched(data):
    X, y = data
    search = GridSearchCV(
        estimator(drop_rate=0.1),
        {"backbone__name": NAMES[:2], "backbone__drop_rate": [0.0]},
        cv=2,
    )
    search.fit(X, y)
    name = type(search.best_estimator_.net_.module_.backbone.model).__name__
    assert name.lower() in search.best_params_["backbone__name"].replace("test_", "")


def test_a_name_as_the_hub_has_it():
    backbone = TimmBackbone(name="timm/test_resnet.r160_in1k")
    assert backbone.config == {"name": "test_resnet.r160_in1k"}


BAD = {
    "unknown": ({"name": "resnet5O"}, r"no network 'resnet5O' .* 'resnet50'"),
    "tag": ({"name": "resnet50.a1_in2k"}, r"no weights .* 'resnet50\.a1_in1k'"),
    "hub": ({"name": "a/resnet50"}, r"Use 'hf-hub:a/resnet50'"),
    "no name": ({}, "needs a name"),
    "classes": ({"name": "resnet50", "num_classes": 3}, r"'num_classes' .* classifier"),
    "in config": ({"config": {"name": "resnet50", "in_chans": 1}}, "'in_chans'"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named(given, message):
    with pytest.raises(InvalidParameterError, match=message):
        TimmBackbone(**given)


def test_a_configuration_without_a_name():
    with pytest.raises(ParameterTypeError, match="with the 'name' of a network"):
        TimmBackbone(config={"layers": 3})


def test_without_a_network_it_fails_at_once():
    with pytest.raises(NetworkError, match=r"'timm/test_resnet\.r160_in1k' on"):
        TimmBackbone(name="test_resnet", pretrained=True)
    with pytest.raises(NetworkError, match="does not find 'a/b' on this machine"):
        TimmBackbone(name="hf-hub:a/b")


def test_a_network_without_weights():
    network = sorted(set(timm.list_models()) - set(timm.list_models(pretrained=True)))
    name = next(each for each in network if not timm.is_model_pretrained(each))
    with pytest.raises(InvalidParameterError, match=f"no weights for '{name}'"):
        TimmBackbone(name=name, pretrained=True)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_a_folder_without_a_model(content, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(NetworkError, match=r"must have a config\.json"):
        TimmBackbone(name=f"local-dir:{tmp_path}")


def test_a_file_of_a_larger_network_takes_no_memory(data, tmp_path, monkeypatch):
    fitted = estimator().fit(*data)
    change = {"config": {"name": "test_resnet", "channels": [10**6] * 4}}
    monkeypatch.setattr(_encode, "structure", lambda *args: change)
    save(fitted, tmp_path / "x")
    with pytest.raises(ModelFormatError, match=r"more layers|its weights"):
        load(tmp_path / "x")


@pytest.mark.parametrize(
    "name",
    [
        *("test_resnet", "test_vit", "test_convnext", "resnet50", "efficientnet_b3"),
        *("convnext_tiny", "swin_tiny_patch4_window7_224", "vit_small_patch14_dinov2"),
    ],
)
def test_layers_are_those_of_timm(name):
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=0)
    matcher = model.group_matcher(coarse=False)
    wanted = timm.models.group_parameters(model, matcher, reverse=True)
    found = layer_numbers(model)

    # A norm that timm counts as a part of the classifier is in the last layer.
    body = {each for each in found if not each.startswith("head.")}
    assert {each: found[each] for each in body} == {each: wanted[each] for each in body}
    last = max(found[each] for each in body)
    assert all(found[each] == last for each in found.keys() - body)
