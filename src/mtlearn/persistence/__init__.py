"""Models in files that run nothing."""

from mtlearn.persistence._save import load, save

__all__ = ["load", "save"]
