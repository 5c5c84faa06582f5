"""Backbones of transformers, tiny and untrained; nothing is downloaded."""

import pytest
import torch
from tiny_transformers import RESNET, VIT, save_model

transformers = pytest.importorskip("transformers")

from mtlearn.exceptions import (  # noqa: E402
    InvalidParameterError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.networks import (  # noqa: E402
    HeadSpec,
    TransformersBackbone,
    build_network,
    layer_numbers,
    save_weights,
)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "model", save_model(tmp_path / "model")


def images(n_channels=3, size=16):
    return torch.rand(2, n_channels, size, size)


def test_features_are_what_the_network_pools(folder):
    path, model = folder
    backbone = TransformersBackbone(name=path, pretrained=True).eval()
    x = images()
    with torch.no_grad():
        wanted = model.eval()(pixel_values=x).pooler_output[:, :, 0, 0]

        torch.testing.assert_close(backbone(x), wanted)


@pytest.mark.parametrize("pool", ["token", "mean"])
def test_tokens_are_pooled_as_asked(pool):
    backbone = TransformersBackbone(config=VIT, image_size=(16, 16), pool=pool).eval()
    x = images()
    with torch.no_grad():
        tokens = backbone.model(pixel_values=x).last_hidden_state
        wanted = tokens[:, 0] if pool == "token" else tokens.sum(1) / 17

        torch.testing.assert_close(backbone(x), wanted)
    assert not any("pooler" in name for name in backbone.state_dict())


def test_maps_are_averaged_over_places():
    backbone = TransformersBackbone(config=RESNET, pool="mean").eval()
    x = images()
    with torch.no_grad():
        maps = backbone.model(pixel_values=x).last_hidden_state

        torch.testing.assert_close(backbone(x), maps.flatten(2).mean(2))


def test_maps_have_no_first_token():
    with pytest.raises(NetworkError, match=r"'pool' .* must be 'auto' or 'mean' for a"):
        build_network(
            TransformersBackbone,
            {"config": RESNET, "pool": "token"},
            (3, 16, 16),
            [HeadSpec(1)],
        )


def test_attention_weighs_the_maps_of_the_last_stage():
    backbone = TransformersBackbone(config=RESNET, attention="cbam").eval()
    x = images()
    with torch.no_grad():
        maps = backbone.model(pixel_values=x).last_hidden_state
        wanted = backbone.attention[0](maps).mean((2, 3))

        torch.testing.assert_close(backbone(x), wanted)
        assert not wanted.allclose(maps.mean((2, 3)))


def test_attention_needs_maps():
    with pytest.raises(InvalidParameterError, match=r"'attention' .* for a ViTModel"):
        TransformersBackbone(config=VIT, image_size=(16, 16), attention="cbam")


@pytest.mark.parametrize(("size", "antialias"), [(32, False), (7, True)])
def test_images_are_resized_in_the_pass(size, antialias):
    backbone = TransformersBackbone(config=RESNET, resize=size).eval()
    plain = TransformersBackbone(config=RESNET).eval()
    plain.load_state_dict(backbone.state_dict())
    x = images()
    resized = torch.nn.functional.interpolate(
        x, (size, size), mode="bilinear", antialias=antialias
    )
    with torch.no_grad():
        torch.testing.assert_close(backbone(x), plain(resized))


def test_positions_are_interpolated_for_another_size():
    config = {**VIT, "image_size": 16}
    backbone = TransformersBackbone(config=config, image_size=(24, 16)).eval()
    with torch.no_grad():
        features = backbone(torch.rand(2, 3, 24, 16))

    assert features.shape == (2, 8)
    assert backbone.model.embeddings.position_embeddings.shape[1] == 17


@pytest.mark.parametrize("n_channels", [1, 2, 5])
def test_weights_fit_any_number_of_channels(folder, n_channels):
    path, model = folder
    backbone = TransformersBackbone(n_channels, name=path, pretrained=True)
    filters = model.embedder.embedder.convolution.weight
    found = backbone.model.embedder.embedder.convolution.weight
    wanted = torch.stack([filters[:, i % 3] for i in range(n_channels)], 1)
    if n_channels == 1:
        wanted = filters[:, [0]] + filters[:, [1]] + filters[:, [2]]
    else:
        wanted = wanted * 3 / n_channels

    torch.testing.assert_close(found, wanted)


def test_grey_images_give_what_their_colour_copies_give(folder):
    path, _ = folder
    grey = TransformersBackbone(1, name=path, pretrained=True).eval()
    colour = TransformersBackbone(3, name=path, pretrained=True).eval()
    x = images(1)
    with torch.no_grad():
        torch.testing.assert_close(grey(x), colour(x.expand(-1, 3, -1, -1)))


def test_a_file_with_a_classifier_begins_training(folder, tmp_path):
    path, model = folder
    checkpoint = tmp_path / "checkpoint.pt"
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, checkpoint)
    for file in (path / "model.safetensors", checkpoint):
        backbone = TransformersBackbone(config=RESNET, weights=file)
        state = backbone.model.state_dict()
        for name, value in model.state_dict().items():
            torch.testing.assert_close(state[name], value)


def test_a_file_with_a_pooler_that_is_not_asked_for(tmp_path):
    trained = TransformersBackbone(config=VIT, image_size=(16, 16))
    save_weights(trained.model, tmp_path / "vit.safetensors")
    assert "pooler.dense.weight" in trained.model.state_dict()
    backbone = TransformersBackbone(
        config=VIT,
        image_size=(16, 16),
        pool="token",
        weights=tmp_path / "vit.safetensors",
    )
    for name, value in backbone.model.state_dict().items():
        assert value.equal(trained.model.state_dict()[name]), name


def test_what_a_file_on_the_hub_says_beside_layers_is_left_out():
    beside = {
        "_name_or_path": "a/b",
        "architectures": ["ResNetModel"],
        "auto_map": {"AutoModel": "code.Model"},
        "transformers_version": "4.0",
        "dtype": "bfloat16",
    }
    config = TransformersBackbone(config={**RESNET, **beside}).model.config

    assert not hasattr(config, "auto_map")
    assert config.name_or_path == ""
    assert config.dtype == torch.float32


@pytest.mark.parametrize(("size", "wanted"), [((16, 16), 16), ((16, 8), (16, 8))])
def test_a_configuration_is_told_the_size_of_the_images(size, wanted):
    backbone = TransformersBackbone(config=VIT, image_size=size)

    assert backbone.model.config.image_size == wanted


def test_what_save_weights_writes_begins_training(tmp_path):
    given = {"config": RESNET, "attention": "se"}
    trained = TransformersBackbone(**given)
    save_weights(trained, tmp_path / "own.safetensors")
    other = TransformersBackbone(**given, weights=tmp_path / "own.safetensors")
    for name, value in trained.state_dict().items():
        assert other.state_dict()[name].equal(value)


def test_weights_are_skipped_by_the_beginnings_of_their_names(folder):
    path, model = folder
    file = path / "model.safetensors"
    backbone = TransformersBackbone(config=RESNET, weights=file, skip="embedder.")
    state, given = backbone.model.state_dict(), model.state_dict()
    for name, value in given.items():
        if value.ndim == 4:
            assert state[name].equal(value) != name.startswith("embedder."), name


def test_a_kind_of_network_by_its_name():
    # Of the default size, there is no other by a name alone; this is one of the least.
    backbone = TransformersBackbone(name="mobilenet_v1").eval()

    assert isinstance(backbone.model, transformers.MobileNetV1Model)
    assert backbone.config["depth_multiplier"] == 1.0
    assert backbone(torch.zeros(1, 3, 32, 32)).shape == (1, 1024)


NAMES = {
    "kind": ({"name": "resnett"}, "no kind of network 'resnett'.* are 'resnet'"),
    "neither": ({}, "needs a name, .*, or a config"),
    "no type": ({"config": {"depths": [1]}}, "must have a 'model_type' .* Got None"),
    "type": ({"config": {"model_type": "convnex"}}, "Got 'convnex' .* 'convnext'"),
    "key": ({"config": {**RESNET, "depht": [1]}}, "'depht', which a 'resnet' does not"),
    "text": ({"config": {"model_type": "bert"}}, "'bert' .* is no network of images"),
    "kernels": ({"config": {**VIT, "attn_implementation": "a/b"}}, "Got 'a/b'"),
    "pool": ({"config": RESNET, "pool": "max"}, "'pool' .* Got 'max'"),
    "resize": ({"config": RESNET, "resize": 0}, "'resize' .* Got 0 instead"),
    "sizes": ({"config": RESNET, "resize": (1, 2, 3)}, r"'resize' .* Got \(1, 2, 3\)"),
    "untrained": ({"name": "resnet", "pretrained": True}, "which has no weights"),
    "no name": ({"config": RESNET, "pretrained": True}, "Got None instead, which has"),
}


@pytest.mark.parametrize(("given", "message"), NAMES.values(), ids=NAMES)
def test_what_is_wrong_is_named(given, message):
    with pytest.raises(InvalidParameterError, match=message):
        TransformersBackbone(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"config": transformers.ResNetConfig()}, "must be a mapping, .*ResNetConfig"),
        ({"name": 3}, "'name' .* must be a str. Got 3"),
    ],
)
def test_what_is_of_a_wrong_type_is_named(given, message):
    with pytest.raises(ParameterTypeError, match=message):
        TransformersBackbone(**given)


def test_weights_of_no_part_of_a_configuration_are_loaded():
    config = {**RESNET, "out_features": {"use_pretrained_backbone": True}}
    with pytest.raises(InvalidParameterError, match="'use_pretrained_backbone'"):
        TransformersBackbone(config=config)


def test_a_pooler_without_weights_is_named(tmp_path):
    vit = transformers.ViTConfig(**{k: v for k, v in VIT.items() if k != "model_type"})
    model = transformers.ViTForImageClassification(vit)  # which has no pooler
    model.save_pretrained(tmp_path)
    with pytest.raises(NetworkError, match=r"no weights for pooler.* pool='token'"):
        TransformersBackbone(name=tmp_path, pretrained=True)
    backbone = TransformersBackbone(name=tmp_path, pretrained=True, pool="token")
    state = backbone.model.state_dict()
    for name, value in model.vit.state_dict().items():
        assert state[name].equal(value)


# As many blocks as each has by default, and a stem.
@pytest.mark.parametrize(
    ("kind", "n_blocks"),
    [
        ("resnet", 3 + 4 + 6 + 3),
        ("efficientnet", 4 + 7 + 7 + 10 + 10 + 13 + 4),
        ("convnext", 3 + 3 + 9 + 3),
        ("swin", 2 + 2 + 6 + 2),
        ("vit", 12),
        ("dinov2", 12),
    ],
)
def test_each_block_is_a_layer(kind, n_blocks):
    with torch.device("meta"):
        config = transformers.AutoConfig.for_model(kind)
        model = transformers.AutoModel.from_config(config)
    numbers = layer_numbers(model)

    assert set(numbers.values()) == set(range(n_blocks + 1))
    stem = {name.split(".")[0] for name, number in numbers.items() if not number}
    assert stem <= {"embeddings", "embedder"}
    # What only begins with the last blocks, such as a norm, is in the last layer.
    others = {
        n for name, n in numbers.items() if name.startswith(("pool", "layernorm"))
    }
    assert others <= {n_blocks}


def test_layers_between_stages_are_in_that_of_the_next_block():
    config = {
        "model_type": "convnext",
        "depths": [1, 2],
        "hidden_sizes": [4, 8],
        "num_stages": 2,
    }
    found = layer_numbers(TransformersBackbone(config=config))

    stages = [{}, {}]
    for name, number in found.items():
        if ".stages." in name:
            stage, part = name.split(".stages.")[1].split(".")[:2]
            stages[int(stage)].setdefault(part, set()).add(number)
    assert stages[0]["layers"] == {1}
    assert stages[1] == {"downsampling_layer": {2}, "layers": {2, 3}}


def test_attention_is_a_block_behind_the_others():
    backbone = TransformersBackbone(
        config=RESNET, image_size=(16, 16), attention="cbam"
    )
    numbers = layer_numbers(backbone)

    attention = {n for name, n in numbers.items() if name.startswith("attention")}
    assert attention == {3}
    others = {n for name, n in numbers.items() if name.startswith("model")}
    assert others == {0, 1, 2}
