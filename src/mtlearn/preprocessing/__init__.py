"""Transformers that prepare images for a Pipeline in front of an estimator.

They are plain scikit-learn transformers: they take and return NumPy arrays and
learn only from the X that ``fit`` is given.
"""

from mtlearn.preprocessing._max import GlobalMaxScaler
from mtlearn.preprocessing._reshape import ImageReshaper
from mtlearn.preprocessing._standard import ImageStandardScaler

__all__ = [
    "GlobalMaxScaler",
    "ImageReshaper",
    "ImageStandardScaler",
]
