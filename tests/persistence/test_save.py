"""Saved and loaded again: the same estimator, whatever it is made of."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochTimer
from skorch.helper import SliceDict
from torch import nn

from mtlearn import (
    Classification,
    Head,
    Partial,
    RaritySampler,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
    load,
    save,
)
from mtlearn.augmentation import Augmentation, MixUp, RandAugment, TrivialAugment
from mtlearn.exceptions import (
    InvalidParameterError,
    ModelFormatError,
    ParameterTypeError,
)
from mtlearn.losses import focal_loss
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from mtlearn.training import EMA, WarmupCosineLR, same_value
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)


@pytest.fixture
def again(tmp_path):
    """Save an estimator and load it."""

    def save_and_load(estimator, **custom_objects):
        path = tmp_path / "model.mtlearn"
        save(estimator, path)
        assert [each.name for each in tmp_path.iterdir()] == ["model.mtlearn"]
        return load(path, custom_objects=custom_objects)

    return save_and_load


def assert_alike(one, other, X):
    """Compare two estimators in all that they show."""
    assert repr(one) == repr(other)
    assert vars(one).keys() == vars(other).keys()
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    for a, b in zip(one.predict_proba(X), other.predict_proba(X), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("precision", ["auto", "float32", "float64", "bfloat16"])
def test_an_image_estimator(again, precision):
    X, y = make_images()
    estimator = image_estimator(precision=precision, early_stopping=True).fit(X, y)
    loaded = again(estimator)
    assert_alike(loaded, estimator, X)
    assert_same_bits(loaded, estimator)
    assert loaded.history_ == estimator.history_
    assert loaded.precision_ == estimator.precision_
    np.testing.assert_array_equal(loaded.embed(X), estimator.embed(X))
    assert loaded.net_.tasks is loaded.tasks_


def test_a_table_estimator_of_many_values(again, tmp_path_factory):
    X, y = make_table()
    tasks = Tasks.from_mapping(
        {
            "a kind": Classification(
                [0, 1, 2],
                class_weight={0: 1.0, 1: 2.0, 2: 1.5},
                loss=Partial(focal_loss, gamma=1.0),
                head=Head(hidden=(3,)),
            ),
            "size": Regression(loss="huber", bounds=(-50.0, 50.0)),
        }
    )
    estimator = table_estimator(
        tasks,
        optimizer=Partial(torch.optim.SGD, momentum=0.9),
        lr_schedule=Partial(WarmupCosineLR, warmup=1),
        mixing=MixUp(alpha=0.3),
        averaging=EMA(decay=0.9),
        sampler=RaritySampler("a kind", 0.5, floor=0.3),
        loss_weights={"a kind": 1.0, "size": 2.0},
        random_state=np.int64(3),
        device=torch.device("cpu"),
        checkpoint_dir=tmp_path_factory.mktemp("checkpoints"),
    ).fit(X, y)
    loaded = again(estimator)
    assert_alike(loaded, estimator, X)
    assert loaded.tasks["a kind"].class_weight == {0: 1.0, 1: 2.0, 2: 1.5}
    assert loaded.random_state == 3
    assert repr(loaded.sampler) == "RaritySampler(floor=0.3, power=0.5, task='a kind')"
    assert same_value(loaded.sampling_, estimator.sampling_)
    # It trains on as a pickle does.
    estimator._forget_optimizer()
    assert_same_bits(loaded.partial_fit(X, y), estimator.partial_fit(X, y))


def framed(kind):
    """Return a DataFrame of targets with one kind of labels."""
    _, y = make_table()
    numbers = y[:, 0].astype(int)
    labels = {
        "words": np.array(["a", "b", "c"], dtype=object)[numbers],
        "categories": pd.Categorical.from_codes(numbers, ["x", "y", "z"], ordered=True),
        "nullable": pd.array(numbers, dtype="Int64"),
        "booleans": numbers > 0,
        "floats": numbers.astype(np.float32),
    }[kind]
    return pd.DataFrame({"size": y[:, 1], "kind": labels})


@pytest.mark.parametrize(
    "kind", ["words", "categories", "nullable", "booleans", "floats"]
)
def test_frames_come_back_as_they_were(again, kind):
    X, _ = make_table()
    X, y = pd.DataFrame(X, columns=list("abcd")), framed(kind)
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks).fit(X, y)
    loaded = again(estimator)
    pd.testing.assert_frame_equal(loaded.predict(X), estimator.predict(X))
    assert loaded.feature_names_in_.tolist() == list("abcd")


def test_other_layouts(again):
    X, y = make_table()
    words = np.array(["low", "middle", "high"])[y[:, 0].astype(int)]
    one = table_estimator(Classification()).fit(X, words)
    np.testing.assert_array_equal(again(one).predict(X), one.predict(X))
    labels = SliceDict(kind=y[:, 0], size=y[:, 1])
    both = table_estimator().fit(X, labels)
    np.testing.assert_array_equal(again(both).predict(X), both.predict(X))


def test_pipelines(again):
    X, y = make_images()
    pipe = Pipeline(
        [
            ("shape", ImageReshaper(image_shape=(6, 6, 1))),
            ("max", GlobalMaxScaler()),
            ("scale", ImageStandardScaler()),
            ("model", image_estimator(augmentation=Augmentation(noise=0.1))),
        ]
    ).fit(X, y)
    loaded = again(pipe)
    np.testing.assert_array_equal(loaded.predict(X), pipe.predict(X))
    assert loaded.get_params()["model__augmentation__noise"] == 0.1


def test_policies_and_ranges(again):
    X, y = make_images(n_channels=3)
    drawn = Augmentation(
        resized_crop=(0.5, 1.0),
        hue=0.1,
        policy=RandAugment(n_ops=1, value_range=((0, 0, 0), (1.0, 2.0, 3))),
        value_range="imagenet",
    )
    for augmentation in (drawn, TrivialAugment(value_range=(-1.0, 1.0)), "trivial"):
        model = image_estimator(augmentation=augmentation, max_epochs=1).fit(X, y)
        loaded = again(model)
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert repr(loaded.augmentation) == repr(augmentation)
        assert_same_bits(loaded.fit(X, y), model)


def test_ensembles(again):
    X, y = make_table()
    seeds = SeedEnsemble(table_estimator(), 2, random_state=0).fit(X, y)
    assert_alike(again(seeds), seeds, X)
    voting = VotingEnsemble(
        [("seeds", seeds), ("one", table_estimator())], weights=[1, 2]
    ).fit(X, y)
    loaded = again(voting)
    assert_alike(loaded, voting, X)
    assert loaded.named_estimators_.one is loaded.estimators_[1]
    scaled = TemperatureScaled(FrozenEstimator(seeds)).fit(X, y)
    assert_alike(again(scaled), scaled, X)


def test_not_fitted(again):
    estimator = image_estimator(loss_weights=[1.0, float("inf")])
    loaded = again(estimator)
    assert repr(loaded) == repr(estimator)
    assert not hasattr(loaded, "net_")


def test_metadata_requests(again):
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = table_estimator().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight="weights")
    loaded = again(estimator)
    routing = loaded.get_metadata_routing()
    assert routing.fit.requests["sample_weight"] is True
    assert routing.score.requests["sample_weight"] == "weights"


class Own(nn.Module):
    """A backbone of the user's, with a buffer that is not saved."""

    def __init__(self, in_features, n_units=3):
        super().__init__()
        self.layer = nn.Linear(in_features, n_units)
        self.register_buffer("scale", torch.tensor(2.0), persistent=False)

    def forward(self, x):
        return self.layer(x) * self.scale


def own_loss(output, target):
    return (output - target).abs()


def test_what_is_the_users_own(again, tmp_path):
    X, y = make_table()
    tasks = Tasks(kind=Classification(3), size=Regression(loss=own_loss))
    estimator = table_estimator(tasks, backbone=Partial(Own, n_units=5)).fit(X, y)
    loaded = again(estimator, Own=Own, own_loss=own_loss)
    assert_alike(loaded, estimator, X)
    for given, missing in [({}, "Own|own_loss"), ({"Own": Own}, "own_loss")]:
        with pytest.raises(ModelFormatError, match=f"refers to '({missing})'.*trust"):
            load(tmp_path / "model.mtlearn", custom_objects=given)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"callbacks": [EpochTimer()]}, r"MultiTaskEstimator\.callbacks\[0\] cannot"),
        ({"random_state": np.random.RandomState(0)}, r"\.random_state cannot be saved"),
        ({"augmentation": lambda x, g: x}, r"\.augmentation is <function.*no name"),
        ({"backbone": Partial(Own, n_units=1j)}, r"\.backbone\.n_units cannot"),
    ],
)
def test_what_cannot_be_saved_is_refused_by_its_name(tmp_path, params, message):
    with pytest.raises(InvalidParameterError, match=message):
        save(table_estimator(**params), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_foreign_step_is_refused(tmp_path):
    pipe = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    with pytest.raises(InvalidParameterError, match=r"steps\[0\].*StandardScaler"):
        save(pipe, tmp_path / "model")
    for other in (StandardScaler(), nn.Linear(1, 1), 3):
        with pytest.raises(ParameterTypeError, match="estimator of mtlearn"):
            save(other, tmp_path / "model")


def test_a_failed_save_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "model"
    save(GlobalMaxScaler(), path)
    before = path.read_bytes()
    with pytest.raises(InvalidParameterError):
        save(table_estimator(callbacks=[EpochTimer()]), path)
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="No such file"):
        save(GlobalMaxScaler(), tmp_path / "nowhere" / "model")


def test_the_file_is_plain(tmp_path):
    X, y = make_table()
    save(table_estimator().fit(X, y), tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert {each.compress_type for each in archive.infolist()} == {0}
        assert b"pickle" not in b"".join(map(archive.read, archive.namelist()))
    assert manifest["format"] == "mtlearn"
    assert manifest["version"] == 1
    assert manifest["class"] == "MultiTaskEstimator"


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")
