"""Pickles that say which version wrote them."""

import inspect
from functools import cache
from importlib.metadata import version
from typing import Any

from sklearn.base import BaseEstimator

from mtlearn._utils._warn import warn
from mtlearn.exceptions import InconsistentVersionWarning

_KEY = "_mtlearn_version"


@cache
def own_version() -> str:
    """Return the version of this package."""
    return version("mtlearn")


class VersionedEstimator(BaseEstimator):
    """An estimator, or another value with parameters, that can outlive its version.

    Its pickle carries the version of this package. Parameters that an older one did
    not have get their defaults.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), _KEY: own_version()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        known = {k: value for k, value in state.items() if k != _KEY}
        written = state.get(_KEY, "an older version")
        if written != own_version():
            warn(
                f"This pickle was written by mtlearn {written} and is loaded by "
                f"{own_version()}: it may fail or give other results. Load it with "
                "the version that wrote it, and keep models with mtlearn.save, whose "
                "files newer versions read.",
                InconsistentVersionWarning,
            )
        parameters = inspect.signature(type(self).__init__).parameters.values()
        defaults = {
            each.name: each.default
            for each in parameters
            if each.default is not inspect.Parameter.empty
        }
        super().__setstate__({**defaults, **known})
        self._restored()

    def _restored(self) -> None:
        """Bring what an older version has learned to the shape that it has today."""
