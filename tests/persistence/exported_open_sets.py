"""Open-set classifiers around every kind of estimator, for graphs of them."""

import numpy as np
import pandas as pd
from exported_estimators import Case
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

from mtlearn import (
    Classification,
    ConformalPredictor,
    OpenSetClassifier,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TunedThresholds,
    VotingEnsemble,
)
from mtlearn._utils._unwrap import unwrap
from mtlearn.networks import Decoder, Features
from mtlearn.preprocessing import GlobalMaxScaler, ImageStandardScaler
from open_problems import known_points, point_estimator, unknown_points
from tiny_problems import image_estimator, make_images

X, Y = known_points(120)
X = X.astype(np.float32)
BOTH = np.vstack([X, unknown_points(20).astype(np.float32), np.zeros((1, 3), "f")])
EVERY = [
    "knn",
    "mahalanobis",
    "max_probability",
    "max_logit",
    "energy",
    "reconstruction",
    "reconstruction_relative",
    "reconstruction_logit",
]
SETTINGS = {"quantile": 0.8, "random_state": 0}


def with_rows(**params):
    tasks = Tasks(kind=Classification(), rows=Reconstruction())
    return point_estimator(tasks, **{"max_epochs": 2, **params})


def open_set(estimator, y=Y, **params):
    """Fit around an estimator that stays as it is."""
    settings = SETTINGS | params
    return OpenSetClassifier(FrozenEstimator(estimator), **settings).fit(X, y)


def of_points(estimator, y=Y, **params):
    return Case(open_set(estimator.fit(X, y), y, **params), BOTH)


def several(**params):
    """Two tasks with classes, one of which has labels of some rows, and a value."""
    labels = pd.DataFrame({"kind": Y, "first": (Y == 0).astype(float), "size": X[:, 0]})
    labels.loc[:30, "first"] = np.nan
    tasks = Tasks(kind=Classification(), first=Classification(2), size=Regression())
    return of_points(point_estimator(tasks, max_epochs=2), labels, **params)


def voting(**params):
    """Members without a class, of several networks, and with a step in front."""
    members = [
        ("few", FrozenEstimator(with_rows().fit(X[Y > 0], Y[Y > 0]))),
        ("seeds", SeedEnsemble(with_rows(), 2, random_state=1)),
        ("scaled", make_pipeline(ImageStandardScaler(), with_rows(random_state=3))),
    ]
    return of_points(VotingEnsemble(members, weights=[1.0, 2.0, 0.5]), **params)


def conformal():
    inner = TemperatureScaled(FrozenEstimator(voting().estimator.estimator_.estimator))
    inner.fit(X, Y)
    assert abs(inner.temperatures_["kind"] - 1) > 0.05
    around = ConformalPredictor(FrozenEstimator(inner), 0.5).fit(X, Y)
    return Case(open_set(around, score=["max_probability", "energy"]), BOTH)


def tuned():
    two = (Y > 0).astype(int)
    inner = TunedThresholds(FrozenEstimator(with_rows().fit(X, two))).fit(X, two)
    return Case(open_set(inner, two), BOTH)


def other_order():
    """Members whose reconstructions are in other places, the first of each its own."""
    declared = {"a": Reconstruction(), "b": Reconstruction(loss="mae")}
    members = []
    for names in ("ab", "ba"):
        others = {name: declared[name] for name in names}
        tasks = Tasks(kind=Classification(), **others)
        members.append((names, point_estimator(tasks, max_epochs=2)))
    return of_points(VotingEnsemble(members), score="reconstruction")


def pipeline():
    scaled = make_pipeline(GlobalMaxScaler(), ImageStandardScaler(), with_rows())
    inside = OpenSetClassifier(scaled, calibration=0.3, **SETTINGS)
    return Case(make_pipeline(GlobalMaxScaler(), inside).fit(X, Y), BOTH)


def search():
    inside = OpenSetClassifier(with_rows(), calibration=0.3, **SETTINGS)
    found = GridSearchCV(inside, {"score": ["energy", ["knn", "max_logit"]]}, cv=2)
    return Case(found.fit(X, Y), BOTH)


class Gated(nn.Module):
    """Features of each task its own."""

    def __init__(self, in_features, n_tasks):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(in_features, 4) for _ in range(n_tasks))

    def forward(self, x):
        return tuple(layer(x).tanh() for layer in self.layers)


class Maps(nn.Module):
    """A vector, and maps beside it."""

    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, 3)

    def forward(self, x):
        maps = self.layer(x).relu()
        return Features(maps.mean(dim=(2, 3)), maps)


def gated():
    tasks = Tasks(rows=Reconstruction(), first=Classification(), kind=Classification())
    labels = np.column_stack([Y == 0, Y]).astype(int)
    estimator = point_estimator(tasks, backbone=Gated, max_epochs=2)
    return of_points(estimator, labels, score=["knn", "reconstruction"])


def pictures(kind, grey=False, **params):
    """Images, and some far brighter than those."""
    images, y = make_images(60, n_channels=1 if grey else 2)
    if kind == "uint8":
        images = (100 * images).astype(np.uint8)
    tasks = Tasks(kind=Classification(), picture=Reconstruction(decoder=Decoder))
    settings = {"precision": "float32", "max_epochs": 1, **params}
    estimator = image_estimator(tasks, **settings)
    steps = [GlobalMaxScaler()] if grey or kind == "uint8" else []
    images = images[..., 0] if grey else images
    inside = OpenSetClassifier(
        make_pipeline(*steps, estimator), score=EVERY, calibration=0.4, **SETTINGS
    ).fit(images, y[:, 0].astype(int))
    bright = images[:10] * np.array(2, images.dtype)
    return Case(inside, np.concatenate([images, bright]), kind)


class Learned(nn.Module):
    """A loss of the user's, with a weight."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(
            3 * nn.init.ones_(nn.Parameter(nn.Linear(1, 1).bias))
        )

    def forward(self, output, target):
        return self.factor * (output - target).abs()


def own_loss(output, target):
    return (output - target).abs().sqrt()


def with_loss(loss, **params):
    tasks = Tasks(kind=Classification(), rows=Reconstruction(loss=loss))
    settings = {"score": ["reconstruction", "reconstruction_relative"]}
    return of_points(point_estimator(tasks, max_epochs=2, **params), **settings)


CASES = {
    "all scores": lambda: of_points(with_rows(), score=EVERY),
    "auto, float32": lambda: of_points(with_rows(precision="float32")),
    "one network": lambda: of_points(with_rows(), calibration=0.1),
    "seeds": lambda: of_points(
        SeedEnsemble(with_rows(), 2, random_state=0), score=[*EVERY, "disagreement"]
    ),
    "voting": lambda: voting(score=[*EVERY, "disagreement"]),
    "disagreement": lambda: voting(score="disagreement"),
    "conformal": conformal,
    "tuned": tuned,
    "other order": other_order,
    "several": several,
    "several, by row": lambda: several(per="row"),
    "one of several": lambda: several(task="first"),
    "pipeline": pipeline,
    "search": search,
    "features of each": gated,
    "maps": lambda: pictures("float32", backbone=Maps),
    "images": lambda: pictures("float32"),
    "grey images": lambda: pictures("float32", grey=True),
    "bytes": lambda: pictures("uint8"),
    "float64 images": lambda: pictures("float32", precision="float64"),
    "binary cross-entropy": lambda: with_loss("bce"),
    "huber, float32": lambda: with_loss("huber", precision="float32"),
    "own loss": lambda: with_loss(own_loss),
    "learned loss": lambda: with_loss(Learned()),
}
# Computed in float32, by the estimator or by the graph alone.
SINGLE = {
    "auto, float32",
    "features of each",
    "maps",
    "images",
    "grey images",
    "bytes",
    "float64 images",
    "huber, float32",
}


def offsets_of(estimator):
    return np.atleast_1d(unwrap(estimator).offset_)


def check_scores(name, estimator, X, found):
    """Compare scores, columns side by side, and which rows are too low."""
    wanted = estimator.score_samples(X).reshape(len(X), -1)
    tolerance = 2e-4 if name in SINGLE else 1e-9
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    offsets = offsets_of(estimator)
    assert ((found < offsets) == (wanted < offsets)).all()
