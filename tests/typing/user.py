"""What a user writes, for type checkers: lines that end in `# error` are wrong."""

from typing import Any, assert_type

import numpy as np
from torch import nn

from mtlearn import (
    Classification,
    ConformalPredictor,
    Count,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Ordinal,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TestTimeAugmented,
    VotingEnsemble,
)
from mtlearn.augmentation import Augmentation, RandAugment, TrivialAugment
from mtlearn.metrics import TaskReport, task_report
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import MLP, ResNet

X = np.zeros((20, 3))
y = np.zeros((20, 4))
tasks = Tasks(
    sign=Classification(2, class_weight="balanced"),
    grade=Ordinal(["low", "high"], loss="focal"),
    size=Regression(loss="mae", bounds=(0, 1)),
    visits=Count(loss="negative_binomial", head=Partial(nn.Linear, bias=False)),
    depth=Regression(head=nn.Linear),
)

estimator = MultiTaskEstimator(
    tasks,
    backbone=Partial(MLP, hidden=(8,)),
    optimizer="sgd",
    lr_schedule="cosine",
    precision="float64",
    on_divergence="restore_best",
)
assert_type(estimator.fit(X, y), MultiTaskEstimator)
assert_type(estimator.partial_fit(X, y), MultiTaskEstimator)
assert_type(estimator.set_params(lr=0.1), MultiTaskEstimator)
assert_type(estimator.history_, list[dict[str, Any]])
assert_type(estimator.best_epoch_, int)
assert_type(estimator.n_iter_, int)
assert_type(estimator.precision_, str)
assert_type(estimator.tasks_, Tasks)
assert_type(estimator.task_names_, tuple[str, ...])
assert_type(estimator.score(X, y), float)
backbone = estimator.net_.module_.backbone
probabilities = estimator.predict_proba(X)
features = estimator.embed(X, task="sign").mean()

images = MultiTaskImageEstimator(
    tasks, backbone=Partial(ResNet, attention="se"), mixing="cutmix", averaging="ema"
)
images.set_params(augmentation=RandAugment(n_ops=1, magnitude=5, fill="border"))
MultiTaskImageEstimator(tasks, augmentation="trivial")
Augmentation(
    resized_crop=(0.08, 1.0),
    hue=0.1,
    policy=TrivialAugment(value_range="imagenet"),
    value_range=((0.0, 0.0, -1.0), 1.0),
)
assert_type(images.fit(X, y), MultiTaskImageEstimator)
assert_type(images.image_shape_, tuple[int, int, int])

ensemble = SeedEnsemble(estimator)
assert_type(ensemble.fit(X, y), SeedEnsemble)
assert_type(ensemble.estimators_, list[Any])
assert_type(VotingEnsemble([("one", estimator)]).fit(X, y), VotingEnsemble)
scaled = TemperatureScaled(estimator).fit(X, y)
assert_type(scaled, TemperatureScaled)
assert_type(scaled.temperatures_, dict[str, Any])
predictor = ConformalPredictor(estimator, 0.9, method="aps").fit(X, y)
assert_type(predictor, ConformalPredictor)
assert_type(predictor.set_confidence(0.8), ConformalPredictor)
assert_type(predictor.quantiles_, dict[str, Any])
augmented = TestTimeAugmented(images, n=4, augmentation="standard").fit(X, y)
assert_type(augmented, TestTimeAugmented)
assert_type(augmented.seeds_, list[int])
assert_type(task_report(estimator, X, y), TaskReport)
assert_type(multitask_train_test_split(X, y), list[Any])

TestTimeAugmented(images, augmentation="strong")  # error
ConformalPredictor(estimator, method="best")  # error
MultiTaskEstimator(tasks, precision="fp16")  # error
MultiTaskEstimator(tasks, lr_schedule="cosin")  # error
MultiTaskEstimator(tasks, on_divergence="stop")  # error
MultiTaskEstimator(tasks, learning_rate=0.1)  # error
Regression(loss="bce")  # error
Count(loss="mse")  # error
Classification(class_weight="even")  # error
Regression(head=(64,))  # error
Regression(head=nn.Linear(3, 1))  # error
Augmentation(flip="sideways")  # error
Augmentation(policy="strong")  # error
Augmentation(value_range="cifar")  # error
