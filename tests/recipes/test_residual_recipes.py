"""The recipes: what they are made of, and that they train and can be searched."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch.optim.lr_scheduler import CosineAnnealingLR

from mtlearn import Partial
from mtlearn.datasets import make_multitask_digits
from mtlearn.networks import ResNet, ResNetV2
from mtlearn.preprocessing import GlobalMaxScaler, ImageStandardScaler
from mtlearn.recipes import resnet_v1, resnet_v2_separable

RECIPES = [resnet_v1, resnet_v2_separable]


def tiny(model):
    """Return a recipe with a network of a few thousand weights, for two epochs."""
    cls = model["model"].backbone.cls
    small = Partial(cls, widths=(4, 8), n_blocks=1, n_features=8)
    return model.set_params(model__backbone=small, model__max_epochs=2)


@pytest.fixture(scope="module")
def digits():
    return make_multitask_digits(120, image_size=16, random_state=0)


def test_v1_is_the_first_reference_recipe():
    model = resnet_v1()
    params = model.get_params()
    expected = {
        "model__augmentation__flip": "horizontal",
        "model__augmentation__translate": 0.05,
        "model__augmentation__rotate": 18,
        "model__mixing": None,
        "model__tasks__digit__head__hidden": (64,),
        "model__tasks__item__head__hidden": (64,),
        "model__tasks__shade__head__hidden": (32,),
        "model__tasks__digit__head__dropout": 0.3,
        "model__tasks__item__head__dropout": 0.3,
        "model__tasks__shade__head__dropout": 0.2,
        "model__tasks__digit__loss": "cross_entropy",
        "model__tasks__shade__loss": "mse",
        "model__tasks__shade__standardize": False,
        "model__tasks__shade__bounds": None,
        "model__tasks__digit__weight": 1,
        "model__tasks__item__weight": 1,
        "model__tasks__shade__weight": 0.1,
        "model__optimizer": "adam",
        "model__lr": 1e-3,
        "model__batch_size": 32,
        "model__max_epochs": 100,
        "model__lr_schedule__factor": 0.5,
        "model__lr_schedule__min_lr": 1e-4,
        "model__validation_fraction": 0.1,
        "model__early_stopping": False,
        "model__restore_best": True,
    }

    assert {name: params[name] for name in expected} == expected
    assert isinstance(model["scale"], GlobalMaxScaler)
    assert params["model__backbone__cls"] is ResNet


def test_v2_is_the_second_reference_recipe():
    model = resnet_v2_separable()
    params = model.get_params()
    expected = {
        "model__augmentation__flip": None,
        "model__augmentation__rotate": 15,
        "model__augmentation__zoom": 0.1,
        "model__mixing__alpha": 0.2,
        "model__tasks__digit__head__hidden": (128,),
        "model__tasks__item__head__hidden": (256,),
        "model__tasks__item__head__dropout": 0.5,
        "model__tasks__shade__head__hidden": (64,),
        "model__tasks__shade__bounds": (0, 1),
        "model__tasks__shade__standardize": False,
        "model__tasks__digit__label_smoothing": 0.1,
        "model__tasks__item__label_smoothing": 0.1,
        "model__tasks__digit__weight": 1,
        "model__tasks__item__weight": 2.5,
        "model__tasks__shade__weight": 10,
        "model__optimizer": "adam",
        "model__lr": 1e-3,
        "model__lr_schedule__cls": CosineAnnealingLR,
        "model__lr_schedule__eta_min": 1e-4,
        "model__batch_size": 32,
        "model__max_epochs": 100,
        "model__early_stopping": True,
        "model__n_iter_no_change": 15,
        "model__validation_fraction": 0.2,
    }

    assert {name: params[name] for name in expected} == expected
    assert isinstance(model["scale"], ImageStandardScaler)
    assert params["model__backbone__cls"] is ResNetV2


def test_v1_halves_its_rate_after_twenty_epochs_without_a_better_loss(digits):
    X, y = digits
    model = tiny(resnet_v1(random_state=0))
    # Without weights the loss is zero and never gets better; 1e-4 is the floor.
    model.set_params(model__loss_weights=[0, 0, 0], model__max_epochs=82)
    model.set_params(model__batch_size=120, model__augmentation=None)
    rates = [row["lr"] for row in model.fit(X[:40], y[:40])["model"].history_]

    assert rates[:21] == [1e-3] * 21
    assert rates[21:41] == [5e-4] * 20
    assert rates[41:61] == [2.5e-4] * 20
    assert rates[81] == 1e-4


def test_v2_has_the_weights_of_the_reference(digits):
    X, y = digits
    X = np.pad(X[:64], ((0, 0), (8, 8), (8, 8)))
    model = resnet_v2_separable(random_state=0).set_params(model__max_epochs=1)
    network = model.fit(X, y[:64])["model"].net_.module_

    assert 150_000 <= sum(weight.numel() for weight in network.parameters()) <= 200_000


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_and_predicts(recipe, digits):
    X, y = digits
    model = tiny(recipe(random_state=0)).fit(X, y)

    assert model.predict(X).shape == (120, 3)
    assert np.isfinite(model.score(X, y))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_can_be_searched(recipe, digits):
    X, y = digits
    grid = {"model__augmentation__rotate": [0.0, 10.0]}
    model = clone(tiny(recipe(random_state=0)).set_params(model__max_epochs=1))

    search = GridSearchCV(model, grid, cv=2).fit(X, y)

    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_share_nothing(recipe):
    first, second = recipe(), recipe()
    first.set_params(model__tasks__digit__weight=7.0)

    assert second.get_params()["model__tasks__digit__weight"] == 1
