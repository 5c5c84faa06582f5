"""What the gates of tasks take of the experts."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mtlearn import Partial, SeedEnsemble, load, save
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import GateDisplay
from mtlearn.networks import CGC
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import image_estimator, make_table, table_estimator

X, Y = make_table(40)
SMALL = Partial(CGC, hidden=(4,), n_shared=2)


@pytest.fixture(scope="module")
def estimator():
    return table_estimator(backbone=SMALL).fit(X, Y)


def weights_by_hand(estimator, rows, number):
    """Compute the softmax of the gate's scores."""
    mixer = estimator.net_.module_.backbone.mixers[number]
    weight, bias = (each.detach().numpy() for each in (mixer.weight, mixer.bias))
    scores = np.exp(np.asarray(rows, float) @ weight.T + bias)
    return scores / scores.sum(axis=1, keepdims=True)


def test_means_and_deviations(estimator):
    display = GateDisplay.from_estimator(estimator, X)
    assert display.experts == ("own 1", "shared 1", "shared 2")
    for number, name in enumerate(("kind", "size")):
        expected = weights_by_hand(estimator, X, number)
        np.testing.assert_allclose(display.weights[name], expected.mean(axis=0))
        np.testing.assert_allclose(display.deviations[name], expected.std(axis=0))
    frame = display.frame()
    assert frame.index.tolist() == ["kind", "size"]
    assert frame.loc["size", "shared 2"] == display.weights["size"][2]


def test_some_rows_at_random(estimator):
    made = [
        GateDisplay.from_estimator(estimator, X, max_samples=1, random_state=seed)
        for seed in (0, 0, 1, 2, 3)
    ]
    first, same, *others = (each.weights["kind"] for each in made)
    np.testing.assert_array_equal(first, same)
    assert any((first != each).any() for each in others)
    each_row = weights_by_hand(estimator, X, 0)
    assert np.isclose(each_row, first).all(axis=1).sum() == 1


def test_files_and_pipelines(estimator, tmp_path):
    expected = GateDisplay.from_estimator(estimator, X).frame()
    save(estimator, tmp_path / "model.mtlearn")
    loaded = load(tmp_path / "model.mtlearn")
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    found = GateDisplay.from_estimator(loaded, X).frame()
    np.testing.assert_allclose(found, expected)
    model = make_pipeline(StandardScaler(), table_estimator(backbone=SMALL))
    model.fit(X, Y)
    scaled = StandardScaler().fit_transform(X)
    found = GateDisplay.from_estimator(model, X).weights["size"]
    expected = weights_by_hand(model[-1], scaled, 1).mean(axis=0)
    np.testing.assert_allclose(found, expected)


class Mixed(nn.Module):
    """Two experts without names."""

    def __init__(self, in_features, n_tasks):
        super().__init__()
        self.n_tasks = n_tasks
        self.experts_ = nn.ModuleList(nn.Linear(in_features, 3) for _ in range(2))

    def gate_weights(self, x):
        share = x[:, :1].sigmoid()
        return (torch.cat([share, 1 - share], dim=1),) * self.n_tasks

    def forward(self, x):
        (share, *_), (one, other) = self.gate_weights(x), self.experts_
        return (share[:, :1] * one(x) + share[:, 1:] * other(x),) * self.n_tasks


def test_a_backbone_of_ones_own():
    own = table_estimator(backbone=Mixed).fit(X, Y)
    display = GateDisplay.from_estimator(own, X)
    share = (1 / (1 + np.exp(-np.asarray(X)[:, 0].astype(float)))).mean()
    np.testing.assert_allclose(display.weights["kind"], [share, 1 - share])
    assert display.experts == ("1", "2")


class OfImages(nn.Module):
    """Gates that follow the mean of an image."""

    def __init__(self, in_channels, n_tasks):
        super().__init__()
        self.n_tasks = n_tasks
        self.expert = nn.Linear(in_channels, 3)

    def gate_weights(self, x):
        share = x.mean(dim=(1, 2, 3))[:, None]
        return (torch.cat([share, 1 - share], dim=1),) * self.n_tasks

    def forward(self, x):
        return (self.expert(x.mean(dim=(2, 3))),) * self.n_tasks


def test_images_that_are_skipped_count_for_nothing(tmp_path):
    pytest.importorskip("PIL")
    pictures = smooth_pictures(4, height=6, width=6)
    names = [tmp_path / name for name in write_pictures(tmp_path, pictures)]
    names[1].write_bytes(b"none")
    estimator = image_estimator(backbone=OfImages)
    estimator.fit(pictures, np.column_stack([[0, 1, 0, 1], [0.0, 1, 2, 3]]))
    files = ImageFiles(names, size=6, n_workers=1, on_error="skip")
    with pytest.warns(UserWarning, match="skip"):
        display = GateDisplay.from_estimator(estimator, files)
    shares = pictures[[0, 2, 3]].mean(axis=(1, 2, 3))
    found = display.weights["kind"], display.deviations["kind"]
    expected = [shares.mean(), 1 - shares.mean()], [shares.std()] * 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_picture(estimator):
    display = GateDisplay.from_estimator(estimator, X)
    assert repr(display) == "<GateDisplay of kind, size; plot() draws it>"
    ax = display.plot().ax_
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), display.frame())
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["own 1", "shared 1", "shared 2"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["kind", "size"]
    texts = [text.get_text() for text in ax.texts]
    assert texts == [f"{each:.2f}" for each in display.frame().to_numpy().ravel()]


def test_what_has_no_gates(estimator):
    plain = table_estimator().fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"with gates, .* Got one with MLP"):
        GateDisplay.from_estimator(plain, X)
    ensemble = SeedEnsemble(table_estimator(backbone=SMALL), n_members=2).fit(X, Y)
    with pytest.raises(ParameterTypeError, match="must have one network"):
        GateDisplay.from_estimator(ensemble, X)
    GateDisplay.from_estimator(ensemble.estimators_[0], X)
    with pytest.raises(NotFittedError):
        GateDisplay.from_estimator(table_estimator(), X)
    with pytest.raises(InvalidParameterError, match="'max_samples' parameter of Gate"):
        GateDisplay.from_estimator(estimator, X, max_samples=0)
