"""Transformers that prepare images for a Pipeline in front of an estimator.

They are plain scikit-learn transformers, and learn only from the X that ``fit`` is
given. Arrays they change at once, images on disk and datasets where those are read.
"""

from mtlearn.preprocessing._max import GlobalMaxScaler
from mtlearn.preprocessing._normalizer import ImageNormalizer
from mtlearn.preprocessing._reader import ImageReader
from mtlearn.preprocessing._reshape import ImageReshaper
from mtlearn.preprocessing._standard import ImageStandardScaler

__all__ = [
    "GlobalMaxScaler",
    "ImageNormalizer",
    "ImageReader",
    "ImageReshaper",
    "ImageStandardScaler",
]
