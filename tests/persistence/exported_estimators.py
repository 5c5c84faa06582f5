"""Estimators of every kind, and what onnxruntime makes of them."""

from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from torch import nn

from mtlearn import (
    Classification,
    ConformalPredictor,
    Head,
    MultiLabel,
    MultiTaskImageEstimator,
    Ordinal,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
)
from mtlearn.losses import focal_loss
from mtlearn.networks import MLP, ResNet, ResNetV2, TabM
from mtlearn.persistence._onnx_graph import parts
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageNormalizer,
    ImageReader,
    ImageReshaper,
    ImageStandardScaler,
)
from tiny_problems import image_estimator, make_images, make_table, table_estimator


class Case(NamedTuple):
    """A fitted estimator, rows for it, and the type that they have in the file."""

    estimator: Any
    X: np.ndarray
    input_dtype: str = "float32"


class OwnImages(nn.Module):
    """A backbone of the user's, which onnxruntime has not in float64."""

    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 3, 3)

    def forward(self, x):
        return nn.functional.gelu(self.layer(x)).flatten(1)


class OwnColumns(nn.Module):
    """The same for tables."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 3)

    def forward(self, x):
        return nn.functional.elu(self.layer(x))


def images(input_dtype="float32", precision="float32", **params):
    X, y = make_images(n_channels=2)
    if input_dtype == "uint8":
        X = (X * 255).astype(np.uint8)
    estimator = image_estimator(precision=precision, **params)
    return Case(estimator.fit(X, y), X, input_dtype)


def residual(backbone, **params):
    made = Partial(backbone, widths=(4, 8), n_blocks=1, n_features=6, **params)
    return images(backbone=made)


def pipeline(input_dtype):
    """Rows of a table become images, which are scaled twice."""
    X, y = make_images()
    X = (X * 200).astype(input_dtype).reshape(len(X), -1)
    steps = ImageReshaper(), "passthrough", GlobalMaxScaler(), ImageStandardScaler()
    model = make_pipeline(*steps, image_estimator(precision="float32"))
    return Case(model.fit(X, y), X, input_dtype)


def grey():
    """Images without channels, by members of which one takes them either way."""
    X, y = make_images()
    plain = image_estimator(precision="float32")
    scaled = make_pipeline(GlobalMaxScaler(), plain)
    ensemble = VotingEnsemble([("plain", plain), ("scaled", scaled)])
    return Case(ensemble.fit(X[..., 0], y), X[..., 0])


def channels():
    """Each channel with a mean of its own, far from zero."""
    X, y = make_images(n_channels=3)
    X += np.array([0, 10, 1000], dtype=np.float32)
    model = make_pipeline(ImageStandardScaler(), image_estimator(precision="float32"))
    return Case(model.fit(X, y), X)


def normalized(input_dtype):
    """Known means and deviations, behind a reader of files, which is left out."""
    X, y = make_images(n_channels=3)
    if input_dtype == "uint8":
        X = (255 * X).astype(np.uint8)
    model = make_pipeline(ImageNormalizer(), image_estimator(precision="float32"))
    model.fit(X, y)
    with_reader = Pipeline([("reader", ImageReader(6)), *model.steps])
    assert [type(part) for part in parts(with_reader)] == [
        ImageNormalizer,
        MultiTaskImageEstimator,
    ]
    return Case(model, X, input_dtype)


def columns(tasks=None, scale=1.0, **params):
    X, y = make_table()
    X = X.astype(np.float32)
    return Case(table_estimator(tasks, **params).fit(X, y * [1.0, scale]), X)


def many_kinds():
    loss = Partial(focal_loss, gamma=1.0)
    tasks = Tasks.from_mapping(
        {
            "a kind": Classification(loss=loss, head=Head(hidden=(3,))),
            "X": Regression(bounds=(-5e7, 5e7), loss="huber"),
        }
    )
    backbone = Partial(MLP, hidden=(8, 8), batch_norm=True, dropout=0.2)
    return columns(tasks, scale=1e6, backbone=backbone)


def one_column(tasks, column):
    X, y = make_table()
    X = X.astype(np.float32)
    return Case(table_estimator(tasks).fit(X, y[:, column]), X)


def two_values():
    X, y = make_table()
    tasks = Tasks(low=Regression(), high=Regression(standardize=False))
    return Case(table_estimator(tasks).fit(X, y[:, [1, 1]]), X.astype(np.float32))


def seeds():
    X, y = make_table()
    ensemble = SeedEnsemble(table_estimator(), 2, random_state=0)
    return Case(ensemble.fit(X, y), X.astype(np.float32))


def voting():
    """Members: without the first class, an ensemble, one with a step in front."""
    X, y = make_table()
    tasks = Tasks(kind=Classification(), size=Regression())
    some = y[:, 0] > 0
    few = table_estimator(tasks).fit(X[some], y[some])
    members = [
        ("few", FrozenEstimator(few)),
        ("seeds", SeedEnsemble(table_estimator(tasks), 2, random_state=1)),
        ("scaled", make_pipeline(ImageStandardScaler(), table_estimator(tasks))),
    ]
    ensemble = VotingEnsemble(members, weights=[1.0, 2.0, 0.5]).fit(X, y)
    return Case(ensemble, X.astype(np.float32))


def temperature():
    X, y = make_table()
    # Hot enough that probabilities without it would be others.
    scaled = TemperatureScaled(FrozenEstimator(voting().estimator)).fit(X, y)
    assert abs(scaled.temperatures_["kind"] - 1) > 0.05
    return Case(scaled, X.astype(np.float32))


def conformal():
    """Sets are no part of a graph, which has the probabilities they are made of."""
    X, y = make_table()
    inner = FrozenEstimator(temperature().estimator)
    return Case(ConformalPredictor(inner, 0.5).fit(X, y), X.astype(np.float32))


def focal(kind, gamma, *args):
    return kind(*args, loss=Partial(focal_loss, gamma=gamma))


def labels(task, *, one_a_row=False):
    """Scores that go far beyond those that a sigmoid tells apart."""
    X, y = make_table()
    kind, size = y.T
    y = kind if one_a_row else np.column_stack([kind == 1, size > size.mean()])
    estimator = table_estimator(task, batch_size=20).fit(X, y)
    far = 300 * X.astype(np.float32)
    assert estimator.predict_proba(far).min() < 1e-17
    return Case(estimator, far)


def hot_grades():
    """A temperature that shows what is beyond a sigmoid's end."""
    X, y = make_table()
    task = Tasks(kind=Ordinal(3))
    cold = table_estimator(task, precision="float32", max_epochs=20).fit(X, y[:, 0])
    scaled = TemperatureScaled(FrozenEstimator(cold)).fit(X, y[:, 0])
    scaled.temperatures_ = {"kind": 5.0}
    return Case(scaled, 50 * X.astype(np.float32))


def unlikely():
    """Of each class its score says that it is not there, far beyond a sigmoid's end."""
    case = labels(MultiLabel(), one_a_row=True)
    *_, last = case.estimator.net_.module_.heads[0].parameters()
    with torch.no_grad():
        last.sub_(1000)
    X = case.X / 300
    assert np.ptp(case.estimator.predict_proba(X)) > 0.5
    return Case(case.estimator, X)


def search():
    X, y = make_table()
    found = GridSearchCV(table_estimator(), {"lr": [0.01, 0.03]}, cv=2).fit(X, y)
    return Case(found, X.astype(np.float32))


CASES = {
    "ResNet": lambda: residual(ResNet),
    "ResNet without batch norm": lambda: residual(ResNet, batch_norm=False),
    "ResNet, squeeze-excite": lambda: residual(ResNet, attention="se"),
    "ResNet, CBAM, DropBlock": lambda: residual(
        ResNet, attention="cbam", drop_block=0.1
    ),
    "ResNetV2": lambda: residual(ResNetV2),
    "ResNetV2, squeeze-excite": lambda: residual(ResNetV2, attention="se"),
    "ResNetV2, CBAM, DropBlock": lambda: residual(
        ResNetV2, attention="cbam", drop_block=0.1
    ),
    "own images": lambda: images(backbone=OwnImages),
    "images in float64": lambda: images(precision="float64"),
    "bytes": lambda: images("uint8"),
    "pipeline": lambda: pipeline("float32"),
    "pipeline of bytes": lambda: pipeline("uint8"),
    "normalized": lambda: normalized("float32"),
    "normalized bytes": lambda: normalized("uint8"),
    "grey": grey,
    "channels": channels,
    "columns": columns,
    "columns in float32": lambda: columns(precision="float32"),
    "own columns": lambda: columns(backbone=OwnColumns),
    "members": lambda: columns(backbone=Partial(TabM, n_members=3, hidden=(4,))),
    "many kinds": many_kinds,
    "one class": lambda: one_column(Classification(), 0),
    "one value": lambda: one_column(Regression(), 1),
    "two values": two_values,
    "seeds": seeds,
    "voting": voting,
    "temperature": temperature,
    "conformal": conformal,
    "labels, cross-entropy": lambda: labels(MultiLabel(pos_weight="sqrt")),
    "labels, focal": lambda: labels(MultiLabel(loss="focal", pos_weight=3.0)),
    "labels, asymmetric": lambda: labels(MultiLabel(loss="asymmetric")),
    "classes, focal": lambda: labels(focal(Classification, 0.7), one_a_row=True),
    "grades, focal": lambda: labels(focal(Ordinal, 2.0, 3), one_a_row=True),
    "one label a row": lambda: labels(MultiLabel(), one_a_row=True),
    "one unlikely label a row": unlikely,
    "one label a row, focal": lambda: labels(MultiLabel(loss="focal"), one_a_row=True),
    "hot grades": hot_grades,
    "search": search,
}


def expected(estimator, X):
    """Give what predict_proba or, without classes, predict says of each task."""
    if hasattr(estimator, "predict_proba"):
        found = estimator.predict_proba(X)
        return found if isinstance(found, list) else [found]
    found = estimator.predict(X)
    return list(np.reshape(found, (len(X), -1, 1)).swapaxes(0, 1))
