"""Models in files that run nothing."""

from mtlearn.persistence._onnx import to_onnx
from mtlearn.persistence._save import load, save

__all__ = ["load", "save", "to_onnx"]
