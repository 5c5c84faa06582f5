"""Splits and predictions for several targets at once."""

from mtlearn.model_selection._predict import cross_val_predict, with_kinds
from mtlearn.model_selection._split import MultiTaskStratifiedKFold
from mtlearn.model_selection._train_test_split import multitask_train_test_split

__all__ = [
    "MultiTaskStratifiedKFold",
    "cross_val_predict",
    "multitask_train_test_split",
    "with_kinds",
]
