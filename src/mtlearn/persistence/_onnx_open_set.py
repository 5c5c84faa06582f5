"""The thresholds of an open-set classifier in an ONNX file, and their names."""

import math
from typing import Any

import numpy as np

from mtlearn.openset import OpenSetClassifier, OpenSetDetector
from mtlearn.persistence._onnx_network import exported_tasks


def thresholds(estimator: Any) -> dict[str, tuple[OpenSetDetector, list[str]]]:
    """Name the scores that are outputs of a file.

    Parameters
    ----------
    estimator : estimator
        Fitted, of this package.

    Returns
    -------
    dict of str to (OpenSetDetector, list of str)
        What decides, and the tasks that it decides, by the name of the output; empty
        if it is no open-set classifier.
    """
    if not isinstance(estimator, OpenSetClassifier):
        return {}
    groups = estimator._groups()
    found: dict[str, tuple[OpenSetDetector, list[str]]] = {}
    taken = exported_tasks(estimator).names
    for detector, names in groups:
        name = "known_score" if len(groups) == 1 else f"{names[0]}_known_score"
        while name in taken:
            name += "_"
        found[name] = detector, names
    return found


def described_thresholds(estimator: Any) -> dict[str, Any]:
    """Say which scores are too low, if any score is an output.

    Parameters
    ----------
    estimator : estimator
        Fitted, of this package.

    Returns
    -------
    dict
        Of what JSON can hold, which has no infinite numbers.
    """
    told = [
        {
            "output": output,
            "tasks": names,
            "offset": detector.offset_ if math.isfinite(detector.offset_) else None,
            "quantile": float(detector.quantile),
            "unknown_label": _plain(estimator.unknown_label_),
        }
        for output, (detector, names) in thresholds(estimator).items()
    ]
    return {"open_set": told} if told else {}


def _plain(label: Any) -> str | bool | int | float:
    """Give a label as JSON has it."""
    plain = label.item() if isinstance(label, np.generic) else label
    return plain if isinstance(plain, str | bool | int | float) else float(plain)
