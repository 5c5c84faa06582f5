"""One network, several targets: multi-task learning with scikit-learn's API."""

from importlib.metadata import version

from mtlearn._utils._partial import Partial
from mtlearn.tasks import Classification, Head, Regression, Tasks

__version__ = version("mtlearn")

__all__ = [
    "Classification",
    "Head",
    "Partial",
    "Regression",
    "Tasks",
    "__version__",
]
