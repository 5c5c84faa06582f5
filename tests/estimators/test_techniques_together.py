"""Every technique at once, in one fit, as a value of a search."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from mtlearn import Classification, Head, MultiTaskImageEstimator, Partial, Regression
from mtlearn import Tasks as TaskSet
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.losses import focal_loss, huber_loss
from mtlearn.metrics import task_scorers
from mtlearn.networks import ResNetV2
from mtlearn.preprocessing import GlobalMaxScaler
from mtlearn.training import EMA, TaskMetric
from tiny_problems import assert_same_bits, make_images

HEAD = Head(hidden=(4,))


def make_everything(loss="cross_entropy", smoothing=0.1, **params):
    tasks = TaskSet(
        kind=Classification(
            2, loss=loss, label_smoothing=smoothing, class_weight="balanced", head=HEAD
        ),
        size=Regression(loss=Partial(huber_loss, delta=0.5), weight=2.0, head=HEAD),
    )
    backbone = Partial(
        ResNetV2,
        widths=(4, 8),
        n_blocks=1,
        n_features=6,
        attention="cbam",
        drop_block=0.1,
    )
    settings = {
        "backbone": backbone,
        "augmentation": Augmentation(flip="horizontal", rotate=10.0, cutout=0.3),
        "mixing": MixUp(alpha=0.4),
        "sampler": "kind",
        "clip_grad_norm": 1.0,
        "averaging": EMA(decay=0.9),
        "optimizer": "adamw",
        "weight_decay": 1e-3,
        "lr_schedule": "warmup_cosine",
        "backbone_lr": 5e-4,
        "layer_decay": 0.8,
        "early_stopping": True,
        "validation_fraction": 0.25,
        "max_epochs": 3,
        "batch_size": 8,
        "random_state": 0,
        **params,
    }
    return MultiTaskImageEstimator(tasks, **settings)


@pytest.fixture
def data():
    X, y = make_images(n_samples=40)
    y[::5, 0], y[1::7, 1] = np.nan, np.nan
    return X, y, np.linspace(0.0, 2.0, 40)


LOSSES = [("cross_entropy", 0.1), ("focal", 0.0), (Partial(focal_loss, gamma=1.0), 0.0)]


@pytest.mark.parametrize(("loss", "smoothing"), LOSSES, ids=str)
def test_one_fit_with_everything(data, loss, smoothing):
    first, second = (make_everything(loss, smoothing).fit(*data) for _ in range(2))

    assert_same_bits(first, second)
    assert np.isfinite([row["valid_loss"] for row in first.history_]).all()
    assert first.predict(data[0]).shape == (40, 2)


def test_clone_and_pickle_keep_everything(data):
    estimator = clone(make_everything()).fit(*data)
    loaded = pickle.loads(pickle.dumps(estimator))

    np.testing.assert_array_equal(loaded.predict(data[0]), estimator.predict(data[0]))
    assert repr(loaded) == repr(estimator)


def test_everything_can_be_searched_in_a_pipeline(data):
    X, y, _ = data
    model = make_pipeline(
        GlobalMaxScaler(), make_everything(loss="focal", smoothing=0.0, max_epochs=1)
    )
    name = "multitaskimageestimator"
    grid = {
        f"{name}__augmentation__rotate": [0.0, 10.0],
        f"{name}__mixing": [None, MixUp()],
        f"{name}__tasks__size__loss__delta": [0.5, 1.0],
    }
    scorers = task_scorers(model[-1].tasks)

    search = GridSearchCV(model, grid, cv=2, scoring=scorers, refit="mean_score")
    search.fit(X, y)

    assert np.isfinite(search.cv_results_["mean_test_kind_f1_macro"]).all()


def test_a_metric_of_the_users_choice_is_in_the_history(data):
    X, y, _ = data

    def largest(true, predicted):
        return float(np.abs(true - predicted).max())

    metric = TaskMetric(largest, "size")
    estimator = make_everything(callbacks=[metric], restore_best=False, averaging=None)
    estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])

    there = ~np.isnan(y[30:, 1])
    predicted = estimator.predict(X[30:])[there, 1].astype(float)
    expected = np.abs(predicted - y[30:, 1][there]).max()
    assert estimator.history_[-1]["valid_size_largest"] == pytest.approx(
        expected, rel=0.02
    )


def test_cross_validation_of_everything(data):
    X, y, _ = data
    found = cross_validate(make_everything(max_epochs=1), X, y, cv=2)

    assert np.isfinite(found["test_score"]).all()


def test_a_metric_may_have_a_name_beside_it(data):
    X, y, _ = data
    metric = TaskMetric(f1_score, "kind", on="train", average="macro")

    estimator = make_everything(callbacks=[("named", metric)], max_epochs=1).fit(X, y)

    assert "train_kind_f1" in estimator.history_[0]
