"""The features that an estimator inside of another was fitted on."""

from abc import abstractmethod
from typing import Any

import numpy as np


class InnerFeatures:
    """Mixin: what is known of the features is that of a fitted estimator inside."""

    @abstractmethod
    def _fitted_inside(self) -> Any:
        """Give a fitted estimator, or None if there is none yet."""

    @property
    def n_features_in_(self) -> int:
        """Number of features in X at `fit`."""
        return self._inner_attribute("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of X at `fit`, if it had any."""
        return self._inner_attribute("feature_names_in_")

    def _inner_attribute(self, name: str) -> Any:
        inside = self._fitted_inside()
        if inside is None:
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return getattr(inside, name)
