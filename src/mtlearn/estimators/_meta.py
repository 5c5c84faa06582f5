"""What the estimators share that hold other ones of this package."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from mtlearn._utils._unwrap import forget_optimizer, reach, unwrap
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.estimators._mixin import MultiTaskMixin
from mtlearn.tasks import Task, Tasks


class BaseMetaEstimator(
    MultiTaskMixin, CallbackSupportMixin, MetaEstimatorMixin, VersionedEstimator
):
    """An estimator that trains other ones, and answers from what they have learned.

    A subclass says which ones it was given, and which ones a fit has left.
    """

    _routed_methods: ClassVar[tuple[str, ...]] = ("fit",)

    @abstractmethod
    def _templates(self) -> dict[str, Any]:
        """Give the estimators to train, by their names in metadata routing."""

    @abstractmethod
    def _fitted(self) -> list[Any]:
        """Give the fitted estimators inside; none before a fit."""

    @property
    def n_features_in_(self) -> int:
        """Number of features in X at `fit`."""
        return self._inner_attribute("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of X at `fit`, if it had any."""
        return self._inner_attribute("feature_names_in_")

    def _inner_attribute(self, name: str) -> Any:
        inside = self._fitted()
        if not inside:
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return getattr(inside[0], name)

    def _inner_weights(self) -> Sequence[float]:
        """Give what each of the fitted estimators inside counts in a mean."""
        return [1.0] * len(self._fitted())

    def _remade(self, X: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for estimator in self._fitted():
            inner, own = reach(estimator, X)
            found.append(inner._remade(own, name))
        weights = self._inner_weights()
        made, errors = (
            np.average(each, axis=0, weights=weights)
            for each in zip(*found, strict=True)
        )
        return made, errors

    def _declared_tasks(self) -> Tasks | Task | None:
        return unwrap(next(iter(self._templates().values())))._declared_tasks()

    def _may_classify(self) -> bool:
        return any(
            hasattr(each, "predict_proba") for each in self._templates().values()
        )

    def _forget_optimizer(self) -> None:
        for each in self._fitted():
            forget_optimizer(each)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell what the estimators inside request.

        Returns
        -------
        MetadataRouter
            Of scikit-learn's metadata routing.
        """
        mapping = MethodMapping()
        for method in self._routed_methods:
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, estimator in self._templates().items():
            router.add(method_mapping=mapping, **{name: estimator})
        return router

    def __sklearn_is_fitted__(self) -> bool:
        return bool(self._fitted())

    def __sklearn_tags__(self) -> Tags:
        first = next(iter(self._templates().values()), None)
        return super().__sklearn_tags__() if first is None else get_tags(first)
