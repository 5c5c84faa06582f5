"""A recipe for images that are classified and made again."""

from typing import Any

from mtlearn._utils._partial import Partial
from mtlearn.augmentation import Augmentation
from mtlearn.estimators import MultiTaskImageEstimator
from mtlearn.networks import Decoder, Encoder
from mtlearn.pipeline import Pipeline
from mtlearn.preprocessing import ImageNormalizer
from mtlearn.tasks import Classification, Head, Reconstruction, Tasks


def autoencoder(*, random_state: Any = None) -> Pipeline:
    """Make the pipeline of an encoder with a classifier and a decoder.

    Images are brought to [-1, 1], turned by up to 15 degrees and moved by up to 10 % of
    a side. Convolutions of 32 and 64 filters make a code of 128 numbers of them. A head
    of 64 hidden units tells ten classes from it, and a decoder makes the image, whose
    squared error counts twice. Adam takes steps of 512 images at 1e-3, for 120 epochs.

    Parameters
    ----------
    random_state : None, int or RandomState, default=None
        Of the estimator.

    Returns
    -------
    Pipeline
        Steps ``"scale"`` and ``"model"``. Every parameter can be set and searched:
        ``model__tasks__image__weight``, ``model__backbone__n_features``. For other
        targets, set ``model__tasks``.

    See Also
    --------
    resnet_v1 : A residual network, without a decoder.

    Notes
    -----
    The scale is by the dtype: whole numbers are from 0 to 255, real ones from 0 to 1.

    Examples
    --------
    >>> from mtlearn.recipes import autoencoder
    >>> model = autoencoder(random_state=42)
    >>> model.get_params()["model__tasks__image__weight"]
    2.0
    >>> model.set_params(model__max_epochs=30)["model"].max_epochs
    30
    """
    estimator = MultiTaskImageEstimator(
        Tasks(
            digit=Classification(10, head=Head((64,), dropout=0.0, batch_norm=False)),
            image=Reconstruction(weight=2.0, decoder=Partial(Decoder, widths=(32, 16))),
        ),
        backbone=Partial(Encoder, widths=(32, 64), n_features=128),
        augmentation=Augmentation(rotate=15.0, translate=0.1),
        optimizer="adam",
        lr=1e-3,
        lr_schedule=None,
        max_epochs=120,
        batch_size=512,
        random_state=random_state,
    )
    return Pipeline(
        [("scale", ImageNormalizer(mean=0.5, std=0.5)), ("model", estimator)]
    )
