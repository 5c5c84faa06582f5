"""Messages about parameters are short, however large what was given is."""

import numpy as np
import pytest

from mtlearn import MultiTaskEstimator, Partial, Regression, SeedEnsemble, Tasks
from mtlearn.exceptions import MtlearnError
from mtlearn.networks import MLP

LARGE = list(range(50_000))
PARAMS = {
    "averaging": LARGE,
    "augmentation": LARGE,
    "checkpoint_dir": LARGE,
    "compile": LARGE,
    "device": LARGE,
    "loss_weights": set(LARGE),
    "lr_schedule": LARGE,
    "mixing": LARGE,
    "monitor": LARGE,
    "optimizer": LARGE,
    "penalty": LARGE,
    "random_state": LARGE,
    "sampler": LARGE,
    "tasks": LARGE,
    "tasks__a": LARGE,
    "tasks__a__bounds": LARGE,
    "tasks__a__column": LARGE,
    "tasks__a__head": LARGE,
    "tasks__a__loss": LARGE,
}
X = np.zeros((4, 2))


@pytest.mark.parametrize("name", PARAMS)
def test_of_an_estimator(name):
    backbone = Partial(MLP, hidden=(2,))
    estimator = MultiTaskEstimator(Tasks(a=Regression()), backbone=backbone)
    estimator.set_params(**{name: PARAMS[name]})
    with pytest.raises(MtlearnError, match=name.rpartition("__")[2]) as caught:
        estimator.fit(X, X[:, 0])
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("seeds", [[-1, *LARGE], set(LARGE)], ids=["list", "set"])
def test_of_an_ensemble(seeds):
    ensemble = SeedEnsemble(MultiTaskEstimator(Regression()), seeds=seeds)
    with pytest.raises(MtlearnError, match="seeds") as caught:
        ensemble.fit(X, X[:, 0])
    assert len(str(caught.value)) < 700
