"""The recipe of an autoencoder with a classifier."""

import numpy as np
from sklearn.model_selection import GridSearchCV

from mtlearn import Partial
from mtlearn.networks import Decoder, Encoder
from mtlearn.recipes import autoencoder
from pictures_on_disk import smooth_pictures

PICTURES = smooth_pictures(30, height=9, width=10)[..., 0]
Y = np.arange(30) % 10


def test_it_has_the_settings_of_the_reference():
    params = autoencoder().get_params()
    expected = {
        "model__augmentation__rotate": 15,
        "model__augmentation__translate": 0.1,
        "model__backbone__widths": (32, 64),
        "model__backbone__n_features": 128,
        "model__tasks__image__weight": 2,
        "model__tasks__image__loss": "mse",
        "model__tasks__image__denoise": False,
        "model__tasks__image__decoder__widths": (32, 16),
        "model__tasks__digit__head__hidden": (64,),
        "model__optimizer": "adam",
        "model__lr": 1e-3,
        "model__batch_size": 512,
        "model__max_epochs": 120,
    }
    assert {name: params[name] for name in expected} == expected
    assert params["model__backbone"].cls is Encoder


def test_it_trains_on_bytes_and_is_searched():
    model = autoencoder(random_state=0).set_params(
        model__backbone=Partial(Encoder, widths=(4,), n_features=5),
        model__tasks__image__decoder=Partial(Decoder, widths=(4,)),
        model__max_epochs=2,
        model__n_threads=1,
    )
    grid = {"model__tasks__image__weight": [1.0, 2.0]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(PICTURES, Y)
    best = search.best_estimator_
    scaled = best[:-1].transform(PICTURES)
    assert scaled.min() >= -1
    assert scaled.min() < -0.5
    assert best[-1].reconstruct(scaled).shape == (30, 9, 10)
