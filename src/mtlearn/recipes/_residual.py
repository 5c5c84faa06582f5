"""Two recipes for small images with two classes and a real value each."""

from typing import Any

from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from mtlearn._utils._partial import Partial
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.estimators import MultiTaskImageEstimator
from mtlearn.networks import ResNet, ResNetV2
from mtlearn.pipeline import Pipeline
from mtlearn.preprocessing import GlobalMaxScaler, ImageStandardScaler
from mtlearn.tasks import Classification, Head, Regression, Tasks


def resnet_v1(*, random_state: Any = None) -> Pipeline:
    """Make the pipeline of a residual network with flips, shifts and turns.

    Images are divided by the training maximum, flipped from left to right, moved by
    up to 5 % of a side and turned by up to 18 degrees. A residual network feeds heads
    of 64, 64 and 32 hidden units, for ten classes, 32 classes and a real value, whose
    squared error counts a tenth. Adam starts at 1e-3, which is halved after 20 epochs
    without a better validation loss, down to 1e-4 at least. A tenth of the rows is for
    validation, and the best of 100 epochs is kept.

    Parameters
    ----------
    random_state : None, int or RandomState, default=None
        Of the estimator.

    Returns
    -------
    Pipeline
        Steps ``"scale"`` and ``"model"``. Every parameter can be set and searched:
        ``model__max_epochs``, ``model__augmentation__rotate``,
        ``model__tasks__digit__weight``. For other targets, set ``model__tasks``. Its
        `fit` takes `X_val` and `y_val` too.

    See Also
    --------
    resnet_v2_separable : A smaller network with MixUp.

    Notes
    -----
    Flips and turns leave the label of many photographs alone, and not that of a digit,
    an orientation or a spectrum. Set ``model__augmentation=None`` for those.

    Examples
    --------
    >>> from mtlearn.recipes import resnet_v1
    >>> model = resnet_v1(random_state=42)
    >>> model.get_params()["model__tasks__shade__weight"]
    0.1
    >>> model.set_params(model__max_epochs=50)["model"].max_epochs
    50
    """
    estimator = MultiTaskImageEstimator(
        Tasks(
            digit=Classification(10, head=Head((64,), dropout=0.3)),
            item=Classification(32, head=Head((64,), dropout=0.3)),
            shade=Regression(
                weight=0.1, standardize=False, head=Head((32,), dropout=0.2)
            ),
        ),
        backbone=Partial(ResNet, dropout=0.5),
        augmentation=Augmentation(flip="horizontal", translate=0.05, rotate=18.0),
        optimizer="adam",
        lr=1e-3,
        # torch's patience is the number of bad epochs that are let pass.
        lr_schedule=Partial(ReduceLROnPlateau, factor=0.5, patience=19, min_lr=1e-4),
        max_epochs=100,
        batch_size=32,
        validation_fraction=0.1,
        restore_best=True,
        random_state=random_state,
    )
    return Pipeline([("scale", GlobalMaxScaler()), ("model", estimator)])


def resnet_v2_separable(*, random_state: Any = None) -> Pipeline:
    """Make the pipeline of a separable pre-activation network with MixUp.

    Images are standardised by the training mean and deviation, turned by up to 15
    degrees, zoomed by up to 10 % and mixed in pairs. A pre-activation residual network
    with depthwise-separable convolutions feeds heads of 128, 256 and 64 hidden units,
    for ten classes, 32 classes (both smoothed by 0.1) and a value in [0, 1], weighted
    1, 2.5 and 10. Adam follows a cosine from 1e-3 down to 1e-4. A fifth of the rows is
    for validation, stratified over all tasks; training stops after 15 epochs without a
    better loss, of 100 at most, and the best is kept.

    Parameters
    ----------
    random_state : None, int or RandomState, default=None
        Of the estimator.

    Returns
    -------
    Pipeline
        Steps ``"scale"`` and ``"model"``. Every parameter can be set and searched:
        ``model__mixing__alpha``, ``model__backbone__dropout``,
        ``model__tasks__item__label_smoothing``. For other targets, set
        ``model__tasks``. Its `fit` takes `X_val` and `y_val` too.

    See Also
    --------
    resnet_v1 : A larger network, without mixing.

    Notes
    -----
    Turns leave the label of many photographs alone, and not that of an orientation or
    a spectrum. Set ``model__augmentation=None`` for those.

    Examples
    --------
    >>> from mtlearn.recipes import resnet_v2_separable
    >>> model = resnet_v2_separable(random_state=42)
    >>> model["model"].mixing
    MixUp()
    >>> model.set_params(model__mixing__alpha=0.4)["model"].mixing
    MixUp(alpha=0.4)
    """
    estimator = MultiTaskImageEstimator(
        Tasks(
            digit=Classification(10, label_smoothing=0.1, head=Head((128,))),
            item=Classification(
                32, weight=2.5, label_smoothing=0.1, head=Head((256,), dropout=0.5)
            ),
            shade=Regression(
                weight=10.0, bounds=(0, 1), standardize=False, head=Head((64,))
            ),
        ),
        backbone=Partial(ResNetV2),
        augmentation=Augmentation(rotate=15.0, zoom=0.1),
        mixing=MixUp(alpha=0.2),
        optimizer="adam",
        lr=1e-3,
        lr_schedule=Partial(CosineAnnealingLR, eta_min=1e-4),
        max_epochs=100,
        batch_size=32,
        early_stopping=True,
        n_iter_no_change=15,
        validation_fraction=0.2,
        restore_best=True,
        random_state=random_state,
    )
    return Pipeline([("scale", ImageStandardScaler()), ("model", estimator)])
