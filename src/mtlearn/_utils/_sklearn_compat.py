"""The only home of private scikit-learn names."""

from sklearn.utils import _safe_indexing as safe_indexing

__all__ = ["safe_indexing"]
