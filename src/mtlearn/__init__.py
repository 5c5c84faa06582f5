"""One network, several targets: multi-task learning with scikit-learn's API."""

from importlib.metadata import version

from mtlearn._utils._partial import Partial
from mtlearn.calibration import (
    ConformalPredictor,
    TemperatureScaled,
    TunedThresholds,
)
from mtlearn.data import RaritySampler
from mtlearn.ensemble import SeedEnsemble, TestTimeAugmented, VotingEnsemble
from mtlearn.estimators import MultiTaskEstimator, MultiTaskImageEstimator
from mtlearn.openset import OpenSetClassifier
from mtlearn.persistence import load, save, to_onnx
from mtlearn.reporting import report
from mtlearn.tasks import (
    Classification,
    Count,
    Head,
    MultiLabel,
    Ordinal,
    Reconstruction,
    Regression,
    Tasks,
)

__version__ = version("mtlearn")

__all__ = [
    "Classification",
    "ConformalPredictor",
    "Count",
    "Head",
    "MultiTaskEstimator",
    "MultiTaskImageEstimator",
    "MultiLabel",
    "OpenSetClassifier",
    "Ordinal",
    "Partial",
    "RaritySampler",
    "Reconstruction",
    "Regression",
    "SeedEnsemble",
    "Tasks",
    "TemperatureScaled",
    "TestTimeAugmented",
    "TunedThresholds",
    "VotingEnsemble",
    "__version__",
    "load",
    "report",
    "save",
    "to_onnx",
]
