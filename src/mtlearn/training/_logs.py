"""Where pickles of earlier versions look for `CSVLogger`."""

from mtlearn.training.callbacks import CSVLogger

__all__ = ["CSVLogger"]
