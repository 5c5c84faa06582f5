"""Small data sets that ship with the package or are made by it."""

from mtlearn.datasets._multilabel_mosaics import make_multilabel_mosaics
from mtlearn.datasets._multitask_digits import make_multitask_digits
from mtlearn.datasets._wine_quality import load_wine_quality

__all__ = ["load_wine_quality", "make_multilabel_mosaics", "make_multitask_digits"]
