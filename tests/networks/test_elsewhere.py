"""What backbones of other packages have in common, by one that stands for timm."""

import pickle
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import (
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFormatError,
    NetworkError,
)
from mtlearn.networks import (
    MLP,
    HeadSpec,
    TimmBackbone,
    TransformersBackbone,
    build_network,
    save_weights,
)
from mtlearn.networks._elsewhere import with_channels
from mtlearn.persistence._network import build_net


class Tiny(nn.Module):
    """A network as timm's are, with a part for maps and one that pools them."""

    def __init__(
        self,
        in_chans=3,
        num_classes=9,
        width=4,
        img_size=None,
        last=False,
        dynamic_img_size=False,
    ):
        super().__init__()
        self.img_size = img_size
        self.output_fmt = "NHWC" if last else "NCHW"
        self.stem = nn.Conv2d(in_chans, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, num_classes) if num_classes else nn.Identity()
        self.pretrained_cfg = {"classifier": "fc"}

    def forward_features(self, x):
        maps = self.norm(self.stem(x)).relu()
        return maps.permute(0, 2, 3, 1) if self.output_fmt == "NHWC" else maps

    def forward_head(self, x, pre_logits=False):
        x = x.mean((1, 2) if self.output_fmt == "NHWC" else (2, 3))
        return x if pre_logits else self.fc(x)

    def forward(self, x):
        return self.forward_head(self.forward_features(x))


ABOUT = {
    "tiny": SimpleNamespace(fixed_input_size=False, has_weights=False),
    "tiny_vit": SimpleNamespace(fixed_input_size=True, has_weights=False),
}


@pytest.fixture(autouse=True)
def timm(monkeypatch):
    module = ModuleType("timm")
    module.__version__ = "0"
    module.create_model = lambda name, **kwargs: Tiny(**kwargs)
    module.list_models = lambda: list(ABOUT)
    module.list_pretrained = lambda pattern="": []
    module.is_model = lambda name: name.partition(".")[0] in ABOUT
    module.get_pretrained_cfg = ABOUT.get
    monkeypatch.setitem(sys.modules, "timm", module)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def images(n_channels=3, size=(8, 8)):
    return torch.rand(2, n_channels, *size)


def test_an_estimator_by_a_short_name(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.random((12, 8, 8, 2), dtype=np.float32), np.arange(12) % 3
    fitted = MultiTaskImageEstimator(
        backbone="timm/tiny", max_epochs=1, random_state=0
    ).fit(X, y)
    wanted = fitted.predict_proba(X)
    save(fitted, tmp_path / "model")

    assert fitted.net_.module_.backbone.config == {"name": "tiny"}
    for other in (load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)


def test_arguments_of_a_package_are_handed_on():
    backbone = TimmBackbone(name="tiny", width=7).eval()
    with torch.no_grad():
        assert backbone(images()).shape == (2, 7)
    assert isinstance(backbone.model.fc, nn.Identity)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"name": "tiny_vit"}, (8, 6)),
        ({"name": "tiny_vit", "resize": 5}, (5, 5)),
        ({"name": "tiny_vit", "img_size": 3}, 3),
        ({"name": "tiny_vit", "dynamic_img_size": True}, None),
        ({"name": "tiny"}, None),
    ],
)
def test_what_works_on_one_size_is_told_it(given, size):
    backbone = TimmBackbone(image_size=(8, 6), **given)

    assert backbone.model.img_size == size


@pytest.mark.parametrize(
    ("resize", "antialias"), [(16, False), ((5, 16), True), ((16, 7), True)]
)
def test_images_are_resized_in_the_pass(resize, antialias):
    backbone = TimmBackbone(name="tiny", resize=resize).eval()
    x = images()
    size = (resize, resize) if isinstance(resize, int) else resize
    resized = nn.functional.interpolate(
        x, size, mode="bilinear", antialias=antialias, align_corners=False
    )
    with torch.no_grad():
        torch.testing.assert_close(backbone(x), backbone.model(resized))


def test_images_that_become_too_large_are_an_error():
    params = {"name": "tiny", "resize": 10**6}
    with pytest.raises(InvalidDataError, match="A pass of 2 at once"):
        build_network(TimmBackbone, params, (3, 8, 8), [HeadSpec(1)])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("attention", ["se", "cbam"])
def test_attention_weighs_the_maps_before_they_are_pooled(attention, last):
    backbone = TimmBackbone(name="tiny", attention=attention, last=last).eval()
    x = images()
    with torch.no_grad():
        maps = backbone.model.norm(backbone.model.stem(x)).relu()
        weighed = backbone.attention[0](maps)

        torch.testing.assert_close(backbone(x), weighed.mean((2, 3)))
        assert not weighed.allclose(maps)


def test_a_look_at_the_maps_is_no_training():
    backbone = TimmBackbone(name="tiny", attention="se")

    assert backbone.model.training
    assert backbone.model.norm.num_batches_tracked == 0


def test_filters_of_no_images_keep_their_channels():
    found = {"inner": torch.ones(4, 6, 3, 3), "stem": torch.ones(4, 3, 3, 3)}
    state = {"inner": torch.ones(4, 5, 3, 3), "stem": torch.ones(4, 1, 3, 3)}
    fitted = with_channels(found, state, 1)

    assert fitted["inner"] is found["inner"]
    assert fitted["stem"].shape == (4, 1, 3, 3)


@pytest.mark.parametrize("backbone", [TimmBackbone, TransformersBackbone])
def test_a_file_whose_head_is_a_backbone_is_none(backbone):
    heads = [HeadSpec(1, module=backbone, params={"name": "tiny"})]
    with pytest.raises(ModelFormatError, match="one of its heads is a backbone"):
        build_net(
            {},
            tasks=Tasks(size=Regression()),
            backbone=MLP,
            backbone_params={},
            input_shape=(3,),
            heads=heads,
            precision="float32",
            batch_size=2,
            lr=0.1,
        )


@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize("now", [1, 2, 3, 7])
def test_grey_images_give_what_they_gave(before, now, tmp_path):
    trained = Tiny(in_chans=before, num_classes=0).eval()
    save_weights(trained, tmp_path / "tiny.safetensors")
    backbone = TimmBackbone(now, name="tiny", weights=tmp_path / "tiny.safetensors")
    backbone.eval()
    x = images(1)
    with torch.no_grad():
        wanted = trained(x.expand(-1, before, -1, -1))
        found = backbone(x.expand(-1, now, -1, -1))
        if now in (1, before) or before == 1:
            torch.testing.assert_close(found, wanted)
    filters = [trained.stem.weight[:, i % before] for i in range(now)]
    if now > 1:
        expected = torch.stack(filters, 1) * before / now
        torch.testing.assert_close(backbone.model.stem.weight, expected)


def test_weights_are_not_read_of_a_classifier(tmp_path):
    trained = Tiny()
    save_weights(trained, tmp_path / "tiny.safetensors")
    backbone = TimmBackbone(name="tiny", weights=tmp_path / "tiny.safetensors")

    assert backbone.model.stem.weight.equal(trained.stem.weight)


def test_weights_of_another_width_do_not_fit(tmp_path):
    save_weights(Tiny(width=5), tmp_path / "tiny.safetensors")
    with pytest.raises(NetworkError, match=r"do not fit Tiny: norm\.bias has shape"):
        TimmBackbone(name="tiny", weights=tmp_path / "tiny.safetensors")


def test_a_part_of_a_file_and_some_of_it_not(tmp_path):
    trained = nn.ModuleDict({"encoder": Tiny(), "other": nn.Linear(2, 2)})
    save_weights(trained, tmp_path / "tiny.safetensors")
    backbone = TimmBackbone(
        name="tiny",
        weights=tmp_path / "tiny.safetensors",
        prefix="encoder.",
        skip=["norm.", "gone"],
    )
    assert backbone.model.stem.weight.equal(trained["encoder"].stem.weight)


def test_what_save_weights_writes_begins_training(tmp_path):
    trained = TimmBackbone(name="tiny", attention="se")
    save_weights(trained, tmp_path / "own.safetensors")
    other = TimmBackbone(
        1, name="tiny", attention="se", weights=tmp_path / "own.safetensors"
    )
    summed = trained.model.stem.weight.sum(1, keepdim=True)
    torch.testing.assert_close(other.model.stem.weight, summed)
    wanted = trained.attention[0].mlp[0].weight
    assert other.attention[0].mlp[0].weight.equal(wanted)


def test_a_name_that_does_not_exist_lists_near_ones():
    with pytest.raises(InvalidParameterError, match=r"'tinny' .* 'tiny', 'tiny_vit'"):
        TimmBackbone(name="tinny")


def test_a_network_without_weights_has_none():
    with pytest.raises(InvalidParameterError, match="no weights for 'tiny'"):
        TimmBackbone(name="tiny", pretrained=True)


@pytest.mark.parametrize("resize", [0, -3, (4,), (4, 5, 6), 2.5, "224", (0, 3)])
def test_a_size_is_one_number_or_two(resize):
    with pytest.raises(InvalidParameterError, match=r"'resize' .* must be None, a pos"):
        TimmBackbone(name="tiny", resize=resize)


def test_partials_are_searched():
    estimator = MultiTaskImageEstimator(backbone=Partial(TimmBackbone, name="tiny"))
    estimator.set_params(backbone__name="tiny_vit", backbone__width=3)

    assert estimator.backbone.kwargs == {"name": "tiny_vit", "width": 3}
